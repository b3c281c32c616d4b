# SPDX-License-Identifier: Apache-2.0
"""The gateway's own paths below ``/-/``: sign-in, keys, health, problems, and what a caller may ask of itself.

Answers that depend on nobody are entered as counts; every other answer is entered before it is given.
No own path takes a parameter, so a query is refused; so is a call whose headers the data door would refuse.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gateway.domain import strictjson
from gateway.domain.decision import Deny, Reason, Refusal
from gateway.domain.entry import Part, Refused
from gateway.domain.errors import LogUnavailable, Overloaded, StateUnavailable
from gateway.domain.explanation import Explanation
from gateway.domain.names import DatasetName, DecisionId, PurposeKey, is_key
from gateway.domain.principal import Principal
from gateway.domain.signin import Origin
from gateway.doors.http.headers import Network, Stated, client_address, judged
from gateway.doors.http.negotiation import is_json, language_of, prefers_page
from gateway.doors.http.out import Message as Scope
from gateway.doors.http.out import Receive, Send
from gateway.doors.http.pages import STYLE_PATH, Pages, style
from gateway.doors.http.problem_table import PROBLEMS
from gateway.doors.http.problems import problem_headers, problem_json
from gateway.doors.http.router import Matched, Router, Unmatched
from gateway.flows.explain import NoSuchThing, Question, SelfService
from gateway.flows.login import LoginFlow, SignInFailed, Tokens

MOST_BODY_BYTES = 64 * 1024
BODY_WITHIN_S = 10.0
NO_STORE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
UNLOGGED = {"content-length": "0", "retry-after": "5", **NO_STORE}
PAGE = {
    **NO_STORE,
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}
"""A page of the gateway runs no script and loads nothing but its own style."""
FORM = "application/x-www-form-urlencoded"

_DECISION_ID = re.compile(r"[0-9a-f]{32}")


class Counting(Protocol):
    """What is entered as counts, and refusals of the unknown."""

    def answered(self, what: str) -> None:
        """Count an answer that depends on nobody."""

    async def refused(self, entry: Refused, part: Part) -> None:
        """Return once a refusal is entered, by itself or as one of a count."""


class OwnParts(msgspec.Struct, frozen=True, kw_only=True):
    """What the own paths stand on.

    Attributes:
        is_ready: Rules, log and state can serve.
        is_current: What this process remembers of changes elsewhere is new enough to answer callers by.
        checkpoint: Returns the newest checkpoint of a slot of this node, if there is one.
    """

    login: LoginFlow
    self_service: SelfService
    logout: Callable[[str | None, Origin], Awaitable[Deny | None]]
    jwks: Callable[[], dict[str, list[dict[str, str]]]]
    is_ready: Callable[[], bool]
    is_current: Callable[[], bool]
    checkpoint: Callable[[str], Awaitable[str | None]]
    counting: Counting
    new_id: Callable[[], DecisionId]
    proxies: Sequence[Network]


class _BadCall(Exception):
    """The call cannot be read."""

    def __init__(self, deny: Deny) -> None:
        super().__init__(deny.reason)
        self.deny = deny


Handler = Callable[["Own"], Awaitable[Response]]


class OwnPaths:
    """Handlers of the own paths."""

    def __init__(self, parts: OwnParts) -> None:
        """Keep the parts and load the pages."""
        self._parts, self._pages = parts, Pages()
        self._router = Router(self._handlers())
        self._counted = {
            self._live, self._ready, self._jwks, self._problems, self._problem, self._style, self._checkpoint,
        }  # fmt: skip
        self._for_known = {self._me, self._my_decision, self._evaluate}

    def _handlers(self) -> list[tuple[str, str, Handler]]:
        return [
            ("GET", "/-/livez", self._live),
            ("GET", "/-/readyz", self._ready),
            ("GET", "/-/jwks.json", self._jwks),
            ("GET", "/-/problems", self._problems),
            ("GET", "/-/problems/{reason}", self._problem),
            ("GET", STYLE_PATH, self._style),
            ("GET", "/-/log/{slot}/checkpoint", self._checkpoint),
            ("GET", "/-/me", self._me),
            ("GET", "/-/me/decisions/{id}", self._my_decision),
            ("POST", "/-/login", self._login),
            ("POST", "/-/login/totp", self._login_totp),
            ("POST", "/-/login/refresh", self._refresh),
            ("POST", "/-/logout", self._logout),
            ("POST", "/-/oauth/token", self._token),
            ("POST", "/-/access/v1/evaluation", self._evaluate),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send, segments: tuple[str, ...]) -> bool:
        """Answer one call (ASGI), unless the path is none of these; tell whether it was."""
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

    async def _answer(self, own: "Own", matched: Matched[Handler] | Unmatched) -> Response:
        try:
            return await self._handled(own, matched)
        except _BadCall as bad:
            return await own.refused(bad.deny)
        except (Overloaded, StateUnavailable):
            return await own.refused(Deny(reason=Reason.OVERLOADED))
        except LogUnavailable:
            return Response(b"", 503, UNLOGGED)

    async def _handled(self, own: "Own", matched: Matched[Handler] | Unmatched) -> Response:
        own.check_framing()
        if isinstance(matched, Unmatched):
            own.allow = matched.allow
            raise _BadCall(Deny(reason=matched.reason))
        own.check_query()
        own.values = dict(matched.values)
        if matched.target in self._for_known and not self._parts.is_current():
            raise _BadCall(Deny(reason=Reason.OVERLOADED))
        response = await matched.target(own)
        if matched.target in self._counted:
            self._parts.counting.answered(matched.target.__name__.removeprefix("_"))
        return response

    async def _live(self, _own: "Own") -> Response:
        return _text("live\n")

    async def _ready(self, _own: "Own") -> Response:
        ready = self._parts.is_ready()
        return _text("ready\n" if ready else "not ready\n", 200 if ready else 503)

    async def _jwks(self, _own: "Own") -> Response:
        return _json(self._parts.jwks())

    async def _style(self, _own: "Own") -> Response:
        return Response(style(), 200, {**NO_STORE, "content-type": "text/css; charset=utf-8"})

    async def _problems(self, own: "Own") -> Response:
        return Response(self._pages.problems(own.language), 200, {**PAGE, "content-type": "text/html; charset=utf-8"})

    async def _problem(self, own: "Own") -> Response:
        try:
            reason = Reason(own.values["reason"])
        except ValueError:
            raise _BadCall(Deny(reason=Reason.NO_SUCH_ROUTE)) from None
        if own.stated.accept is None or prefers_page(own.stated.accept):
            page = self._pages.problem(reason, own.language)
            return Response(page, 200, {**PAGE, "content-type": "text/html; charset=utf-8"})
        problem = PROBLEMS[reason]
        title, remedy = problem.told(own.language)
        return _json({"reason": reason, "title": title, "status": problem.status, "remediation": remedy})

    async def _checkpoint(self, own: "Own") -> Response:
        note = await self._parts.checkpoint(own.values["slot"])
        if note is None:
            raise _BadCall(Deny(reason=Reason.NOT_FOUND))
        return _text(note)

    async def _me(self, own: "Own") -> Response:
        return await own.told(await self._parts.self_service.me(own.stated.authorization, own.part))

    async def _my_decision(self, own: "Own") -> Response:
        # What is not the form of a decision id may be anything, and the question is entered in the log.
        told = own.values["id"]
        call = DecisionId(told if _DECISION_ID.fullmatch(told) else "")
        return await own.told(await self._parts.self_service.decision(own.stated.authorization, call, own.part))

    async def _login(self, own: "Own") -> Response:
        body = await own.members("username", "password")
        return await own.told(await self._parts.login.start(body["username"], body["password"], own.origin))

    async def _login_totp(self, own: "Own") -> Response:
        body = await own.members("login", "code")
        return await own.told(await self._parts.login.finish_totp(body["login"], body["code"], own.origin))

    async def _refresh(self, own: "Own") -> Response:
        body = await own.members("refresh_token")
        return await own.told(await self._parts.login.refresh(body["refresh_token"], own.origin))

    async def _logout(self, own: "Own") -> Response:
        refused = await self._parts.logout(own.stated.authorization, own.origin)
        if refused is not None:
            raise _BadCall(refused)
        return Response(b"", 204, NO_STORE)

    async def _token(self, own: "Own") -> Response:
        if (own.stated.content_type or "").lower() != FORM:
            raise _BadCall(Deny(reason=Reason.CONTENT_TYPE_NOT_SUPPORTED, fields=("Content-Type",)))
        body = await own.body()
        answer = await self._parts.login.client_token(own.stated.authorization, body, own.origin)
        if isinstance(answer, Tokens):
            return _json(answer)
        headers = {"www-authenticate": 'Basic realm="gateway"'} if answer.basic else {}
        return _json({"error": answer.error}, 401 if answer.error == "invalid_client" else 400, headers)

    async def _evaluate(self, own: "Own") -> Response:
        asked = await own.json()
        told = await self._parts.self_service.evaluate(
            own.stated.authorization, lambda who: _question(asked, who), own.part
        )
        if isinstance(told, Deny):
            return await own.refused(told)
        if isinstance(told, NoSuchThing):
            return _json({"decision": False, "context": {"reason": "no-such-route", "detail": told.sentence}})
        return _json({"decision": told.decision == "permit", "context": _evaluation(told)})


class Own:
    """One call of an own path, with its headers judged."""

    def __init__(self, request: Request, parts: OwnParts) -> None:
        self.request, self._parts = request, parts
        self.id = parts.new_id()
        self.values: dict[str, str] = {}
        self.allow: tuple[str, ...] = ()
        scope = request.scope
        judgement = judged(scope["headers"], method=scope["method"], http_version=scope["http_version"])
        self._framing = judgement if isinstance(judgement, Deny) else None
        self.stated = judgement if isinstance(judgement, Stated) else Stated()
        self.language = language_of(self.stated.accept_language)
        peer = (scope.get("client") or ("", 0))[0]
        ip = client_address(peer, scope["headers"], parts.proxies)
        self.part = Part(ip=ip, user_agent=self.stated.user_agent)
        self.origin = Origin(call=self.id, ip=ip, user_agent=self.stated.user_agent)

    def check_framing(self) -> None:
        """Refuse a call whose headers cannot be read, or would change what it means."""
        if self._framing is not None:
            raise _BadCall(self._framing)

    def check_query(self) -> None:
        """Refuse parameters, of which no own path has any."""
        if self.request.scope["query_string"]:
            raise _BadCall(Deny(reason=Reason.PARAMETER_UNDECLARED))

    async def body(self) -> bytes:
        """Return the body, of bounded size and within a bounded time."""
        raw = bytearray()
        try:
            async with asyncio.timeout(BODY_WITHIN_S):
                async for chunk in self.request.stream():
                    raw += chunk
                    if len(raw) > MOST_BODY_BYTES:
                        raise _BadCall(Deny(reason=Reason.BODY_TOO_LARGE))
        except TimeoutError:
            raise _BadCall(Deny(reason=Reason.MALFORMED, title="The body did not arrive within 10 s.")) from None
        return bytes(raw)

    async def json(self) -> dict[str, object]:
        """Return the JSON object of the body."""
        if not is_json(self.stated.content_type):
            raise _BadCall(Deny(reason=Reason.CONTENT_TYPE_NOT_SUPPORTED, fields=("Content-Type",)))
        raw = await self.body()
        try:
            value = strictjson.read(raw, max_bytes=MOST_BODY_BYTES)
        except ValueError as error:
            raise _BadCall(Deny(reason=Reason.MALFORMED, title=f"{error}.".capitalize())) from None
        if not isinstance(value, dict):
            raise _BadCall(Deny(reason=Reason.MALFORMED, title="The body must be one JSON object."))
        return value

    async def members(self, *names: str) -> dict[str, str]:
        """Return the body's members: exactly these, each a text."""
        value = await self.json()
        told = {name: text for name in names if isinstance(text := value.get(name), str)}
        if set(value) != set(names) or len(told) != len(names):
            raise _BadCall(
                Deny(reason=Reason.MALFORMED, fields=names, title="The body must have exactly these members.")
            )
        return told

    async def told(self, answer: object) -> Response:
        """Return the answer of a flow."""
        if isinstance(answer, SignInFailed):
            # In one language: its entry was made before, and counts the bytes of this body.
            self.language = "en"
            return self._problem(Deny(reason=answer.reason))
        if isinstance(answer, Deny):
            return await self.refused(answer, identified=answer.reason is Reason.NOT_FOUND)
        return _json(answer)

    async def refused(self, deny: Deny, *, identified: bool = False) -> Response:
        """Enter a refusal and return it; one to an identified caller was entered by its flow."""
        response = self._problem(deny)
        if not identified:
            entry = Refused(
                call=self.id, reason=deny.reason, status=response.status_code, bytes=len(response.body), rule=deny.rule
            )
            try:
                await self._parts.counting.refused(entry, self.part)
            except LogUnavailable:
                return Response(b"", 503, UNLOGGED)
        return response

    def _problem(self, deny: Deny) -> Response:
        refusal = Refusal(decision_id=self.id, reason=deny.reason, fields=deny.fields, title=deny.title)
        # The server leaves out the body of an answer to HEAD; the entry counts what is sent.
        body = b"" if self.request.method == "HEAD" else problem_json(refusal, self.language)
        error = "invalid_token" if self.stated.authorization and deny.reason is Reason.SIGN_IN_REQUIRED else None
        response = Response(body, PROBLEMS[deny.reason].status)
        response.raw_headers = problem_headers(refusal, body, language=self.language, allow=self.allow, error=error)
        return response


