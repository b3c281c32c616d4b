# SPDX-License-Identifier: Apache-2.0
"""Equality asked of a column that may hold values and surrogates, or surrogates under several keys.

RULES

1. A row is found in whichever form it lies in the store: under the key in force, under an older one, or in clear. Of
   a column that is known to be turned over, under one key, there is one form, and one question; of a phone that is
   asked for in a spelling that not every country reads alike, one more: as it is where it has no normal spelling.
2. Where a list of values can be asked for, all forms go into it. Else the store is asked once for each form, one
   after the other, each a call of the same decision; what comes is one list, in this order of the forms. Each part is
   in the order that was asked for; over the parts the order begins anew.
3. A page is a page of the list as a whole: of a later form so many rows are asked for as the page has room for. Where
   it begins in a later form is found by how many rows the forms before it have.
4. The form that rows come from is asked for first, and last the one that they go to: clear, older keys, the key in
   force, or the other way round while a column goes back. A row that is turned over between two questions is in the
   answer to both, and never in neither.
5. What would take more questions than one decision can make is refused, and told so.

A value by which a column is asked in clear is spelled as the caller spells it, and in its one spelling. Never is one
that looks like what a store holds at rest: whoever learned that would find its row by it.
"""

import contextlib
from collections.abc import AsyncGenerator, Sequence
from itertools import product

import msgspec

from gateway.domain import spelling
from gateway.domain.catalog import AtRest, FieldSpec
from gateway.domain.decision import Deny, FilterUse, Permit, Reason, Use
from gateway.domain.errors import StoreMisbehaved
from gateway.domain.inquiry import Filter, Inquiry
from gateway.domain.names import DatasetName, FieldName
from gateway.domain.parameters import Comparison, FilterParameter, LimitParameter, filters_of
from gateway.domain.trace import MOST_CALLS
from gateway.domain.turning import ColumnState, Turn
from gateway.flows.access.asking import store_call
from gateway.flows.access.call import Call, RefusedError, Rooms, settled
from gateway.flows.access.ports.stores import StoreAnswer, StoreCall
from gateway.flows.access.vaulting import Holding
from gateway.transform.formats import splitter_of
from gateway.transform.inner import text_of
from gateway.transform.split import Members
from gateway.transform.vaulted import looks_at_rest, stored_text

BY_EQUALITY = (Comparison.EQUAL, Comparison.IN)


