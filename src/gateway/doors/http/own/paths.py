# SPDX-License-Identifier: Apache-2.0
"""The gateway's own paths below ``/-/``: sign-in, keys, health, problems, and what a caller may ask of itself.

Answers that depend on nobody are entered as counts; every other answer is entered before it is given.
No own path takes a parameter, so a query is refused; so is a call whose headers the data door would refuse.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gateway.domain.decision import Deny, Reason
from gateway.domain.errors import LogUnavailable, Overloaded, StateUnavailable
from gateway.domain.names import DecisionId
from gateway.domain.offer import Offer
from gateway.doors.http.grant_asking import words_of
from gateway.doors.http.openapi.document import Documents
from gateway.doors.http.out import Message as Scope
from gateway.doors.http.out import Receive, Send
from gateway.doors.http.own.answers import approval, evaluation, numbers, plain, request, requests, told_or_none
from gateway.doors.http.own.call import NO_STORE, BadCall, Own, OwnParts, json_response
from gateway.doors.http.own.evaluation import question_of
from gateway.doors.http.own.pages import STYLE_PATH, Pages, style
from gateway.doors.http.own.watching import health_told
from gateway.doors.http.problem_table import PROBLEMS
from gateway.doors.http.reading.negotiation import names_json, prefers_page
from gateway.doors.http.reading.router import Matched, Router, Unmatched
from gateway.flows.login.answers import Tokens
from gateway.flows.reveal.approving import WORDS, Stated

PAGE = {
    **NO_STORE,
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}
"""A page of the gateway runs no script and loads nothing but its own style."""
FORM = "application/x-www-form-urlencoded"

METRICS_PATH = "/-/metrics"
METRICS = ("-", "metrics")
"""The segments of that path; whoever may not read it gets what an unknown path gets."""

_DECISION_ID = re.compile(r"[0-9a-f]{32}")

Handler = Callable[[Own], Awaitable[Response]]


class OwnPaths:
    """Handlers of the own paths."""

    def __init__(self, parts: OwnParts) -> None:
        """Keep the parts and load the pages."""
        self._parts, self._pages, self._documents = parts, Pages(), Documents()
        self._router = Router(self._handlers())
        self._counted = {
            self._live, self._ready, self._jwks, self._problems, self._problem, self._style, self._checkpoint,
            self._proof, self._consistency, self._metrics,
        }  # fmt: skip
        self._for_known = {
            self._openapi, self._me, self._my_decision, self._my_grant_requests, self._ask_for_grant, self._evaluate,
            self._decide_approval,
        }  # fmt: skip

    def _handlers(self) -> list[tuple[str, str, Handler]]:
        return [
            ("GET", "/-/livez", self._live),
            ("GET", "/-/readyz", self._ready),
            ("GET", METRICS_PATH, self._metrics),
            ("GET", "/-/jwks.json", self._jwks),
            ("GET", "/-/problems", self._problems),
            ("GET", "/-/problems/{reason}", self._problem),
            ("GET", STYLE_PATH, self._style),
            ("GET", "/-/log/{slot}/checkpoint", self._checkpoint),
            ("GET", "/-/log/{slot}/proof/{index}", self._proof),
            ("GET", "/-/log/{slot}/consistency/{first}/{second}", self._consistency),
            ("GET", "/-/openapi.json", self._openapi),
            ("GET", "/-/me", self._me),
            ("GET", "/-/me/decisions/{id}", self._my_decision),
            ("GET", "/-/me/grant-requests", self._my_grant_requests),
            ("POST", "/-/me/grant-requests", self._ask_for_grant),
            ("POST", "/-/approvals/{id}", self._decide_approval),
            ("POST", "/-/login", self._login),
            ("POST", "/-/login/totp", self._login_totp),
            ("POST", "/-/login/refresh", self._refresh),
            ("POST", "/-/logout", self._logout),
            ("POST", "/-/oauth/token", self._token),
            ("POST", "/-/access/v1/evaluation", self._evaluate),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send, segments: tuple[str, ...]) -> bool:
        """Answer one call (ASGI), unless the path is none of these; tell whether it was."""
        if segments == METRICS and not self._is_watched_by(scope):
            return False
        matched = self._router.match(scope["method"], segments)
        if isinstance(matched, Unmatched) and not matched.allow:
            return False
        own = Own(Request(scope, receive, send), self._parts)
        try:
            response = await self._answer(own, matched)
        except ClientDisconnect:
            return True
        except Exception:
            # Whatever failed in our own code closes the gate; the refusal is entered, the door logs where.
            await (await own.refused(Deny(reason=Reason.GATEWAY_FAILED)))(scope, receive, send)
            raise
        await response(scope, receive, send)
        return True

    def _is_watched_by(self, scope: Scope) -> bool:
        watching = self._parts.watching
        return watching is not None and watching.is_for(scope)

    async def _answer(self, own: Own, matched: Matched[Handler] | Unmatched) -> Response:
        try:
            return await self._handled(own, matched)
        except BadCall as bad:
            return await own.refused(bad.deny)
        except (Overloaded, StateUnavailable):
            return await own.refused(Deny(reason=Reason.OVERLOADED))
        except LogUnavailable:
            return own.unlogged()

    async def _handled(self, own: Own, matched: Matched[Handler] | Unmatched) -> Response:
        own.check_framing()
        if isinstance(matched, Unmatched):
            own.allow = matched.allow
            raise BadCall(Deny(reason=matched.reason))
        own.check_query()
        own.values = dict(matched.values)
        if matched.target in self._for_known and not self._parts.is_current():
            raise BadCall(Deny(reason=Reason.OVERLOADED))
        response = await matched.target(own)
        if matched.target in self._counted:
            self._parts.counting.answered(matched.target.__name__.removeprefix("_"))
        else:
            response.headers.setdefault("decision-id", own.id)
        return response

    async def _live(self, _own: Own) -> Response:
        return plain("live\n")

    async def _ready(self, own: Own) -> Response:
        ready = self._parts.is_ready()
        status = 200 if ready else 503
        if not names_json(own.stated.accept):
            return plain("ready\n" if ready else "not ready\n", status)
        watching = self._parts.watching
        if watching is None or not watching.is_for(own.request.scope):
            return json_response({"status": "ready" if ready else "not ready"}, status)
        health = watching.health()
        return json_response(health_told(health), 200 if health.is_ready else 503)

    async def _metrics(self, _own: Own) -> Response:
        watching = self._parts.watching
        if watching is None:
            raise BadCall(Deny(reason=Reason.NO_SUCH_ROUTE))
        content = await asyncio.to_thread(watching.metrics)
        return Response(content, 200, {**NO_STORE, "content-type": watching.content_type})

    async def _jwks(self, _own: Own) -> Response:
        return json_response(self._parts.jwks())

    async def _style(self, _own: Own) -> Response:
        return Response(style(), 200, {**NO_STORE, "content-type": "text/css; charset=utf-8"})

    async def _problems(self, own: Own) -> Response:
        return Response(self._pages.problems(own.language), 200, {**PAGE, "content-type": "text/html; charset=utf-8"})

    async def _problem(self, own: Own) -> Response:
        try:
            reason = Reason(own.values["reason"])
        except ValueError:
            raise BadCall(Deny(reason=Reason.NO_SUCH_ROUTE)) from None
        if own.stated.accept is None or prefers_page(own.stated.accept):
            page = self._pages.problem(reason, own.language)
            return Response(page, 200, {**PAGE, "content-type": "text/html; charset=utf-8"})
        problem = PROBLEMS[reason]
        title, remedy = problem.told(own.language)
        return json_response({"reason": reason, "title": title, "status": problem.status, "remediation": remedy})

    async def _checkpoint(self, own: Own) -> Response:
        return told_or_none(await self._parts.log_proofs.checkpoint(own.values["slot"]))

    async def _proof(self, own: Own) -> Response:
        (index,) = numbers(own, "index")
        return told_or_none(await self._parts.log_proofs.proof(own.values["slot"], index))

    async def _consistency(self, own: Own) -> Response:
        first, second = numbers(own, "first", "second")
        return told_or_none(await self._parts.log_proofs.consistency(own.values["slot"], first, second))

    async def _openapi(self, own: Own) -> Response:
        told = await self._parts.self_service.offer(own.stated.authorization, own.asking(self._document))
        return await own.refused(told) if isinstance(told, Deny) else self._document(told)

    def _document(self, told: Offer) -> Response:
        return Response(self._documents.written(told), 200, {**NO_STORE, "content-type": "application/json"})

    async def _me(self, own: Own) -> Response:
        return await own.told(await self._parts.self_service.me(own.stated.authorization, own.asking()))

    async def _my_decision(self, own: Own) -> Response:
        # What is not the form of a decision id may be anything, and the question is entered in the log.
        told = own.values["id"]
        call = DecisionId(told if _DECISION_ID.fullmatch(told) else "")
        return await own.told(await self._parts.self_service.decision(own.stated.authorization, call, own.asking()))

    async def _my_grant_requests(self, own: Own) -> Response:
        told = await self._parts.grant_requests.mine(own.stated.authorization, own.asking(requests))
        return await own.refused(told) if isinstance(told, Deny) else requests(told)

    async def _ask_for_grant(self, own: Own) -> Response:
        words = words_of(await own.json())
        told = await self._parts.grant_requests.ask(own.stated.authorization, words, own.asking(request))
        return await own.refused(told) if isinstance(told, Deny) else request(told)

    async def _decide_approval(self, own: Own) -> Response:
        word = (await own.members("decision"))["decision"]
        if word not in WORDS:
            sentence = f"The decision is {' or '.join(WORDS)}."
            raise BadCall(Deny(reason=Reason.BODY_INVALID, fields=("decision",), title=sentence))
        stated = Stated(
            authorization=own.stated.authorization, purpose=own.stated.purpose, reference=own.stated.reference
        )
        told = await self._parts.approving.decide(stated, own.values["id"], WORDS[word], own.asking(approval))
        return await own.refused(told) if isinstance(told, Deny) else approval(told)

    async def _login(self, own: Own) -> Response:
        body = await own.members("username", "password")
        return await own.told(await self._parts.login.start(body["username"], body["password"], own.origin))

    async def _login_totp(self, own: Own) -> Response:
        body = await own.members("login", "code")
        return await own.told(await self._parts.login.finish_totp(body["login"], body["code"], own.origin))

    async def _refresh(self, own: Own) -> Response:
        body = await own.members("refresh_token")
        return await own.told(await self._parts.login.refresh(body["refresh_token"], own.origin))

    async def _logout(self, own: Own) -> Response:
        refused = await self._parts.logout(own.stated.authorization, own.origin)
        if refused is not None:
            raise BadCall(refused)
        return Response(b"", 204, NO_STORE)

    async def _token(self, own: Own) -> Response:
        if (own.stated.content_type or "").lower() != FORM:
            raise BadCall(Deny(reason=Reason.CONTENT_TYPE_NOT_SUPPORTED, fields=("Content-Type",)))
        body = await own.body()
        answer = await self._parts.login.client_token(own.stated.authorization, body, own.origin)
        if isinstance(answer, Tokens):
            return json_response(answer)
        headers = {"www-authenticate": 'Basic realm="gateway"'} if answer.basic else {}
        return json_response({"error": answer.error}, 401 if answer.error == "invalid_client" else 400, headers)

    async def _evaluate(self, own: Own) -> Response:
        asked = await own.json()
        told = await self._parts.self_service.evaluate(
            own.stated.authorization, lambda who: question_of(asked, who), own.asking(evaluation)
        )
        return await own.refused(told) if isinstance(told, Deny) else evaluation(told)
