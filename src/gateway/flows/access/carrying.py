# SPDX-License-Identifier: Apache-2.0
"""Messages on their way to who carries them: a stretch at a time, each looked at once more before it goes.

RULES

1. Before a stretch is begun it is known in the database that its messages may be with the recipient, and what became
   of those before it. So after a kill those of one stretch at most are *unknown*: what was before it is known, and
   what was behind it went certainly not, and may be sent.
2. Only what the database lets be begun goes; a key that is not this call's any more is none of its own.
3. Before each stretch rules, sign-in, holds, mandate and choices are looked at again, and whether the people are there
   still: who was erased meanwhile gets no message. What may not go any more is left out, and so is everything behind a
   database that does not answer.
4. What was never tried may be tried again, however the call ends; what was tried and not answered may not.
"""

import asyncio
from collections.abc import Mapping, Sequence

from gateway.domain.decision import Permit
from gateway.domain.errors import StateUnavailable, StoreUnreachable
from gateway.domain.inquiry import Inquiry
from gateway.domain.sending import Dispatch, Fate, LeftOut, Parcel
from gateway.flows.access.call import Call, RefusedError, Rooms
from gateway.flows.access.mandated import still_mandated
from gateway.flows.access.ports.sending import Send
from gateway.flows.access.standing import check_still_permitted
from gateway.flows.access.verdicts import choice_rule, withheld_by

STRETCH = 64
"""Messages between two looks at whether they still may go; so many are unknown after a kill at most."""

_TOLD = {Fate.FAILED: LeftOut.FAILED, Fate.REFUSED: LeftOut.REFUSED}


class Carrying:
    """The messages of one call, whose keys are its own and whose intent is entered."""

    def __init__(self, rooms: Rooms, call: Call, inquiry: Inquiry, permit: Permit) -> None:
        """Begin before the first of them goes."""
        self._rooms, self._call, self._inquiry, self._permit = rooms, call, inquiry, permit
        self._left: dict[int, LeftOut] = {}
        self._fates: dict[bytes, Fate] = {}
        self._n_told = 0
        """Of the fates, in their order, those that the database knows."""

    async def carried(self, parcels: Sequence[Parcel]) -> Mapping[int, LeftOut]:
        """Send what still may go; return the rows that did not, or are not known to have gone, and why.

        Raises:
            StateUnavailable: What became of them cannot be kept; what was begun is unknown for good.
        """
        if not parcels:
            return {}
        try:
            await self._sent_all(parcels)
        finally:
            # Whatever was not tried by now went certainly not.
            untried = {one.digest: Fate.FAILED for one in parcels if one.digest not in self._fates}
            await asyncio.shield(self._rooms.dispatches.settle(self._id, {**self._untold(), **untried}))
        return self._left

    @property
    def _id(self) -> str:
        return self._call.arrival.decision_id

    def _untold(self) -> dict[bytes, Fate]:
        """Return what became of messages since it was told last."""
        return dict(list(self._fates.items())[self._n_told :])

    async def _sent_all(self, parcels: Sequence[Parcel]) -> None:
        try:
            async with self._rooms.recipients.opened(self._dispatch()) as send:
                for first in range(0, len(parcels), STRETCH):
                    some = await self._begun(await self._still(parcels[first : first + STRETCH]))
                    async with asyncio.TaskGroup() as group:
                        for one in some:
                            group.create_task(self._sent(send, one))
        except StoreUnreachable:
            self._leave(self._untried(parcels), LeftOut.FAILED)
        except StateUnavailable:
            self._leave(self._untried(parcels), LeftOut.STOPPED)

    def _dispatch(self) -> Dispatch:
        route, plan = self._inquiry.route, self._permit.plan
        return Dispatch(
            recipient=plan.recipient,
            store=route.store,
            method=route.method,
            path="/" + route.template.split("/", 2)[2],
            purpose=plan.purpose,
            decision_id=self._call.arrival.decision_id,
        )

    async def _still(self, parcels: Sequence[Parcel]) -> list[Parcel]:
        """Return which of some messages still may go; the others are left out, and certainly did not go."""
        try:
            await still_mandated(self._rooms, self._inquiry)
            check_still_permitted(self._rooms, self._call, self._inquiry, self._permit)
        except RefusedError:
            self._leave(parcels, LeftOut.STOPPED)
            return []
        known = await self._rooms.people.known_still([number for one in parcels for number in one.people])
        # Erased, or merged into somebody else: the next call tells which.
        self._leave([one for one in parcels if not known.issuperset(one.people)], LeftOut.STOPPED)
        parcels = [one for one in parcels if one.row not in self._left]
        rule = choice_rule(self._permit.plan)
        if rule is None:
            return parcels
        chosen = self._rooms.choices.sets_for(rule.purpose)
        against = [one for one in parcels if any(withheld_by(chosen, rule, list(one.people)))]
        self._leave(against, LeftOut.CHOICE)
        return [one for one in parcels if one.row not in self._left]

    async def _begun(self, parcels: Sequence[Parcel]) -> list[Parcel]:
        """Return which of some messages the database lets go, with it knowing that they may have gone."""
        if not parcels:
            return []
        became, n_told = self._untold(), len(self._fates)
        mine = await self._rooms.dispatches.begin(self._id, [one.digest for one in parcels], became)
        self._n_told = n_told
        for one in parcels:
            if one.digest not in mine:
                self._left[one.row], self._fates[one.digest] = LeftOut.UNKNOWN, Fate.UNKNOWN
        return [one for one in parcels if one.digest in mine]

    async def _sent(self, send: Send, parcel: Parcel) -> None:
        # Whatever breaks off from here on, the recipient may have it.
        self._fates[parcel.digest] = Fate.UNKNOWN
        fate = self._fates[parcel.digest] = await send(parcel)
        if fate is not Fate.SENT:
            self._left[parcel.row] = _TOLD.get(fate, LeftOut.UNKNOWN)

    def _untried(self, parcels: Sequence[Parcel]) -> list[Parcel]:
        return [one for one in parcels if one.digest not in self._fates]

    def _leave(self, parcels: Sequence[Parcel], cause: LeftOut) -> None:
        for one in parcels:
            self._left[one.row] = cause
            self._fates[one.digest] = Fate.FAILED
