# SPDX-License-Identifier: Apache-2.0
"""What the index of the log finds is what a look through every entry finds, however it is asked and cut into pages."""

import asyncio
import os
import random
import secrets
import shutil
from collections import Counter
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap
from typing_extensions import override

from bench.made_log import made_log
from gateway.app.index.indexing import fill
from gateway.app.index.reading import LogFiles, LogIndexJoin
from gateway.domain.errors import StateUnavailable
from gateway.domain.log_facets import FACETS, Tally
from gateway.domain.log_index import HOUR_US, IndexEntry
from gateway.domain.log_query import LogPlace, LogQuery, LogRow
from gateway.flows import log_reading
from gateway.flows.log_reading import LogReading
from gateway.record.reading.search import answers, entries, is_behind, place_of
from gateway.store.engine import Base, open_index
from gateway.store.log import pages as log_pages
from gateway.store.log.facets import Met
from gateway.store.log.index import LogIndex
from gateway.store.log.search import Reach
from tests.conftest import postgres_url, run_on_server

T = TypeVar("T")
N_ENTRIES = 35_000  # a whole span and the begin of another in one log at least
SLOTS = ("door-0", "cli")
N_BEHIND = 1_000
TEXTS = (
    "call", "account", "client", "session", "place", "purpose", "dataset", "reference", "decision", "kind", "reason",
)  # fmt: skip
SEEDS = st.integers(0, (1 << 32) - 1)


class Log:
    """Files, what is in them, and their index on each engine there is."""

    def __init__(self, logs: Path, runner: asyncio.Runner) -> None:
        self.logs, self._runner = logs, runner
        self.entries: list[IndexEntry] = [one for slot in SLOTS for one in entries(logs / slot)]
        self.readings: list[LogReading] = []
        self.bases: list[Base] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine returns."""
        return self._runner.run(work)

    def open(self, place: str, logs: Path | None = None) -> None:
        """Fill the index at a place, from these logs or from what they were when they were shorter."""
        self.bases.append(self.run(open_index(place)))
        assert self.run(fill(LogIndex(self.bases[-1]), logs or self.logs)) == {}
        self.readings.append(LogReading(LogIndexJoin(self.bases[-1]), LogFiles(self.logs)))

    def expected(self, query: LogQuery, *, newest_first: bool) -> list[LogRow]:
        """Return what a look through every entry finds."""
        found = (one.row for one in self.entries if answers(one, query))
        return sorted(found, key=place_of, reverse=newest_first)

    def question(self, chance: random.Random) -> LogQuery:
        """Return a question, most of them of things that occur together."""
        one, other = chance.choice(self.entries), chance.choice(self.entries)
        asked: dict[str, Any] = {}
        for name in chance.sample(TEXTS, chance.choice((0, 1, 1, 2, 3))):
            told = str(getattr(one.row if chance.random() < 0.8 else other.row, name))
            if name in ("purpose", "dataset") and chance.random() < 0.5:
                told = told.rpartition(".")[0] or told
            if told or name != "call":
                asked[name] = told
        if chance.random() < 0.3:
            asked["since_us"] = one.row.at_us - chance.choice((0, HOUR_US * chance.randrange(200)))
            asked["until_us"] = one.row.at_us + chance.choice((1, HOUR_US, HOUR_US * 50))
        if chance.random() < 0.3:
            released = next((each.released for each in (one, other) if each.released), BitMap([1]).serialize())
            person = chance.choice(list(BitMap.deserialize(released)))
            asked = {**(asked if chance.random() < 0.4 else {}), "person": person}
        return LogQuery(**asked)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """A made log, indexed."""
    folder = tmp_path_factory.mktemp("made")
    made_log(folder / "log", N_ENTRIES, seed=11, slots=SLOTS)
    for state in ("state", "behind"):
        (folder / state).mkdir()
    name = f"gateway_search_{secrets.token_hex(6)}"
    with asyncio.Runner() as runner:
        log = Log(folder / "log", runner)
        log.open(str(folder / "state"))
        log.open(str(folder / "behind"), shorter(folder / "log", folder / "shorter"))
        if "GATEWAY_TEST_POSTGRES" in os.environ:
            run_on_server(f'CREATE DATABASE "{name}"')
            log.open(postgres_url().set(database=name).render_as_string(hide_password=False))
        yield log
        for base in log.bases:
            runner.run(base.close())
    if len(log.bases) > 2:
        run_on_server(f'DROP DATABASE "{name}" WITH (FORCE)')


def shorter(logs: Path, folder: Path) -> Path:
    """Return a copy of logs without their last entries, some of them behind a whole span that was open before."""
    shutil.copytree(logs, folder)
    for slot in SLOTS:
        path = folder / slot / "000000.ndjson"
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-N_BEHIND]))
    return folder


QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@settings(QUIET, max_examples=14)
@given(seed=SEEDS)
def test_pages_of_the_index_put_together_are_what_the_files_hold(log: Log, seed: int) -> None:
    """In both orders, in pages of any length, on both engines, and where the index is behind the files."""
    chance = random.Random(seed)
    query, newest_first = log.question(chance), chance.random() < 0.7
    told = log.expected(query, newest_first=newest_first)
    length = chance.randint(max(1, len(told) // 6), len(told) + 2)

    async def pages(reading: LogReading) -> list[LogRow]:
        found: list[LogRow] = []
        after: LogPlace | None = None
        while True:
            page = await reading.page(query, after=after, limit=length, newest_first=newest_first)
            assert len(page.rows) == length or page.next is None
            found += page.rows
            after = page.next
            if after is None:
                return found

    for reading in log.readings:
        found = log.run(pages(reading))
        assert [(row.slot, row.seq) for row in found] == [(row.slot, row.seq) for row in told]
        assert found == told


@settings(QUIET, max_examples=10)
@given(seed=SEEDS)
def test_a_page_may_begin_behind_any_place(log: Log, seed: int) -> None:
    """Also behind one where no entry is, of a log that does not exist."""
    chance = random.Random(seed)
    query, newest_first = log.question(chance), chance.random() < 0.7
    beside = chance.choice(log.entries).row
    after = LogPlace(
        beside.at_us, chance.choice((beside.slot, "a", "door-01", "zz")), beside.seq + chance.randint(-1, 1)
    )
    whole = log.expected(query, newest_first=newest_first)
    told = [row for row in whole if is_behind(row, after, newest_first=newest_first)][:50]

    for reading in log.readings:
        found = log.run(reading.page(query, after=after, limit=50, newest_first=newest_first))
        assert list(found.rows) == told


@settings(QUIET, max_examples=12)
@given(seed=SEEDS)
def test_counts_of_the_index_are_counts_of_the_files(log: Log, seed: int) -> None:
    """By every facet, whether whole hours are asked for or not."""
    query = log.question(random.Random(seed))
    told = Tally(FACETS)
    for row in log.expected(query, newest_first=True):
        told.add_row(row)

    for reading in log.readings:
        found = log.run(reading.counts(query))
        assert found.whole
        assert found.counts == told.told()


@pytest.mark.parametrize("few", [0, 3])
def test_every_way_to_an_answer_gives_the_same(log: Log, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every column has many entries, hours are walked; the rows are those of the sorted way."""
    common = Counter((one.row.account, one.row.purpose) for one in log.entries if one.row.purpose).most_common(3)
    queries = [
        LogQuery(),
        *(LogQuery(account=account, purpose=purpose) for (account, purpose), _ in common),
        LogQuery(kind="refusal"),
        LogQuery(decision="deny", kind="release"),
        LogQuery(client=log.entries[5000].row.client, decision="permit", kind="release"),
    ]
    monkeypatch.setattr(log_pages, "FEW", few)
    for query in queries:
        told = log.expected(query, newest_first=True)[:20]
        for reading in log.readings:
            assert list(log.run(reading.page(query, limit=20)).rows) == told


