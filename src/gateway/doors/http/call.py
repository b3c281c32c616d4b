# SPDX-License-Identifier: Apache-2.0
"""One call to a store, as HTTP tells it: judged at once, bound to a route when the flow has settled who asks for what.

The decision reads ``scope["raw_path"]`` and ``scope["method"]`` alone. What the door finds wrong with
the framing is handed to the flow as a refusal, so that it is entered like any other.
"""

import secrets
from collections.abc import Callable, Sequence
from urllib.parse import quote, urlencode

import msgspec

from gateway.domain.catalog import Catalog, Honoured, Route
from gateway.domain.continuation import Continuation
from gateway.domain.decision import Deny, Reason
from gateway.domain.inquiry import Form, Inquiry
from gateway.domain.names import DecisionId, PurposeKey, RulesDigest
from gateway.domain.own_data import OWN_STORE
from gateway.domain.parameters import CursorParameter
from gateway.domain.principal import Principal
from gateway.domain.sending import SEND
from gateway.doors.http import out as low
from gateway.doors.http.reading.binding import CURSOR, WAYS_ON, Asked, bind, has_pages
from gateway.doors.http.reading.bodies import Bodies, Body, Incoming
from gateway.doors.http.reading.conditions import Conditions, TagScope, conditions_of, sealed_tag
from gateway.doors.http.reading.cursors import (
    CursorScope,
    Seal,
    opened_continuation,
    opened_cursor,
    sealed_continuation,
    sealed_cursor,
)
from gateway.doors.http.reading.headers import Network, Stated, client_address, judged
from gateway.doors.http.reading.negotiation import accepts_some_form, form_of, language_of
from gateway.doors.http.reading.paths import segments_of
from gateway.doors.http.reading.query import Pairs, pairs_of
from gateway.doors.http.reading.router import Matched, Router, Unmatched
from gateway.flows.access.ports.doorway import Arrival, Origin

Scope = low.Message


