# SPDX-License-Identifier: Apache-2.0
"""Whose the addresses of messages are, and whether a message may go to them: asked of the store, judged here.

RULES

1. A surrogate of the caller's own is opened in memory, and the store is asked who has the address (``address_book``).
2. Of an address that several people have, all of them must be permitted to be written to: nobody can say
   which of them reads it.
3. What cannot be known for certain is not sent: neither is what the store holds in another spelling than the normal
   one, nor what is no single address of a mailbox or a phone. An address that nobody has any more is told as one that
   was never recognised.
4. Everybody in a row gets a number, as from any answer of a store; what withholds a row withholds the message.
"""

from collections.abc import Container, Mapping, Sequence
from datetime import date

import msgspec
from typing_extensions import override

from gateway.decide.sending import address_field
from gateway.domain.catalog import Form
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import PersonNumber
from gateway.domain.sending import LeftOut, Message
from gateway.domain.viewplan import Cause, ChoiceRule, Row, ViewPlan
from gateway.flows.access.address_book import AddressBook, Conditions
from gateway.flows.access.call import Call, Rooms
from gateway.flows.access.verdicts import choice_rule, today, withheld_by
from gateway.transform.addresses import one_address
from gateway.transform.codec import Codec
from gateway.transform.identifying import identifiers_of
from gateway.transform.inner import NORMAL, RAW, TOKEN, text_of
from gateway.transform.rows import judge

VALUES = (NORMAL, RAW, TOKEN)
"""Namespaces of inner forms that stand for a value of somebody."""

TOLD: Mapping[Cause, LeftOut] = {
    Cause.CHOICE: LeftOut.CHOICE,
    Cause.AGE: LeftOut.AGE,
    Cause.TRANSFER: LeftOut.TRANSFER,
    Cause.NO_SUBJECT: LeftOut.NOT_RECOGNISED,
    Cause.MALFORMED: LeftOut.FAILED,
}


class Addressee(msgspec.Struct, frozen=True):
    """Somebody, or several people, whom a message may go to."""

    address: str
    people: tuple[PersonNumber, ...]

    @override
    def __repr__(self) -> str:
        return f"<Addressee of {len(self.people)}>"


class Addressees:
    """Finds and judges the people of one call."""

    def __init__(self, rooms: Rooms, call: Call, inquiry: Inquiry, plan: ViewPlan, conditions: Conditions = ()) -> None:
        """Begin knowing nobody.

        Args:
            plan: Of the permit, in the scope of the caller's own surrogates.
            conditions: Of the mandate: what must be so of everybody.

        Raises:
            RefusedError: The store cannot be asked for one of the conditions.
        """
        self._rooms, self._call, self._inquiry, self._plan = rooms, call, inquiry, plan
        self._codec: Codec = rooms.codec_of(plan)
        self._field = address_field(inquiry)
        self._book = AddressBook(rooms, call, inquiry, self._codec, conditions)

    async def judged(self, messages: Sequence[Message]) -> dict[int, Addressee | LeftOut]:
        """Return for each row whom it may go to, or why it may go to nobody.

        Raises:
            StoreUnreachable / StoreMisbehaved / Overloaded / StateUnavailable: It cannot be known now.
        """
        opened = self._codec.forms(self._field, [one.address for one in messages])
        # What stands for a person and for none of their values is no address.
        forms = {one.row: form if form[:1] in VALUES else b"" for one, form in zip(messages, opened, strict=True)}
        asked = {form: one.address for one in messages if (form := forms[one.row])}
        verdicts = await self._verdicts(await self._book.rows_of(asked))
        unknown = LeftOut.NOT_RECOGNISED
        return {row: unknown if not form else verdicts.get(form, unknown) for row, form in forms.items()}

    async def _verdicts(self, found: Mapping[bytes, Sequence[Row] | None]) -> dict[bytes, Addressee | LeftOut]:
        subject = self._plan.collection.subject
        rows = [row for some in found.values() for row in some or () if row.subject is not None]
        everybody = list(dict.fromkeys(row.subject for row in rows if row.subject is not None))
        erased = await self._erased(everybody)
        # Who was erased gets no new number by being written to.
        named = [one for one in everybody if one not in erased]
        numbers = await self._rooms.people.numbers(subject.identity, named) if subject is not None and named else []
        known = dict(zip(named, numbers, strict=True))
        self._call.meet([*map(PersonNumber, self._call.met), *known.values()])
        spec = self._plan.collection.field(self._field)
        form_of = None if spec is None else spec.form
        judging = _Judging(self._rooms, self._plan, form_of, known, erased, today(self._rooms.clock()))
        clear = await self._clear([form for form, some in found.items() if some])
        verdicts = {form: judging.verdict(clear.get(form), some) for form, some in found.items()}
        return verdicts | dict.fromkeys(self._book.unsure, LeftOut.SPELLING)

    async def _erased(self, named: Sequence[str]) -> frozenset[str]:
        """Return which of these people were erased, and are in the store still."""
        collection, tombstones = self._plan.collection, self._rooms.tombstones
        if collection.subject is None or not named or not await tombstones.any():
            return frozenset()
        people = [identifiers_of(collection, {collection.subject.field: one}) for one in named]
        found = await tombstones.matching(people)
        return frozenset(one for one, ids in zip(named, found, strict=True) if ids)

    async def _clear(self, forms: Sequence[bytes]) -> dict[bytes, str | None]:
        """Return the addresses that inner forms stand for; ``None`` for one that was erased."""
        tokens = [form for form in forms if form[:1] == TOKEN]
        spec = self._plan.collection.field(self._field)
        known: dict[bytes, str | None] = {form: text_of(form) for form in forms if form[:1] != TOKEN}
        if tokens and spec is not None:
            opened = await self._rooms.vault.opened(spec.join_domain, [form[1:] for form in tokens])
            known |= {form: opened.get(form[1:]) for form in tokens}
        return known


class _Judging:
    """Judges the people of addresses by the rules on rows, as of now."""

    def __init__(
        self,
        rooms: Rooms,
        plan: ViewPlan,
        form: Form | None,
        known: Mapping[str, PersonNumber],
        erased: Container[str],
        day: date,
    ) -> None:
        self._form, self._plan, self._known, self._erased, self._day = form, plan, known, erased, day
        rule = choice_rule(plan)
        self._rule: ChoiceRule | None = rule
        self._chosen = None if rule is None else rooms.choices.sets_for(rule.purpose)

    def verdict(self, address: str | None, rows: Sequence[Row] | None) -> Addressee | LeftOut:
        """Return whom an address belongs to, or why no message may go there."""
        if rows is None:
            return LeftOut.FAILED
        if not rows:
            return LeftOut.NOT_RECOGNISED
        people = []
        for row in rows:
            number = None if row.subject is None else self._known.get(row.subject)
            cause = self._cause(row, number)
            if cause is not None:
                return cause
            if number is None:
                return LeftOut.NOT_RECOGNISED
            people.append(number)
        if address is None:
            return LeftOut.ERASED
        one = one_address(self._form, address)
        return LeftOut.NO_ADDRESS if one is None else Addressee(one, tuple(sorted(set(people))))

    def _cause(self, row: Row, number: PersonNumber | None) -> LeftOut | None:
        if row.subject is not None and row.subject in self._erased:
            return LeftOut.ERASED
        is_against = False
        if self._rule is not None and self._chosen is not None and number is not None:
            is_against = withheld_by(self._chosen, self._rule, [number])[0]
        verdict = judge(self._plan, [row], [is_against], self._day)
        cause = next(iter(verdict.withheld), None)
        return None if cause is None else TOLD[cause]
