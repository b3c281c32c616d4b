# SPDX-License-Identifier: Apache-2.0
"""Who has an address, as the store says it: asked by a declared list of the collection, in every form it may lie there in.

RULES

1. The store is asked as the gateway itself, by the list that the route names; nothing of the rows is kept.
2. Of a field at rest an address may lie in the store under the key in force, under an older one, as a token, or in
   clear while the column is turned over. It is asked for in all of these forms (``mixed``), in the order in which a row
   goes through them, so that one that is turned over meanwhile is met at least once. Twice is as once.
3. What is not told for certain is told as not known: a full page, a row that is not as declared, a store that does
   not answer with a list, an address that lies in more forms than a store is asked for one after the other.
4. In clear an address is asked for by its normal spelling. Where the route does not say that the store holds no other,
   nobody is found of a column that may hold clear values; and of what comes back spelled otherwise nobody knows who
   else has it (``unsure``).
"""

from collections.abc import Mapping, Sequence

import msgspec

from gateway.decide.sending import address_field
from gateway.domain.catalog import BodyKind, Route
from gateway.domain.decision import Deny, FilterUse, Permit, Reason, Use
from gateway.domain.inquiry import Filter, Inquiry
from gateway.domain.names import FieldName
from gateway.domain.parameters import Comparison, FilterParameter, LimitParameter, filters_of
from gateway.domain.trace import MOST_CALLS
from gateway.domain.viewplan import Row
from gateway.flows.access.asking import store_call
from gateway.flows.access.call import Call, RefusedError, Rooms
from gateway.flows.access.mixed import forms_of
from gateway.flows.access.vaulting import Holding
from gateway.transform.codec import Codec
from gateway.transform.inner import NORMAL, text_of
from gateway.transform.reading import Batch
from gateway.transform.split import RowSplitter
from gateway.transform.vaulted import looks_at_rest

MOST_ASKED = 100
"""Addresses, and forms of them, in one question to the store."""

MOST_FORMS = MOST_CALLS
"""Forms of one address that a store is asked for one after the other."""

Conditions = Sequence[tuple[FieldName, str]]
Rows = list[tuple[bytes, Row]]
"""Rows, each with the inner form of the address in it."""


