# SPDX-License-Identifier: Apache-2.0
"""A lock on an account: everything is held back from it, until an officer takes the lock off.

The entry comes first and says all that a restored database needs to hold the account as it was.
"""

from gateway.app.installation import Rooms
from gateway.domain.entry import Changed
from gateway.domain.names import AccountId, CategoryKey
from gateway.domain.treatment import DROP
from gateway.domain.viewplan import Hold
from gateway.store.holds import new_hold_id

LOCK = "lock"
"""Word that the reasons of a lock's holds begin with."""
ROOTS = tuple(map(CategoryKey, ("user", "system", "local")))
"""Keys above every category: the two of fideslang, and that of an installation's own."""
GATEWAY = "gateway:lock"


async def put_on(rooms: Rooms, account: AccountId, reason: str, *, by: str) -> None:
    """Let nothing more leave to an account.

    Args:
        rooms: Of the installation.
        account: Whose views become empty.
        reason: For the log and for ``explain``; no personal values. May be empty.
        by: Who does it.

    Raises:
        LogUnavailable / StateUnavailable: It may be locked or not; to lock it again does no harm.
    """
    ids = [new_hold_id() for _ in ROOTS]
    said = f"{LOCK}: {reason}" if reason else LOCK
    cap: dict[str, str | int] = {"categories": " ".join(ROOTS), "rung": DROP, "link": 0, "said": said}
    facts = {**cap, "holds": " ".join(ids)}
    await rooms.log.append(Changed(by=by, what="account-locked", target=account, facts=facts))
    for hold_id, category in zip(ids, ROOTS, strict=True):
        await rooms.holds.set(account, Hold(category=category, rung=DROP, link=False, reason=said), hold_id=hold_id)


async def locks_of(rooms: Rooms, account: AccountId) -> list[str]:
    """Return the ids of the holds that are locks of an account."""
    return [hold_id for hold_id, hold in await rooms.holds.on(account) if hold.reason.partition(":")[0] == LOCK]


class Locks:
    """Locks accounts by what the gateway counted itself; satisfies ``flows.access.ports.state.Locks``."""

    def __init__(self, rooms: Rooms) -> None:
        """Keep the rooms."""
        self._rooms = rooms

    async def lock(self, account: AccountId, reason: str) -> None:
        """Lock an account that is not locked yet."""
        if not await locks_of(self._rooms, account):
            await put_on(self._rooms, account, reason, by=GATEWAY)
