# SPDX-License-Identifier: Apache-2.0
"""The tables of the index: a batch enters once or not at all, spans hold everybody, and tampering is told."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pyroaring import BitMap, BitMap64
from sqlalchemy import Table, delete, func, insert, inspect, select, update

from gateway.app.index import indexing as app_indexing
from gateway.app.index.building import check, renew
from gateway.app.index.indexing import LogFiles, fill
from gateway.domain.entry import End
from gateway.domain.log_index import SPAN, IndexBroken, LogPosition
from gateway.domain.names import DecisionId
from gateway.flows.indexing import Indexing
from gateway.record.format.layout import segments
from gateway.record.reading.indexing import SlotReader
from gateway.record.reading.reader import records
from gateway.store.engine import open_index
from gateway.store.log.index import LogIndex
from gateway.store.log_schema import (
    log_entry,
    log_hour,
    log_people,
    log_person,
    log_place,
    log_slot,
    log_span,
    log_use,
    log_word,
)
from tests.fakes.log import enter, lines, opened, part, put_lines, release, written
from tests.fakes.log_index import delete_parts, everything, expected, long_log, span_of

SLOT = "door-0"
N_LONG = SPAN + 300


@pytest.fixture
async def index(place: str) -> AsyncIterator[LogIndex]:
    """An index with nothing in it, on either engine."""
    index = LogIndex(await open_index(place))
    yield index
    await index.close()


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A log of forty entries."""
    long_log(tmp_path / "log" / SLOT, 40)
    return tmp_path / "log"


