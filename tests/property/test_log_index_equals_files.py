# SPDX-License-Identifier: Apache-2.0
"""The index of the log is what follows from its files, however they came to be read."""

import itertools
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from gateway.app.index.building import check, renew
from gateway.app.index.indexing import LogFiles, fill
from gateway.domain.entry import (
    Changed,
    End,
    Entry,
    Facts,
    Intent,
    Looked,
    Observed,
    Part,
    Passed,
    Refused,
    Release,
    SignIn,
)
from gateway.domain.names import DecisionId
from gateway.flows.indexing import Indexing
from gateway.record.writing.slot import SlotLog
from gateway.store.engine import open_index
from gateway.store.log.index import LogIndex
from tests.fakes.log import START_US, enter, opened
from tests.fakes.log_index import delete_parts, everything, expected, without_places

SLOTS = ("door-0", "cli")
HALF_HOUR_US = 1_800_000_000

STEP = st.tuples(
    st.sampled_from(["release", "intent", "observed", "passed", "refusal", "end", "sign-in", "changed", "looked"]),
    st.integers(0, 5),  # call
    st.booleans(),  # last, ok, with facts
    st.frozensets(st.integers(0, 200), max_size=4),  # people
    st.integers(0, 3),  # half hours that pass
)
TURN = st.one_of(
    st.tuples(st.just("enter"), st.sampled_from(SLOTS), STEP),
    st.tuples(st.just("index"), st.integers(1, 5), st.booleans()),  # entries of a batch, by a new process
    st.tuples(st.just("crash"), st.sampled_from(SLOTS), st.none()),
    st.tuples(st.just("delete"), st.sampled_from(SLOTS), st.frozensets(st.integers(0, 40), max_size=6)),
)


@pytest.fixture
async def index(place: str) -> AsyncIterator[LogIndex]:
    """An index with nothing in it, on either engine."""
    index = LogIndex(await open_index(place))
    yield index
    await index.close()


class World:
    """Some logs that grow, and the index that follows them."""

    def __init__(self, logs: Path, index: LogIndex) -> None:
        """Open every log."""
        self.logs, self.index = logs, index
        self._at_us = START_US
        self._ids = itertools.count()
        self._begun: set[tuple[str, str]] = set()
        self._open: dict[str, SlotLog] = {slot: self._opened(slot) for slot in SLOTS}
        self._indexing = self._process(4)

    async def turn(self, what: str, which: object, how: object) -> None:
        """Let one thing happen."""
        match what, which, how:
            case "enter", str(slot), (str(kind), int(call), bool(yes), frozenset(people), int(passed)):
                self._at_us += passed * HALF_HOUR_US
                entry = self._entry(slot, kind, call, yes, len(people))
                part = Part(ip=f"192.0.2.{call}", people=BitMap(people).serialize(), met=tuple(people)[:1])
                enter(self._open[slot], entry, part if people else None, self._at_us)
            case "index", int(most), bool(is_new):
                if is_new:
                    self._indexing = self._process(most)
                await self._indexing.catch_up()
            case "crash", str(slot), _:
                self._open[slot].close(None)
                with (self.logs / slot / "000000.ndjson").open("ab"):
                    self._open[slot] = self._opened(slot)
            case "delete", str(slot), frozenset(seqs):
                delete_parts(self.logs / slot, set(seqs))
                await renew(self.index, self.logs, slot, min(seqs, default=0))
            case _:
                raise AssertionError(what)

    def close(self) -> None:
        """Close every log in order."""
        for log in self._open.values():
            log.close(self._at_us)

    def _opened(self, slot: str) -> SlotLog:
        return opened(self.logs / slot, f"demo/node-1/{slot}", most_bytes=4_000)

    def _process(self, most: int) -> Indexing:
        return Indexing(self.index, LogFiles(self.logs), lambda: self._at_us, most=most)

    def _entry(self, slot: str, kind: str, number: int, yes: bool, n_people: int) -> Entry:
        call = DecisionId(f"{number:032x}")
        facts = None
        if (slot, call) not in self._begun and kind in {"release", "intent", "observed", "refusal"}:
            facts = Facts(
                account=f"a_{number}", client="app", session=f"s_{number}", purpose="marketing", dataset="crm.customers",
                operation="read", reference=None if yes else "case-1", fields={"reveal": ("id",), "mask": ("email",)},
            )  # fmt: skip
        if kind not in {"changed", "looked"}:
            self._begun.add((slot, call))
        match kind:
            case "release":
                return Release(call=call, n=0, rows=n_people, bytes=90, people=n_people, last=yes, facts=facts)
            case "intent":
                return Intent(call=call, records=1, facts=facts)
            case "observed":
                return Observed(
                    call=call, store="crm", would="step-up" if yes else "deny", reason="purpose-missing", facts=facts
                )
            case "passed":
                return Passed(call=call, n=1, bytes=7, last=yes)
            case "refusal":
                return Refused(
                    call=call, reason="step-up-required" if yes else "held", status=403, bytes=3, facts=facts
                )
            case "end":
                return End(call=call, how="cut", bytes=5, reason="held" if yes else None)
            case "sign-in":
                return SignIn(call=call, step="totp", account=f"a_{number}", ok=yes, session="s_9", client="app")
            case "looked":
                return Looked(by=f"a_{number}", what="log", query="kind:release", rows=2, call=call if yes else "")
            case _:
                return Changed(by=f"a_{number}", what="choice-recorded", target="1")


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(turns=st.lists(TURN, max_size=40))
async def test_however_it_is_read_the_index_is_what_follows_from_the_files(
    index: LogIndex, turns: list[tuple[str, object, object]]
) -> None:
    """In batches of any size, by processes that end anywhere, beside crashes and parts that are deleted."""
    await index.clear()
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder)
        world = World(logs, index)
        for what, which, how in turns:
            await world.turn(what, which, how)
        world.close()
        assert await fill(index, logs) == {}
        step_by_step, compared = await everything(index), await check(index, logs)
        await index.clear()
        await fill(index, logs)
        at_once = await everything(index)
        rows, hours = expected(logs)

    assert step_by_step == at_once
    assert compared.differences == ()
    assert without_places(at_once["rows"]) == without_places(rows)
    assert at_once["hours"] == hours
    assert at_once["strays"] == []
    assert {row.slot for row in at_once["rows"]} == set(SLOTS)
    assert [msgspec.structs.replace(row, part_at=0) for row in at_once["rows"]] == [
        msgspec.structs.replace(row, part_at=0) for row in step_by_step["rows"]
    ]
