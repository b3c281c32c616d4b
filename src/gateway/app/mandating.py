# SPDX-License-Identifier: Apache-2.0
"""Mandates, joined to an installation's rooms."""

from functools import partial

from gateway.app.evidence.incidents import may_open_lists
from gateway.app.installation import Rooms
from gateway.domain.names import AccountId
from gateway.flows.mandates import Mandates, Person
from gateway.store.mandates import Mandates as Kept


def mandates(rooms: Rooms) -> Mandates:
    """Return what hears people who speak of mandates."""
    return Mandates(
        kept=Kept(rooms.store), recorder=rooms.log, clock=rooms.clock, is_officer=partial(may_open_lists, rooms)
    )


async def person(rooms: Rooms, account: AccountId) -> Person | None:
    """Return somebody who just proved who they are, as the database and the rules have them now."""
    record = await rooms.accounts.get(account)
    if record is None:
        return None
    return Person(
        account=account,
        kind=record.account.kind,
        is_officer=await may_open_lists(rooms, account),
        is_free=record.disabled_us is None and not await rooms.holds.on(account),
    )
