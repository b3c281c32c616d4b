# SPDX-License-Identifier: Apache-2.0
"""What is owed to files of the database stays owed until it is paid, whoever asks, and whatever else is owed meanwhile."""

from sqlalchemy import delete, insert, select

from gateway.store.engine import Store
from gateway.store.meta import OVERWRITE_OWED, Meta
from gateway.store.overwriting import Overwriting
from gateway.store.postgres import pages_of
from gateway.store.schema import person_key

WRAPPED = b"wrapped-key-of-somebody-who-is-erased" * 2


async def lies_in_files(store: Store) -> bool:
    """Tell whether the wrapped key is anywhere in the files of the base of keys."""
    base = store.keys
    if base.file is not None:
        pieces = [file.read_bytes() for file in base.file.parent.glob(f"{base.file.name}*")]
    else:
        async with base.begin() as connection:
            pieces = await pages_of(connection, "person_keys.person_key") or []
    return any(WRAPPED in piece for piece in pieces)


async def test_a_deleted_key_is_in_no_file_once_it_is_settled(store: Store) -> None:
    """It is there before; what stands in the table stays."""
    rows = [{"number": n, "wrapped": wrapped, "created_us": 1} for n, wrapped in ((7, WRAPPED), (8, b"another"))]
    async with store.keys.begin() as connection:
        await connection.execute(insert(person_key), rows)
    await Overwriting(store).owe()
    async with store.keys.begin() as connection:
        await connection.execute(delete(person_key).where(person_key.c.number == 7))
    assert await lies_in_files(store)

    assert await Overwriting(store).settle()
    assert not await lies_in_files(store)
    async with store.keys.connect() as connection:
        assert (await connection.execute(select(person_key.c.wrapped))).scalars().all() == [b"another"]
    assert await Overwriting(store).settle()


async def test_what_somebody_else_owes_meanwhile_stays_owed(store: Store) -> None:
    """The note goes only where it is still the one that was read."""
    meta, overwriting = Meta(store), Overwriting(store)
    await overwriting.owe()
    first = await meta.read(OVERWRITE_OWED)
    assert first is not None
    await overwriting.owe()
    assert not await meta.drop(OVERWRITE_OWED, first)
    assert await overwriting.settle()
    assert await meta.read(OVERWRITE_OWED) is None
