# SPDX-License-Identifier: Apache-2.0
"""Whom calls reached, by the index and the files, is what a look through every entry finds; so are the uses of a person."""

import asyncio
import os
import random
import secrets
import shutil
from collections.abc import Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from pyroaring import BitMap
from sqlalchemy import update
from typing_extensions import override

from bench.made_log import made_log
from gateway.app.index.indexing import fill
from gateway.domain.log_index import HOUR_US
from gateway.domain.log_query import LogQuery
from gateway.domain.reach import Extent, Standing
from gateway.flows.accesses.ports import RuleWords
from gateway.flows.accesses.telling import accesses_to
from gateway.flows.incident.scope import scope_of
from gateway.flows.incident.values import Scope
from gateway.record.format.layout import slots
from gateway.record.reading.tail import size_of
from gateway.store.engine import Base, open_index
from gateway.store.log.index import LogIndex
from gateway.store.log.people import LogPeople
from gateway.store.log_schema import log_entry
from tests.conftest import postgres_url, run_on_server
from tests.fakes import reached
from tests.fakes.log_index import delete_parts
from tests.fakes.signin import MemoryLog

T = TypeVar("T")
N_ENTRIES = 3_600
SPAN = 256
"""Entries of a span here, so that a small log has many, with edges and a tail."""

SPANS_IN = (
    "app.index.building", "domain.log_index", "flows.accesses.finding", "flows.incident.measuring", "flows.indexing",
    "record.reading.indexing", "record.reading.spans", "store.log.held", "store.log.people",
)  # fmt: skip
SLOTS = ("door-0", "cli")
SEEDS = st.integers(0, (1 << 32) - 1)
QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


class Merges:
    """People of whom some were merged; of every tenth nothing is known any more."""

    def __init__(self, merged: Mapping[int, int]) -> None:
        """Keep who was merged into whom."""
        self._merged = merged

    async def merged(self, numbers: BitMap) -> dict[int, int]:
        """Return where numbers went."""
        return {one: into for one, into in self._merged.items() if one in numbers}

    async def standing(self, people: BitMap) -> Standing:
        """Count them."""
        known = sum(one % 10 != 0 for one in people)
        return Standing(people=len(people), known=known, identities={"crm.customer_id": known})

    def behind(self, people: BitMap) -> Any:
        """Name nobody."""
        raise NotImplementedError


class NoRules:
    """An archive that lost everything."""

    def words(self, digest: str) -> None:
        """Return nothing."""
        del digest


