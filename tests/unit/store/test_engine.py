# SPDX-License-Identifier: Apache-2.0
"""Transactions, readers and the checks at the start, on both engines."""

import asyncio
import sqlite3
import stat
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from sqlalchemy import BigInteger, cast, literal, select, update
from sqlalchemy.exc import DataError, IntegrityError

from gateway.domain.errors import SettingsError, StateUnavailable
from gateway.store.engine import KEYS_FILE, MAIN_FILE, Store, open_store, place_of
from gateway.store.schema import account, meta, person_key, person_sequence, totp


async def names(store: Store) -> list[str]:
    """Return the keys in ``meta``."""
    async with store.connect() as connection:
        return list((await connection.execute(select(meta.c.key).order_by(meta.c.key))).scalars())


async def test_a_transaction_that_ends_well_is_kept(store: Store) -> None:
    """What a block wrote is seen by readers after it."""
    async with store.begin() as connection:
        await connection.execute(meta.insert().values(key="a", value="1"))

    assert await names(store) == ["a"]


async def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    """An error in the block undoes all of it."""

    async def fail() -> None:
        async with store.begin() as connection:
            await connection.execute(meta.insert().values(key="a", value="1"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await names(store) == []


async def test_a_reader_cannot_write(store: Store) -> None:
    """The database itself refuses a write on a reading connection."""
    with pytest.raises(Exception, match=r"(?i)read-?only|cannot take this"):
        async with store.connect() as connection:
            await connection.execute(meta.insert().values(key="a", value="1"))

    assert await names(store) == []


async def test_a_reader_sees_what_is_committed_while_it_is_open(store: Store) -> None:
    """Each statement of a reader sees the newest commit."""
    async with store.connect() as reader:
        before = (await reader.execute(select(meta.c.key))).all()
        async with store.begin() as connection:
            await connection.execute(meta.insert().values(key="a", value="1"))
        after = (await reader.execute(select(meta.c.key))).all()

    assert (len(before), len(after)) == (0, 1)


async def test_all_statements_of_a_look_see_one_moment(store: Store) -> None:
    """What is committed between two of them is seen by neither, and by the next look; a look cannot write."""
    async with store.main.look() as look:
        before = (await look.execute(select(meta.c.key))).all()
        async with store.begin() as connection:
            await connection.execute(meta.insert().values(key="a", value="1"))
        within = (await look.execute(select(meta.c.key))).all()
    async with store.main.look() as look:
        after = (await look.execute(select(meta.c.key))).all()
    async with store.connect() as reader:
        await reader.execute(select(meta.c.key))
        async with store.begin() as connection:
            await connection.execute(meta.insert().values(key="b", value="2"))
        later = (await reader.execute(select(meta.c.key))).all()

    assert [len(found) for found in (before, within, after, later)] == [0, 0, 1, 2]
    with pytest.raises(Exception, match=r"(?i)read-?only|cannot take this"):
        async with store.main.look() as look:
            await look.execute(meta.insert().values(key="c", value="3"))


async def test_a_compare_and_set_succeeds_once_under_concurrency(place: str) -> None:
    """Of many tasks in two stores on one database, one sees its condition still true."""
    one, other = await open_store(place), await open_store(place)
    async with one.begin() as connection:
        await connection.execute(meta.insert().values(key="slot", value="free"))

    async def take(store: Store) -> int:
        async with store.begin() as connection:
            statement = update(meta).where(meta.c.key == "slot", meta.c.value == "free").values(value="taken")
            return (await connection.execute(statement)).rowcount

    taken = await asyncio.gather(*(take(store) for store in (one, other) for _ in range(20)))
    await one.close()
    await other.close()

    assert sum(taken) == 1


async def test_read_then_write_in_one_transaction_loses_no_update_of_another_process(place: str) -> None:
    """Counting up under a lock that the first statement takes gives every number once."""
    one, other = await open_store(place), await open_store(place)

    async def take(store: Store) -> int:
        async with store.begin() as connection:
            query = select(person_sequence.c.next_place).with_for_update()
            place = (await connection.execute(query)).scalar_one()
            await connection.execute(update(person_sequence).values(next_place=place + 1))
            return int(place)

    taken = await asyncio.gather(*(take(store) for store in (one, other) for _ in range(20)))
    await one.close()
    await other.close()

    assert sorted(taken) == list(range(40))


async def test_rows_that_point_nowhere_are_refused(store: Store) -> None:
    """Foreign keys are enforced on both engines."""
    with pytest.raises(IntegrityError, match=r"(?i)foreign ?key"):
        async with store.begin() as connection:
            await connection.execute(totp.insert().values(account="a_none", sealed=b"x"))


async def test_an_error_of_the_database_does_not_quote_values(store: Store) -> None:
    """Parameters can be personal values and are not in messages."""
    row = {
        "id": "a_1",
        "name": "canary-in-a-name",
        "kind": "person",
        "roles": "[]",
        "recipient": "own",
        "created_us": 1,
    }

    async def write(account_id: str) -> None:
        async with store.begin() as connection:
            await connection.execute(account.insert().values(row | {"id": account_id}))

    await write("a_1")
    with pytest.raises(IntegrityError, match=r"(?i)unique") as caught:
        await write("a_2")

    text = "".join(traceback.format_exception(caught.value))
    assert "canary-in-a-name" not in text


async def test_a_refused_value_is_not_quoted_either(store: Store) -> None:
    """A value that breaks a check is not in the message, nor in that of the error below it."""
    row = {"id": "a_1", "name": "n", "kind": "canary-kind", "roles": "[]", "recipient": "own", "created_us": 1}
    with pytest.raises(IntegrityError, match=r"(?i)check") as caught:
        async with store.begin() as connection:
            await connection.execute(account.insert().values(row))

    assert "canary-kind" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
async def test_a_malformed_value_is_not_quoted(store: Store) -> None:
    """PostgreSQL quotes what it cannot read in the message itself; SQLite takes any value in any column."""
    statement = meta.insert().from_select(["key", "value"], select(literal("a"), cast("canary-number", BigInteger)))
    with pytest.raises(DataError) as caught:
        async with store.begin() as connection:
            await connection.execute(statement)

    assert "canary-number" not in "".join(traceback.format_exception(caught.value))


async def test_a_writer_that_is_cancelled_leaves_nothing_and_blocks_nobody(store: Store) -> None:
    """A caller may hang up in the middle of a transaction."""
    began = asyncio.Event()

    async def write() -> None:
        async with store.begin() as connection:
            await connection.execute(meta.insert().values(key="a", value="1"))
            began.set()
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(write())
        await began.wait()
        task.cancel()
    async with store.begin() as connection:
        await connection.execute(meta.insert().values(key="b", value="1"))

    assert await names(store) == ["b"]


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
async def test_a_server_that_acknowledges_too_early_is_refused(place: str, store: Store) -> None:
    """With synchronous_commit off a crash loses what was acknowledged; SQLite has a test of its own."""
    async with store.begin() as connection:
        await connection.exec_driver_sql(f'ALTER DATABASE "{place.rpartition("/")[2]}" SET synchronous_commit = off')

    with pytest.raises(SettingsError, match="synchronous_commit"):
        await open_store(place)


async def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    """It is left as it is."""
    (tmp_path / MAIN_FILE).write_bytes(b"something else, longer than a header of a database " * 40)

    with pytest.raises(SettingsError, match="not a database"):
        await open_store(tmp_path)


async def test_the_keys_of_people_are_not_in_the_main_base(store: Store) -> None:
    """A row of the key base is invisible to the main base, on SQLite as a file of its own."""
    async with store.keys.begin() as connection:
        await connection.execute(person_key.insert().values(number=7, wrapped=b"w", created_us=1))

    async with store.keys.connect() as connection:
        assert (await connection.execute(select(person_key.c.number))).scalars().all() == [7]
    with pytest.raises(Exception, match=r"(?i)person_key|cannot take this"):
        async with store.connect() as connection:
            await connection.execute(select(person_key))


async def test_opening_makes_the_tables_and_closes_the_files_to_others(tmp_path: Path) -> None:
    """A new directory gets two files of mode 600."""
    store = await open_store(tmp_path)
    await store.close()

    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in (MAIN_FILE, KEYS_FILE)}
    assert modes == {MAIN_FILE: 0o600, KEYS_FILE: 0o600}


async def test_every_connection_of_sqlite_is_durable(tmp_path: Path) -> None:
    """WAL, synchronous=FULL, foreign keys and a busy timeout hold on writers and readers."""
    store = await open_store(tmp_path)

    for base in (store.main, store.keys):
        for opened in (base.begin(), base.connect()):
            async with opened as connection:
                got = [
                    (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
                    for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
                ]
                assert got == ["wal", 2, 1, 15_000]
    await store.close()


async def test_a_missing_directory_is_told_plainly(tmp_path: Path) -> None:
    """The message names the directory."""
    with pytest.raises(SettingsError, match="nowhere does not exist"):
        await open_store(tmp_path / "nowhere")


async def test_another_kind_of_database_is_refused() -> None:
    """Only the two engines that are tested can be used."""
    with pytest.raises(SettingsError, match="postgresql"):
        await open_store("mysql://localhost/x")


async def test_a_server_that_does_not_answer_is_told_without_its_password() -> None:
    """The message says what failed and quotes no password."""
    with pytest.raises(SettingsError, match="cannot be opened") as caught:
        await open_store("postgresql+psycopg://gateway:canary-password@127.0.0.1:1/none")

    assert "canary-password" not in str(caught.value)


async def test_a_base_without_tables_is_not_opened_when_it_may_not_be_changed(tmp_path: Path) -> None:
    """A door never migrates; it says what to run."""
    with pytest.raises(SettingsError, match="revision None"):
        await open_store(tmp_path, upgrade=False)


LAST_TO_LEAVE = (
    "import sqlite3, sys; base = sqlite3.connect(sys.argv[1]); base.execute('SELECT * FROM t'); base.close()"
)


def test_a_look_at_where_a_base_is_takes_no_lock_from_who_has_it_open(tmp_path: Path) -> None:
    """Else the next process that closes it deletes the WAL under them, and what they write is seen by nobody."""
    place_of(tmp_path, "main")
    held = sqlite3.connect(tmp_path / MAIN_FILE)
    held.execute("PRAGMA journal_mode = wal")
    held.execute("CREATE TABLE t (x)")
    place_of(tmp_path, "main")
    subprocess.run([sys.executable, "-c", LAST_TO_LEAVE, str(tmp_path / MAIN_FILE)], check=True)
    assert (tmp_path / f"{MAIN_FILE}-wal").exists()
    held.close()


def test_a_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """The message names the file. A folder in its place stops root too, whom no mode would."""
    (tmp_path / MAIN_FILE).mkdir()

    with pytest.raises(SettingsError, match=r"gateway\.db"):
        asyncio.run(open_store(tmp_path))


async def test_a_database_that_stays_locked_is_an_error_with_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rooms above know no error of the driver; they see that the state is unavailable."""
    monkeypatch.setattr("gateway.store.sqlite.BUSY_TIMEOUT_MS", 10)
    one, other = await open_store(tmp_path), await open_store(tmp_path)

    async def write() -> None:
        async with other.begin() as connection:
            await connection.execute(meta.insert().values(key="a", value="1"))

    async with one.begin():
        with pytest.raises(StateUnavailable):
            await write()
    await one.close()
    await other.close()
