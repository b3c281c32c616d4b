# SPDX-License-Identifier: Apache-2.0
"""A call that sends: each message is judged at that moment, and goes to the recipient that carries it.

1 find and judge the people · 2 claim the messages' keys · 3 spend the budgets · 4 enter the intent · 5 send,
some at a time, each time looking whether they still may · 6 keep what became of each · 7 enter, then tell.

RULES

1. A key that was claimed is sent once or never, whatever crashes: who claims it sends it, what was claimed and
   never settled is *unknown* for good, and only what certainly did not go may be tried again.
2. Until the intent is durable nothing is sent. It names the recipient and, in its part, everybody whom the
   messages would reach and the keys of the messages; so the log knows more than the database after a crash.
3. The answer says how many went, and of every other message its row and why; never whom it was for.
4. A mandate stands in for a person's fresh sign-in. It is read again before each stretch of messages: revoked
   is revoked at once, and what waits then is left out.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256

import msgspec

from gateway.decide.decide import caps_for
from gateway.decide.sending import address_field, as_sent, lifted
from gateway.domain.budget import BudgetKey, Counted, Taken, in_steps
from gateway.domain.catalog import REVEAL
from gateway.domain.decision import VIEW_CHANGED, Deny, Outcome, Permit, Reason
from gateway.domain.entry import Intent, Release
from gateway.domain.errors import LogUnavailable, StoreUnreachable
from gateway.domain.inquiry import Inquiry
from gateway.domain.mandate import Mandate, MandateState, budget_of, rule_of
from gateway.domain.names import FieldName, PersonNumber, RecipientId
from gateway.domain.sending import Dispatch, Fate, LeftOut, Message, Parcel
from gateway.flows.access import ports
from gateway.flows.access.addressees import Addressee, Addressees, Conditions
from gateway.flows.access.asking import facts_of
from gateway.flows.access.call import Call, RefusedError, Rooms, permitted
from gateway.flows.access.verdicts import choice_rule, covers, over_budget, withheld_by
from gateway.transform.codec import view_words
from gateway.transform.writing import has_surrogate

STRETCH = 64
"""Messages between two looks at whether they still may go."""


class Row(msgspec.Struct, frozen=True):
    """One message that did not go, as the answer tells it."""

    row: int
    cause: LeftOut


class Told(msgspec.Struct, frozen=True):
    """The answer to a call that sends."""

    sent: int
    rows: tuple[Row, ...]


async def mandated(rooms: Rooms, inquiry: Inquiry, mandate_id: str | None, now_us: int) -> Inquiry | Deny:
    """Return an inquiry as its mandate lifts it, or why the mandate is none for it; without one, the inquiry itself.

    Whatever is wrong with a mandate is told in one way, so that nobody learns of those of others.
    """
    if mandate_id is None:
        return inquiry
    found = await rooms.mandates.find(mandate_id)
    why = "mandate:unknown" if found is None else why_not(found, inquiry, now_us)
    if why is not None:
        return Deny(reason=Reason.MANDATE_NOT_IN_FORCE, rule=why)
    return msgspec.structs.replace(lifted(inquiry, now_us), mandate=mandate_id)


def why_not(mandate: Mandate, inquiry: Inquiry, now_us: int) -> str | None:
    """Return why a mandate is none for a call, in a word for the log; ``None`` if it is one."""
    state, terms = mandate.state(now_us), mandate.terms
    if state is not MandateState.IN_FORCE:
        return f"mandate:{state}"
    said = (
        ("client", terms.client, inquiry.principal.client),
        ("purpose", terms.purpose, inquiry.purpose),
        ("recipient", terms.recipient, _recipient(inquiry)),
        ("dataset", terms.dataset, inquiry.dataset),
        ("reference", terms.reference, inquiry.reference),
    )
    wrong = next((word for word, mine, asked in said if mine != asked), None)
    if wrong is None and _field(inquiry) not in terms.fields:
        wrong = "field"
    if wrong is None and inquiry.operation == REVEAL and terms.conditions:
        # A surrogate alone does not say what else is so of its person.
        wrong = "condition"
    return None if wrong is None else f"mandate:{wrong}"


def _recipient(inquiry: Inquiry) -> RecipientId | None:
    """Return to whom the data goes: what is revealed to the caller's own, what is sent to the route's."""
    return inquiry.principal.recipient if inquiry.operation == REVEAL else inquiry.route.recipient


def _field(inquiry: Inquiry) -> FieldName:
    """Return the field that the mandate has to stand in for."""
    return (inquiry.fields or (FieldName(""),))[0] if inquiry.operation == REVEAL else address_field(inquiry)


class Dispatching:
    """One permitted call that sends, on its way."""

    def __init__(self, rooms: Rooms, call: Call, inquiry: Inquiry, permit: Permit) -> None:
        """Begin before anything is claimed."""
        self._rooms, self._call, self._inquiry, self._plan = rooms, call, inquiry, permit.plan
        self._left: dict[int, LeftOut] = {}
        self._fates: dict[bytes, Fate] = {}

    async def run(self) -> None:
        """Carry the call to its end.

        Raises:
            RefusedError: Nothing of it may be sent.
        """
        call, rooms = self._call, self._rooms
        call.outcome = Outcome.NOT_SENT
        self._refuse_surrogates()
        mandate = await self._mandate()
        parcels = await self._claimed(await self._judged(() if mandate is None else mandate.terms.conditions))
        try:
            await self._spend(parcels, mandate)
            self._check_still_permitted()
            await self._intend(parcels)
        except BaseException:
            if not call.intended:
                # Of what nothing was entered nothing was sent: the keys are as free as before.
                await asyncio.shield(rooms.dispatches.let_go(call.arrival.decision_id))
            raise
        call.outcome = Outcome.UNKNOWN
        try:
            await self._send(parcels)
        finally:
            await asyncio.shield(rooms.dispatches.settle(call.arrival.decision_id, self._fates))
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

    async def _mandate(self) -> Mandate | None:
        """Return the mandate that the call goes on under.

        Raises:
            RefusedError: It is not in force any more.
        """
        if not self._inquiry.mandate:
            return None
        found = await self._rooms.mandates.find(self._inquiry.mandate)
        why = "mandate:unknown" if found is None else why_not(found, self._inquiry, self._rooms.clock())
        if found is None or why is not None:
            raise RefusedError(Deny(reason=Reason.MANDATE_NOT_IN_FORCE, rule=why))
        return found

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
                before = held[one.digest]
                self._left[one.row] = LeftOut.SENT_BEFORE if before is Fate.SENT else LeftOut.UNKNOWN
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
            _insist(taken, len(people))

    def _check_still_permitted(self) -> None:
        """Look once more at what may have changed while people were judged.

        Raises:
            RefusedError: The call would not be permitted now.
        """
        rooms, inquiry = self._rooms, self._inquiry
        if not rooms.is_current():
            raise RefusedError(Deny(reason=Reason.OVERLOADED))
        if rooms.identify.is_revoked(inquiry.principal):
            raise RefusedError(Deny(reason=Reason.SIGN_IN_REQUIRED))
        holds, now_us = rooms.holds.for_account(inquiry.principal.account), rooms.clock()
        decider = rooms.rules.decider
        begun = lifted(inquiry, now_us) if inquiry.mandate else self._call.as_begun(inquiry, now_us)
        caps = caps_for(begun, holds, now_us)
        if not self._call.intended:
            told = as_sent(begun)
            self._call.know(lambda: facts_of(told, None, now_us=now_us, rules=decider.rules.digest, caps=caps))
        now = permitted(decider.decide(begun, holds, now_us)).plan
        if not covers(now, self._plan):
            raise RefusedError(Deny(reason=Reason.HELD if holds else Reason.GRANT_MISSING, rule=VIEW_CHANGED))

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

    async def _send(self, parcels: Sequence[Parcel]) -> None:
        """Send what still may go, a stretch at a time."""
        route, plan = self._inquiry.route, self._plan
        dispatch = Dispatch(
            recipient=plan.recipient,
            store=route.store,
            method=route.method,
            path="/" + route.template.split("/", 2)[2],
            purpose=plan.purpose,
            decision_id=self._call.arrival.decision_id,
        )
        if not parcels:
            return
        try:
            async with self._rooms.recipients.opened(dispatch) as send:
                for first in range(0, len(parcels), STRETCH):
                    some = await self._still(parcels[first : first + STRETCH])
                    async with asyncio.TaskGroup() as group:
                        for one in some:
                            group.create_task(self._sent(send, one))
        except StoreUnreachable:
            # There is no way to the recipient: nothing of what was not tried went.
            self._leave([one for one in parcels if one.digest not in self._fates], LeftOut.FAILED)

    async def _still(self, parcels: Sequence[Parcel]) -> list[Parcel]:
        """Return which of some messages still may go; the others are left out, and certainly did not go."""
        try:
            await self._mandate()
            self._check_still_permitted()
        except RefusedError:
            self._leave(parcels, LeftOut.STOPPED)
            return []
        rule = choice_rule(self._plan)
        if rule is None:
            return list(parcels)
        chosen = self._rooms.choices.sets_for(rule.purpose)
        against = [one for one in parcels if any(withheld_by(chosen, rule, list(one.people)))]
        self._leave(against, LeftOut.CHOICE)
        return [one for one in parcels if one.row not in self._left]

    def _leave(self, parcels: Sequence[Parcel], cause: LeftOut) -> None:
        for one in parcels:
            self._left[one.row] = cause
            self._fates[one.digest] = Fate.FAILED

    async def _sent(self, send: ports.Send, parcel: Parcel) -> None:
        # Whatever breaks off from here on, the recipient may have it.
        self._fates[parcel.digest] = Fate.UNKNOWN
        fate = self._fates[parcel.digest] = await send(parcel)
        if fate is not Fate.SENT:
            self._left[parcel.row] = LeftOut.FAILED if fate is Fate.FAILED else LeftOut.UNKNOWN

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
        head = ports.Answer(
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
