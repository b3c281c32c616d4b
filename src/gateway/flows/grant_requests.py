# SPDX-License-Identifier: Apache-2.0
"""The life of a request for a grant, up to whoever decides on it: asked for, kept, told.

RULES

1. A caller asks for itself: the account is that of its bearer and nothing in a request can name another.
2. What a grant would not give is told at once and not kept: a red line, a purpose that does not list it, what
   the caller has already.
3. An account has at most ``MOST_OPEN`` requests that wait. The bound is looked at before anything is entered,
   and decided by the database.
4. The log holds what is asked for in the words of the rules, entered before the request is kept; the caller's
   own words are in the database alone. A request that a restore loses is asked for again: it opened nothing.
"""

import base64
import secrets
from collections.abc import Callable
from typing import Protocol

import msgspec
from typing_extensions import override

from gateway.decide import granting
from gateway.decide.decide import Decider
from gateway.decide.granting import Asker
from gateway.decide.loader.grammar.times import EXPECTED, instant_us
from gateway.domain.decision import Deny, Reason
from gateway.domain.entry import Changed, Entry, Looked, Part
from gateway.domain.grant_request import AskedGrant, GrantRequest
from gateway.domain.names import AccountId, CategoryKey, DatasetName, DecisionId, FieldName, PurposeKey
from gateway.domain.principal import Principal

MOST_OPEN = 10
"""Requests of one account that wait at one time."""
MOST_DAYS = 366
MOST_WHY_CHARACTERS = 500
MOST_NAMED = 50
"""Fields or categories of one request."""

_DAY_US = 86_400 * 1_000_000


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """A request as a caller says it: texts that nobody has judged yet."""

    dataset: str
    purpose: str
    why: str
    until: str
    operation: str = "read"
    fields: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    rung: str = "reveal"
    link: bool | None = None

    @override
    def __repr__(self) -> str:
        return "<a request>"


class Rules(Protocol):
    """The rules in force."""

    @property
    def decider(self) -> Decider:
        """Return the decider of the rules in force."""


class Identify(Protocol):
    """Who asks."""

    def principal(self, authorization: str | None, now_us: int) -> Principal | Deny:
        """Return the principal of a bearer, or why there is none."""


class Requests(Protocol):
    """Where requests are kept."""

    async def add(self, request: GrantRequest, *, most_open: int, now_us: int) -> bool:
        """Keep a new request; false if the account has as many open ones as it may."""

    async def n_open(self, whose: AccountId, now_us: int) -> int:
        """Return how many requests of an account wait."""

    async def of(self, whose: AccountId, now_us: int) -> tuple[GrantRequest, ...]:
        """Return the requests of an account, newest first."""


class Recorder(Protocol):
    """The log, as this flow needs it."""

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Return once the entry is durable."""


class Asking(Protocol):
    """How a caller asks: under which id, from where, and what body each answer will have."""

    @property
    def call(self) -> DecisionId:
        """Return the identifier of the call."""

    @property
    def part(self) -> Part:
        """Return what the entry's part keeps."""

    @property
    def size_of(self) -> Callable[[object], int]:
        """Return what tells the bytes of the body of an answer."""


