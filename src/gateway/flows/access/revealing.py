# SPDX-License-Identifier: Apache-2.0
"""Step 3 to 6 of a call that asks for the values of surrogates: judge, enter, release; all of it or nothing.

1 open; a second person, where there are many · 2 find whose they are · 3 judge each like a row · 4 spend the
budgets · 5 look again whether all of it is still permitted · 6 spend the approval · 7 enter, then release.

RULES

1. Each surrogate is a row about somebody. Nobody is known whose age or country could be read, so a rule that looks
   at either withholds; and where choices count, so is what is nobody's who is known.
2. A value of several people leaves only if it would leave for each of them, and counts them all.
3. Of a surrogate of which nothing leaves, one word is told. What was made for somebody else, what was changed and
   what never was a surrogate are one word and take the same steps.
4. Those that one account has revealed in a day on its own word are counted, however they are sliced into calls.
   Beyond what the purpose allows, a call needs the word of somebody else, which is good for that set alone. What
   opens to nothing is not counted, so that nobody is asked for a word on text that was made up.
5. Whoever revealed nothing has spent nothing but its own allowance: of budget and approval, the approval is last.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import cast

import msgspec

from gateway.domain.approval import Approval, ApprovalState
from gateway.domain.budget import BudgetKey, BudgetRule, Counted, Taken, in_steps, revealed_of
from gateway.domain.decision import Deny, Permit, Reason
from gateway.domain.entry import Release
from gateway.domain.errors import LogUnavailable
from gateway.domain.inquiry import Inquiry
from gateway.domain.mandate import budget_of, rule_of
from gateway.domain.names import PersonNumber
from gateway.domain.purpose import REVEALED_HOURS, PurposeRule
from gateway.domain.revealed import ERASED, NOT_RECOGNISED, Found
from gateway.domain.viewplan import AgeRule, Cause, RowEffect, TransferRule, ViewPlan
from gateway.flows.access.asking import facts_of
from gateway.flows.access.call import Call, RefusedError, Rooms
from gateway.flows.access.mandated import why_not
from gateway.flows.access.ports.at_rest import Approvals
from gateway.flows.access.ports.doorway import Answer
from gateway.flows.access.revealed import bound_of, field_of, typed
from gateway.flows.access.standing import check_still_permitted
from gateway.flows.access.verdicts import choice_rule, over_budget, over_mandate, withheld_by
from gateway.transform.codec import Codec

AT_ONCE = 1_024
"""Surrogates that are opened in one go: some 5 ms."""

_encoder = msgspec.json.Encoder(decimal_format="number")


class Revealing:
    """One permitted reveal."""

    def __init__(self, rooms: Rooms, call: Call, inquiry: Inquiry, permit: Permit) -> None:
        """Begin before anything is opened."""
        self._rooms, self._call, self._inquiry, self._permit = rooms, call, inquiry, permit
        self._plan: ViewPlan = permit.plan
        self._texts = inquiry.surrogates.texts
        self._field = field_of(permit.plan, inquiry)
        self._codec: Codec = rooms.codec_of(permit.plan)
        self._chosen_version: int | None = None

    async def run(self) -> None:
        """Carry the reveal to its end.

        Raises:
            RefusedError: Nothing is revealed.
        """
        reveals = self._rooms.reveals
        purpose = self._rooms.rules.decider.rules.purposes.get(self._plan.purpose)
        if reveals is None or purpose is None:
            raise RefusedError(Deny(reason=Reason.PURPOSE_NOT_ALLOWED))
        # 1 open; a second person, for whom a mandate of two stands in
        forms = await self._opened()
        n_open = len({text for text, form in zip(self._texts, forms, strict=True) if form})
        is_alone = bool(self._inquiry.mandate) or not n_open
        approval = None if is_alone else await self._second_person(reveals.approvals, purpose, n_open)
        # 2 find whose they are
        found = await reveals.behind.found(self._plan.collection, self._field, forms)
        self._call.meet(number for one in found for number in one.people)
        # 3 judge
        causes = self._causes(forms, found)
        people = await self._counted(found, causes)
        # 4 spend the budgets
        taken = await self._taken(purpose, people, causes.count(None))
        # 5 look again
        await self._count_mandate(people)
        check_still_permitted(self._rooms, self._call, self._inquiry, self._permit)
        self._check_still_chosen(found, causes)
        # 6 spend the approval
        if approval is not None and not await self._is_spent_now(reveals.approvals, approval):
            raise RefusedError(Deny(reason=Reason.APPROVAL_REQUIRED))
        # 7 enter, then release
        self._call.meet(n for one, cause in zip(found, causes, strict=True) if cause for n in one.people)
        await self._release(self._body(found, causes), causes, people, taken)

    async def _second_person(self, approvals: Approvals, purpose: PurposeRule, n_open: int) -> Approval | None:
        """Return the approval that the call rests on; ``None`` where it needs none.

        Args:
            approvals: The words of second persons.
            purpose: Of the call.
            n_open: How many different surrogates are some, and this caller's.

        Raises:
            RefusedError: It needs one and has none.
        """
        most = purpose.second_person_above
        if most is not None and n_open <= most and await self._fits_allowance(most, n_open):
            return None
        there = await approvals.ask(bound_of(self._inquiry), n_open, self._rooms.clock())
        if there is None:
            raise RefusedError(Deny(reason=Reason.APPROVAL_REQUIRED, title=TOO_MANY_WAIT))
        if there.state is not ApprovalState.APPROVED:
            raise RefusedError(Deny(reason=Reason.APPROVAL_REQUIRED, approval=there.id))
        return there

    async def _opened(self) -> list[bytes]:
        """Open all, some at a time: other calls of this process go on in between."""
        forms: list[bytes] = []
        for first in range(0, len(self._texts), AT_ONCE):
            forms += self._codec.forms(self._field.name, self._texts[first : first + AT_ONCE])
            await asyncio.sleep(0)
        return forms

    async def _fits_allowance(self, most: int, n: int) -> bool:
        """Count what is revealed on one person's word; tell whether it is within what the purpose allows."""
        rule = BudgetRule(counts=Counted.ROWS, most=most, hours=REVEALED_HOURS)
        taken = await self._rooms.budgets.take(
            revealed_of(self._key), (rule,), (), n, whole=True, now_us=self._rooms.clock(), counted=(Counted.ROWS,)
        )
        return taken.n_rows == n

    @property
    def _key(self) -> BudgetKey:
        account = self._inquiry.principal.account
        return BudgetKey(account=account, key_class=self._plan.key_class, recipient=self._plan.recipient)

    async def _is_spent_now(self, approvals: Approvals, approval: Approval) -> bool:
        return await approvals.spend(approval, self._call.arrival.decision_id, self._rooms.clock())

    def _causes(self, forms: Sequence[bytes], found: Sequence[Found]) -> list[str | None]:
        """Return for each surrogate why nothing of it leaves; ``None`` where its value does."""
        rule, by_rule = choice_rule(self._plan), self._by_rule()
        against = frozenset[PersonNumber]()
        if rule is not None:
            everybody = list({number for one in found for number in one.people})
            chosen = self._rooms.choices.sets_for(rule.purpose)
            self._chosen_version = chosen.version
            kept_back = withheld_by(chosen, rule, everybody)
            against = frozenset(n for n, is_against in zip(everybody, kept_back, strict=True) if is_against)

        def cause(form: bytes, one: Found) -> str | None:
            if not form:
                return NOT_RECOGNISED
            if one.value is None:
                return ERASED
            if rule is not None and not one.people:
                return Cause.NO_SUBJECT.value
            return Cause.CHOICE.value if not against.isdisjoint(one.people) else by_rule

        return [cause(form, one) for form, one in zip(forms, found, strict=True)]

    def _by_rule(self) -> str | None:
        """Return what withholds every row of whose person neither age nor country is known."""
        for rule in self._plan.row_rules:
            if isinstance(rule, AgeRule) and (rule.effect is not RowEffect.BLANK or self._field.name in rule.fields):
                return Cause.AGE.value
            if isinstance(rule, TransferRule) and rule.blocked_countries:
                return Cause.TRANSFER.value
        return None

    async def _counted(self, found: Sequence[Found], causes: Sequence[str | None]) -> list[PersonNumber]:
        """Return everybody whose value leaves; what is nobody's who is known counts as one new person each."""
        left = [one for one, cause in zip(found, causes, strict=True) if cause is None]
        people = {number for one in left for number in one.people}
        # Asked for also where there is none, so that a hit takes no step that a miss does not.
        orphans = await self._rooms.people.orphan_numbers(sum(1 for one in left if not one.people))
        return sorted(people.union(orphans)) if self._plan.collection.subject is not None else []

    async def _taken(self, purpose: PurposeRule, people: list[PersonNumber], n_rows: int) -> Taken:
        """Spend the budgets for all that leaves, or for nothing.

        Raises:
            RefusedError: It does not fit.
        """
        if not n_rows or not (purpose.budgets or purpose.counted):
            return Taken(n_rows=n_rows)
        # A row has one person here. Where a value is several people's, rows are counted on the strict side.
        n = max(n_rows, len(people))
        each = people + people[:1] * (n - len(people)) if people else []
        taken = await self._rooms.budgets.take(
            self._key, purpose.budgets, each, n, whole=True, now_us=self._rooms.clock(), counted=purpose.counted
        )
        if taken.n_rows < n:
            raise RefusedError(over_budget(taken, in_steps(taken.states)))
        return taken

    async def _count_mandate(self, people: list[PersonNumber]) -> None:
        """Count everybody against the mandate that the call rests on, if it rests on one.

        Raises:
            RefusedError: It is not in force any more, or there is no room for all of them.
        """
        if not self._inquiry.mandate:
            return
        found, now_us = await self._rooms.mandates.find(self._inquiry.mandate), self._rooms.clock()
        why = "mandate:unknown" if found is None else why_not(found, self._inquiry, now_us)
        if found is None or why is not None:
            raise RefusedError(Deny(reason=Reason.MANDATE_NOT_IN_FORCE, rule=why))
        key, rule = budget_of(found.id, found.terms.recipient), rule_of(found.terms.most_people)
        taken = await self._rooms.budgets.take(
            key, (rule,), people, len(people), whole=True, now_us=now_us, counted=(Counted.PEOPLE,)
        )
        if taken.n_rows < len(people):
            raise RefusedError(over_mandate(taken))

    def _check_still_chosen(self, found: Sequence[Found], causes: Sequence[str | None]) -> None:
        """Refuse if somebody chose against it after it was judged; the caller may ask again at once.

        Raises:
            RefusedError: The choice of one of them counts from now on.
        """
        rule = choice_rule(self._plan)
        if rule is None:
            return
        newest = self._rooms.choices.sets_for(rule.purpose)
        people = [n for one, cause in zip(found, causes, strict=True) if cause is None for n in one.people]
        if newest.version != self._chosen_version and any(withheld_by(newest, rule, people)):
            raise RefusedError(Deny(reason=Reason.OVERLOADED, rule=f"choice:{rule.purpose}"))

    def _body(self, found: Sequence[Found], causes: Sequence[str | None]) -> bytes:
        rows = [
            {"surrogate": text, "value": typed(self._field, cast("str", one.value))}
            if cause is None
            else {"surrogate": text, "cause": cause}
            for text, one, cause in zip(self._texts, found, causes, strict=True)
        ]
        return _encoder.encode({"values": rows})

    async def _release(
        self, body: bytes, causes: Sequence[str | None], people: Sequence[PersonNumber], taken: Taken
    ) -> None:
        call = self._call
        withheld = dict(Counter(cause for cause in causes if cause is not None))
        entry = self._entry(body, causes.count(None), len(people), withheld)
        # Counted before: whoever is cancelled while the disk works may find the entry in the log all the same.
        call.n_blocks += 1
        try:
            await self._rooms.recorder.append(entry, call.part(people))
        except LogUnavailable:
            call.n_blocks -= 1
            raise
        call.started = True
        await call.out.start(self._head(len(body), withheld, taken))
        await call.out.write(body, last=True)
        call.released_bytes += len(body)
        call.released_rows += entry.rows

    def _entry(self, body: bytes, n_rows: int, n_people: int, withheld: dict[str, int]) -> Release:
        facts = facts_of(
            self._inquiry,
            self._plan,
            now_us=self._rooms.clock(),
            rules=self._plan.rules,
            view=self._view,
            choices=self._chosen_version or 0,
        )
        return Release(
            call=self._inquiry.decision_id,
            n=self._call.n_blocks,
            rows=n_rows,
            bytes=len(body),
            people=n_people,
            withheld=withheld,
            digest=hashlib.sha256(body).hexdigest(),
            last=True,
            facts=facts,
        )

    def _head(self, n_bytes: int, withheld: dict[str, int], taken: Taken) -> Answer:
        return Answer(
            decision_id=self._inquiry.decision_id,
            inquiry=self._inquiry,
            view=self._view,
            step_up=(),
            withheld=withheld,
            length=n_bytes,
            more=None,
            budgets=in_steps(taken.states),
        )

    @property
    def _view(self) -> dict[str, tuple[str, ...]]:
        return {"reveal": (self._field.name,)}


TOO_MANY_WAIT = "Too many of your reveals wait for somebody else's word; none more is kept until one is decided."
