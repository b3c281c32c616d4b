# SPDX-License-Identifier: Apache-2.0
"""Sealing anew what lies under retired versions of keys, joined from the rooms of an installation."""

from gateway.app.installation import Rooms
from gateway.flows.rewrapping import Rewrapping
from gateway.store.sealed_rows import rows_of
from gateway.store.versions import Topic, bump


def rewrapping_of(rooms: Rooms) -> Rewrapping:
    """Return what seals rows anew in an installation."""
    return Rewrapping(rooms.keyring, lambda label: rows_of(rooms.store, rooms.keyring, label), rooms.log, rooms.clock)


async def announce_keys(rooms: Rooms) -> None:
    """Tell every running process that the keyring is another."""
    async with rooms.store.begin() as connection:
        await bump(connection, Topic.KEYS)