@pytest.fixture(scope="session")
def long_logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of a whole span and the beginning of another."""
    folder = tmp_path_factory.mktemp("long") / "log"
    long_log(folder / SLOT, N_LONG)
    return folder


async def test_two_writers_enter_a_batch_once(index: LogIndex, logs: Path) -> None:
    """Of many who begin at the same place one is taken, whatever it wants to enter; the others are told."""
    batches = [SlotReader(logs / SLOT, LogPosition(slot=SLOT)).read(n) for n in (10, 10, 20)]

    taken = await asyncio.gather(*(index.add(batch, None, 0) for batch in batches if batch is not None))

    assert sorted(taken) == [False, False, True]
    (position,) = (await index.positions()).values()
    assert position.size in {10, 20}
    await fill(index, logs)
    assert (await check(index, logs)).is_same


async def test_a_batch_that_fails_leaves_nothing(index: LogIndex, logs: Path) -> None:
    """Neither words nor counts nor a position."""
    batch = SlotReader(logs / SLOT, LogPosition(slot=SLOT)).read(10)
    assert batch is not None
    async with index.base.begin() as connection:
        await connection.execute(insert(log_entry).values(_row(slot=1, seq=5)))

    with pytest.raises(IndexBroken, match="gateway log index rebuild"):
        await index.add(batch, None, 0)

    assert await index.positions() == {}
    assert [await _count(index, one) for one in (log_word, log_hour, log_use, log_entry)] == [0, 0, 0, 1]


@pytest.mark.parametrize("most", [SPAN, 5_000])
async def test_a_whole_span_holds_everybody_of_its_entries(index: LogIndex, long_logs: Path, most: int) -> None:
    """Whether it came as one batch or, by a process that began in its midst, in several."""
    first = Indexing(index, LogFiles(long_logs), lambda: 0, most=most)
    await first.catch_up(pause=_never)
    await Indexing(index, LogFiles(long_logs), lambda: 0, most=most).catch_up()

    found, (rows, hours) = await everything(index), expected(long_logs)

    assert found["spans"] == [span_of(long_logs, SLOT, 0, rows), None]
    assert found["hours"] == hours
    assert len(found["rows"]) == N_LONG


async def _never() -> bool:
    return False


async def test_what_was_changed_in_any_table_is_told(index: LogIndex, long_logs: Path) -> None:
    """People of a span, postings, its times: one look finds all, and each by its name."""
    await fill(index, long_logs)
    person = BitMap64([7 << 16 | 3]).serialize()
    async with index.base.begin() as connection:
        await connection.execute(update(log_person).where(log_person.c.bucket == 7).values(postings=person))
    assert (await check(index, long_logs)).differences == (
        "span 0 of door-0 (entries 0 to 16383) holds other people than its entries",
    )
    async with index.base.begin() as connection:
        await connection.execute(delete(log_span))
        await connection.execute(insert(log_people).values(_people(span=1)))
        await connection.execute(update(log_entry).where(log_entry.c.seq == 16_390).values(place=1))
        await connection.execute(update(log_hour).values(rows=log_hour.c.rows + 1))
    told = (await check(index, long_logs)).differences
    assert "span 0 of door-0 (entries 0 to 16383) is not in the index" in told
    assert "log_people holds a span of door-0 that is not whole" in told
    assert "entry door-0:16390 differs in place" in told
    assert any(one.startswith("hour ") for one in told)


def _row(**values: Any) -> dict[str, Any]:
    return {column.name: None if column.name == "call" else values.get(column.name, 0) for column in log_entry.columns}


def _people(**values: Any) -> dict[str, Any]:
    return {column.name: values.get(column.name, 1) for column in log_people.columns} | {
        "people": BitMap([1]).serialize()
    }


CHANGES: dict[str, tuple[Any, str]] = {
    "an entry less": (delete(log_entry).where(log_entry.c.seq == 7), "entry door-0:7 is not in the index"),
    "an entry more": (insert(log_entry).values(_row(slot=1, seq=40)), "more of door-0 than the 40 entries"),
    "an entry of no log": (insert(log_entry).values(_row(slot=9, seq=0)), "more of log 9"),
    "a time": (update(log_entry).where(log_entry.c.seq == 7).values(at_us=5), "entry door-0:7 differs in at_us"),
    "a call": (update(log_entry).where(log_entry.c.seq == 7).values(call=b"x" * 16), "entry door-0:7 differs in call"),
    "an amount": (update(log_entry).where(log_entry.c.seq == 7).values(people=99), "entry door-0:7 differs in people"),
    "a line's place": (update(log_entry).where(log_entry.c.seq == 7).values(line_at=0), "differs in line_at"),
    "a use": (update(log_entry).where(log_entry.c.seq == 7).values(use=1), "entry door-0:7 differs in"),
    "a word": (update(log_word).where(log_word.c.text == "a_1").values(text="a_0x"), "differs in account"),
    "a word more": (insert(log_word).values(id=900, text="nobody"), "log_word holds 1 that no entry has"),
    "an address": (update(log_place).where(log_place.c.text == "192.0.2.3").values(text="x"), "differs in place"),
    "an address more": (insert(log_place).values(id=900, text="nowhere"), "log_place holds 1"),
    "fields of a use": (update(log_use).values(fields='{"reveal":["email"]}'), "differs in fields"),
    "an hour": (update(log_hour).values(entries=log_hour.c.entries + 1), "is counted otherwise"),
    "an hour less": (delete(log_hour), "is counted otherwise"),
    "a head": (update(log_slot).values(head="0" * 64), "ends door-0 with another entry"),
    "a size": (update(log_slot).values(size=41), "the index holds 41 entries of door-0, which has 40"),
    "a log": (update(log_slot).values(name="door-1"), "the index holds door-1, and there is no such log"),
    "a span": (insert(log_span).values(slot=1, span=0, first_us=0, last_us=0), "log_span holds a span of door-0"),
    "postings": (
        insert(log_person).values(slot=1, span=0, bucket=3, postings=b""),
        "log_person holds a span of door-0 that is not whole",
    ),
}


async def test_each_change_of_a_table_is_named(index: LogIndex, logs: Path) -> None:
    """The index is compared with what follows from the files, so nothing in it can be otherwise unseen."""
    for change, (statement, told) in CHANGES.items():
        await index.clear()
        await fill(index, logs)
        assert (await check(index, logs)).is_same
        async with index.base.begin() as connection:
            await connection.execute(statement)

        found = await check(index, logs)

        assert any(told in one for one in found.differences), (change, found.differences)


async def test_a_log_whose_files_are_others_is_read_anew(index: LogIndex, tmp_path: Path) -> None:
    """Only that log leaves the index, and the counts are those of the files again."""
    logs = tmp_path / "log"
    for slot, n_entries in ((SLOT, 40), ("cli", 30)):
        long_log(logs / slot, n_entries, f"demo/node-1/{slot}")
    await fill(index, logs)
    (logs / SLOT / "000000.ndjson").unlink()
    (logs / SLOT / "parts" / "000000.ndjson").unlink()
    for name in ("checkpoint", "waypoint"):
        (logs / SLOT / name).unlink(missing_ok=True)
    long_log(logs / SLOT, 35, by="other")

    assert await fill(index, logs) == {}

    assert (await check(index, logs)).is_same
    assert {slot: one.size for slot, one in (await index.positions()).items()} == {SLOT: 35, "cli": 30}


async def test_parts_that_were_deleted_leave_the_index(index: LogIndex, tmp_path: Path) -> None:
    """Nobody of them is in a union or a posting, and no address that only they had."""
    logs = tmp_path / "log"
    long_log(logs / SLOT, N_LONG)
    await fill(index, logs)
    gone = {record.line.seq for record in records(logs / SLOT) if record.part and record.part.ip == "192.0.2.3"}
    delete_parts(logs / SLOT, gone)

    await renew(index, logs, SLOT, min(gone))

    assert (await check(index, logs)).is_same
    rows, _hours = expected(logs)
    found = await everything(index)
    assert found["spans"] == [span_of(logs, SLOT, 0, rows), None]
    assert "192.0.2.3" not in found["words"][1]


async def test_indexes_that_were_left_out_are_made_again(index: LogIndex, logs: Path) -> None:
    """Building goes on without them; making them twice is no error."""
    await index.drop_indexes()
    assert await _indexes(index) == set()
    await fill(index, logs)
    await index.make_indexes()
    await index.make_indexes()

    assert await _indexes(index) == {str(one.name) for one in log_entry.indexes}
    assert (await check(index, logs)).is_same


async def test_calls_are_found_while_the_indexes_are_left_out(index: LogIndex, tmp_path: Path) -> None:
    """One that nobody began costs no look at the table; the first that somebody may have begun makes its index."""
    log = opened(tmp_path / "log" / SLOT)
    enter(log, release("a" * 32, last=False), part(1))
    first, unknown = log.size, DecisionId("b" * 32)
    enter(log, End(call=unknown, how="cut"))
    enter(log, End(call=DecisionId("a" * 32), how="cut"))
    log.close(None)
    await index.drop_indexes()
    files = LogFiles(tmp_path / "log")

    for size in (first, first + 2):
        # A process that remembers nothing of what was read before.
        reader = files.reader_at(SLOT, first if size > first else 0)
        batch = reader.read(size - reader.position.size)
        assert batch is not None
        known = await index.first_of(SLOT, batch.unknown)
        assert known.keys() == batch.unknown - {unknown}
        assert await index.add(reader.completed(batch, known), None, 0)
        assert (await index.first_of(SLOT, [unknown])).keys() == ({unknown} if size > first else set())
        assert await _indexes(index) == ({"ix_log_entry_call"} if size > first else set())
    await index.make_indexes()
    assert (await check(index, tmp_path / "log")).is_same


async def test_long_logs_are_read_by_processes_of_their_own(
    index: LogIndex, long_logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in the index, and what is found in it, is the same as if one process did all."""
    await fill(index, long_logs)
    alone = await everything(index)
    await index.clear()
    monkeypatch.setattr(app_indexing, "WORTH_A_PROCESS", 10)
    n_entered = list[int]()

    assert await fill(index, long_logs, n_entered.append) == {}

    assert await everything(index) == alone
    assert sum(n_entered) == alone["positions"][SLOT].size
    assert (await check(index, long_logs)).is_same


