# SPDX-License-Identifier: Apache-2.0
"""Whose the addresses of messages are, and whether a message may go to them: asked of the store, judged here.

RULES

1. A surrogate of the caller's own is opened in memory. Who stands behind the address is asked of the store,
   by the declared list of the same collection, as the gateway itself; nothing of the rows is kept.
2. Of an address that several people have, all of them must be permitted to be written to: nobody can say
   which of them reads it.
3. What cannot be known for certain is not sent: a full page, a row that is not as declared, a store that does
   not tell. An address that nobody has any more is told as one that was never recognised.
4. Everybody in a row gets a number, as from any answer of a store; what withholds a row withholds the message.
"""

from collections.abc import Container, Mapping, Sequence
from datetime import date

import msgspec
from typing_extensions import override

from gateway.decide.sending import address_field
from gateway.domain.catalog import BodyKind, Comparison, FilterParameter, LimitParameter, Route, filters_of
from gateway.domain.decision import Deny, FilterUse, Permit, Reason, Use
from gateway.domain.inquiry import Filter, Inquiry
from gateway.domain.names import FieldName, PersonNumber
from gateway.domain.sending import LeftOut, Message
from gateway.domain.viewplan import Cause, ChoiceRule, Row, ViewPlan
from gateway.flows.access.asking import store_call
from gateway.flows.access.call import Call, RefusedError, Rooms
from gateway.flows.access.verdicts import choice_rule, today, withheld_by
from gateway.transform.codec import Codec
from gateway.transform.identifying import identifiers_of
from gateway.transform.inner import NORMAL, RAW, TOKEN, text_of
from gateway.transform.rows import judge
from gateway.transform.split import RowSplitter
from gateway.transform.vaulted import stored_text

MOST_ASKED = 100
"""Addresses in one question to the store."""

VALUES = (NORMAL, RAW, TOKEN)
"""Namespaces of inner forms that stand for a value of somebody."""

TOLD: Mapping[Cause, LeftOut] = {
    Cause.CHOICE: LeftOut.CHOICE,
    Cause.AGE: LeftOut.AGE,
    Cause.TRANSFER: LeftOut.TRANSFER,
    Cause.NO_SUBJECT: LeftOut.NOT_RECOGNISED,
    Cause.MALFORMED: LeftOut.FAILED,
}


