# SPDX-License-Identifier: Apache-2.0
"""The decisions behind a list, by the index and the files, are those that a look through every entry finds."""

import asyncio
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from bench.made_log import made_log
from gateway.app.index.indexing import fill
from gateway.domain.entry import Release
from gateway.flows.tracing.explaining import Weights, explained
from gateway.flows.tracing.releases import Party, Releases, Sought
from gateway.record.reading.tail import size_of
from gateway.store.engine import Base, open_index
from gateway.store.log.index import LogIndex
from gateway.store.log.people import LogPeople
from tests.fakes import reached
from tests.fakes.log_index import delete_parts

N_ENTRIES, SPAN = 3_000, 256
SPANS_IN = (
    "app.index.building", "domain.log_index", "flows.indexing", "flows.tracing.releases",
    "record.reading.indexing", "record.reading.spans", "store.log.held", "store.log.people",
)  # fmt: skip
SLOTS = ("door-0", "cli")


class Log:
    """Files, an index of them as they were, and what is in them now."""

    def __init__(self, logs: Path, runner: asyncio.Runner, base: Base) -> None:
        """Read the files."""
        self.logs, self.runner = logs, runner
        self.indexes = (None, LogPeople(base))
        everything = reached.read(logs)
        self.releases: list[tuple[str, Any, Any]] = [
            (slot, record, facts) for slot, record, facts, _ in everything if isinstance(record.line.body, Release)
        ]


@pytest.fixture(scope="module", params=["as it is", "parts gone since", "lagging"])
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """A made log with short spans, and an index that may be of earlier files."""
    folder = tmp_path_factory.mktemp("made")
    logs, whole = folder / "log", folder / "whole"
    with pytest.MonkeyPatch.context() as patch, asyncio.Runner() as runner:
        for name in SPANS_IN:
            patch.setattr(f"gateway.{name}.SPAN", SPAN)
        made_log(logs, N_ENTRIES, seed=5, slots=SLOTS)
        if request.param == "lagging":
            shutil.copytree(logs, whole)
            for slot in SLOTS:
                path = logs / slot / "000000.ndjson"
                lines = path.read_bytes().splitlines(keepends=True)
                path.write_bytes(b"".join(lines[: len(lines) * 2 // 3]))
        (folder / "state").mkdir()
        base = runner.run(open_index(str(folder / "state")))
        assert runner.run(fill(LogIndex(base), logs)) == {}
        if request.param == "parts gone since":
            chance = random.Random(6)
            for slot in SLOTS:
                delete_parts(logs / slot, set(chance.sample(range(size_of(logs / slot)), 60)))
        if whole.exists():
            shutil.rmtree(logs)
            whole.rename(logs)
        yield Log(logs, runner, base)
        runner.run(base.close())


@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1))
def test_the_decisions_behind_people_are_those_of_every_entry(log: Log, seed: int) -> None:
    """In any time, of one recipient and some purposes, of people of whom some were merged."""
    chance = random.Random(seed)
    coded = [one for one in log.releases if "surrogate" in one[2].fields]
    _, _record, facts = chance.choice(coded)
    everybody = sorted({one for _, each, _ in coded for one in people_in(each)})
    listed = chance.sample(everybody, min(30, len(everybody)))
    today = {old: chance.choice(listed) for old in chance.sample(everybody, 5) if old not in listed}
    times = sorted(chance.choice(coded)[1].line.at_us for _ in range(2))
    party = Party(
        recipient=facts.recipient,
        key_class="any",
        purposes=frozenset({facts.purpose, chance.choice(coded)[2].purpose}),
        fields=frozenset(),
        since_us=times[0] if chance.random() < 0.5 else 0,
        until_us=times[1] if chance.random() < 0.5 else None,
    )
    told: dict[tuple[str, str], set[int]] = {}
    n_bare = 0
    for slot, each, its in coded:
        is_meant = its.recipient == party.recipient and its.purpose in party.purposes
        if not is_meant or not party.within(each.line.at_us):
            continue
        n_bare += each.part is None and each.line.body.people > 0
        found = {today.get(one, one) for one in people_in(each) if one in listed or one in today}
        if found:
            told.setdefault((slot, each.line.body.call), set()).update(found)

    for index in log.indexes:
        sought = Sought(party=party, numbers=BitMap(listed) | BitMap(today), today=today)
        releases = Releases(log.logs, index, [sought], done=lambda _n: None)
        log.runner.run(releases.find())
        assert {key: set(one.people) for key, one in sought.calls.items()} == told
        if index is None:
            assert sought.n_bare == n_bare
        assert (index is None) or releases.n_from_files < len(log.releases) * 3


def people_in(record: Any) -> list[int]:
    """Return whom an entry's part names today."""
    return list(BitMap.deserialize(record.part.people)) if record.part and record.part.people else []


SETS = st.lists(st.sets(st.integers(0, 12), min_size=1), max_size=7)


@settings(deadline=None)
@given(SETS, st.dictionaries(st.integers(0, 12), st.integers(1, 3)), st.integers(1, 8))
def test_the_best_decision_comes_first_and_nothing_is_explained_twice(
    sets: list[set[int]], several: dict[int, int], most: int
) -> None:
    """Each next one explains most of what is left; together they explain what all do, if all are told."""
    from gateway.flows.tracing.explaining import Candidate

    candidates = [
        Candidate(
            decision=str(place), account="", client="", purpose="", dataset="", reference="",
            first_us=0, last_us=place, released=len(one), people=BitMap(one),
        )
        for place, one in enumerate(sets)
    ]  # fmt: skip
    everybody = set().union(*sets)
    weights = Weights(BitMap(range(13)), several)

    def rows(people: set[int]) -> int:
        return sum(1 + several.get(one, 0) for one in people)

    found, union = explained(candidates, weights, most)

    assert set(union) == everybody
    assert len(found) == min(most, len(sets))
    assert len({one.decision for one in found}) == len(found)
    left = set(everybody)
    for one in found:
        own = sets[int(one.decision)]
        assert (one.rows, one.more) == (rows(own), rows(own & left))
        if left:
            assert one.more == max(rows(each & left) for each in sets)
        left -= own
    if most >= len(sets):
        assert not left
        assert sum(one.more for one in found) == rows(everybody)
