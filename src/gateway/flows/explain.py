# SPDX-License-Identifier: Apache-2.0
"""The life of a question: what would come of a call, asked without making it.

The command line, the evaluation endpoint and later the console ask the same decider that the road
uses, so the answer and the decision cannot differ. Nothing is forwarded and nothing leaves.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

import msgspec

from gateway.decide.decide import Decider
from gateway.decide.explain import explained
from gateway.decide.offer import gathered, offers
from gateway.domain import spelling
from gateway.domain.catalog import WRITES, AnswerShape, Route
from gateway.domain.decision import Deny, Reason
from gateway.domain.entry import Entry, Looked, Part
from gateway.domain.explanation import Explanation
from gateway.domain.inquiry import Filter, Inquiry, Written
from gateway.domain.names import AccountId, DatasetName, DecisionId, FieldName, PurposeKey
from gateway.domain.offer import Offer, RouteOffer
from gateway.domain.parameters import Comparison, filters_of
from gateway.domain.principal import Principal, assurance_at
from gateway.domain.viewplan import Hold


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A hypothetical call.

    Attributes:
        fields: Fields that the caller would name, or write; none for whatever there is.
        filters: Parameters of a route of the dataset, also of its path and of a search's body, with or
            without ``=value``.
    """

    principal: Principal
    dataset: DatasetName
    purpose: PurposeKey | None
    operation: str
    reference: str | None = None
    fields: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()


class NoSuchThing(msgspec.Struct, frozen=True):
    """The question names something that the rules do not know, as a sentence and as the road would refuse it."""

    sentence: str
    reason: Reason = Reason.NO_SUCH_ROUTE


def answer(
    decider: Decider,
    question: Question,
    holds: tuple[Hold, ...],
    now_us: int,
    *,
    named: Iterable[DatasetName] | None = None,
) -> Explanation | NoSuchThing:
    """Return what would come of the call, every layer's word on every field, and the nearest change.

    Args:
        named: Datasets that whoever asks may be told of, where there is none of the asked name; ``None`` for all.
    """
    inquiry = _inquiry(decider, question, decider.rules.catalog.collections if named is None else named)
    if isinstance(inquiry, NoSuchThing):
        return inquiry
    decision = decider.decide(inquiry, holds, now_us)
    return explained(decider, inquiry, decision, holds, now_us)


def _inquiry(decider: Decider, question: Question, known: Iterable[DatasetName]) -> Inquiry | NoSuchThing:
    collection = decider.rules.catalog.collections.get(question.dataset)
    if collection is None:
        others = ", ".join(sorted(known))
        return NoSuchThing(f"there is no dataset {question.dataset}{f'; there are {others}' if others else ''}")
    route = _route(decider, question)
    filters: list[Filter] = []
    for text in question.filters:
        found = _filter(route, text)
        if found is None:
            told = f"no route of {question.dataset} declares the parameter {text.partition('=')[0]}"
            return NoSuchThing(told, Reason.PARAMETER_UNDECLARED)
        filters.append(found)
    unknown = [name for name in question.fields if collection.field(name) is None]
    if unknown:
        return NoSuchThing(f"{question.dataset} has no field {', '.join(unknown)}", Reason.PARAMETER_INVALID)
    named = tuple(FieldName(name) for name in question.fields)
    writes = question.operation in WRITES
    return Inquiry(
        decision_id=DecisionId(""),
        principal=question.principal,
        purpose=question.purpose,
        reference=question.reference,
        operation=question.operation,
        dataset=question.dataset,
        route=route,
        fields=None if writes else named or None,
        filters=tuple(filters),
        # Whether a field may be written is no question of its value.
        written=(Written(tuple((name, None) for name in named)),) if writes and named else (),
    )


def _route(decider: Decider, question: Question) -> Route:
    """Return the first route of the operation that declares every filter, or the first one, or one made up."""
    routes = [
        each
        for each in decider.rules.catalog.routes
        if each.dataset == question.dataset and each.operation == question.operation
    ]
    fitting = [each for each in routes if all(_filter(each, text) for text in question.filters)]
    made_up = Route(
        method="GET",
        template=f"/{question.dataset.replace('.', '/')}",
        operation=question.operation,
        dataset=question.dataset,
        answer=AnswerShape(kind="array"),
        parameters={},
    )
    return next(iter(fitting or routes), made_up)


def _filter(route: Route, text: str) -> Filter | None:
    """Return the filter of a parameter that the route declares; what it does not declare, the road refuses."""
    name, _, value = text.partition("=")
    in_body = route.body is not None and name in route.body.parameters
    parameter = route.body.parameters[name] if route.body is not None and in_body else route.parameters.get(name)
    filters = filters_of(parameter)
    if not filters:
        return None
    # A value that is spelled otherwise, or none, is a question of the field alone.
    meant, values = spelling.read(filters, value) or (filters[0], (value,))
    is_list = meant.comparison is Comparison.IN
    return Filter(
        field=meant.field,
        comparison=meant.comparison,
        value="" if is_list else values[0],
        values=values if is_list else (),
        parameter=name,
        bands=meant.bands,
        in_body=in_body,
        spelling=meant.value,
    )


