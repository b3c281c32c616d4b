# SPDX-License-Identifier: Apache-2.0
"""Calls to stores that are not enforced: passed on as they came, where they can be read in one way.

RULES

1. A call takes this road only if its path is canonical, but for one slash at its end, and its first segment is
   the name of such a store. Many stores have paths with that slash, and it goes on as it came.
   Every other call is the data door's, whatever else it says.
2. The rules of framing and of the path hold here too. So do those on headers that would let gateway and store
   read two different calls: another method, another path, an upgrade, a ``Connection`` that names an ordinary
   header, a name that a server may read as one of these. Query, conditions, ranges and codings go on.
3. Path, query and body go on byte for byte; headers but for those of one hop, ``Host`` and lengths, which the
   request to the store has of its own. The caller's own ``Authorization`` goes on.
4. A bearer of the gateway goes no further: in ``Authorization`` it is taken off, anywhere else the call ends.
   The same holds for secrets of clients. So does a trace of the caller's: the store gets the gateway's.
5. Every answer says ``Gateway-Enforced: no``. ``Date`` and ``Decision-Id`` are the gateway's. Headers that speak
   for the whole address, which is every store's, do not go on.
"""

import re
from collections.abc import Callable, Sequence
from urllib.parse import unquote_to_bytes

from gateway.domain.decision import Deny, Reason, Refusal
from gateway.domain.errors import LogUnavailable
from gateway.domain.names import DecisionId, StoreName
from gateway.domain.trace import OF_CALLERS
from gateway.doors.http import out as low
from gateway.doors.http.call import HttpCall, Parts
from gateway.doors.http.data import UNLOGGED
from gateway.doors.http.held import HeldBytes
from gateway.doors.http.peer import peer_of
from gateway.doors.http.problem_table import PROBLEMS
from gateway.doors.http.problems import problem_headers, problem_json
from gateway.doors.http.reading.bodies import HeldBody
from gateway.doors.http.reading.headers import PASSED_ON, REFUSED, SINGLE, RawHeaders, has_body, judged
from gateway.doors.http.reading.paths import segments_of
from gateway.doors.http.recorded.calls import seen_of
from gateway.flows.rehearse.passing import PassingFlow
from gateway.flows.rehearse.ports import Passage, RawAnswer, RawCall

Scope = low.Message

MOST_BODY_BYTES = 8 << 20
"""As long as the longest body that the data door reads; a call is held whole, and sent once."""
MOST_QUERY_BYTES = 8_192