def new_decision_id() -> DecisionId:
    """Return 128 random bits in hexadecimal, the form of a W3C trace id."""
    return DecisionId(secrets.token_hex(16))


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What every call of the data door needs."""

    seal: Seal
    router: Callable[[Catalog], Router[Route]]
    bodies: Bodies
    proxies: Sequence[Network]


class HttpCall:
    """One call as HTTP tells it.

    Attributes:
        allow: Methods of the path, once it is known that this one is none of them.
    """

    def __init__(self, scope: Scope, parts: Parts, out: Incoming) -> None:
        """Judge headers, path and query."""
        self.scope, self._parts, self._out = scope, parts, out
        self.id = new_decision_id()
        self.allow: tuple[str, ...] = ()
        self._cursor_scope: CursorScope | None = None
        self._tag_scope: TagScope | None = None
        self._form = Form.JSON
        stated = judged(scope["headers"], method=scope["method"], http_version=scope["http_version"])
        self._segments = segments_of(scope["raw_path"])
        pairs = pairs_of(scope["query_string"])
        self._pairs: Pairs = () if isinstance(pairs, Deny) else pairs
        self.framing = self._framing(stated, pairs)
        self.stated = stated if isinstance(stated, Stated) else Stated()
        self.language = language_of(self.stated.accept_language)

    @property
    def segments(self) -> tuple[str, ...] | None:
        """The decoded path; ``None`` if it is not canonical."""
        return self._segments

    def _framing(self, stated: Stated | Deny, pairs: Pairs | Deny) -> Deny | None:
        if isinstance(stated, Deny):
            return stated
        if self._segments is None:
            return Deny(reason=Reason.PATH_NOT_CANONICAL)
        if isinstance(pairs, Deny):
            return pairs
        if not accepts_some_form(stated.accept):
            return Deny(reason=Reason.CONTENT_TYPE_NOT_SUPPORTED, fields=("Accept",))
        return None

    def arrival(self) -> Arrival:
        """Return the call for the flow."""
        peer = (self.scope.get("client") or ("", 0))[0]
        return Arrival(
            decision_id=self.id,
            method=self.scope["method"],
            authorization=self.stated.authorization,
            purpose=self.stated.purpose,
            reference=self.stated.reference,
            origin=Origin(
                ip=client_address(peer, self.scope["headers"], self._parts.proxies),
                user_agent=self.stated.user_agent,
            ),
            bind=self.bind,
            framing=self.framing,
            sealed=self.sealed,
            mandate=self.stated.mandate,
        )

    async def bind(self, who: Principal, purpose: PurposeKey, catalog: Catalog, rules: str) -> Inquiry | Deny:
        """Return what the call asks of which route; only now its body is read.

        Raises:
            HangUp: The caller went away before its body was whole.
        """
        matched = self._parts.router(catalog).match(self.scope["method"], self._segments or ())
        if isinstance(matched, Unmatched):
            self.allow = matched.allow
            return Deny(reason=matched.reason)
        route, collection = matched.target, catalog.collections[matched.target.dataset]
        if self.stated.mandate is not None and route.operation != SEND:
            # Nothing else is done under a mandate; one that is not looked at would be taken for one that counts.
            return Deny(reason=Reason.HEADER_NOT_SUPPORTED, fields=("Data-Mandate",))
        form = form_of(self.stated.accept, route.answer.kind, for_people=route.store == OWN_STORE)
        if form is None:
            return Deny(reason=Reason.CONTENT_TYPE_NOT_SUPPORTED, fields=("Accept",))
        self._form = form
        self._tag_scope = TagScope(account=who.account, purpose=purpose, segments=self._segments or ())
        conditions: Conditions | Deny = ()
        if self.stated.conditions:
            conditions = conditions_of(dict(self.stated.conditions), route, self._parts.seal, self._tag_scope)
        if isinstance(conditions, Deny):
            return conditions
        body = await self._parts.bodies.read(route, collection, self.stated, self._out, who.account)
        if isinstance(body, Deny):
            return body
        asked = bind(route, collection, matched.values, self._pairs, body.members)
        if isinstance(asked, Deny):
            return asked
        self._cursor_scope = CursorScope(
            account=who.account, purpose=purpose, rules=RulesDigest(rules), route=route, asked=asked
        )
        return self._inquiry(who, purpose, matched, asked, body, conditions)

    def _inquiry(
        self,
        who: Principal,
        purpose: PurposeKey,
        matched: Matched[Route],
        asked: Asked,
        body: Body,
        conditions: Conditions,
    ) -> Inquiry | Deny:
        route, offset, continuation = matched.target, asked.offset, None
        if asked.cursor is not None and self._cursor_scope is not None:
            if goes_on_by_itself(route):
                continuation = opened_continuation(self._parts.seal, asked.cursor, self._cursor_scope)
            else:
                offset = opened_cursor(self._parts.seal, asked.cursor, self._cursor_scope)
            if offset is None and continuation is None:
                return Deny(reason=Reason.PARAMETER_INVALID, fields=(CURSOR,))
        return Inquiry(
            decision_id=self.id,
            principal=who,
            purpose=purpose,
            reference=self.stated.reference,
            operation=route.operation,
            dataset=route.dataset,
            route=route,
            fields=asked.fields,
            filters=asked.filters,
            sorts=asked.sorts,
            limit=asked.limit,
            offset=offset,
            written=body.written,
            conditions=conditions,
            form=self._form,
            continuation=continuation,
            messages=body.messages,
        )

    def sealed(self, continuation: Continuation) -> str:
        """Return where the store's list goes on as this caller gets it, for this query and no other."""
        assert self._cursor_scope is not None  # noqa: S101 - nothing is asked of a store before the call is bound
        return sealed_continuation(self._parts.seal, continuation, self._cursor_scope)

    def next_link(self, inquiry: Inquiry, told: str | None = None) -> str | None:
        """Return the link to the next page, made by the gateway; ``None`` where the route has no pages.

        It is asked for as the page was: the link of a search is to be posted with the same body.

        Args:
            inquiry: The page.
            told: Where the store said that its list goes on, sealed.
        """
        cursor = told or self._cursor_behind(inquiry)
        if cursor is None:
            return None
        ways = {name for name, one in inquiry.route.parameters.items() if isinstance(one, WAYS_ON)}
        kept = [(name, value) for name, value in self._pairs if name not in ways | {CURSOR}]
        path = self.scope["raw_path"].decode("ascii")
        return f'<{path}?{urlencode([*kept, (CURSOR, cursor)], quote_via=quote)}>; rel="next"'

    def _cursor_behind(self, inquiry: Inquiry) -> str | None:
        """Return the cursor of the page behind this one, where the gateway knows where it begins."""
        route = inquiry.route
        if self._cursor_scope is None or inquiry.limit is None or not has_pages(route) or goes_on_by_itself(route):
            return None
        return sealed_cursor(self._parts.seal, (inquiry.offset or 0) + inquiry.limit, self._cursor_scope)

    def told_tag(self, inquiry: Inquiry, tag: str | None) -> str | None:
        """Return the record's entity tag as the caller gets it, where the route honours conditions on it."""
        if tag is None or self._tag_scope is None or Honoured.IF_MATCH not in inquiry.route.honours:
            return None
        return sealed_tag(self._parts.seal, tag, self._tag_scope)


def goes_on_by_itself(route: Route) -> bool:
    """Tell whether the store itself says where a list of the route goes on."""
    return any(isinstance(one, CursorParameter) for one in route.every_parameter)
