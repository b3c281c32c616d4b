# SPDX-License-Identifier: Apache-2.0
"""Why a door is not ready, from what it knows itself."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from gateway.app.health import health_of
from gateway.app.installation import Rooms, open_installation
from gateway.app.making import make_installation
from gateway.app.slots import DOOR_SLOT
from gateway.domain.errors import StateUnavailable
from gateway.domain.names import StoreName
from gateway.forward.breaker import BreakerState, StoreHealth
from gateway.workers.loop import STALE_US, ChangeLoop
from tests.fakes.clock import FakeClock

CRM = StoreName("crm")


class Feed:
    """A change feed that can fail."""

    def __init__(self) -> None:
        """Begin well."""
        self.fails = False

    async def poll(self) -> tuple[str, ...]:
        """Tell that nothing changed."""
        if self.fails:
            raise StateUnavailable("no")
        return ()

    def again(self, topics: object) -> None:
        """Forget."""

    async def hint(self) -> None:
        """Return at once."""


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    """The rooms of a door that is well, with a clock and a feed of the test's."""
    settings = make_installation(tmp_path / "state", {"log": {"least_free_bytes": 0, "least_free_percent": 0}})
    async with open_installation(settings, DOOR_SLOT) as rooms:
        clock = FakeClock()
        yield msgspec.structs.replace(rooms, clock=clock, changes=ChangeLoop(Feed(), {}, clock))


def store(state: BreakerState) -> dict[StoreName, StoreHealth]:
    return {CRM: StoreHealth(state=state, for_s=None, n_failures=0)}


async def test_all_is_well(rooms: Rooms) -> None:
    """And nothing is said."""
    await rooms.changes.follow()
    health = health_of(rooms, store(BreakerState.CLOSED))
    assert (health.is_ready, health.reasons, health.degraded) == (True, (), ())


async def test_an_old_look_at_changes_is_told_with_its_cause(rooms: Rooms) -> None:
    """Nobody looks, the database fails, or the clock went back."""
    clock = rooms.clock
    assert isinstance(clock, FakeClock)
    await rooms.changes.follow()
    clock.advance(us=STALE_US + 1)
    assert health_of(rooms, {}).reasons == ("change-feed",)
    rooms.changes.is_failing = True
    assert health_of(rooms, {}).reasons == ("change-feed", "database")
    rooms.changes.is_failing = False
    clock.advance(us=-2 * STALE_US)
    assert health_of(rooms, {}).reasons == ("change-feed", "clock")


async def test_a_store_that_is_left_alone_and_rules_that_do_not_load_keep_no_door_from_its_work(rooms: Rooms) -> None:
    """They are told as degraded."""
    await rooms.changes.follow()
    rooms.policy.are_newer_refused = True
    for state in (BreakerState.OPEN, BreakerState.HALF_OPEN):
        health = health_of(rooms, store(state))
        assert (health.is_ready, health.degraded) == (True, ("rules", "store:crm"))


async def test_a_log_that_takes_nothing_and_a_full_disk_keep_it(rooms: Rooms) -> None:
    """Both are told."""
    await rooms.changes.follow()
    rooms.log._trouble, rooms.log._has_room, rooms.log._room_asked_s = "no", False, float("inf")
    assert health_of(rooms, {}).reasons == ("log-unavailable", "disk")
