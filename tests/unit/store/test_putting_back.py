# SPDX-License-Identifier: Apache-2.0
"""A copy takes the place of a base, on either engine, from either engine, or not at all."""

import contextlib
import os
import shutil
import sqlite3
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, select

from gateway.domain.choice import Choice, ChoiceState
from gateway.domain.errors import SettingsError, StateUnavailable
from gateway.domain.names import IdentityKind, PersonNumber, PurposeKey
from gateway.keys import envelope
from gateway.keys.keyring import Keyring
from gateway.store.backup import BackupUnusable, Header, Wanted, dump
from gateway.store.choices import Choices
from gateway.store.engine import MAIN_FILE, Store, open_store, place_of
from gateway.store.marks import Marked, Marks
from gateway.store.migrate import bring_to, newest, revision
from gateway.store.people import People
from gateway.store.putting_back import _fold, put_back
from gateway.store.schema import choice, person_identity
from tests.fakes.clock import FakeClock

CUSTOMER, CONTACT = IdentityKind("crm.customer_id"), IdentityKind("crm.contact_id")


def digest(content: bytes) -> str:
    """Stand for the installation's key."""
    return sha256(content).hexdigest()


def copied(place: str | Path, tmp_path: Path) -> dict[str, tuple[Path, Header]]:
    """Take a copy of both bases."""
    made = {}
    for base in ("main", "keys"):
        wanted = Wanted(base=base, installation="i", created_us=1, expires_us=None, places={})
        file = tmp_path / f"{base}.gwb"
        made[base] = (file, dump(place, wanted, file, digest, lambda _n: None))
    return made


def restored(copies: dict[str, tuple[Path, Header]], place: str | Path) -> None:
    """Put both back."""
    for file, header in copies.values():
        put_back(file, header, place, lambda _n: None)


def objection(person: int) -> Choice:
    """Return a choice."""
    return Choice(person=PersonNumber(person), purpose=PurposeKey("marketing"), state=ChoiceState.OBJECTED, at_us=3)


@pytest.fixture
async def lived(store: Store, keyring: Keyring, clock: FakeClock) -> Store:
    """A store with people and choices, closed behind the test."""
    await People(store, keyring, envelope, clock).numbers(CUSTOMER, [f"c-{n}" for n in range(2_500)])
    await Choices(store, clock).record([objection(n) for n in range(10)], "test")
    return store


async def test_what_was_copied_is_there_again_and_nothing_else(
    lived: Store, place: str, tmp_path: Path, keyring: Keyring, clock: FakeClock
) -> None:
    """Rows, sealed values and keys; what counts up goes on behind what is there."""
    people = People(lived, keyring, envelope, clock)
    numbers = await people.numbers(CUSTOMER, ["c-1", "c-2"])
    copies = copied(place, tmp_path)
    await people.numbers(CONTACT, ["later"])
    await Choices(lived, clock).record([objection(99)], "test")
    await lived.close()

    restored(copies, place)

    store = await open_store(place, upgrade=False)
    people = People(store, keyring, envelope, clock)
    assert await people.numbers(CUSTOMER, ["c-1", "c-2"]) == numbers
    assert [one.value for one in await people.identities(numbers[0])] == ["c-1"]
    assert await people.find(CONTACT, "later") is None
    last = await Choices(store, clock).record([objection(100)], "test")
    async with store.connect() as connection:
        assert (await connection.execute(select(func.max(choice.c.id)))).scalar_one() == last
        assert (await connection.execute(select(func.count()).select_from(choice))).scalar_one() == 11
    await store.close()


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
async def test_a_copy_goes_from_one_engine_to_the_other_and_back(
    lived: Store, place: str, tmp_path: Path, sqlite_template: Path, keyring: Keyring, clock: FakeClock
) -> None:
    """An installation may move."""
    files = tmp_path / "files"
    shutil.copytree(sqlite_template, files)
    await lived.close()
    restored(copied(place, tmp_path), files)
    (tmp_path / "back").mkdir()
    restored(copied(files, tmp_path / "back"), place)

    store = await open_store(place, upgrade=False)
    [number] = await People(store, keyring, envelope, clock).numbers(CUSTOMER, ["c-7"])
    found = await People(store, keyring, envelope, clock).identities(number)
    assert [one.value for one in found] == ["c-7"]
    await store.close()


