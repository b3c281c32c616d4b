# SPDX-License-Identifier: Apache-2.0
"""Calls to stores over HTTP: framing and names of this protocol, and nothing of the decision.

The decision reads ``scope["raw_path"]`` and ``scope["method"]`` alone. What the door finds wrong with
the framing is handed to the flow as a refusal, so that it is entered like any other.
"""

import secrets
from collections.abc import Callable, Sequence
from urllib.parse import quote, urlencode

from gateway.domain.catalog import Catalog, OffsetParameter, Route
from gateway.domain.decision import Deny, Reason, Refusal
from gateway.domain.errors import LogUnavailable
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import DecisionId, PurposeKey, RulesDigest
from gateway.domain.principal import Principal
from gateway.doors.http import out as low
from gateway.doors.http.cursors import CursorScope, Seal, opened_cursor, sealed_cursor
from gateway.doors.http.headers import BODYLESS, Network, Stated, client_address, judged
from gateway.doors.http.negotiation import accepts_json, language_of
from gateway.doors.http.paths import segments_of
from gateway.doors.http.problem_table import PROBLEMS
from gateway.doors.http.problems import problem_headers, problem_json
from gateway.doors.http.query import Asked, bind, pairs_of
from gateway.doors.http.router import Router, Unmatched, store_router
from gateway.doors.http.view import data_page, data_view, rows_withheld
from gateway.flows.access.flow import AccessFlow
from gateway.flows.access.ports import Answer, Arrival, Origin

Scope = low.Message

UNLOGGED = [(b"content-length", b"0"), (b"retry-after", b"5"), (b"cache-control", b"no-store")]
"""Head of the bodyless 503 that is all a caller gets while nothing can be entered (DESIGN 4)."""


def new_decision_id() -> DecisionId:
    """Return 128 random bits in hexadecimal, the form of a W3C trace id."""
    return DecisionId(secrets.token_hex(16))


class DataDoor:
    """Answers every path that is not the gateway's own."""

    def __init__(self, flow: AccessFlow, seal: Seal, proxies: Sequence[Network]) -> None:
        """Keep what calls are handed to."""
        self._flow, self._seal, self._proxies = flow, seal, proxies
        self._routes: tuple[Catalog, Router[Route]] | None = None

    async def __call__(self, scope: Scope, receive: low.Receive, send: low.Send) -> None:
        """Answer one call (ASGI)."""
        call = _HttpCall(scope, self._seal, self._router)
        async with low.opened(receive, send) as out:
            try:
                await self._flow.run(call.arrival(self._proxies), _Telling(out, call))
            except LogUnavailable:
                await out.start(503, UNLOGGED)
                await out.finish()

    def _router(self, catalog: Catalog) -> Router[Route]:
        """Return the routes of a catalogue; built once for each rule set."""
        if self._routes is None or self._routes[0] is not catalog:
            self._routes = (catalog, store_router(catalog))
        return self._routes[1]