def _text(text: str, status: int = 200) -> Response:
    return Response(text.encode(), status, {**NO_STORE, "content-type": "text/plain; charset=utf-8"})


def _json(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    content = {**NO_STORE, **(headers or {}), "content-type": "application/json"}
    return Response(msgspec.json.encode(value), status, content)


def _question(asked: dict[str, object], who: Principal) -> Question | Deny:
    """Return the question of an AuthZEN evaluation; the subject may only be the caller itself."""
    subject, action, resource = (asked.get(name) or {} for name in ("subject", "action", "resource"))
    context = asked.get("context") or {}
    if not (isinstance(subject, dict) and isinstance(action, dict) and isinstance(resource, dict)):
        return Deny(reason=Reason.MALFORMED, title="subject, action and resource must be objects.")
    if subject.get("id") not in (None, who.account):
        return Deny(reason=Reason.MALFORMED, fields=("subject",), title="A caller may ask about itself alone.")
    properties = resource.get("properties") or {}
    if not isinstance(context, dict) or not isinstance(properties, dict):
        return Deny(reason=Reason.MALFORMED, title="context and properties must be objects.")
    texts = [action.get("name"), resource.get("id"), context.get("purpose")]
    names = [properties.get("fields") or [], properties.get("filters") or []]
    # Keys, because the question is entered in the log.
    if not all(isinstance(text, str) and is_key(text) for text in texts) or not all(_is_texts(each) for each in names):
        return Deny(reason=Reason.MALFORMED, title="action.name, resource.id and context.purpose must be keys.")
    reference = context.get("reference")
    return Question(
        principal=who,
        dataset=DatasetName(str(texts[1])),
        purpose=PurposeKey(str(texts[2])),
        operation=str(texts[0]),
        reference=reference if isinstance(reference, str) else None,
        fields=tuple(names[0]),
        filters=tuple(names[1]),
    )


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _evaluation(told: Explanation) -> dict[str, object]:
    """Return what an outsider may know of an explanation: the outcome, not the inside of the rules."""
    return {
        "reason": told.reason,
        "fields": told.about,
        "detail": told.title,
        "remediation": told.change,
        "who": told.ask,
        "view": {
            word.field: word.rung if word.rung != "drop" else word.leaves
            for word in told.fields
            if word.leaves != "drop"
        },
        "rows": told.rows,
    }