async def _offered(decider: Decider, who: Principal, holds: tuple[Hold, ...], now_us: int) -> frozenset[DatasetName]:
    """Return the datasets that some purpose of a bearer permits something of: no other is named to its caller."""
    found = set[DatasetName]()
    for one in offers(decider, who, holds, now_us):
        found |= set() if one is None else {one.route.dataset}
        await asyncio.sleep(0)
    return frozenset(found)


class Mine(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller may know of its own bearer."""

    account: str
    kind: str
    client: str
    recipient: str
    roles: tuple[str, ...]
    purposes: tuple[str, ...]
    assurance: int
    signed_in_us: int


class Rules(Protocol):
    """The rules in force."""

    @property
    def decider(self) -> Decider:
        """Return the decider of the rules in force."""


class Identify(Protocol):
    """Who asks."""

    def principal(self, authorization: str | None, now_us: int) -> Principal | Deny:
        """Return the principal of a bearer, or why there is none."""


class Holds(Protocol):
    """The caps on accounts."""

    def for_account(self, account: AccountId) -> tuple[Hold, ...]:
        """Return the holds in force on an account."""


class Recorder(Protocol):
    """The log, as this flow needs it."""

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Return once the entry is durable."""


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """How a caller asks about itself: under which id, from where, and what body each answer will have.

    Attributes:
        size_of: Returns the bytes of the body in which the door tells an answer; the entry authorises them.
    """

    call: DecisionId
    part: Part
    size_of: Callable[[object], int]


Decisions = Callable[[str, DecisionId], Awaitable[dict[str, object] | None]]
"""Returns what the log holds of a decision of an account, or nothing."""


class SelfService:
    """What callers may ask about themselves; every answer is entered before it is given."""

    def __init__(
        self,
        *,
        rules: Rules,
        identify: Identify,
        holds: Holds,
        recorder: Recorder,
        decisions: Decisions,
        clock: Callable[[], int],
    ) -> None:
        self._rules, self._identify, self._holds = rules, identify, holds
        self._recorder, self._decisions, self._clock = recorder, decisions, clock

    async def me(self, authorization: str | None, asking: Asking) -> Mine | Deny:
        """Return what the bearer is and is for."""
        now_us = self._clock()
        who = self._identify.principal(authorization, now_us)
        if isinstance(who, Deny):
            return who
        mine = Mine(
            account=who.account,
            kind=who.kind,
            client=who.client,
            recipient=who.recipient,
            roles=who.roles,
            purposes=who.scopes,
            assurance=int(assurance_at(who, now_us)),
            signed_in_us=who.signed_in_us,
        )
        await self._enter(who, "me", "", asking, mine)
        return mine

    async def offer(self, authorization: str | None, asking: Asking) -> Offer | Deny:
        """Return everything that the bearer may do now."""
        now_us = self._clock()
        who = self._identify.principal(authorization, now_us)
        if isinstance(who, Deny):
            return who
        decider, routes = self._rules.decider, list[RouteOffer]()
        for one in offers(decider, who, self._holds.for_account(who.account), now_us):
            routes += [one] if one is not None else []
            await asyncio.sleep(0)
        told = gathered(decider, who, tuple(routes))
        await self._enter(who, "openapi", "", asking, told)
        return told

    async def decision(self, authorization: str | None, call: DecisionId, asking: Asking) -> dict[str, object] | Deny:
        """Return what was decided on one of the caller's own calls, and what of it left in the end."""
        who = self._identify.principal(authorization, self._clock())
        if isinstance(who, Deny):
            return who
        found = await self._decisions(who.account, call)
        told = Deny(reason=Reason.NOT_FOUND) if found is None else found
        await self._enter(who, "decision", call, asking, told)
        return told

    async def evaluate(
        self, authorization: str | None, ask: Callable[[Principal], Question | Deny], asking: Asking
    ) -> Explanation | NoSuchThing | Deny:
        """Return what would come of a call of the caller's own (AuthZEN: "could I?")."""
        now_us = self._clock()
        who = self._identify.principal(authorization, now_us)
        if isinstance(who, Deny):
            return who
        question = ask(who)
        if isinstance(question, Deny):
            return question
        decider, holds = self._rules.decider, self._holds.for_account(who.account)
        is_known = question.dataset in decider.rules.catalog.collections
        named = () if is_known else await _offered(decider, who, holds, now_us)
        told = answer(decider, question, holds, now_us, named=named)
        # Words that the rules declare are facts; any other word is the caller's own.
        is_declared = not isinstance(told, NoSuchThing) and question.purpose in self._rules.decider.rules.purposes
        known = f"{question.operation} {question.dataset} {question.purpose}" if is_declared else ""
        await self._enter(who, "evaluation", known, asking, told)
        return told

    async def _enter(self, who: Principal, what: str, query: str, asking: Asking, told: object) -> None:
        n_bytes = asking.size_of(told)
        entry = Looked(by=who.account, what=what, query=query, rows=0, call=asking.call, bytes=n_bytes)
        await self._recorder.append(entry, asking.part)
