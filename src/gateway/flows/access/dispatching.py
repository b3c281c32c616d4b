# SPDX-License-Identifier: Apache-2.0
"""A call that sends: each message is judged at that moment, and goes to the recipient that carries it.

1 find and judge the people · 2 claim the messages' keys · 3 spend the budgets · 4 enter the intent · 5 let them be
carried (``carrying``) · 6 enter, then tell.

RULES

1. A key that was claimed is sent once or never, whatever crashes: who claims it sends it, and only what certainly
   did not go may be tried again.
2. Until the intent is durable nothing is sent. It names the recipient and, in its part, everybody whom the
   messages would reach and the keys of the messages; so the log knows more than the database after a crash.
3. The answer says how many went, and of every other message its row and why; never whom it was for.
4. A mandate stands in for a person's fresh sign-in (``mandated``).
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256

import msgspec

from gateway.decide.sending import as_sent
from gateway.domain.budget import BudgetKey, Counted, Taken, in_steps
from gateway.domain.decision import Deny, Outcome, Permit, Reason
from gateway.domain.entry import Intent, Release
from gateway.domain.errors import LogUnavailable
from gateway.domain.inquiry import Inquiry
from gateway.domain.mandate import Mandate, budget_of, rule_of
from gateway.domain.names import PersonNumber
from gateway.domain.sending import Fate, LeftOut, Message, Parcel
from gateway.flows.access.address_book import Conditions
from gateway.flows.access.addressees import Addressee, Addressees
from gateway.flows.access.asking import facts_of
from gateway.flows.access.call import Call, RefusedError, Rooms
from gateway.flows.access.carrying import Carrying
from gateway.flows.access.mandated import still_mandated
from gateway.flows.access.ports.doorway import Answer
from gateway.flows.access.standing import check_still_permitted
from gateway.flows.access.verdicts import choice_rule, over_budget, over_mandate
from gateway.transform.view_fields import view_words
from gateway.transform.writing import has_surrogate

_BEFORE = {Fate.SENT: LeftOut.SENT_BEFORE, Fate.CLAIMED: LeftOut.IN_FLIGHT}
"""What is told of a message by what an earlier call did with its key."""


class Row(msgspec.Struct, frozen=True):
    """One message that did not go, as the answer tells it."""

    row: int
    cause: LeftOut


class Told(msgspec.Struct, frozen=True):
    """The answer to a call that sends."""

    sent: int
    rows: tuple[Row, ...]


class Dispatching:
    """One permitted call that sends, on its way."""

    def __init__(self, rooms: Rooms, call: Call, inquiry: Inquiry, permit: Permit) -> None:
        """Begin before anything is claimed."""
        self._rooms, self._call, self._inquiry = rooms, call, inquiry
        self._permit, self._plan = permit, permit.plan
        self._left: dict[int, LeftOut] = {}

    async def run(self) -> None:
        """Carry the call to its end.

        Raises:
            RefusedError: Nothing of it may be sent.
        """
        call, rooms = self._call, self._rooms
        call.outcome = Outcome.NOT_SENT
        self._refuse_surrogates()
        self._refuse_unfit()
        mandate = await still_mandated(rooms, self._inquiry)
        parcels = await self._claimed(await self._judged(() if mandate is None else mandate.terms.conditions))
        try:
            await self._spend(parcels, mandate)
            check_still_permitted(rooms, call, self._inquiry, self._permit)
            await self._intend(parcels)
        except BaseException:
            if not call.intended:
                # Of what nothing was entered nothing was sent: the keys are as free as before.
                await asyncio.shield(rooms.dispatches.let_go(call.arrival.decision_id))
            raise
        call.outcome = Outcome.UNKNOWN
        self._left |= await Carrying(rooms, call, self._inquiry, self._permit).carried(parcels)
        await self._tell(parcels)

    def _refuse_surrogates(self) -> None:
        """Refuse texts with surrogates in them: nobody could read them, and whoever gets them could join by them.

        Raises:
            RefusedError: A text has one.
        """
        bad = [
            f"[{one.row}].{name}" for one in self._inquiry.messages for name, text in one.texts if has_surrogate(text)
        ]
        if bad:
            raise RefusedError(Deny(reason=Reason.UNREVEALED_VALUE_WRITTEN, fields=tuple(bad[:20])))

    def _refuse_unfit(self) -> None:
        """Refuse messages that whoever carries them could make nothing of, however often they are tried.

        Raises:
            RefusedError: One lacks a member, or has one that cannot be.
        """
        store, unfit = self._inquiry.route.store, self._rooms.recipients.unfit
        told = [(one.row, unfit(store, dict(one.texts))) for one in self._inquiry.messages]
        bad = {f"[{row}].{wrong[0]}": wrong[1] for row, wrong in told if wrong is not None}
        if bad:
            sentences = " ".join(dict.fromkeys(bad.values()))
            raise RefusedError(Deny(reason=Reason.BODY_INVALID, fields=tuple(bad)[:20], title=sentences))

    async def _judged(self, conditions: Conditions) -> list[tuple[Message, Addressee]]:
        """Return the messages that may go, each with its people; the others are left out."""
        # The surrogates are the caller's own, and the view is the recipient's.
        plan = self._rooms.scopes(self._plan, self._inquiry.principal.recipient)
        addressees = Addressees(self._rooms, self._call, self._inquiry, plan, conditions)
        verdicts = await addressees.judged(self._inquiry.messages)
        found = []
        for message in self._inquiry.messages:
            verdict = verdicts[message.row]
            if isinstance(verdict, Addressee):
                found.append((message, verdict))
            else:
                self._left[message.row] = verdict
        return found

    async def _claimed(self, judged: Sequence[tuple[Message, Addressee]]) -> list[Parcel]:
        """Return the messages whose keys are this call's; what an earlier call did with the others is told."""
        whose = (self._inquiry.principal.client, self._inquiry.route.template, self._inquiry.principal.account)
        body = self._inquiry.route.body
        member = body.messages.address if body is not None and body.messages is not None else ""
        parcels = [
            Parcel(
                row=message.row,
                digest=self._rooms.idempotency.digest(message.key, whose),
                people=who.people,
                member=member,
                address=who.address,
                texts=message.texts,
            )
            for message, who in judged
        ]
        now_us = self._rooms.clock()
        held = await self._rooms.dispatches.claim(
            self._call.arrival.decision_id, [one.digest for one in parcels], now_us
        )
        for one in parcels:
            if one.digest in held:
                self._left[one.row] = _BEFORE.get(held[one.digest], LeftOut.UNKNOWN)
        return [one for one in parcels if one.digest not in held]

    async def _spend(self, parcels: Sequence[Parcel], mandate: Mandate | None) -> None:
        """Spend the budgets of the purpose and of the mandate for everybody, or for nobody.

        Raises:
            RefusedError: There is no room for all of them.
        """
        people = _people(parcels)
        if not people:
            return
        plan, rooms, now_us = self._plan, self._rooms, self._rooms.clock()
        purpose = rooms.rules.decider.rules.purposes.get(plan.purpose)
        if purpose is not None and (purpose.budgets or purpose.counted):
            key = BudgetKey(account=self._inquiry.principal.account, key_class=plan.key_class, recipient=plan.recipient)
            taken = await rooms.budgets.take(
                key, purpose.budgets, people, len(people), whole=True, now_us=now_us, counted=purpose.counted
            )
            _insist(taken, len(people))
        if mandate is not None:
            taken = await rooms.budgets.take(
                budget_of(mandate.id, mandate.terms.recipient),
                (rule_of(mandate.terms.most_people),),
                people,
                len(people),
                whole=True,
                now_us=now_us,
                counted=(Counted.PEOPLE,),
            )
            if taken.n_rows < len(people):
                raise RefusedError(over_mandate(taken))

    async def _intend(self, parcels: Sequence[Parcel]) -> None:
        call, rooms, plan = self._call, self._rooms, self._plan
        rule = choice_rule(plan)
        facts = facts_of(
            as_sent(self._inquiry),
            plan,
            now_us=rooms.clock(),
            rules=plan.rules,
            view=view_words(plan),
            choices=rooms.choices.sets_for(rule.purpose).version if rule else 0,
        )
        intent = Intent(call=call.arrival.decision_id, records=len(parcels), facts=facts)
        call.intended = True
        try:
            # Whom the messages would reach is among those whom they name; whom they reached, the release says.
            keys = b"".join(one.digest for one in parcels)
            await rooms.recorder.append(intent, msgspec.structs.replace(call.part(), keys=keys))
        except LogUnavailable:
            call.intended = False
            raise

    async def _tell(self, parcels: Sequence[Parcel]) -> None:
        """Enter what went, with the people whom it may have reached, then tell it."""
        call, left = self._call, self._left
        rows = tuple(Row(row, left[row]) for row in sorted(left))
        n_sent = len(self._inquiry.messages) - len(rows)
        body = msgspec.json.encode(Told(sent=n_sent, rows=rows))
        reached = [one for one in parcels if left.get(one.row) in (None, LeftOut.UNKNOWN)]
        entry = Release(
            call=call.arrival.decision_id,
            n=0,
            rows=n_sent,
            bytes=len(body),
            people=len(_people(reached)),
            withheld={str(cause): n for cause, n in Counter(left.values()).items()},
            digest=sha256(body).hexdigest(),
            last=True,
        )
        call.n_blocks += 1
        try:
            await self._rooms.recorder.append(entry, call.part(_people(reached)))
        except LogUnavailable:
            call.n_blocks -= 1
            raise
        call.started = True
        head = Answer(
            decision_id=call.arrival.decision_id,
            inquiry=self._inquiry,
            view={},
            step_up=(),
            withheld=None,
            length=len(body),
            more=None,
        )
        await call.out.start(head)
        await call.out.write(body, last=True)
        call.released_bytes += len(body)


def _people(parcels: Sequence[Parcel]) -> list[PersonNumber]:
    return sorted({number for one in parcels for number in one.people})


def _insist(taken: Taken, n_people: int) -> None:
    if taken.n_rows < n_people:
        raise RefusedError(over_budget(taken, in_steps(taken.states)))