class Ways:
    """The questions that one permitted reading takes; as a rule one.

    Attributes:
        n: How many there are.
    """

    def __init__(
        self,
        rooms: Rooms,
        call: Call,
        inquiry: Inquiry,
        holding: Holding,
        permits: Sequence[Permit],
        *,
        is_fixed: bool = False,
    ) -> None:
        """Begin with nothing asked.

        Args:
            rooms: For columns, the vault and the store.
            call: Which makes them.
            inquiry: What is asked.
            holding: What the store holds.
            permits: One for each question.
            is_fixed: Their filters hold what the store is asked for, of fields that are at rest.
        """
        self._is_fixed = is_fixed
        self._rooms, self._call, self._inquiry, self._holding = rooms, call, inquiry, holding
        self._permits = permits
        self.n = len(permits)
        self._n_asked = 0
        self._n_left = inquiry.limit
        """Rows that the page has room for."""
        self._n_skipped = inquiry.offset or 0
        """Rows of the whole list in front of the page, of this form and those after it."""
        self._told = Members(counts={})
        self._totals: dict[str, int] | None = {}

    async def only(self) -> StoreCall:
        """Return the one question, where there is one."""
        return await self._made(self._permits[0], self._inquiry)

    async def answers(self) -> AsyncGenerator[StoreAnswer, None]:
        """Yield the answers, one after the other; whoever takes one says what came by ``told``."""
        each = self._record() if self._inquiry.route.answer.kind == "record" else self._lists()
        async with contextlib.aclosing(each) as answers:
            async for answer in answers:
                yield answer

    async def _record(self) -> AsyncGenerator[StoreAnswer, None]:
        """Yield the answer that has the record, or the last that has none."""
        for place, permit in enumerate(self._permits):
            async with self._rooms.target.call(await self._made(permit, self._inquiry)) as answer:
                if not answer.absent or place == self.n - 1:
                    yield answer
                    return

    async def _lists(self) -> AsyncGenerator[StoreAnswer, None]:
        """Yield the answers of a list, form by form."""
        for permit in self._permits:
            inquiry = await self._page(permit)
            if inquiry is not None:
                async with self._rooms.target.call(await self._made(permit, inquiry)) as answer:
                    yield answer
                self._ended()
            if self._n_left is not None and self._n_left <= 0:
                self._totals = self._totals if permit is self._permits[-1] else None
                return

    def told(self, members: Members, n_rows: int) -> None:
        """Take in the end of an answer, and how many rows it had."""
        self._told = members
        if self._n_left is not None:
            self._n_left -= n_rows
        if n_rows:
            self._n_skipped = 0

    def members(self) -> Members:
        """Return what the end of the whole list tells: no total where not all of it was asked for."""
        return Members(counts=self._totals or {}, unread=self._told.unread)

    async def _page(self, permit: Permit) -> Inquiry | None:
        """Return what to ask of a form, so that the page begins where it has to; nothing where it ends before."""
        inquiry = msgspec.structs.replace(self._inquiry, limit=self._n_left)
        if self._n_skipped:
            n_before = await self._counted(permit)
            if n_before <= self._n_skipped:
                self._n_skipped, self._totals = self._n_skipped - n_before, None
                return None
        return msgspec.structs.replace(inquiry, offset=self._n_skipped or None)

    async def _counted(self, permit: Permit) -> int:
        """Return how many rows a form has, as far as that matters: no more than stand in front of the page."""
        most = next((one.most for one in self._inquiry.route.every_parameter if isinstance(one, LimitParameter)), 0)
        wanted = self._n_skipped + 1
        if wanted > most:
            raise RefusedError(_too_much(self._inquiry, "so far into a list"))
        inquiry = msgspec.structs.replace(self._inquiry, limit=wanted, offset=None)
        shape, n_rows = inquiry.route.answer, 0
        splitter = splitter_of(shape, self._holding.codec.read)
        async with self._rooms.target.call(await self._made(permit, inquiry)) as answer:
            async for chunk in answer.chunks():
                n_rows += sum(map(self._rows_in, splitter.feed(chunk)))
        n_rows += sum(map(self._rows_in, splitter.finish().rest))
        return n_rows

    def _rows_in(self, array: bytes) -> int:
        batch = self._holding.codec.decode(array)
        return len(batch) + batch.malformed

    def _ended(self) -> None:
        """Take in the totals of a form that was asked for.

        Raises:
            StoreMisbehaved: It goes on, by the store's own word: callers could not be told in which form it does.
        """
        if self._told.next is not None:
            raise StoreMisbehaved("a list by equality of a column that is being turned over is longer than one page")
        if self._totals is not None:
            for name, n in self._told.counts.items():
                self._totals[name] = self._totals.get(name, 0) + n

    async def _made(self, permit: Permit, inquiry: Inquiry) -> StoreCall:
        holding = self._holding
        fixed = {use.filter.field for use in permit.filters if self._is_fixed and _is_mixed(holding, use)}

        def held(field: FieldName, text: str) -> str | None:
            return text if field in fixed else holding.held(field, text)

        if self._n_asked >= MOST_CALLS:
            raise RefusedError(_too_much(inquiry, "by so many values at once"))
        asked = settled(await holding.made(lambda: store_call(inquiry, permit, holding.resolve, held)))
        self._n_asked += 1
        self._call.asked = True
        return msgspec.structs.replace(asked, n=self._n_asked - 1)


async def ways_of(rooms: Rooms, call: Call, inquiry: Inquiry, permit: Permit, holding: Holding) -> Ways:
    """Return the questions that a permitted reading takes.

    Raises:
        RefusedError: They are more than one decision can make, or a surrogate is none of the caller's.
    """
    if not any(_is_mixed(holding, use) for use in permit.filters):
        return Ways(rooms, call, inquiry, holding, [permit])
    each = [await _alternatives(rooms, inquiry, use, holding) for use in permit.filters]
    n_ways = 1
    for alternatives in each:
        n_ways *= len(alternatives)
    if n_ways > MOST_CALLS:
        raise RefusedError(_too_much(inquiry, "by so many fields or values at once"))
    permits = [msgspec.structs.replace(permit, filters=uses) for uses in product(*each)]
    return Ways(rooms, call, inquiry, holding, permits, is_fixed=True)


