# SPDX-License-Identifier: Apache-2.0
"""Takes copies of live calls, such as nginx makes by ``mirror``, and answers each by a bare 204.

RULES

1. A copy is decided and forgotten: nothing is forwarded, and nothing of a decision is in the answer.
2. A body is read up to what a store would be sent; of a longer one the call is decided without its body.
3. Only callers of the networks that the operator named are heard; others get 403 and are not counted.
4. The address of whoever called is that which the proxy tells, as for the data door.
"""

from collections.abc import Callable, Sequence
from ipaddress import ip_address

from gateway.domain.errors import HangUp
from gateway.doors.http import out as low
from gateway.doors.http.reading.headers import Network, client_address, has_body
from gateway.doors.http.recorded.calls import MOST_RECORDED_BODY_BYTES, Reader, Recorded
from gateway.flows.rehearse.rehearsal import Rehearsal

MOST_HEARING = 64
"""Copies that are decided at a time; what comes beyond is answered, and counted as not heard."""


class Mirror:
    """The ASGI application of a rehearsal of live calls."""

    def __init__(
        self,
        rehearsal: Rehearsal,
        reader: Reader,
        networks: Sequence[Network],
        on_call: Callable[[], None] = lambda: None,
    ) -> None:
        """Keep who decides, and whose copies are taken."""
        self._rehearsal, self._reader, self._networks, self._on_call = rehearsal, reader, tuple(networks), on_call
        self._n_hearing = 0

    async def __call__(self, scope: low.Message, receive: low.Receive, send: low.Send) -> None:
        """Answer one copy (ASGI)."""
        if scope["type"] != "http":
            return
        async with low.opened(receive, send, has_body=has_body(scope["headers"])) as out:
            try:
                await self._answer(scope, out)
            except HangUp:
                return

    async def _answer(self, scope: low.Message, out: low.Out) -> None:
        if not self._is_welcome((scope.get("client") or ("", 0))[0]):
            await out.start(403, [(b"content-length", b"0"), (b"connection", b"close")])
            await out.finish()
            return
        if self._n_hearing >= MOST_HEARING:
            self._rehearsal.tally.unread(0)
        else:
            self._n_hearing += 1
            try:
                await self._hear(scope, out)
            finally:
                self._n_hearing -= 1
        await out.start(204, [(b"connection", b"close")] if out.unread else [])
        await out.finish()

    async def _hear(self, scope: low.Message, out: low.Out) -> None:
        body: bytes | None = None
        try:
            body = await out.body(MOST_RECORDED_BODY_BYTES)
        except (low.BodyTooLong, low.BodyTooSlow):
            body = None
        query = scope["query_string"]
        call = Recorded(
            method=scope["method"],
            target=scope["raw_path"] + (b"?" + query if query else b""),
            headers=tuple((name, value) for name, value in scope["headers"] if name not in _OF_THE_COPY),
            body=body,
            address=client_address(scope["client"][0], scope["headers"], self._networks),
        )
        heard = self._reader.heard(call)
        if heard is None:
            self._rehearsal.tally.elsewhere()
        else:
            await self._rehearsal.take(heard)
        self._on_call()

    def _is_welcome(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


_OF_THE_COPY = frozenset({b"connection"})
"""Of the connection between proxy and mirror, not of the call that was copied."""