class AddressBook:
    """Asks the store for the people of one call's addresses."""

    def __init__(self, rooms: Rooms, call: Call, inquiry: Inquiry, codec: Codec, conditions: Conditions = ()) -> None:
        """Begin with nothing asked.

        Args:
            rooms: For the store, columns and the vault.
            call: Which asks.
            inquiry: Of the messages.
            codec: Of the caller's own scope.
            conditions: Of the mandate: what must be so of everybody.

        Raises:
            RefusedError: The store cannot be asked for one of the conditions.
        """
        self._rooms, self._call, self._inquiry, self._codec = rooms, call, inquiry, codec
        self._holding = Holding(codec, rooms.vault)
        self._field = address_field(inquiry)
        self._look, self._finder, self._name = _way(rooms.rules.decider.rules.catalog.routes, inquiry, self._field)
        self._n_asked = 0
        self._odd = set[bytes]()
        """Forms of what came back in another spelling than the normal one."""
        self.unsure = set[bytes]()
        """Of what was asked for: that of which somebody may have another spelling."""
        self._conditions = tuple(self._condition(*one) for one in conditions)

    async def rows_of(self, asked: Mapping[bytes, str]) -> dict[bytes, Sequence[Row] | None]:
        """Return the rows of addresses; ``None`` for one of which not all can be known.

        Args:
            asked: By the inner form that it stands for, a surrogate of the codec's scope.

        Raises:
            StoreUnreachable / StoreMisbehaved / Overloaded / StateUnavailable: It cannot be known now.
        """
        found: dict[bytes, Sequence[Row] | None] = {}
        if not self._is_spelled:
            self.unsure |= asked.keys()
            return dict.fromkeys(asked, None)
        pairs, most = list(asked.items()), self._most
        for first in range(0, len(pairs), most):
            some = pairs[first : first + most]
            found |= await self._found({form: await self._texts(surrogate) for form, surrogate in some})
        return found

    @property
    def _is_spelled(self) -> bool:
        """Tell whether whoever has an address is found by its normal spelling."""
        if self._inquiry.route.spelled_normally:
            return True
        spec = self._codec.plan.collection.field(self._field)
        is_at_rest = spec is not None and spec.at_rest is not None
        return is_at_rest and not self._rooms.columns.of(self._look.dataset, self._field).is_mixed

    @property
    def _most(self) -> int:
        return min(MOST_ASKED, self._finder.most) if self._finder.comparison is Comparison.IN else 1

    async def _texts(self, surrogate: str) -> tuple[str, ...]:
        """Return all that the store may hold where a surrogate stands; nothing where nobody knows what."""
        return await forms_of(self._rooms, self._look.dataset, self._field, Use.SURROGATE, surrogate, self._holding)

    async def _found(self, asked: Mapping[bytes, tuple[str, ...]]) -> dict[bytes, Sequence[Row] | None]:
        """Return the rows of some addresses, each with what the store may hold in its place."""
        rows = await self._rows([text for texts in asked.values() for text in texts])
        if rows is not None:
            return dict(self._by_address(asked, rows))
        if len(asked) == 1:
            return dict.fromkeys(asked, None)
        forms = list(asked)
        halves = forms[: len(forms) // 2], forms[len(forms) // 2 :]
        first, second = [await self._found({form: asked[form] for form in half}) for half in halves]
        return first | second

    def _by_address(self, asked: Mapping[bytes, tuple[str, ...]], rows: Rows) -> dict[bytes, list[Row]]:
        """Return the rows by what was asked for; in the store an address may stand for another inner form."""
        wanted: dict[bytes, list[Row]] = {form: [] for form in asked}
        whose: dict[bytes, set[bytes]] = {form: {form} for form in asked}
        for form, texts in asked.items():
            for text in texts:
                whose.setdefault(self._codec.stands_for(self._field, text), set()).add(form)
        for held, row in rows:
            for form in whose.get(held, ()):
                if held in self._odd:
                    self.unsure.add(form)
                wanted[form].append(row)
        return wanted

    async def _rows(self, texts: Sequence[str]) -> Rows | None:
        """Return every row with one of these texts, with the form of its own; ``None`` if that is not certain.

        Where a mandate has conditions, the store is asked once more for who fulfils them. Of an address that
        somebody has who does not, nobody is returned; whoever else has it counts all the same.
        """
        found = await self._answered(texts, ())
        if found is None or not self._conditions:
            return found
        fulfil = await self._answered(texts, self._conditions)
        if fulfil is None:
            return None
        known = {row.subject for _, row in fulfil}
        missed = {form for form, row in found if row.subject not in known}
        return [(form, row) for form, row in found if form not in missed]

    async def _answered(self, texts: Sequence[str], conditions: tuple[Filter, ...]) -> Rows | None:
        """Return the rows of as many questions as the texts take."""
        if self._most == 1 and len(texts) > MOST_FORMS:
            return None
        found: Rows = []
        for first in range(0, len(texts), self._most):
            some = await self._page(texts[first : first + self._most], conditions)
            if some is None:
                return None
            found += some
        return found

    async def _page(self, texts: Sequence[str], conditions: tuple[Filter, ...]) -> Rows | None:
        look, route = self._question(texts, conditions), self._look
        permit = Permit(
            plan=self._codec.plan, filters=tuple(FilterUse(filter=one, use=Use.CLEAR) for one in look.filters)
        )
        asked = await self._holding.made(lambda: store_call(look, permit, self._holding.resolve, self._held))
        if isinstance(asked, Deny):
            return None
        self._call.asked, self._n_asked = True, self._n_asked + 1
        splitter, found = RowSplitter(route.answer), Rows()
        async with self._rooms.target.call(msgspec.structs.replace(asked, n=self._n_asked)) as answer:
            if answer.absent:
                return None
            async for chunk in answer.chunks():
                for array in splitter.feed(chunk):
                    batch = self._codec.decode(array)
                    if batch.malformed:
                        return None
                    found += zip(self._forms(batch), self._codec.rows(batch), strict=True)
            members = splitter.finish()
        is_whole = members.next is None and (look.limit is None or len(found) < look.limit)
        return found if is_whole else None

    def _held(self, field: FieldName, text: str) -> str | None:
        """Return what the store holds where a value stands; an address is said as it may lie there already."""
        return text if field == self._field else self._holding.held(field, text)

    def _forms(self, batch: Batch) -> list[bytes]:
        """Return the inner form of each row's address; of a vault's field also where it lies in clear still."""
        cells = self._codec.cells(batch, self._field)
        found = [
            form or (self._codec.stands_for(self._field, cell) if isinstance(cell, str) else b"")
            for form, cell in zip(self._codec.held_forms(batch, self._field), cells, strict=True)
        ]
        for form, cell in zip(found, cells, strict=True):
            is_clear = isinstance(cell, str) and not looks_at_rest(cell)
            if is_clear and form[:1] == NORMAL and cell != text_of(form):
                self._odd.add(form)
        return found

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

    def _question(self, texts: Sequence[str], conditions: tuple[Filter, ...]) -> Inquiry:
        is_list = self._finder.comparison is Comparison.IN
        limits = [one.most for one in self._look.every_parameter if isinstance(one, LimitParameter)]
        body = self._look.body
        asked = Filter(
            field=self._field,
            comparison=self._finder.comparison,
            value="" if is_list else texts[0],
            parameter=self._name,
            in_body=body is not None and body.kind is BodyKind.SEARCH and self._name in body.parameters,
            values=tuple(texts) if is_list else (),
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
