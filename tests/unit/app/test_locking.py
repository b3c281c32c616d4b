# SPDX-License-Identifier: Apache-2.0
"""A lock that the gateway puts on an account by itself: entered first, over everything, and once."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.app.installation import Rooms, open_installation
from gateway.app.locking import GATEWAY, ROOTS, Locks, locks_of, put_on
from gateway.app.making import make_installation
from gateway.app.slots import CLI_SLOT
from gateway.domain.entry import Changed
from gateway.domain.names import AccountId
from gateway.record.reading.reader import records

WHO = AccountId("a_somebody")
SMALL = {"passwords": {"memory_kib": 64, "time_cost": 1}, "log": {"least_free_bytes": 0, "least_free_percent": 0}}


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    """The rooms of a new installation."""
    async with open_installation(make_installation(tmp_path / "state", SMALL), CLI_SLOT) as rooms:
        yield rooms


def entered(rooms: Rooms) -> list[Changed]:
    """Return the entries of locks."""
    folder = rooms.settings.state / "log" / CLI_SLOT
    bodies = [record.line.body for record in records(folder)]
    return [body for body in bodies if isinstance(body, Changed) and body.what == "account-locked"]


async def test_a_lock_is_entered_with_all_that_a_restored_database_needs_and_then_in_force(rooms: Rooms) -> None:
    """Over every category there is."""
    await put_on(rooms, WHO, "odd volume", by="local:officer")

    [entry] = entered(rooms)
    ids = await locks_of(rooms, WHO)
    assert (entry.by, entry.target, set(str(entry.facts["holds"]).split())) == ("local:officer", WHO, set(ids))
    assert {(one.category, one.rung, one.link, one.reason) for one in rooms.holds.for_account(WHO)} == {
        (root, "drop", False, "lock: odd volume") for root in ROOTS
    }


async def test_who_is_locked_is_not_locked_again(rooms: Rooms) -> None:
    """However many calls come to the same at once."""
    locks = Locks(rooms)
    await locks.lock(WHO, "asked for too much")
    await locks.lock(WHO, "asked for too much")

    assert [(entry.by, entry.facts["said"]) for entry in entered(rooms)] == [(GATEWAY, "lock: asked for too much")]
