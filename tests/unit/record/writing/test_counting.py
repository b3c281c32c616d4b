# SPDX-License-Identifier: Apache-2.0
"""Counting: refusals singly up to a rate, counts beyond it, health once a minute, and nothing lost."""

import asyncio

import pytest
from typing_extensions import override

from gateway.domain.entry import UNAVAILABLE, Answered, Entry, Part, RefusalsCounted, Refused
from gateway.domain.errors import LogUnavailable
from gateway.domain.names import DecisionId
from gateway.record.writing.counting import MINUTE_US, SINGLY_A_PLACE, SINGLY_IN_ALL, Counting
from tests.fakes.clock import FakeClock
from tests.fakes.signin import MemoryLog


@pytest.fixture
def log() -> MemoryLog:
    """A log in memory."""
    return MemoryLog()


@pytest.fixture
def counting(log: MemoryLog, clock: FakeClock) -> Counting:
    """Counting into that log."""
    return Counting(log, clock)


async def refuse(counting: Counting, n: int, *, ip: str = "192.0.2.1", reason: str = "sign-in-required") -> None:
    """Refuse so many calls of a place."""
    for place in range(n):
        await counting.refused(Refused(call=DecisionId(f"d{place}"), reason=reason, status=401), Part(ip=ip))


def singles(log: MemoryLog) -> int:
    """Return how many refusals have an entry of their own."""
    return sum(isinstance(entry, Refused) for entry, _ in log.entries)


def counts(log: MemoryLog) -> list[RefusalsCounted]:
    """Return the entries with counts."""
    return [entry for entry, _ in log.entries if isinstance(entry, RefusalsCounted)]


async def test_a_place_has_so_many_single_entries_a_second(log: MemoryLog, counting: Counting) -> None:
    """Others are not crowded out by it."""
    await refuse(counting, SINGLY_A_PLACE + 5)
    await refuse(counting, 3, ip="192.0.2.2")
    assert singles(log) == SINGLY_A_PLACE + 3


async def test_all_places_together_have_so_many(log: MemoryLog, counting: Counting) -> None:
    """A flood from many addresses is bounded too."""
    for place in range(30):
        await refuse(counting, 10, ip=f"192.0.2.{place}")
    assert singles(log) == SINGLY_IN_ALL


async def test_every_second_begins_anew(log: MemoryLog, counting: Counting, clock: FakeClock) -> None:
    """The rate is one of seconds."""
    await refuse(counting, SINGLY_A_PLACE + 1)
    clock.advance(s=1)
    await refuse(counting, 2)
    assert singles(log) == SINGLY_A_PLACE + 2


async def test_what_is_beyond_is_counted_by_reason_since_when_it_began(
    log: MemoryLog, counting: Counting, clock: FakeClock
) -> None:
    """One entry for all of them."""
    await refuse(counting, SINGLY_A_PLACE)
    began_us = clock.advance(us=10)
    await refuse(counting, 4)
    clock.advance(us=10)
    await refuse(counting, 2, reason="malformed")
    await counting.flush(answers=False)
    await counting.flush(answers=False)

    assert counts(log) == [
        RefusalsCounted(since_us=began_us, reasons={"malformed": 2}),
        RefusalsCounted(since_us=began_us, reasons={"sign-in-required": 4}),
    ]


async def test_answers_are_entered_once_a_minute(log: MemoryLog, counting: Counting, clock: FakeClock) -> None:
    """And only where there were any."""
    await counting.flush(answers=True)
    counting.answered("live")
    counting.answered("live")
    counting.answered("ready")
    await counting.flush(answers=False)
    assert log.entries == []
    await counting.flush(answers=True)
    assert [entry for entry, _ in log.entries] == [Answered(since_us=clock(), counts={"live": 2, "ready": 1})]


async def test_what_cannot_be_entered_is_kept_for_the_next_time(
    log: MemoryLog, counting: Counting, clock: FakeClock
) -> None:
    """With what came meanwhile, since the first of them."""
    began_us = clock()
    await refuse(counting, SINGLY_A_PLACE + 3)
    counting.answered("live")
    log.is_full = True
    clock.advance(us=500)
    await counting.flush(answers=True)
    log.is_full = False
    counting.answered("live")
    await counting.flush(answers=True)

    assert counts(log) == [RefusalsCounted(since_us=began_us, reasons={"sign-in-required": 3})]
    [answered] = [entry for entry, _ in log.entries if isinstance(entry, Answered)]
    assert answered == Answered(since_us=began_us, counts={"live": 2})


