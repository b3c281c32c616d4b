# SPDX-License-Identifier: Apache-2.0
"""One call of an own path: its headers judged, its body read strictly, its refusals entered before they are told."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from gateway.domain import strictjson
from gateway.domain.decision import Deny, Reason, Refusal
from gateway.domain.entry import UNAVAILABLE, Part, Refused
from gateway.domain.errors import LogUnavailable
from gateway.domain.names import DecisionId
from gateway.domain.signin import Origin
from gateway.doors.http.own.watching import Watching
from gateway.doors.http.problem_table import PROBLEMS
from gateway.doors.http.problems import problem_headers, problem_json
from gateway.doors.http.reading.headers import BODYLESS, Network, Stated, client_address, judged
from gateway.doors.http.reading.negotiation import is_json, language_of
from gateway.flows.explain import Asking, SelfService
from gateway.flows.grant_requests import GrantRequests
from gateway.flows.login.answers import SignInFailed
from gateway.flows.login.flow import LoginFlow
from gateway.flows.reveal.approving import Approving

MOST_BODY_BYTES = 64 * 1024
BODY_WITHIN_S = 10.0
NO_STORE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
UNLOGGED = {"content-length": "0", "retry-after": "5", **NO_STORE}


class Counting(Protocol):
    """What is entered as counts, and refusals of the unknown."""

    def answered(self, what: str) -> None:
        """Count an answer that depends on nobody."""

    async def refused(self, entry: Refused, part: Part) -> None:
        """Return once a refusal is entered, by itself or as one of a count."""


class LogProofs(Protocol):
    """Checkpoints and proofs of the logs of this node; ``None`` for what there is not."""

    async def checkpoint(self, slot: str) -> str | None:
        """Return the newest checkpoint of a slot."""

    async def proof(self, slot: str, index: int) -> str | None:
        """Return the inclusion proof of an entry, with its checkpoint."""

    async def consistency(self, slot: str, first: int, second: int) -> str | None:
        """Return the proof that a log at one size begins with itself at another."""


class OwnParts(msgspec.Struct, frozen=True, kw_only=True):
    """What the own paths stand on.

    Attributes:
        is_ready: Rules, log and state can serve.
        is_current: What this process remembers of changes elsewhere is new enough to answer callers by.
        log_proofs: Tells what strangers may know of the logs of this node.
        watching: What watchers see; ``None`` where nobody is one.
    """

    login: LoginFlow
    self_service: SelfService
    grant_requests: GrantRequests
    approving: Approving
    logout: Callable[[str | None, Origin], Awaitable[Deny | None]]
    jwks: Callable[[], dict[str, list[dict[str, str]]]]
    is_ready: Callable[[], bool]
    is_current: Callable[[], bool]
    log_proofs: LogProofs
    counting: Counting
    new_id: Callable[[], DecisionId]
    proxies: Sequence[Network]
    watching: Watching | None = None


class BadCall(Exception):
    """The call cannot be read."""

    def __init__(self, deny: Deny) -> None:
        """Keep the refusal."""
        super().__init__(deny.reason)
        self.deny = deny


class Own:
    """One call of an own path, with its headers judged."""

    def __init__(self, request: Request, parts: OwnParts) -> None:
        self.request, self._parts = request, parts
        self.id = parts.new_id()
        self.values: dict[str, str] = {}
        self._is_read = False
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
            raise BadCall(self._framing)
        if self.stated.conditions:
            names = tuple(name.title() for name, _ in self.stated.conditions)
            raise BadCall(Deny(reason=Reason.HEADER_NOT_SUPPORTED, fields=names))

    def check_query(self) -> None:
        """Refuse parameters, of which no own path has any."""
        if self.request.scope["query_string"]:
            raise BadCall(Deny(reason=Reason.PARAMETER_UNDECLARED))

    async def body(self) -> bytes:
        """Return the body, of bounded size and within a bounded time."""
        raw = bytearray()
        self._is_read = False
        try:
            async with asyncio.timeout(BODY_WITHIN_S):
                async for chunk in self.request.stream():
                    raw += chunk
                    if len(raw) > MOST_BODY_BYTES:
                        raise BadCall(Deny(reason=Reason.BODY_TOO_LARGE))
        except TimeoutError:
            raise BadCall(Deny(reason=Reason.MALFORMED, title="The body did not arrive within 10 s.")) from None
        self._is_read = True
        return bytes(raw)

    async def json(self) -> dict[str, object]:
        """Return the JSON object of the body."""
        if not is_json(self.stated.content_type):
            raise BadCall(Deny(reason=Reason.CONTENT_TYPE_NOT_SUPPORTED, fields=("Content-Type",)))
        raw = await self.body()
        try:
            value = strictjson.read(raw, max_bytes=MOST_BODY_BYTES)
        except ValueError as error:
            raise BadCall(Deny(reason=Reason.MALFORMED, title=f"{error}.".capitalize())) from None
        if not isinstance(value, dict):
            raise BadCall(Deny(reason=Reason.MALFORMED, title="The body must be one JSON object."))
        return value

    async def members(self, *names: str) -> dict[str, str]:
        """Return the body's members: exactly these, each a text."""
        value = await self.json()
        told = {name: text for name in names if isinstance(text := value.get(name), str)}
        if set(value) != set(names) or len(told) != len(names):
            raise BadCall(
                Deny(reason=Reason.MALFORMED, fields=names, title="The body must have exactly these members.")
            )
        return told

    async def told(self, answer: object) -> Response:
        """Return the answer of a flow."""
        if isinstance(answer, SignInFailed):
            # In one language: its entry was made before, and counts the bytes of this body.
            self.language = "en"
            return self.problem(Deny(reason=answer.reason))
        if isinstance(answer, Deny):
            return await self.refused(answer, identified=answer.reason is Reason.NOT_FOUND)
        return json_response(answer)

    async def refused(self, deny: Deny, *, identified: bool = False) -> Response:
        """Enter a refusal and return it; one to an identified caller was entered by its flow."""
        response = self.problem(deny)
        if not identified:
            entry = Refused(
                call=self.id, reason=deny.reason, status=response.status_code, bytes=len(response.body), rule=deny.rule
            )
            try:
                await self._parts.counting.refused(entry, self.part)
            except LogUnavailable:
                return self.unlogged()
        return response

    def asking(self, tell: Callable[[Any], Response] | None = None) -> Asking:
        """Return how this call asks about its caller; ``tell`` makes the response of an answer."""
        telling = tell or json_response

        def size_of(answer: object) -> int:
            return len((self.problem(answer) if isinstance(answer, Deny) else telling(answer)).body)

        return Asking(call=self.id, part=self.part, size_of=size_of)

    def unlogged(self) -> Response:
        """Return all that a caller gets while nothing can be entered; it is counted."""
        self._parts.counting.answered(UNAVAILABLE)
        return Response(b"", 503, UNLOGGED)

    def problem(self, deny: Deny) -> Response:
        """Return what tells a refusal."""
        refusal = Refusal(
            decision_id=self.id, reason=deny.reason, fields=deny.fields, title=deny.title, titles=deny.titles
        )
        # The server leaves out the body of an answer to HEAD; the entry counts what is sent.
        body = b"" if self.request.method == "HEAD" else problem_json(refusal, self.language)
        error = "invalid_token" if self.stated.authorization and deny.reason is Reason.SIGN_IN_REQUIRED else None
        response = Response(body, PROBLEMS[deny.reason].status)
        response.raw_headers = problem_headers(
            refusal,
            body,
            language=self.language,
            allow=self.allow,
            error=error,
            unread=not self._is_read and self.request.method not in BODYLESS,
        )
        return response


def json_response(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a value as JSON that nobody keeps."""
    content = {**NO_STORE, **(headers or {}), "content-type": "application/json"}
    return Response(msgspec.json.encode(value), status, content)