Conditions = Sequence[tuple[FieldName, str]]


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
        self._look, self._finder, self._name = _way(rooms.rules.decider.rules.catalog.routes, inquiry, self._field)
        self._n_asked = 0
        self._conditions = tuple(self._condition(*one) for one in conditions)

    async def judged(self, messages: Sequence[Message]) -> dict[int, Addressee | LeftOut]:
        """Return for each row whom it may go to, or why it may go to nobody.

        Raises:
            StoreUnreachable / StoreMisbehaved / Overloaded / StateUnavailable: It cannot be known now.
        """
        opened = self._codec.forms(self._field, [one.address for one in messages])
        # What stands for a person and for none of their values is no address.
        forms = {one.row: form if form[:1] in VALUES else b"" for one, form in zip(messages, opened, strict=True)}
        asked = {form: one.address for one in messages if (form := forms[one.row])}
        found: dict[bytes, Sequence[Row] | None] = {}
        pairs, most = list(asked.items()), self._most
        for first in range(0, len(pairs), most):
            found |= await self._found(pairs[first : first + most])
        verdicts = await self._verdicts(found)
        unknown = LeftOut.NOT_RECOGNISED
        return {row: unknown if not form else verdicts.get(form, unknown) for row, form in forms.items()}

    @property
    def _most(self) -> int:
        return min(MOST_ASKED, self._finder.most) if self._finder.comparison is Comparison.IN else 1

    async def _found(self, asked: Sequence[tuple[bytes, str]]) -> dict[bytes, Sequence[Row] | None]:
        """Return the rows of some addresses; ``None`` for one of which not all can be known."""
        rows = await self._rows([surrogate for _, surrogate in asked])
        if rows is not None:
            wanted: dict[bytes, list[Row]] = {form: [] for form, _ in asked}
            for form, row in rows:
                if form in wanted:
                    wanted[form].append(row)
            return dict(wanted)
        if len(asked) == 1:
            return {asked[0][0]: None}
        middle = len(asked) // 2
        return {**await self._found(asked[:middle]), **await self._found(asked[middle:])}

    async def _rows(self, surrogates: Sequence[str]) -> list[tuple[bytes, Row]] | None:
        """Return every row with one of the addresses, with the form of its own; ``None`` if that is not certain.

        Where a mandate has conditions, the store is asked once more for who fulfils them. Of an address that
        somebody has who does not, nobody is returned; whoever else has it counts all the same.
        """
        found = await self._answered(surrogates, ())
        if found is None or not self._conditions:
            return found
        fulfil = await self._answered(surrogates, self._conditions)
        if fulfil is None:
            return None
        known = {row.subject for _, row in fulfil}
        missed = {form for form, row in found if row.subject not in known}
        return [(form, row) for form, row in found if form not in missed]

    async def _answered(
        self, surrogates: Sequence[str], conditions: tuple[Filter, ...]
    ) -> list[tuple[bytes, Row]] | None:
        look, route = self._question(surrogates, conditions), self._look
        uses = [FilterUse(filter=one, use=Use.CLEAR if one in conditions else Use.SURROGATE) for one in look.filters]
        permit = Permit(plan=self._plan, filters=tuple(uses))
        asked = store_call(look, permit, self._resolve, self._codec.held)
        if isinstance(asked, Deny):
            return None
        self._call.asked, self._n_asked = True, self._n_asked + 1
        splitter, found = RowSplitter(route.answer), list[tuple[bytes, Row]]()
        async with self._rooms.target.call(msgspec.structs.replace(asked, n=self._n_asked)) as answer:
            if answer.absent:
                return None
            async for chunk in answer.chunks():
                for array in splitter.feed(chunk):
                    batch = self._codec.decode(array)
                    if batch.malformed:
                        return None
                    found += zip(self._codec.held_forms(batch, self._field), self._codec.rows(batch), strict=True)
            members = splitter.finish()
        is_whole = members.next is None and (look.limit is None or len(found) < look.limit)
        return found if is_whole else None

    def _resolve(self, field: FieldName, text: str) -> str | None:
        """Return what the store holds where a surrogate stands."""
        if self._codec.in_vault(field) is None:
            return self._codec.resolve(field, text)
        # Of a value of before the vault nobody knows here what the store holds by now.
        token, _ = self._codec.token_or_value(field, text)
        return None if token is None else stored_text(token)

    def _condition(self, field: FieldName, value: str) -> Filter:
        """Return a condition as the list is asked for it.

        Raises:
            RefusedError: It has no filter for it.
        """
        body = self._look.body.parameters if self._look.body is not None else {}
        for name, parameter in (*self._look.parameters.items(), *body.items()):
            for one in filters_of(parameter):
                if one.field == field and one.comparison is Comparison.EQUAL and not one.bands:
                    return Filter(
                        field=field,
                        comparison=one.comparison,
                        value=value,
                        parameter=name,
                        in_body=name in body,
                        spelling=one.value,
                    )
        raise RefusedError(Deny(reason=Reason.MANDATE_NOT_IN_FORCE, rule="mandate:condition"))

    def _question(self, surrogates: Sequence[str], conditions: tuple[Filter, ...]) -> Inquiry:
        is_list = self._finder.comparison is Comparison.IN
        limits = [one.most for one in self._look.every_parameter if isinstance(one, LimitParameter)]
        body = self._look.body
        asked = Filter(
            field=self._field,
            comparison=self._finder.comparison,
            value="" if is_list else surrogates[0],
            parameter=self._name,
            in_body=body is not None and body.kind is BodyKind.SEARCH and self._name in body.parameters,
            values=tuple(surrogates) if is_list else (),
            spelling=self._finder.value,
        )
        return msgspec.structs.replace(
            self._inquiry,
            route=self._look,
            operation=self._look.operation,
            filters=(asked, *conditions),
            limit=min(limits, default=None),
            offset=0,
            fields=None,
            messages=(),
        )

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
        judging = _Judging(self._rooms, self._plan, known, erased, today(self._rooms.clock()))
        clear = await self._clear([form for form, some in found.items() if some])
        return {form: judging.verdict(clear.get(form), some) for form, some in found.items()}

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
        self, rooms: Rooms, plan: ViewPlan, known: Mapping[str, PersonNumber], erased: Container[str], day: date
    ) -> None:
        self._plan, self._known, self._erased, self._day = plan, known, erased, day
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
        return Addressee(address, tuple(sorted(set(people))))

    def _cause(self, row: Row, number: PersonNumber | None) -> LeftOut | None:
        if row.subject is not None and row.subject in self._erased:
            return LeftOut.ERASED
        is_against = False
        if self._rule is not None and self._chosen is not None and number is not None:
            is_against = withheld_by(self._chosen, self._rule, [number])[0]
        verdict = judge(self._plan, [row], [is_against], self._day)
        cause = next(iter(verdict.withheld), None)
        return None if cause is None else TOLD[cause]


def _way(routes: Sequence[Route], inquiry: Inquiry, field: FieldName) -> tuple[Route, FilterParameter, str]:
    """Return the list by which people are found, and its filter; the loader saw to it that there is one."""
    method, path, name = inquiry.route.found_by or ("", "", "")
    for look in routes:
        if (look.method, look.template) == (method, path):
            declared = look.parameters.get(name) or (look.body.parameters.get(name) if look.body else None)
            for one in filters_of(declared):
                if one.field == field and one.comparison in (Comparison.EQUAL, Comparison.IN) and not one.bands:
                    return look, one, name
    raise ValueError("a route that sends has no list by which people are found")