class GrantRequests:
    """Takes requests and tells their state; every answer is entered before it is given."""

    def __init__(
        self,
        *,
        rules: Rules,
        identify: Identify,
        requests: Requests,
        recorder: Recorder,
        clock: Callable[[], int],
    ) -> None:
        self._rules, self._identify, self._requests = rules, identify, requests
        self._recorder, self._clock = recorder, clock

    async def ask(self, authorization: str | None, words: Words | Deny, asking: Asking) -> GrantRequest | Deny:
        """Keep a request and return it, or why it is none.

        Raises:
            LogUnavailable / StateUnavailable: It was not kept.
        """
        now_us = self._clock()
        who = self._identify.principal(authorization, now_us)
        if isinstance(who, Deny):
            return who
        one = words if isinstance(words, Deny) else self._settled(who, words, now_us)
        if isinstance(one, Deny):
            return one
        if await self._requests.n_open(who.account, now_us) >= MOST_OPEN:
            return _FULL
        request = GrantRequest(
            id=new_request_id(), account=who.account, asked=one.asked, covers=one.covers, asked_us=now_us
        )
        await self._recorder.append(_changed(request), asking.part)
        if not await self._requests.add(request, most_open=MOST_OPEN, now_us=now_us):
            return _FULL
        await self._enter(who, "grant-request", request.id, 1, asking, request)
        return request

    async def mine(self, authorization: str | None, asking: Asking) -> tuple[GrantRequest, ...] | Deny:
        """Return the caller's own requests, newest first."""
        now_us = self._clock()
        who = self._identify.principal(authorization, now_us)
        if isinstance(who, Deny):
            return who
        found = await self._requests.of(who.account, now_us)
        await self._enter(who, "grant-requests", "", len(found), asking, found)
        return found

    def _settled(self, who: Principal, words: Words, now_us: int) -> granting.Settled | Deny:
        asked = asked_of(words, now_us)
        if isinstance(asked, Deny):
            return asked
        decider = self._rules.decider
        one = granting.settled(decider, asked)
        if isinstance(one, Deny):
            return one
        asker = Asker(account=who.account, roles=who.roles, recipient=who.recipient, proof=who.proof)
        return granting.refused(decider, asker, one, now_us) or one

    async def _enter(self, who: Principal, what: str, query: str, n_rows: int, asking: Asking, told: object) -> None:
        n_bytes = asking.size_of(told)
        entry = Looked(by=who.account, what=what, query=query, rows=n_rows, call=asking.call, bytes=n_bytes)
        await self._recorder.append(entry, asking.part)


_FULL = Deny(reason=Reason.GRANT_REQUESTS_WAITING, title=f"{MOST_OPEN} of your requests wait for a decision.")


def new_request_id() -> str:
    """Return an identifier for a request."""
    return "gr_" + base64.b32encode(secrets.token_bytes(10)).decode().lower()


def asked_of(words: Words, now_us: int) -> AskedGrant | Deny:
    """Return what is asked for, with texts bounded and a time that lies ahead; whether it exists is not known here."""
    if not 1 <= len(words.why.strip()) <= len(words.why) <= MOST_WHY_CHARACTERS or not words.why.isprintable():
        return _bad("why", f"Say why in 1 to {MOST_WHY_CHARACTERS} printable characters on one line.")
    if bool(words.fields) == bool(words.categories):
        return _bad("fields", "Name fields, or categories, and not both.")
    named = words.fields or words.categories
    if len(named) > MOST_NAMED or len(set(named)) < len(named):
        return _bad("fields" if words.fields else "categories", f"Name 1 to {MOST_NAMED}, each once.")
    until_us = instant_us(words.until)
    if until_us is None or not now_us < until_us <= now_us + MOST_DAYS * _DAY_US:
        return _bad("until", f"Until when, at most {MOST_DAYS} days ahead: {EXPECTED}.")
    wanted = granting.as_rung(words.rung)
    if wanted is None:
        return _bad("rung", "Nothing is asked for: drop gives nothing.")
    rung, link = wanted
    return AskedGrant(
        dataset=DatasetName(words.dataset),
        fields=tuple(map(FieldName, words.fields)),
        categories=tuple(map(CategoryKey, words.categories)),
        operation=words.operation,
        purpose=PurposeKey(words.purpose),
        rung=rung,
        link=link if words.link is None or words.rung == "surrogate" else words.link,
        why=words.why,
        until_us=until_us,
    )


def _bad(member: str, sentence: str) -> Deny:
    return Deny(reason=Reason.BODY_INVALID, fields=(member,), title=sentence)


def _changed(request: GrantRequest) -> Changed:
    asked = request.asked
    facts: dict[str, str | int] = {
        "dataset": asked.dataset,
        "operation": asked.operation,
        "purpose": asked.purpose,
        "categories": " ".join(asked.categories),
        "rung": asked.rung,
        "link": int(asked.link),
        "until_us": asked.until_us,
    }
    return Changed(by=request.account, what="grant-requested", target=request.id, facts=facts)
