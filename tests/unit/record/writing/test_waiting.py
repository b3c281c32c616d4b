# SPDX-License-Identifier: Apache-2.0
"""What waits for the disk: order, patience, and the ends that are owed."""

import asyncio

import msgspec
import pytest

from gateway.domain.entry import End, Entry, Intent, Refused, Release
from gateway.domain.errors import LogUnavailable
from gateway.domain.names import DecisionId
from gateway.record.writing.drafts import draft
from gateway.record.writing.waiting import MOST_OWED, Item, Waiting
from tests.fakes.log import release


def add(waiting: Waiting, entry: Entry) -> Item:
    """Let an entry wait."""
    return waiting.add(entry, draft(entry, None, 1), asyncio.get_running_loop().create_future())


def entries(items: list[Item]) -> list[Entry]:
    """Return what is in some items."""
    return [item.entry for item in items]


def end(call: str) -> End:
    """Return an end that a flow would enter."""
    return End(call=DecisionId(call), how="cut", bytes=3)


async def test_what_is_owed_goes_in_first_and_no_batch_is_too_long() -> None:
    """Then those who wait, in their order."""
    waiting = Waiting()
    first, second = release("d1"), release("d2")
    add(waiting, first)
    add(waiting, second)
    waiting.owe(end("d0"))
    assert (len(waiting), waiting.owes) == (2, True)
    assert entries(waiting.taken(2, 5)) == [end("d0"), first]
    assert entries(waiting.taken(2, 5)) == [second]
    assert (len(waiting), waiting.owes) == (0, False)


async def test_a_refused_batch_is_told_and_its_ends_are_kept() -> None:
    """Those of callers and those that were owed already; what they would have told was not told."""
    waiting = Waiting()
    waiting.owe(msgspec.structs.replace(end("d0"), told=40))
    told = [add(waiting, release("d1")), add(waiting, end("d2"))]
    waiting.refuse(waiting.taken(9, 5), "full")
    for item in told:
        assert item.durable is not None
        with pytest.raises(LogUnavailable, match="full"):
            await item.durable
    assert entries(waiting.taken(9, 6)) == [end("d0"), end("d2")]


async def test_an_entry_that_still_waits_can_be_taken_back() -> None:
    """An end cannot: it is wanted whoever waits."""
    waiting = Waiting()
    one, last = add(waiting, release("d1")), add(waiting, end("d2"))
    waiting.give_up(one)
    waiting.give_up(last)
    assert entries(waiting.taken(9, 5)) == [end("d2")]


@pytest.mark.parametrize(
    ("entry", "is_ended"),
    [
        (release("d1"), True),
        (release("d1", last=False), True),
        (Intent(call=DecisionId("d1"), records=1, facts=release("d1").facts), True),
        (release("d1", 1), False),
        (Refused(call=DecisionId("d1"), reason="malformed", status=400), False),
    ],
    ids=["the only block", "the first block", "a write", "a later block", "a refusal"],
)
async def test_a_first_entry_that_came_too_late_gets_an_end(entry: Entry, is_ended: bool) -> None:
    """Nothing of it was sent; a later block's flow says itself what was."""
    waiting = Waiting()
    item = add(waiting, entry)
    taken = waiting.taken(9, 5)
    waiting.give_up(item)
    assert item.durable is not None
    item.durable.cancel()
    waiting.enter(taken, 7)
    owed = [End(call=DecisionId("d1"), how="failed", bytes=0, reason="log-unavailable")]
    assert entries(waiting.taken(9, 6)) == (owed if is_ended else [])


async def test_whoever_was_cancelled_is_no_affair_of_the_log() -> None:
    """Its flow enters the end."""
    waiting = Waiting()
    item = add(waiting, release("d1", last=False))
    taken = waiting.taken(9, 5)
    assert item.durable is not None
    item.durable.cancel()
    waiting.enter(taken, 7)
    assert not waiting.owes


async def test_places_are_told_in_order() -> None:
    """From the first on."""
    waiting = Waiting()
    items = [add(waiting, release(f"d{n}")) for n in range(3)]
    waiting.enter(waiting.taken(9, 5), 40)
    assert [await item.durable for item in items if item.durable] == [40, 41, 42]


async def test_no_more_ends_are_kept_than_memory_is_set_aside_for() -> None:
    """The oldest give way; the next start ends them."""
    waiting = Waiting()
    for n in range(MOST_OWED + 1):
        waiting.owe(end(f"d{n}"))
    taken = waiting.taken(MOST_OWED + 5, 5)
    assert len(taken) == MOST_OWED
    assert taken[0].entry == end("d1")


async def test_everybody_can_be_refused_at_once() -> None:
    """When the log closes, or a checkpoint is overdue."""
    waiting = Waiting()
    item = add(waiting, Release(call=DecisionId("d1"), n=0, rows=0, bytes=0, people=0))
    waiting.refuse_all("closed")
    assert len(waiting) == 0
    assert item.durable is not None
    with pytest.raises(LogUnavailable, match="closed"):
        await item.durable
