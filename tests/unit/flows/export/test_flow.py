# SPDX-License-Identifier: Apache-2.0
"""An export holds what was counted before it began, page by page, and says where the next one goes on."""

from collections.abc import Mapping, Sequence

import pytest

from gateway.domain.log_forms import LogForm
from gateway.domain.log_query import LogPlace, LogQuery, LogRow
from gateway.flows.export import flow
from gateway.flows.export.forms import writing_of
from gateway.record.reading.reader import Record
from tests.fakes.entries import pairs

Pairs = list[tuple[LogRow, Record]]


class HeldIndex:
    """Some entries, of which more can come while they are asked for."""

    def __init__(self, *logs: Pairs) -> None:
        self.pairs = [pair for log in logs for pair in log]
        self.late: Pairs = []
        self.most_held = 0
        self.first: dict[str, int] = {}

    async def stretches(self) -> flow.Bounds:
        """Return by log which there are."""
        found: dict[str, int] = {}
        for row, _ in self.pairs:
            found[row.slot] = found.get(row.slot, 0) + 1
        return {slot: (self.first.get(slot, 0), n) for slot, n in found.items()}

    async def count(self, query: LogQuery, within: flow.Bounds) -> int:
        """Return how many answer."""
        return sum(within[row.slot][0] <= row.seq < within[row.slot][1] for row, _ in self._answering(query))

    async def rows(self, query: LogQuery, *, after: LogPlace | None, limit: int) -> Sequence[LogRow]:
        """Return the next, in the order of the log as a whole; what is late comes with the second look."""
        self.pairs, self.late = self.pairs + self.late, []
        places = sorted((LogPlace(row.at_us, row.slot, row.seq), row) for row, _ in self._answering(query))
        return [row for place, row in places if after is None or place > after][:limit]

    def pick(self, rows: Sequence[LogRow]) -> list[Record]:
        """Return the entries of rows."""
        self.most_held = max(self.most_held, len(rows))
        held = {(row.slot, row.seq): record for row, record in self.pairs}
        return [held[row.slot, row.seq] for row in rows]

    def _answering(self, query: LogQuery) -> Pairs:
        return [(row, record) for row, record in self.pairs if query.kind in (None, row.kind)]


async def exported(index: HeldIndex, query: LogQuery, after: Mapping[str, int]) -> tuple[list[str], flow.Bounded]:
    """Return the places of an export, and what it was bounded to."""
    told: list[bytes] = []
    what = await flow.bounded(index, query, after)
    n_told = [n async for n in flow.write(index, index.pick, what, writing_of(LogForm.CSV, "9"), told.append)]
    lines = b"".join(told).decode().splitlines()[1:]
    assert sum(n_told) == len(lines)
    return [":".join(line.split(",")[1:3]) for line in lines], what


async def test_entries_of_several_logs_go_out_in_one_order_once_each() -> None:
    """By time, then log, then place."""
    index = HeldIndex(pairs(slot="door-0"), pairs(slot="cli"))
    places, what = await exported(index, LogQuery(), {})
    half = len(places) // 2

    assert what.entries == len(places) == 2 * half
    assert places[:4] == ["cli:0", "door-0:0", "cli:1", "door-0:1"]
    assert len(set(places)) == len(places)


async def test_what_comes_meanwhile_is_left_to_the_next_export() -> None:
    """Also entries with times before those that went out; the next one begins where this one ended."""
    first, all_ = pairs()[:5], pairs()
    index = HeldIndex(first, pairs(slot="cli"))
    index.late = all_[5:]
    places, what = await exported(index, LogQuery(), {})
    later, _ = await exported(index, LogQuery(), what.ends)

    assert what.entries == len(places) == 5 + len(all_)
    assert what.ends == {"cli": len(all_) - 1, "door-0": 4}
    assert later == [f"door-0:{seq}" for seq in range(5, len(all_))]


async def test_a_log_that_after_does_not_name_begins_at_its_first_entry() -> None:
    """Better twice than never."""
    index = HeldIndex(pairs(), pairs(slot="cli"))
    places, _ = await exported(index, LogQuery(), {"door-0": len(pairs()) - 2})

    assert [one for one in places if one.startswith("door-0")] == [f"door-0:{len(pairs()) - 1}"]
    assert sum(one.startswith("cli") for one in places) == len(pairs())


async def test_only_what_answers_goes_out_and_the_end_is_that_of_the_logs() -> None:
    """So the next export does not look at the rest again."""
    index = HeldIndex(pairs())
    places, what = await exported(index, LogQuery(kind="sign-in"), {})

    assert len(places) == what.entries == 6
    assert what.ends == {"door-0": len(pairs()) - 1}


async def test_one_page_is_held_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the length of the log."""
    monkeypatch.setattr(flow, "PAGE", 4)
    index = HeldIndex(pairs(), pairs(slot="cli"))
    places, _ = await exported(index, LogQuery(), {})

    assert len(places) == 2 * len(pairs())
    assert index.most_held == 4


async def test_an_empty_log_is_an_export_of_nothing() -> None:
    """With a header, and with no place to go on from."""
    places, what = await exported(HeldIndex(), LogQuery(), {})

    assert (places, what.entries, what.ends) == ([], 0, {})


async def test_entries_that_were_moved_elsewhere_are_left_out_and_counted() -> None:
    """They are known and not here; who asks only for what comes behind them misses nothing."""
    index = HeldIndex(pairs())
    index.first["door-0"] = 7
    places, what = await exported(index, LogQuery(), {"door-0": 2})
    _, behind = await exported(index, LogQuery(), {"door-0": 6})

    assert places[0] == "door-0:7"
    assert what.moved == {"door-0": 4}
    assert behind.moved == {}