OF_ONE_HOP = frozenset(
    {"connection", "content-length", "expect", "host", "http2-settings", "keep-alive", "proxy-authenticate",
     "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)  # fmt: skip
OWN = frozenset({"date", "decision-id", "gateway-enforced"})
"""Of an answer: the gateway tells these itself."""
OF_THE_ORIGIN = frozenset(
    {"accept-ch", "alt-svc", "clear-site-data", "critical-ch", "nel", "origin-agent-cluster", "public-key-pins",
     "report-to", "reporting-endpoints", "service-worker-allowed", "strict-transport-security"}
)  # fmt: skip
"""Of an answer: what a browser takes for a word about the whole address, and so about calls to other stores too:
where they go, who is told of them, and what is done to them on their way."""
NOT_ENFORCED = (b"gateway-enforced", b"no")

_VALUE = re.compile(r"[\x20-\x7e\t]{0,8192}")
# Without the characters that no URL has as they are: a library would escape them.
_QUERY = re.compile(rb"[\x21\x24-\x3b\x3d\x3f-\x7e]*")

IsOurs = Callable[[bytes], bool]


class PassingDoor:
    """Answers calls to stores that are not enforced."""

    def __init__(
        self,
        flow: PassingFlow,
        parts: Parts,
        stores: Sequence[StoreName],
        is_ours: IsOurs,
        unlogged: Callable[[], None],
    ) -> None:
        """Keep what calls are handed to.

        Args:
            flow: Carries them.
            parts: Of the data door, for what would have come of a call.
            stores: Names of the stores that are not enforced.
            is_ours: Tells whether bytes hold a bearer of this installation.
            unlogged: Told of each call of which nothing can be entered.
        """
        self._flow, self._parts, self._unlogged = flow, parts, unlogged
        self._stores, self._is_ours = frozenset(stores), is_ours
        self._held = HeldBytes()

    def takes(self, raw_path: bytes) -> bool:
        """Tell whether a call to this path takes this road."""
        return store_in(raw_path) in self._stores

    async def __call__(self, scope: Scope, receive: low.Receive, send: low.Send) -> None:
        """Answer one call (ASGI)."""
        async with low.opened(receive, send, has_body=has_body(scope["headers"]), peer=peer_of(scope)) as out:
            with self._held.holding() as hold:
                call = _Passing(scope, self._parts, out, self._is_ours, hold)
                try:
                    await self._flow.run(call.passage(), _Telling(out, call))
                except LogUnavailable:
                    self._unlogged()
                    await out.start(
                        503, [*UNLOGGED, NOT_ENFORCED, *([(b"connection", b"close")] if out.unread else [])]
                    )
                    await out.finish()


class EitherDoor:
    """Hands a call to the door whose road it takes."""

    def __init__(self, passing: PassingDoor, data: low.Answers) -> None:
        """Join both."""
        self._passing, self._data = passing, data

    async def __call__(self, scope: Scope, receive: low.Receive, send: low.Send) -> None:
        """Answer one call (ASGI)."""
        door = self._passing if self._passing.takes(scope["raw_path"]) else self._data
        await door(scope, receive, send)


class _Passing:
    """One call to such a store."""

    def __init__(self, scope: Scope, parts: Parts, out: low.Out, is_ours: IsOurs, hold: Callable[[int], None]) -> None:
        self.scope, self._out, self._is_ours, self._hold = scope, out, is_ours, hold
        self._body = HeldBody(b"")
        self.call = HttpCall(scope, parts, _Later(self))
        self._headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        self._authorization = self.call.stated.authorization or self._said("authorization")
        shown = (self._authorization or "").encode("latin-1")
        self._bearer = self._authorization if is_ours(shown) else None

    def passage(self) -> Passage:
        """Return the call for the flow."""
        arrival = self.call.arrival()
        return Passage(
            decision_id=self.call.id,
            store=self._store,
            told=arrival,
            origin=arrival.origin,
            seen=seen_of(self.scope["headers"], arrival.origin.ip),
            unreadable=self._unreadable(),
            bearer=self._bearer,
            content=self._content,
            raw=self._raw,
        )

    @property
    def body(self) -> HeldBody:
        """The body, once it was read."""
        return self._body

    def _said(self, name: str) -> str | None:
        values = [value for told, value in self._headers if told == name]
        return values[0].strip() if len(values) == 1 else None

    def _unreadable(self) -> Deny | None:
        scope = self.scope
        stated = judged(
            scope["headers"], method=scope["method"], http_version=scope["http_version"], refused=REFUSED - PASSED_ON
        )
        if isinstance(stated, Deny):
            return stated
        if len(scope["query_string"]) > MOST_QUERY_BYTES or not _QUERY.fullmatch(scope["query_string"]):
            return Deny(reason=Reason.MALFORMED, title="The query is too long or holds what is no part of a URL.")
        return _two_ways(self._headers) or self._misplaced()

    def _misplaced(self) -> Deny | None:
        """Refuse a bearer of ours that would go on in another place than ``Authorization``."""
        query, path = self.scope["query_string"], self.scope["raw_path"]
        told = [value.encode("latin-1") for name, value in self._headers if name != "authorization"]
        for raw in (query, unquote_to_bytes(query), path, *told):
            if self._is_ours(raw):
                return _BEARER
        return None

    async def _content(self) -> bytes | Deny:
        try:
            content = await self._out.body(MOST_BODY_BYTES, on_arrived=self._hold)
        except low.BodyTooLong:
            return Deny(reason=Reason.BODY_TOO_LARGE, title=f"At most {MOST_BODY_BYTES} bytes are passed on.")
        except low.BodyTooSlow:
            return Deny(reason=Reason.MALFORMED, title="The body did not arrive in time.")
        if self._is_ours(content):
            return _BEARER
        self._body = HeldBody(content)
        return content

    def _raw(self, body: bytes) -> RawCall | Deny:
        scope = self.scope
        _, slash, rest = scope["raw_path"][1:].partition(b"/")
        headers = tuple((name, value) for name, value in self._headers if self._goes_on(name))
        if not all(_VALUE.fullmatch(value) for _, value in headers):
            return Deny(reason=Reason.MALFORMED, title="A header holds what is no text in ASCII.")
        return RawCall(
            store=self._store,
            decision_id=self.call.id,
            method=scope["method"],
            path=(slash + rest).decode("ascii"),
            query=scope["query_string"].decode("ascii"),
            headers=headers,
            body=body,
        )

    @property
    def _store(self) -> StoreName:
        """The store, by the first segment of the path."""
        return store_in(self.scope["raw_path"])

    def _goes_on(self, name: str) -> bool:
        return name not in OF_ONE_HOP | OF_CALLERS and not (name == "authorization" and self._bearer is not None)


def store_in(raw_path: bytes) -> StoreName:
    """Return the first segment of a path that is canonical but for one slash at its end; of others, no name."""
    segments = segments_of(raw_path[:-1] if raw_path[1:].endswith(b"/") else raw_path)
    return StoreName(segments[0] if segments else "")


_BEARER = Deny(
    reason=Reason.MALFORMED,
    title="A bearer of the gateway stands where the store would get it; it belongs in Authorization.",
)


def _two_ways(headers: Sequence[tuple[str, str]]) -> Deny | None:
    """Refuse headers that a next server may read as others than they are."""
    for name, value in headers:
        if name == "connection" and not all(_is_of_one_hop(word) for word in value.split(",")):
            return Deny(reason=Reason.MALFORMED, fields=("Connection",), title="It may not name an ordinary header.")
        if "_" in name and name.replace("_", "-") in SINGLE | REFUSED | OF_ONE_HOP:
            return Deny(reason=Reason.MALFORMED, title="A header's name can be read as another one.")
    return None


def _is_of_one_hop(word: str) -> bool:
    return word.strip().lower() in OF_ONE_HOP | {"close", ""}


class _Later:
    """The body as the decision reads it: what was read of the connection by then."""

    def __init__(self, passing: _Passing) -> None:
        self._passing = passing

    @property
    def unread(self) -> bool:
        return self._passing.body.unread

    async def body(self, most_bytes: int, *, on_arrived: Callable[[int], None]) -> bytes:
        return await self._passing.body.body(most_bytes, on_arrived=on_arrived)


class _Telling:
    """The flow's ``Out``, told in HTTP."""

    def __init__(self, out: low.Out, passing: _Passing) -> None:
        self._out, self._passing = out, passing
        self.write = out.write
        self.abort = out.abort
        self.still_there = out.still_there

    def refusal_body(self, refusal: Refusal) -> bytes:
        return b"" if self._passing.scope["method"] == "HEAD" else problem_json(refusal, self._passing.call.language)

    async def refuse(self, refusal: Refusal, body: bytes) -> None:
        headers = problem_headers(refusal, body, language=self._passing.call.language, unread=self._out.unread)
        await self._out.start(PROBLEMS[refusal.reason].status, [*headers, NOT_ENFORCED])
        await self._out.finish(body)

    async def start(self, decision: DecisionId, answer: RawAnswer) -> None:
        own: RawHeaders = [(b"decision-id", decision.encode()), NOT_ENFORCED]
        passed = [
            (n.encode("ascii"), v.encode("ascii")) for n, v in answer.headers if n.lower() not in OWN | OF_THE_ORIGIN
        ]
        await self._out.start(answer.status, [*passed, *own])

    async def finish(self) -> None:
        await self._out.finish()