class Log:
    """Files, what is in them, and an index of them, which may be of earlier files."""

    def __init__(self, logs: Path, runner: asyncio.Runner) -> None:
        self.logs, self._runner = logs, runner
        self.indexes: list[LogPeople | None] = [None]
        self.bases: list[Base] = []
        self.everything: list[Any] = []
        self.calls: list[tuple[Any, Any]] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine returns."""
        return self._runner.run(work)

    def index(self, place: str) -> None:
        """Fill the index at a place from the files as they are."""
        self.bases.append(self.run(open_index(place)))
        assert self.run(fill(LogIndex(self.bases[-1]), self.logs)) == {}
        self.indexes.append(LogPeople(self.bases[-1]))

    def read(self) -> None:
        """Read the files as they are now."""
        self.everything = reached.read(self.logs)
        self.calls = [(record, facts) for _, record, facts, begins in self.everything if begins]

    def asked(self, chance: random.Random) -> LogQuery:
        """Return a question, of things that occur together."""
        record, facts = chance.choice(self.calls)
        names = chance.choice(
            (("account",), ("account",), ("client",), ("session",), ("place",), ("dataset",), ("account", "dataset"))
        )
        told = {"account": facts.account, "client": facts.client, "session": facts.session}
        told |= {"place": record.part.ip if record.part else "192.0.2.1"}
        told |= {"dataset": facts.dataset if chance.random() < 0.5 else facts.dataset.partition(".")[0]}
        asked: dict[str, Any] = {name: told[name] for name in names}
        if chance.random() < 0.7:
            first, last = sorted(chance.choice(self.calls)[0].line.at_us for _ in range(2))
            asked["since_us"] = first - chance.choice((0, 1, HOUR_US))
            asked["until_us"] = last + chance.choice((0, 1, HOUR_US))
        return LogQuery(**asked)


def grown(logs: Path, n_entries: int, seed: int) -> None:
    made_log(logs, n_entries, seed=seed, slots=SLOTS)


def some_parts_gone(logs: Path, seed: int) -> None:
    """Delete the parts of some calls here and there, and of a whole stretch."""
    chance = random.Random(seed)
    for slot in SLOTS:
        size = size_of(logs / slot)
        gone = set(chance.sample(range(size), size // 200)) | set(range(size // 3, size // 3 + 40))
        delete_parts(logs / slot, gone)


def last_gone(logs: Path) -> None:
    """Cut every log to two thirds, as it was when the index was filled; the rest comes later."""
    for slot in SLOTS:
        directory = logs / slot
        assert [path.name for path in sorted(directory.glob("*.ndjson"))] == ["000000.ndjson"]
        path = directory / "000000.ndjson"
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[: len(lines) * 2 // 3]))


@pytest.fixture(scope="module")
def small_spans() -> Iterator[None]:
    """Let spans be short, everywhere."""
    with pytest.MonkeyPatch.context() as patch:
        for name in SPANS_IN:
            patch.setattr(f"gateway.{name}.SPAN", SPAN)
        yield


@pytest.fixture(
    scope="module", params=["as it is", "parts gone before", "parts gone since", "lagging", "of another log"]
)
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, small_spans: None) -> Iterator[Log]:
    """A made log, and indexes of it: none, on SQLite, and on PostgreSQL where there is one."""
    folder = tmp_path_factory.mktemp("made")
    logs = folder / "log"
    grown(logs, N_ENTRIES, 5)
    whole = folder / "whole"
    if request.param == "parts gone before":
        some_parts_gone(logs, 6)
    if request.param == "lagging":
        shutil.copytree(logs, whole)
        last_gone(logs)
    if request.param == "of another log":
        shutil.copytree(logs, whole)
        shutil.rmtree(logs)
        grown(logs, N_ENTRIES // 3, 8)
    (folder / "state").mkdir()
    name = f"gateway_scope_{secrets.token_hex(6)}"
    with asyncio.Runner() as runner:
        found = Log(logs, runner)
        found.index(str(folder / "state"))
        if "GATEWAY_TEST_POSTGRES" in os.environ:
            run_on_server(f'CREATE DATABASE "{name}"')
            found.index(postgres_url().set(database=name).render_as_string(hide_password=False))
        if request.param == "parts gone since":
            some_parts_gone(logs, 6)
        if whole.exists():
            shutil.rmtree(logs)
            whole.rename(logs)
        found.read()
        yield found
        for base in found.bases:
            runner.run(base.close())
    if len(found.bases) > 1:
        run_on_server(f'DROP DATABASE "{name}" WITH (FORCE)')


def merges(chance: random.Random, everything: list[Any]) -> dict[int, int]:
    """Return some people who are one."""
    people = sorted(
        {
            one
            for _, record, _, _ in everything[:2000]
            if record.part and record.part.people
            for one in BitMap.deserialize(record.part.people)
        }
    )
    some = chance.sample(people, min(40, len(people) // 2 * 2))
    return dict(zip(some[::2], some[1::2], strict=True))


@settings(QUIET, max_examples=8)
@given(seed=SEEDS)
def test_a_scope_is_what_a_look_through_every_entry_finds(log: Log, seed: int) -> None:
    """By account, client, session, address or store, in any time, with and without an index, on both engines."""
    chance = random.Random(seed)
    asked, merged = log.asked(chance), merges(chance, log.everything)
    told = reached.scope(log.everything, asked, merged)

    for index in log.indexes if chance.random() < 0.3 else log.indexes[1:]:
        recorder = MemoryLog()
        found = log.run(
            scope_of(
                asked,
                logs=log.logs,
                index=index,
                people=Merges(merged),
                recorder=recorder,
                clock=lambda: 1,
                by="local:root",
            )
        )
        scope = found.scope
        assert set(found.people) == told["people"]
        assert scope.people == len(told["people"])
        assert scope.people_at_most - scope.people == told["n"]["bare_people"]
        assert scope.with_identity == sum(one % 10 != 0 for one in told["people"])
        assert (scope.first_us, scope.last_us) == told["times"]
        assert {(one.dataset, one.field, one.treatment): one.people for one in scope.fields} == told["fields"]
        assert {one.name: one.people for one in scope.purposes} == told["purposes"]
        assert (scope.entries, scope.rows, scope.bytes) == tuple(
            told["n"][name] for name in ("entries", "rows", "bytes")
        )
        assert scope.entries_without_people == told["n"]["bare"]
        assert (scope.written.entries, scope.written.records) == (told["n"]["writes"], told["n"]["records"])
        assert (scope.written.people, scope.written.entries_without_people) == (
            told["written"],
            told["n"]["bare_writes"],
        )
        assert scope.passed_on == {"entries": told["n"]["passed"], "bytes": told["n"]["passed_bytes"]}
        assert (scope.cut_short, scope.refused.reasons) == (told["n"]["cut"], told["refused"])
        assert [one.entries for one in scope.rests_on.logs] == [size_of(log.logs / slot) for slot in slots(log.logs)]
        [(entry, _)] = recorder.entries
        assert entry.what == "incident-scope"  # type: ignore[union-attr]


@settings(QUIET, max_examples=8)
@given(seed=SEEDS)
def test_the_uses_of_a_person_are_those_that_a_look_through_every_entry_finds(log: Log, seed: int) -> None:
    """By every number of the person, with and without an index, on both engines."""
    chance = random.Random(seed)
    people = people_of(chance, log)
    told = reached.accesses(log.everything, people)

    for index in log.indexes if chance.random() < 0.3 else log.indexes[1:]:
        found = log.run(uses(log, index, sorted(people)))
        assert {one.decision or one.entries[0]: one.action.value for one in found} == told


def people_of(chance: random.Random, log: Log) -> set[int]:
    """Return one or two people of some entries."""
    people: set[int] = set()
    while len(people) < 2:
        part = chance.choice(log.everything)[1].part
        if part is not None:
            them = [*(BitMap.deserialize(part.people) if part.people else ()), *part.met]
            people |= {chance.choice(them)} if them else set()
    return people if chance.random() < 0.4 else {people.pop()}


async def uses(log: Log, index: LogPeople | None, numbers: list[int]) -> Any:
    told = await accesses_to(
        numbers, since_us=None, until_us=None, logs=log.logs, index=index, rules=NoRules(), now=RuleWords(),
        recorder=MemoryLog(), clock=lambda: 1, by="local:root",
    )  # fmt: skip
    return told.accesses


class Rebuilt(LogPeople):
    """An index that somebody builds anew while it is asked: the second look finds it shorter."""

    n_looks = 0

    @override
    async def extents(self) -> dict[str, Extent]:
        """Return how far it reaches, the second time less."""
        self.n_looks += 1
        found = await super().extents()
        return (
            found if self.n_looks == 1 else {slot: structs.replace(one, size=1, spans=0) for slot, one in found.items()}
        )


async def moved(base: Base, by: int) -> None:
    """Let the index say that every line begins elsewhere."""
    async with base.begin() as connection:
        await connection.execute(update(log_entry).values(line_at=log_entry.c.line_at + by))


@pytest.mark.parametrize("what", ["lies about places", "is built anew meanwhile"])
def test_an_index_that_cannot_be_relied_on_is_passed_over(log: Log, what: str) -> None:
    """The files answer, and a remark says why."""
    asked = LogQuery(dataset="crm")
    base = log.bases[0]
    index = (Rebuilt if what == "is built anew meanwhile" else LogPeople)(base)
    shift = 1 if what == "lies about places" else 0

    async def told() -> Scope:
        await moved(base, shift)
        found = await scope_of(
            asked, logs=log.logs, index=index, people=Merges({}), recorder=MemoryLog(), clock=lambda: 1, by="local:root"
        )
        await moved(base, -shift)
        return found.scope

    scope = log.run(told())

    assert scope.people == len(reached.scope(log.everything, asked, {})["people"])
    assert any("every entry was read" in one or "was not used" in one for one in scope.rests_on.remarks)