async def test_what_a_process_cannot_read_is_told_and_the_rest_is_there(
    index: LogIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the batch with the entry that cannot be read, nothing is."""
    logs = tmp_path / "log"
    long_log(logs / SLOT, 60)
    long_log(logs / "cli", 60, "demo/node-1/cli")
    whole = lines(logs / SLOT)
    put_lines(logs / SLOT, [*whole[:40], b"{}\n", *whole[41:]])
    monkeypatch.setattr(app_indexing, "WORTH_A_PROCESS", 10)

    troubles = await fill(index, logs)

    assert list(troubles) == [SLOT]
    assert {slot: one.size for slot, one in (await index.positions()).items()} == {"cli": 60}


@pytest.mark.parametrize("python", ["/bin/false", "/no/such/file"])
async def test_a_process_that_ends_early_or_never_began_is_done_without(
    index: LogIndex, logs: Path, monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    """Everything is entered all the same, and nothing is blamed on the log."""
    monkeypatch.setattr(app_indexing, "WORTH_A_PROCESS", 10)
    monkeypatch.setattr(sys, "executable", python)

    assert await fill(index, logs) == {}

    assert [one.size for one in (await index.positions()).values()] == [len(list(records(logs / SLOT)))]


async def test_a_log_whose_first_segments_were_moved_away_is_indexed_from_what_is_here(
    index: LogIndex, tmp_path: Path
) -> None:
    """Built anew, brought up to later, and held against the files."""
    directory = tmp_path / "log" / SLOT
    written(directory, 60, most_bytes=4_000)
    moved = segments(directory)[:3]
    first = next(reader_lines(directory, moved[-1] + 1))
    for number in moved:
        (directory / f"{number:06}.ndjson").unlink()
        (directory / "parts" / f"{number:06}.ndjson").unlink(missing_ok=True)

    for most in (SPAN, 7):
        await index.clear()
        assert await Indexing(index, LogFiles(tmp_path / "log"), lambda: 0, most=most).catch_up()
        rows = (await everything(index))["rows"]
        assert [row.seq for row in rows] == list(range(first, 60))
        assert (await check(index, tmp_path / "log")).differences == ()

    async with index.base.begin() as connection:
        await connection.execute(update(log_entry).where(log_entry.c.seq == first).values(seq=first - 1))
    (missing, more) = (await check(index, tmp_path / "log")).differences
    assert missing == f"entry {SLOT}:{first} is not in the index"
    assert more == f"log_entry holds more of {SLOT} than the {60 - first} entries that were read"

    (directory / "seals" / f"{moved[-1]:06}").unlink()
    await index.clear()
    assert "seal" in (await fill(index, tmp_path / "log"))[SLOT]


def reader_lines(directory: Path, number: int) -> Iterator[int]:
    """Yield the places of a segment's entries."""
    yield from (msgspec.json.decode(line)["seq"] for line in lines(directory, number))


async def _indexes(index: LogIndex) -> set[str]:
    schema = None if index.base.is_sqlite else "log_index"
    async with index.base.connect() as connection:
        found = await connection.run_sync(lambda one: inspect(one).get_indexes("log_entry", schema=schema))
    return {str(one["name"]) for one in found}


async def _count(index: LogIndex, table: Table) -> int:
    async with index.base.connect() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())
