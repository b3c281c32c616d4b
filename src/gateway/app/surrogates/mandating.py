# SPDX-License-Identifier: Apache-2.0
"""Mandates, joined to an installation's rooms: heard of, and used.

A word for a mandate counts as long as whoever gave it is there: an account that was disabled or from which something is
held back approves nothing any more, and one of those whose word counts has to be an officer still.
"""

from functools import partial

import msgspec

from gateway.app.evidence.incidents import may_open_lists
from gateway.app.installation import Rooms
from gateway.domain.mandate import Mandate
from gateway.domain.names import AccountId
from gateway.flows.mandates import Mandates, Person
from gateway.store.mandates import Mandates as Kept


def mandates(rooms: Rooms) -> Mandates:
    """Return what hears people who speak of mandates."""
    return Mandates(
        kept=Kept(rooms.store), recorder=rooms.log, clock=rooms.clock, is_officer=partial(may_open_lists, rooms)
    )


class InForce:
    """The mandates as they stand now; satisfies ``flows.access.ports.sending.Mandates``."""

    def __init__(self, rooms: Rooms) -> None:
        """Keep the rooms."""
        self._rooms, self._kept = rooms, Kept(rooms.store)

    async def find(self, mandate_id: str) -> Mandate | None:
        """Return a mandate with those words for it that count now.

        Raises:
            StateUnavailable: The database does not answer.
        """
        found = await self._kept.find(mandate_id)
        return None if found is None else await standing(self._rooms, found)


async def standing(rooms: Rooms, one: Mandate) -> Mandate:
    """Return a mandate with those words for it that count now; with none where none is an officer's.

    Raises:
        StateUnavailable: The database does not answer.
    """
    heard = [(word, await person(rooms, word[0])) for word in one.approved]
    counting = [(word, who) for word, who in heard if who is not None and who.is_free]
    has_officer = any(who.is_officer for _, who in counting)
    return msgspec.structs.replace(one, approved=tuple(word for word, _ in counting) if has_officer else ())


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
