# SPDX-License-Identifier: Apache-2.0
"""Exports of real logs by way of a real index, on both databases: whole, as they grow, and with deleted parts."""

import csv
import io
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.app.evidence.exporting import IndexedLog
from gateway.domain.entry import Closed, Part, Release
from gateway.domain.log_forms import LogForm
from gateway.domain.log_query import LogQuery
from gateway.domain.names import DecisionId
from gateway.flows.export.flow import Bounded, bounded, write
from gateway.flows.export.forms import writing_of
from gateway.record.format.layout import parts_path, segment_path
from gateway.record.format.merkle import leaf_hash
from gateway.record.reading.reader import records
from gateway.store.engine import open_index
from gateway.store.log.index import LogIndex
from tests.fakes import ocsf
from tests.fakes.entries import AT_US, CALL, EVERY, FACTS
from tests.fakes.log import enter, opened

PERSON = 77


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Two logs with every kind of entry; their times interleave."""
    folder = tmp_path / "log"
    for shift_us, slot in enumerate(("cli", "door-0")):
        log = opened(folder / slot, f"demo/node-1/{slot}", clock=lambda: AT_US, most_bytes=3_000)
        for seq, (body, part) in enumerate(EVERY[1:]):
            if not isinstance(body, Closed):
                enter(log, body, part, AT_US + 10 * seq + shift_us)
        log.close(AT_US + 10_000)
    return folder


@pytest.fixture
async def index(place: str, logs: Path) -> AsyncIterator[IndexedLog]:
    """The index of these logs, brought up to them."""
    found = LogIndex(await open_index(place))
    held = IndexedLog(found, logs)
    assert await held.catch_up(lambda _n: None) == {}
    yield held
    await found.close()


async def exported(
    index: IndexedLog, form: LogForm, query: LogQuery | None = None, after: Mapping[str, int] | None = None
) -> tuple[bytes, Bounded]:
    """Return an export and what it was bounded to."""
    told: list[bytes] = []
    what = await bounded(index, query or LogQuery(), after or {})
    n_told = [n async for n in write(index, index.pick, what, writing_of(form, "9.9"), told.append)]
    assert sum(n_told) == what.entries
    return b"".join(told), what


def events(content: bytes) -> list[Any]:
    """Return an export as one document a line."""
    return [json.loads(line) for line in content.splitlines()]


def places(content: bytes) -> list[tuple[str, int]]:
    """Return the places of an NDJSON export."""
    return [(one["slot"], one["seq"]) for one in events(content)]


async def test_an_export_holds_every_entry_of_every_log_in_one_order(index: IndexedLog, logs: Path) -> None:
    """With the leaf that the log itself has at that place."""
    found = events((await exported(index, LogForm.NDJSON))[0])
    leaves = {
        (slot, record.line.seq): leaf_hash(record.raw).hex()
        for slot in ("cli", "door-0")
        for record in records(logs / slot)
    }

    assert {(one["slot"], one["seq"]): one["leaf"] for one in found} == leaves
    assert [one["at"] for one in found] == sorted(one["at"] for one in found)


async def test_every_event_of_a_real_log_is_allowed_by_the_published_schema(index: IndexedLog) -> None:
    """Read from the files, with what the index knows of their calls."""
    found = events((await exported(index, LogForm.OCSF))[0])

    assert len(found) == 2 * len(EVERY)
    assert [ocsf.wrong_with(one) for one in found] == [[] for _ in found]


async def test_csv_and_ndjson_tell_the_same_entries(index: IndexedLog) -> None:
    """Row by row."""
    rows = list(csv.DictReader(io.StringIO((await exported(index, LogForm.CSV))[0].decode(), newline="")))
    told = events((await exported(index, LogForm.NDJSON))[0])

    assert [(one["slot"], one["seq"], one["leaf"], one["part"]) for one in rows] == [
        (one["slot"], str(one["seq"]), one["leaf"], one["part"]) for one in told
    ]


@pytest.mark.parametrize(
    "query",
    [
        LogQuery(kind="sign-in"),
        LogQuery(purpose="marketing", decision="deny"),
        LogQuery(dataset="crm", since_us=AT_US + 20, until_us=AT_US + 60),
        LogQuery(client="nobody"),
        LogQuery(call=str(CALL)),
    ],
)
async def test_only_what_was_asked_for_goes_out_and_was_counted(index: IndexedLog, query: LogQuery) -> None:
    """The count that is entered before is the count that comes out."""
    content, what = await exported(index, LogForm.NDJSON, query)
    every = events((await exported(index, LogForm.NDJSON))[0])
    asked = [one for one in every if _answers(one, query)]

    assert places(content) == [(one["slot"], one["seq"]) for one in asked]
    assert what.entries == len(asked)


def _answers(one: Mapping[str, Any], query: LogQuery) -> bool:
    return (
        query.kind in (None, one["entry"]["body"]["kind"])
        and query.call in (None, one.get("call"))
        and query.client in (None, one.get("client"))
        and query.decision in (None, one.get("decision"))
        and (query.purpose is None or one.get("purpose", "").startswith(query.purpose))
        and (query.dataset is None or one.get("dataset", "").startswith(query.dataset))
        and (query.since_us is None or query.since_us <= one["entry"]["at_us"])
        and (query.until_us is None or one["entry"]["at_us"] < query.until_us)
    )


async def test_exports_of_a_log_that_grows_hold_each_entry_once(index: IndexedLog, logs: Path) -> None:
    """Each goes on where the one before ended; entries that have older times come with the next one too."""
    first, what = await exported(index, LogForm.NDJSON)
    log = opened(logs / "door-0", "demo/node-1/door-0", clock=lambda: AT_US + 5)
    enter(
        log, Release(call=DecisionId("1" * 32), n=0, rows=1, bytes=1, people=1, last=True, facts=FACTS), None, AT_US + 6
    )
    log.close(AT_US + 7)
    await index.catch_up(lambda _n: None)
    later, then = await exported(index, LogForm.NDJSON, after=what.ends)
    third, _ = await exported(index, LogForm.NDJSON, after=then.ends)

    assert [slot for slot, _ in places(later)] == ["door-0"] * 3
    assert len(set(places(first + later))) == len(places(first + later)) == 2 * len(EVERY) + 3
    assert third == b""


async def test_an_export_begins_inside_a_call_and_still_says_who_called(index: IndexedLog) -> None:
    """The first entry of the call was exported before; the index knows what it said."""
    content, _ = await exported(index, LogForm.OCSF, LogQuery(kind="release"), {"cli": 10**6, "door-0": 1})
    later = events(content)[0]

    assert later["metadata"]["uid"] == "door-0:2"
    assert later["actor"]["user"]["uid"] == FACTS.account
    assert later["unmapped"]["purpose"] == FACTS.purpose


async def test_of_deleted_parts_nothing_goes_out_and_entries_still_do(index: IndexedLog, logs: Path) -> None:
    """The index was built before they were deleted, and knows the addresses."""
    path = next(path for n in range(20) if (path := parts_path(logs / "door-0", n)).exists())
    path.write_bytes(b"")
    told = [one for one in events((await exported(index, LogForm.NDJSON))[0]) if one["slot"] == "door-0"]
    deleted = [one for one in told if one["part"] == "deleted"]

    assert deleted
    assert all("ip" not in one and "user_agent" not in one for one in deleted)
    for form in LogForm:
        content, what = await exported(index, form)
        assert what.entries == 2 * len(EVERY)
        if form is LogForm.OCSF:
            assert [ocsf.wrong_with(one) for one in events(content)] == [[] for _ in range(what.entries)]


async def test_entries_about_a_person_are_found_behind_whole_spans(index: IndexedLog, logs: Path) -> None:
    """Their parts say so; the export itself names nobody."""
    log = opened(logs / "door-0", "demo/node-1/door-0", clock=lambda: AT_US + 5)
    part = Part(ip="192.0.2.1", met=(PERSON,))
    release = Release(call=DecisionId("1" * 32), n=0, rows=1, bytes=1, people=1, last=True, facts=FACTS)
    place = enter(log, release, part, AT_US + 6)
    log.close(AT_US + 7)
    await index.catch_up(lambda _n: None)
    content, what = await exported(index, LogForm.NDJSON, LogQuery(person=PERSON))

    assert what.entries == 1
    assert places(content) == [("door-0", place)]


async def test_segments_that_were_moved_elsewhere_are_left_out(index: IndexedLog, logs: Path) -> None:
    """The index knows their entries, and the export says how many it has not."""
    segment_path(logs / "door-0", 0).unlink()
    parts_path(logs / "door-0", 0).unlink(missing_ok=True)
    content, what = await exported(index, LogForm.NDJSON)
    door = [seq for slot, seq in places(content) if slot == "door-0"]

    assert what.moved == {"door-0": door[0]}
    assert door[0] > 0
    assert door == list(range(door[0], len(EVERY)))