class _HttpCall:
    """One call as HTTP tells it."""

    def __init__(self, scope: Scope, seal: Seal, router: Callable[[Catalog], Router[Route]]) -> None:
        self.scope, self._seal, self._router = scope, seal, router
        self.id = new_decision_id()
        self.allow: tuple[str, ...] = ()
        self.asked: Asked | None = None
        self.cursor_scope: CursorScope | None = None
        stated = judged(scope["headers"], method=scope["method"], http_version=scope["http_version"])
        self.segments = segments_of(scope["raw_path"])
        self.pairs = pairs_of(scope["query_string"])
        self.framing = self._framing(stated)
        self.stated = stated if isinstance(stated, Stated) else Stated()
        self.language = language_of(self.stated.accept_language)

    def _framing(self, stated: Stated | Deny) -> Deny | None:
        if isinstance(stated, Deny):
            return stated
        if self.segments is None:
            return Deny(reason=Reason.PATH_NOT_CANONICAL)
        if isinstance(self.pairs, Deny):
            return self.pairs
        if not accepts_json(stated.accept):
            return Deny(reason=Reason.CONTENT_TYPE_NOT_SUPPORTED, fields=("Accept",))
        return None

    def arrival(self, proxies: Sequence[Network]) -> Arrival:
        """Return the call for the flow."""
        peer = (self.scope.get("client") or ("", 0))[0]
        return Arrival(
            decision_id=self.id,
            method=self.scope["method"],
            authorization=self.stated.authorization,
            purpose=self.stated.purpose,
            reference=self.stated.reference,
            origin=Origin(
                ip=client_address(peer, self.scope["headers"], proxies),
                user_agent=self.stated.user_agent,
            ),
            bind=self.bind,
            framing=self.framing,
        )

    async def bind(self, who: Principal, purpose: PurposeKey, catalog: Catalog, rules: str) -> Inquiry | Deny:
        """Return what the call asks of which route."""
        matched = self._router(catalog).match(self.scope["method"], self.segments or ())
        if isinstance(matched, Unmatched):
            self.allow = matched.allow
            return Deny(reason=matched.reason)
        route = matched.target
        pairs = () if isinstance(self.pairs, Deny) else self.pairs
        asked = bind(route, catalog.collections[route.dataset], matched.values, pairs)
        if isinstance(asked, Deny):
            return asked
        self.asked = asked
        self.cursor_scope = CursorScope(
            account=who.account, purpose=purpose, rules=RulesDigest(rules), route=route, asked=asked
        )
        offset = asked.offset
        if asked.cursor is not None:
            offset = opened_cursor(self._seal, asked.cursor, self.cursor_scope)
            if offset is None:
                return Deny(reason=Reason.PARAMETER_INVALID, fields=("cursor",))
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
        )

    def next_link(self, inquiry: Inquiry) -> str | None:
        """Return the link to the next page, made by the gateway; ``None`` where the route has no pages."""
        has_offset = any(isinstance(one, OffsetParameter) for one in inquiry.route.parameters.values())
        if self.cursor_scope is None or not has_offset or inquiry.limit is None or isinstance(self.pairs, Deny):
            return None
        offsets = {name for name, one in inquiry.route.parameters.items() if isinstance(one, OffsetParameter)}
        cursor = sealed_cursor(self._seal, (inquiry.offset or 0) + inquiry.limit, self.cursor_scope)
        kept = [(name, value) for name, value in self.pairs if name not in offsets | {"cursor"}]
        path = self.scope["raw_path"].decode("ascii")
        return f'<{path}?{urlencode([*kept, ("cursor", cursor)], quote_via=quote)}>; rel="next"'


class _Telling:
    """The flow's ``Out``, told in HTTP."""

    def __init__(self, out: low.Out, call: _HttpCall) -> None:
        self._out, self._call = out, call
        self.write = out.write
        self.finish = out.finish
        self.abort = out.abort

    def refusal_body(self, refusal: Refusal) -> bytes:
        # The server leaves out the body of an answer to HEAD; the entry counts what is sent.
        return b"" if self._call.scope["method"] == "HEAD" else problem_json(refusal, self._call.language)

    async def refuse(self, refusal: Refusal, body: bytes) -> None:
        error = (
            "invalid_token" if self._call.stated.authorization and refusal.reason is Reason.SIGN_IN_REQUIRED else None
        )
        headers = problem_headers(
            refusal,
            body,
            language=self._call.language,
            allow=self._call.allow,
            error=error,
            unread=self._call.scope["method"] not in BODYLESS,
        )
        await self._out.start(PROBLEMS[refusal.reason].status, headers)
        await self._out.finish(body)

    async def start(self, answer: Answer) -> None:
        headers = {
            "content-type": "application/json",
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
            "decision-id": answer.decision_id,
            "data-view": data_view(answer.view, answer.step_up),
            "rows-withheld": rows_withheld(answer.withheld or {}),
            "content-length": "" if answer.length is None else str(answer.length),
        }
        if answer.more is not None:
            headers["data-page"] = data_page(more=answer.more)
            headers["link"] = (self._call.next_link(answer.inquiry) or "") if answer.more else ""
        await self._out.start(200, [(name.encode(), value.encode()) for name, value in headers.items() if value])
