# SPDX-License-Identifier: Apache-2.0
"""Whether a door can do its work, and why not: the words that readiness, metrics and the check-up share."""

from collections.abc import Mapping

from gateway.app.installation import Rooms
from gateway.domain.names import StoreName
from gateway.doors.http.own.watching import Health
from gateway.forward.breaker import BreakerState, StoreHealth


def health_of(rooms: Rooms, stores: Mapping[StoreName, StoreHealth]) -> Health:
    """Return the health of one door, from what it knows without asking anybody."""
    return Health(reasons=tuple(_reasons(rooms)), degraded=tuple(_degraded(rooms, stores)))


def _reasons(rooms: Rooms) -> list[str]:
    found = []
    if rooms.log.trouble is not None:
        found.append("log-unavailable")
    if not rooms.log.room_left():
        found.append("disk")
    if not rooms.changes.is_current():
        good_us = rooms.changes.good_us
        found.append("change-feed")
        if rooms.changes.is_failing:
            found.append("database")
        elif good_us is not None and rooms.clock() < good_us:
            found.append("clock")
    return found


def _degraded(rooms: Rooms, stores: Mapping[StoreName, StoreHealth]) -> list[str]:
    found = ["rules"] if rooms.policy.are_newer_refused else []
    if rooms.log.lost:
        found.append("log-sink")
    return [*found, *(f"store:{name}" for name, one in stores.items() if one.state is not BreakerState.CLOSED)]
