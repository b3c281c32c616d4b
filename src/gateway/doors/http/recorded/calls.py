# SPDX-License-Identifier: Apache-2.0
"""Calls that were recorded or copied, as the data door would read them, and the store whose calls they are.

RULES

1. Parsing, routing and binding are the door's own: a call becomes the scope that the server would have made.
2. The version of HTTP is not judged: it is that of a hop that will be another one.
3. What goes out of here holds no value: a path is told by its template (``templates``), a parameter by its name
   where it looks like one.
"""

from collections.abc import Mapping, Sequence

import msgspec
from typing_extensions import override

from gateway.domain.catalog import Catalog, Collection, Route
from gateway.domain.decision import Deny
from gateway.domain.names import AccountId, StoreName
from gateway.doors.http.call import HttpCall, Parts
from gateway.doors.http.reading.bodies import Bodies, Body, HeldBody, Incoming
from gateway.doors.http.reading.headers import RawHeaders, Stated
from gateway.doors.http.reading.router import Router, store_router
from gateway.doors.http.recorded.templates import Templates
from gateway.flows.rehearse.ports import Seen
from gateway.flows.rehearse.rehearsal import Heard

BODIES = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose calls have a body as a rule."""
MOST_RECORDED_BODY_BYTES = 8 << 20


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """One call as somebody recorded it.

    Attributes:
        target: Path and query as they stood in the request line.
        headers: Names in lower case.
        body: ``None`` where it was not recorded.
        address: Of whoever called, if that was recorded.
    """

    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes | None = None
    address: str = ""

    @override
    def __repr__(self) -> str:
        return f"<Recorded {self.method}>"


class UnseenBodies(Bodies):
    """Reads no body, because nobody recorded it: a call is then decided by all the rest."""

    @override
    async def read(
        self, route: Route, collection: Collection, stated: Stated, out: Incoming, account: AccountId
    ) -> Body | Deny:
        return Body()


class NoSeal:
    """Nothing was sealed for calls that were recorded before there was a gateway."""

    def seal(self, plain: bytes, bound_to: bytes) -> bytes:  # noqa: ARG002
        """Return nothing of use."""
        return b""

    def open(self, sealed: bytes, bound_to: bytes) -> bytes | None:  # noqa: ARG002
        """Return what stands for a tag that the gateway will have given."""
        return b'"recorded"'


class Reader:
    """Turns recorded calls into what a rehearsal takes."""

    def __init__(self, catalog: Catalog, bases: Mapping[str, StoreName]) -> None:
        """Keep what calls are read by.

        Args:
            catalog: Of the rules.
            bases: By base path (``/api``, or empty for the root) the store that it stands for.
        """
        router = store_router(catalog)
        self._bases = sorted(bases.items(), key=lambda pair: -len(pair[0]))
        self._templates = Templates(catalog)
        self._seen, self._unseen = (_parts(router, bodies) for bodies in (Bodies(), UnseenBodies()))

    def heard(self, call: Recorded) -> Heard | None:
        """Return the call as it would come to the gateway; ``None`` if it is to no store."""
        raw_path, _, query = call.target.partition(b"?")
        path = self._below(raw_path)
        if path is None:
            return None
        content = call.body or b""
        parts = self._unseen if call.body is None else self._seen
        held = HttpCall(_scope(call, path, query), parts, HeldBody(content))
        return Heard(
            told=held.arrival(),
            seen=seen_of(call.headers, call.address),
            template=lambda: self._templates.told(call.method, held.segments),
            has_body=call.body is not None or call.method not in BODIES,
        )

    def _below(self, raw_path: bytes) -> bytes | None:
        for base, store in self._bases:
            prefix = base.encode()
            if raw_path == prefix or raw_path.startswith(prefix + b"/"):
                return b"/" + store.encode() + raw_path[len(prefix) :]
        return None


def _parts(router: Router[Route], bodies: Bodies) -> Parts:
    return Parts(seal=NoSeal(), router=lambda _catalog: router, bodies=bodies, proxies=())


def _scope(call: Recorded, path: bytes, query: bytes) -> dict[str, object]:
    names = {name for name, _ in call.headers}
    # What the recording left out and every call has.
    headers = [*call.headers, *([] if b"host" in names else [(b"host", b"gateway")])]
    return {
        "method": call.method,
        "raw_path": path,
        "query_string": query,
        "headers": headers,
        "http_version": "1.1",
        "client": (call.address, 0),
    }


def seen_of(headers: RawHeaders, address: str) -> Seen:
    """Return by what a caller can be told from others."""
    found: dict[str, tuple[str, ...]] = {}
    for name, value in headers:
        key = name.decode("latin-1").lower()
        found[key] = (*found.get(key, ()), value.decode("latin-1").strip(" \t"))
    return Seen(
        address=address,
        user_agent=_first(found.get("user-agent", ())),
        authorization=_first(found.get("authorization", ())) or None,
        headers=found,
    )


def _first(values: Sequence[str]) -> str:
    return values[0] if values else ""
