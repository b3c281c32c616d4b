# SPDX-License-Identifier: Apache-2.0
"""Calls to stores over HTTP: framing and names of this protocol, and nothing of the decision."""

from collections.abc import Callable, Sequence

from gateway.domain.catalog import Catalog, Route
from gateway.domain.decision import Reason, Refusal
from gateway.domain.errors import LogUnavailable
from gateway.domain.media import TOLD_TYPES
from gateway.domain.revealed import REVEAL_PATH
from gateway.doors.http import out as low
from gateway.doors.http.call import HttpCall, Parts
from gateway.doors.http.peer import peer_of
from gateway.doors.http.problem_table import PROBLEMS
from gateway.doors.http.problems import problem_headers, problem_json
from gateway.doors.http.reading.bodies import Bodies
from gateway.doors.http.reading.cursors import Seal
from gateway.doors.http.reading.headers import Network, has_body
from gateway.doors.http.reading.router import Router, store_router
from gateway.doors.http.revealing import RevealCall
from gateway.doors.http.view import Views, data_page, rate_limit, rows_withheld
from gateway.flows.access.flow import AccessFlow
from gateway.flows.access.ports.doorway import Answer

Scope = low.Message

UNLOGGED = [(b"content-length", b"0"), (b"retry-after", b"5"), (b"cache-control", b"no-store")]
"""Head of the bodyless 503 that is all a caller gets while nothing can be entered (DESIGN 4)."""


BODILESS = 204

_REVEAL = REVEAL_PATH.encode()

_FIXED = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
_TYPES = {form: told.encode() for form, told in TOLD_TYPES.items()}


class DataDoor:
    """Answers every path that is not the gateway's own."""

    def __init__(
        self, flow: AccessFlow, seal: Seal, proxies: Sequence[Network], unlogged: Callable[[], None] = lambda: None
    ) -> None:
        """Keep what calls are handed to; ``unlogged`` is told of each call of which nothing can be entered."""
        self._unlogged = unlogged
        self._flow = flow
        self._parts = Parts(seal=seal, router=self._router, bodies=Bodies(), proxies=proxies)
        self._routes: tuple[Catalog, Router[Route]] | None = None
        self._views = Views()

    async def __call__(self, scope: Scope, receive: low.Receive, send: low.Send) -> None:
        """Answer one call (ASGI)."""
        async with low.opened(receive, send, has_body=has_body(scope["headers"]), peer=peer_of(scope)) as out:
            kind = RevealCall if scope["raw_path"] == _REVEAL else HttpCall
            call = kind(scope, self._parts, out)
            try:
                await self._flow.run(call.arrival(), _Telling(out, call, self._views))
            except LogUnavailable:
                self._unlogged()
                await out.start(503, [*UNLOGGED, *([(b"connection", b"close")] if out.unread else [])])
                await out.finish()

    def _router(self, catalog: Catalog) -> Router[Route]:
        """Return the routes of a catalogue; built once for each rule set."""
        if self._routes is None or self._routes[0] is not catalog:
            self._routes = (catalog, store_router(catalog))
        return self._routes[1]


class _Telling:
    """The flow's ``Out``, told in HTTP."""

    def __init__(self, out: low.Out, call: HttpCall, views: Views) -> None:
        self._out, self._call, self._views = out, call, views
        self.write = out.write
        self.finish = out.finish
        self.abort = out.abort
        self.still_there = out.still_there

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
            unread=self._out.unread,
        )
        await self._out.start(PROBLEMS[refusal.reason].status, headers)
        await self._out.finish(body)

    async def start(self, answer: Answer) -> None:
        headers = [
            (b"decision-id", answer.decision_id.encode()),
            (b"data-view", self._views.told(answer.view, answer.step_up)),
            (b"rows-withheld", rows_withheld(answer.withheld or {}).encode()),
        ]
        if answer.status != BODILESS:
            # A length, even of 0, must not be told with 204 (RFC 9110 section 8.6).
            length = b"" if answer.length is None else b"%d" % answer.length
            headers += [(b"content-type", _TYPES[answer.inquiry.form]), (b"content-length", length)]
        if answer.etag is not None:
            headers.append((b"etag", (self._call.told_tag(answer.inquiry, answer.etag) or "").encode()))
        if answer.budgets:
            policy, left = rate_limit(answer.budgets)
            headers += [(b"ratelimit-policy", policy.encode()), (b"ratelimit", left.encode())]
        if answer.more is not None:
            link = self._call.next_link(answer.inquiry, answer.next) if answer.more else None
            headers += [(b"data-page", data_page(more=answer.more).encode()), (b"link", (link or "").encode())]
        elif answer.length is None and (link := self._call.next_link(answer.inquiry)):
            # Whether the page is full is not known yet; behind the last row the link leads to an empty page.
            headers.append((b"link", link.encode()))
        await self._out.start(answer.status, [*_FIXED, *(each for each in headers if each[1])])