async def test_answers_that_cannot_be_entered_are_kept_too(
    log: MemoryLog, counting: Counting, clock: FakeClock
) -> None:
    """Since the time from which they were counted."""
    began_us = clock()
    counting.answered("live")
    log.is_full = True
    clock.advance(s=60)
    await counting.flush(answers=True)
    log.is_full = False
    clock.advance(s=60)
    await counting.flush(answers=True)
    assert [entry for entry, _ in log.entries] == [Answered(since_us=began_us, counts={"live": 1})]


async def test_a_single_refusal_that_cannot_be_entered_is_not_told(log: MemoryLog, counting: Counting) -> None:
    """The door answers 503."""
    log.is_full = True
    with pytest.raises(LogUnavailable):
        await refuse(counting, 1)


async def test_while_the_log_takes_nothing_nothing_is_counted_either(log: MemoryLog, counting: Counting) -> None:
    """A count is a promise; whoever could not be promised an entry gets the bodyless 503, until one succeeds."""
    await refuse(counting, SINGLY_A_PLACE)
    log.is_full = True
    await refuse(counting, 1)
    await counting.flush(answers=False)
    with pytest.raises(LogUnavailable):
        await refuse(counting, 1)
    log.is_full = False
    await counting.flush(answers=False)
    await refuse(counting, 1)
    await counting.flush(answers=False)
    assert [one.reasons for one in counts(log)] == [{"sign-in-required": 1}, {"sign-in-required": 1}]


async def test_calls_that_got_nothing_are_entered_as_soon_as_the_log_is_back(
    log: MemoryLog, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a minute later."""
    monkeypatch.setattr("gateway.record.writing.counting.EVERY_S", 0.001)
    stop = asyncio.Event()
    log.is_full = True
    counting.answered(UNAVAILABLE)
    async with asyncio.TaskGroup() as group, asyncio.timeout(5):
        group.create_task(counting.run(stop))
        await asyncio.sleep(0.01)
        log.is_full = False
        while not log.entries:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        stop.set()
    [(answered, _)] = log.entries
    assert isinstance(answered, Answered)
    assert answered.counts == {UNAVAILABLE: 1}


async def test_everything_is_entered_when_told_to_stop(
    log: MemoryLog, counting: Counting, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it runs it enters refusals each round, and answers when a minute is over."""
    monkeypatch.setattr("gateway.record.writing.counting.EVERY_S", 0.001)
    stop = asyncio.Event()
    await refuse(counting, SINGLY_A_PLACE + 1)
    counting.answered("live")
    async with asyncio.TaskGroup() as group, asyncio.timeout(5):
        group.create_task(counting.run(stop))
        while not counts(log):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        assert not any(isinstance(entry, Answered) for entry, _ in log.entries)
        clock.advance(us=MINUTE_US)
        while not any(isinstance(entry, Answered) for entry, _ in log.entries):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        counting.answered("ready")
        stop.set()
    assert log.entries[-1][0] == Answered(since_us=clock(), counts={"ready": 1})


async def test_two_that_enter_the_counts_at_once_enter_each_count_once(clock: FakeClock) -> None:
    """The last entering at the end of a process meets that of the second; the log takes its time for both."""

    class Slow(MemoryLog):
        @override
        async def append(self, entry: Entry, part: Part | None = None) -> int:
            await asyncio.sleep(0)
            return await super().append(entry, part)

    log = Slow()
    counting = Counting(log, clock)
    for reason in ("sign-in-required", "path-not-canonical", "route-unknown"):
        await refuse(counting, SINGLY_A_PLACE + 2, reason=reason)
    await asyncio.gather(counting.flush(answers=True), counting.flush(answers=True))
    told = [entry.reasons for entry in counts(log)]
    assert sum(sum(one.values()) for one in told) == 3 * (SINGLY_A_PLACE + 2) - singles(log)
    assert len(told) == 3