async def forms_of(
    rooms: Rooms, dataset: DatasetName, field: FieldName, use: Use, text: str, holding: Holding
) -> tuple[str, ...]:
    """Return all that may stand in the store for what a field is asked by, in the order in which a row goes through it.

    Of a surrogate that is none of the caller's, that is nothing.
    """
    spec = holding.codec.plan.collection.field(field)
    if spec is None or spec.at_rest is None:
        told = holding.resolve if use is Use.SURROGATE else holding.held
        held = await holding.made(lambda: told(field, text))
        return () if held is None else (held,)
    state = rooms.columns.of(dataset, spec.name)
    return _in_order(state, await _forms(rooms, spec, state, use, text, holding))


def _is_mixed(holding: Holding, use: FilterUse) -> bool:
    spec = holding.codec.plan.collection.field(use.filter.field)
    return spec is not None and spec.at_rest is not None and use.filter.comparison in BY_EQUALITY


async def _alternatives(rooms: Rooms, inquiry: Inquiry, use: FilterUse, holding: Holding) -> Sequence[FilterUse]:
    """Return a filter as it is, or as the store has to be asked instead, once for each of what is returned."""
    spec = holding.codec.plan.collection.field(use.filter.field)
    if spec is None or not _is_mixed(holding, use):
        return [use]
    forms = [await forms_of(rooms, inquiry.dataset, spec.name, use.use, text, holding) for text in use.filter.compared]
    if () in forms:
        raise RefusedError(Deny(reason=Reason.SURROGATE_NOT_RECOGNISED, fields=(use.filter.parameter,)))
    return [msgspec.structs.replace(use, use=Use.CLEAR, filter=one) for one in _filters(inquiry, use.filter, forms)]


def _in_order(state: ColumnState, forms: tuple[str, ...]) -> tuple[str, ...]:
    """Return forms in the order in which a row goes through them; one that is on its way is then met at least once."""
    return forms if state.turn is Turn.BACK else forms[::-1]


async def _forms(
    rooms: Rooms, spec: FieldSpec, state: ColumnState, use: Use, text: str, holding: Holding
) -> tuple[str, ...]:
    """Return all that may stand in the store for a value; nothing for a surrogate that is none of the caller's."""
    codec, domain = holding.codec, spec.join_domain
    asked = codec.asked_forms(spec.name, text, surrogate=use is Use.SURROGATE)
    is_token = use is Use.SURROGATE and spec.at_rest is AtRest.VAULT
    token = codec.token_or_value(spec.name, text)[0] if is_token else None
    if spec.at_rest is AtRest.SIV:
        held = [one for form in asked for one in codec.every_form(spec.name, form, state.oldest)]
    elif token is not None:
        held = [stored_text(token)]
    else:
        held = await holding.made(lambda: [holding.token_text(domain, text_of(form)) for form in asked])
    clear = [text] if use is Use.CLEAR else []
    clear += map(text_of, asked)
    if state.is_mixed and token is not None:
        clear += (await rooms.vault.read(domain, [token], [None])).values()
    is_said = bool(held) and state.is_mixed and not any(map(looks_at_rest, clear))
    return tuple(dict.fromkeys((*held, *clear) if is_said else held))


def _filters(inquiry: Inquiry, asked: Filter, forms: Sequence[Sequence[str]]) -> list[Filter]:
    """Return the filters by which all forms are asked for."""
    if asked.comparison is Comparison.EQUAL:
        return [msgspec.structs.replace(asked, value=form) for form in forms[0]]
    said = [form for each in forms for form in each if _can_be_said(asked, form)]
    # What stands in two lists, of two spellings of one value, is asked for once, behind all that it may come from.
    flat = list(dict.fromkeys(said[::-1]))[::-1]
    most = _most(inquiry, asked)
    pieces = [flat[start : start + most] for start in range(0, len(flat), most)]
    return [msgspec.structs.replace(asked, values=tuple(piece)) for piece in pieces]


def _can_be_said(asked: Filter, form: str) -> bool:
    return asked.in_body or asked.in_path or spelling.can_be_written(asked.comparison, asked.spelling, (form,))


def _most(inquiry: Inquiry, asked: Filter) -> int:
    """Return how many values the store takes in a list."""
    body = inquiry.route.body
    declared = (body.parameters if asked.in_body and body is not None else inquiry.route.parameters).get(
        asked.parameter
    )
    lists: list[FilterParameter] = [one for one in filters_of(declared) if one.comparison is Comparison.IN]
    return max(1, lists[0].most) if lists else len(asked.values)


def _too_much(inquiry: Inquiry, how: str) -> Deny:
    names = tuple(each.parameter for each in inquiry.filters)
    return Deny(
        reason=Reason.PARAMETER_INVALID,
        fields=names,
        title=f"While what the store holds of these fields is being changed, they cannot be asked for {how}.",
    )