def test_a_copy_of_an_older_version_is_brought_to_this_one(tmp_path: Path, sqlite_template: Path) -> None:
    """Its tables are made as they were, filled, and then upgraded."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    shutil.copytree(sqlite_template, new)
    for base in ("main", "keys"):
        engine = create_engine(place_of(old, base)[0])
        with engine.begin() as connection:
            bring_to(connection, base, None, "0002")
            if base == "main":
                row = "INSERT INTO person_identity (lookup, kind, number, created_us) VALUES (x'00', 'k', 7, 1)"
                connection.exec_driver_sql(row)
        engine.dispose()

    copies = copied(old, tmp_path)
    assert {header.revision for _, header in copies.values()} == {"0002"}
    restored(copies, new)

    engine = create_engine(place_of(new, "main")[0])
    with engine.connect() as connection:
        [found] = connection.execute(select(person_identity.c.number, person_identity.c.entered)).all()
    engine.dispose()
    assert (found.number, found.entered) == (7, False)
    assert revision(place_of(new, "main")[0], None) == newest()


async def test_a_copy_of_a_newer_version_is_refused(lived: Store, place: str, tmp_path: Path) -> None:
    """And the base is as it was."""
    copies = copied(place, tmp_path)
    file, header = copies["main"]
    newer = Header(**{**{name: getattr(header, name) for name in header.__struct_fields__}, "revision": "9999"})
    with pytest.raises(BackupUnusable, match="revision 9999"):
        put_back(file, newer, place, lambda _n: None)
    async with lived.connect() as connection:
        assert (await connection.execute(select(func.count()).select_from(person_identity))).scalar_one() == 2_500


async def test_a_run_that_breaks_off_leaves_the_base_as_it_was(lived: Store, place: str, tmp_path: Path) -> None:
    """One file in the place of another, or one transaction."""
    copies = copied(place, tmp_path)
    await Choices(lived, lambda: 1).record([objection(99)], "test")
    await lived.close()

    def fail(_n: int) -> None:
        raise StateUnavailable("power cut")

    with pytest.raises((StateUnavailable, SettingsError)):
        put_back(*copies["main"], place, fail)

    store = await open_store(place, upgrade=False)
    async with store.connect() as connection:
        assert (await connection.execute(select(func.count()).select_from(choice))).scalar_one() == 11
    await store.close()


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_a_lost_or_broken_file_is_replaced(lived: Store, place: str, tmp_path: Path) -> None:
    """With whatever its journal still held."""
    copies = copied(place, tmp_path)
    await lived.close()
    main = Path(place) / MAIN_FILE
    main.write_bytes(b"not a database" * 1000)
    main.with_name(f"{MAIN_FILE}-wal").write_bytes(b"left over")

    restored(copies, place)

    store = await open_store(place, upgrade=False)
    async with store.connect() as connection:
        assert (await connection.execute(select(func.count()).select_from(person_identity))).scalar_one() == 2_500
    await store.close()
    assert [name for name in os.listdir(place) if "new" in name] == []  # noqa: PTH208 - the other form blocks


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_a_journal_that_cannot_be_folded_whole_is_not_left_behind(lived: Store, place: str) -> None:
    """Rows that stand in it alone would be lost with it."""
    main = Path(place) / MAIN_FILE
    with contextlib.closing(sqlite3.connect(main)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM choice").fetchone()
        await Choices(lived, lambda: 1).record([objection(99)], "test")
        with pytest.raises(StateUnavailable, match=MAIN_FILE):
            _fold(main)
    await lived.close()


async def test_a_state_says_that_it_was_put_back(lived: Store, place: str, tmp_path: Path) -> None:
    """With the beat that it had, until it is settled; to put it back twice says no more."""
    await Marks(lived).settle(7, {"i/n/cli": 5})
    copies = copied(place, tmp_path)
    await lived.close()
    for _ in range(2):
        restored(copies, place)
        store = await open_store(place, upgrade=False)
        assert await Marks(store).read() == Marked(beat=7, places={"i/n/cli": 5}, is_put_back=True)
        await store.close()
    store = await open_store(place, upgrade=False)
    await Marks(store).settle(8, {})
    assert await Marks(store).read() == Marked(beat=8, places={"i/n/cli": 5})
    await store.close()