def test_an_index_that_is_far_behind_answers_nothing(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list without its newest entries would look whole."""
    monkeypatch.setattr(log_reading, "MOST_BEHIND", N_BEHIND)
    _, behind, *_ = log.readings

    with pytest.raises(StateUnavailable, match="far behind"):
        log.run(behind.page(LogQuery()))
    with pytest.raises(StateUnavailable, match="far behind"):
        log.run(behind.counts(LogQuery()))


class Growing(LogIndexJoin):
    """An index that takes in what is new while it is being counted."""

    def __init__(self, base: Base, logs: Path) -> None:
        super().__init__(base)
        self._base, self._logs = base, logs

    @override
    async def count(self, query: LogQuery, tally: Tally, met: Met) -> tuple[bool, Sequence[Reach]]:
        """Count; between the first look and the rest the index grows."""

        async def met_later(reach: Sequence[Reach]) -> Mapping[str, Sequence[int]]:
            found = await met(reach)
            assert await fill(LogIndex(self._base), self._logs) == {}
            return found

        return await super().count(query, tally, met_later)


def test_an_index_that_moves_on_while_it_is_counted_counts_nothing_twice(log: Log, tmp_path: Path) -> None:
    """A gateway that serves takes in entries twice a second, and a count of many takes longer."""
    (tmp_path / "growing").mkdir()
    log.open(str(tmp_path / "growing"), shorter(log.logs, tmp_path / "shorter"))
    base, asked = log.bases.pop(), log.readings.pop()
    person = next(iter(BitMap.deserialize(next(one.released for one in log.entries[::-1] if one.released))))
    query = LogQuery(person=person)
    expected = log.run(log.readings[0].counts(query))

    told = log.run(LogReading(Growing(base, log.logs), LogFiles(log.logs)).counts(query))
    n_behind = sum(one.position.size for one in log.run(LogIndexJoin(base).reach())) - len(log.entries)
    again = log.run(asked.counts(query))
    log.run(base.close())

    assert n_behind == 0, "the index grew meanwhile"
    assert told == expected == again


def test_an_index_of_other_files_answers_nothing(log: Log, tmp_path: Path) -> None:
    """What it says would be of entries that are not there."""
    other = shorter(log.logs, tmp_path / "other")
    reading = LogReading(LogIndexJoin(log.bases[0]), LogFiles(other))

    with pytest.raises(StateUnavailable):
        log.run(reading.page(LogQuery()))
