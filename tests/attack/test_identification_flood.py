# SPDX-License-Identifier: Apache-2.0
"""Attack: a flood of calls without identity, to fill the disk or to hide one call among them."""

import asyncio
import sys

import pytest

from gateway.domain.entry import RefusalsCounted, Refused
from gateway.record.writing.counting import SINGLY_A_PLACE
from tests.fakes.wire import Heard, called, request
from tests.story.conftest import ANALYST, World

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
N_CALLS = 1_200
AT_ONCE = 16
FLOOD = [
    request("/crm/customers", {}),
    request("/crm/customers", {"Authorization": "Bearer a.b.c"}),
    request("/crm//customers", {}),
    request("/-/me", {}),
    request("/-/access/v1/evaluation", {"Content-Type": "application/json"}, method="POST", body=b"{}"),
    request("/crm/customers", {"Range": "bytes=0-1"}),
]


async def flood(port: int) -> list[Heard]:
    """Send the calls, some at once, as fast as they are answered."""
    few = asyncio.Semaphore(AT_ONCE)

    async def one(call: bytes) -> Heard:
        async with few:
            return await called(port, call)

    return await asyncio.gather(*(one(FLOOD[place % len(FLOOD)]) for place in range(N_CALLS)))


async def test_a_flood_is_entered_singly_up_to_the_bound_and_counted_beyond(world: World) -> None:
    """The sum is the number of calls; a call of somebody known has its own entry all the same."""
    started_us = world.rooms.clock()
    flooding = asyncio.gather(flood(world.port), world.get("/crm/customers?limit=1", "analyst", ANALYST))
    heard, known = await flooding
    lasted_s = (world.rooms.clock() - started_us) / 1_000_000
    await world.rooms.counting.flush(answers=True)

    entries = [entry for entry, _ in world.entries()]
    single = [entry for entry in entries if isinstance(entry, Refused)]
    counted = [entry for entry in entries if isinstance(entry, RefusalsCounted)]
    assert {one.status for one in heard} == {400, 401}
    assert known.status == 200
    assert len(world.entries_of(known.headers["decision-id"])) == 1
    assert len(single) + sum(sum(entry.reasons.values()) for entry in counted) == N_CALLS
    assert SINGLY_A_PLACE <= len(single) <= SINGLY_A_PLACE * (lasted_s + 2)
    assert all(len(entry.reasons) == 1 for entry in counted)
    assert len(counted) <= (lasted_s + 2) * len({reason for entry in counted for reason in entry.reasons})
    sys.stdout.write(f"{N_CALLS / lasted_s:.0f} calls/s, {len(single)} entries, {len(counted)} counts\n")


async def test_counts_tell_the_reasons_and_since_when(world: World) -> None:
    """What was counted is not one number but one for each reason."""
    before_us = world.rooms.clock()
    await flood(world.port)
    await world.rooms.counting.flush(answers=True)

    counted = [entry for entry, _ in world.entries() if isinstance(entry, RefusalsCounted)]
    reasons = {reason for entry in counted for reason in entry.reasons}
    assert reasons == {"sign-in-required", "path-not-canonical", "header-not-supported"}
    assert all(before_us <= entry.since_us <= world.rooms.clock() for entry in counted)
