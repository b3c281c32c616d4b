# SPDX-License-Identifier: Apache-2.0
"""Calls to stores over HTTP/1.1: each request is built from decided parts, each answer is distrusted.

RULES

1. What is sent is what was decided: method, path, query and the few headers of a ``StoreCall``, with
   the store's own credentials. Nothing of the caller's request is passed through.
2. One call is one request. Redirects are not followed, nothing is sent again, no proxy of the
   environment is used, and the connection goes to an address that was judged (see ``addresses``).
3. An answer is JSON in UTF-8 with a framing whose end can be told from a cut: everything else is
   refused before its body is looked at, and a body that breaks off raises.
4. No error of ours carries the URL, a header or a byte of the store; the client library's errors
   hold the URL and stay in here.

A flow that wants this room behind a Protocol of its own needs only::

    class Stores(Protocol):
        def call(self, call: StoreCall) -> AbstractAsyncContextManager[StoreAnswer]: ...

with ``StoreAnswer`` having ``status``, ``absent``, ``content_type``, ``charset`` and ``chunks()``.

Source: RFC 9110, RFC 9112 section 6; the client is reqwest over hyper.
"""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self
from urllib.parse import quote

import msgspec
from pyreqwest import exceptions as broken
from pyreqwest.client import Client
from pyreqwest.http import Url
from pyreqwest.request import StreamRequest
from pyreqwest.response import Response

from gateway.domain.errors import GatewayError, Overloaded, StoreMisbehaved, StoreUnreachable
from gateway.domain.names import StoreName
from gateway.forward.addresses import BaseUrl, Resolve, resolve
from gateway.forward.answers import check_answer
from gateway.forward.roads import Road, Secret, Store

OWN_HEADERS = frozenset({"traceparent"})
"""What a ``StoreCall`` may add. Conditional and idempotency headers join when routes declare them."""

_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))(?:[A-Za-z0-9._~!$&'()*+,=:@-]|%[0-9A-F]{2})+)+")


class StoreCall(msgspec.Struct, frozen=True, kw_only=True):
    """One request to a store, in decided parts.

    Attributes:
        path: Canonical, below the store's base URL: ``/customers/a%20b``; see ``path_below``.
        query: Names and values in clear, in the order in which they are sent.
        headers: Of these names only: ``traceparent``; never the caller's own.
    """

    store: StoreName
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None


def path_below(segments: Sequence[str]) -> str:
    """Return the canonical path of decoded segments: only unreserved characters stay as they are."""
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


def target_of(base: BaseUrl, call: StoreCall) -> Url:
    """Return the URL that is sent, byte for byte.

    Raises:
        ValueError: The path is not canonical, or the library would write the URL differently; the
            message does not repeat it.
    """
    if not _PATH.fullmatch(call.path):
        raise ValueError("the path of a store call is not canonical")
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in call.query)
    text = f"{base.origin}{base.path}{call.path}" + ("?" + query if query else "")
    url = Url(text)
    if str(url) != text:
        raise ValueError("the URL of a store call would be sent differently from what was decided")
    return url


class StoreAnswer:
    """An answer whose head passed ``check_answer``; the body is read piece by piece."""

    def __init__(self, response: Response, content_type: str | None) -> None:
        """Take over a response; ``content_type`` is ``None`` where no body is looked at."""
        self.status = response.status
        self.content_type = content_type
        self.charset = "utf-8"
        self._reader = response.body_reader

    @property
    def absent(self) -> bool:
        """Tell whether the store has no such record."""
        return self.status == 404

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body's pieces; nothing for a status without one. Ends only where the body ends.

        Raises:
            StoreUnreachable: The store went silent.
            StoreMisbehaved: The body broke off or was framed wrongly.
        """
        while self.content_type:
            try:
                chunk = await self._reader.read_chunk()
                problem = None
            except broken.PyreqwestError as error:
                chunk, problem = None, _problem(error, in_body=True)
            if problem:
                raise problem
            if chunk is None:
                return
            yield bytes(chunk)


class HttpStores:
    """All stores of an installation, one client each; use it as an async context manager."""

    def __init__(self, stores: Sequence[Store], *, resolve: Resolve = resolve) -> None:
        """Judge the base URLs; a name is resolved at the first call.

        Raises:
            SettingsError: A base URL is unusable.
        """
        self._roads = {store.name: Road(store, resolve) for store in stores}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for road in self._roads.values():
            await road.close()

    @asynccontextmanager
    async def call(self, call: StoreCall) -> AsyncIterator[StoreAnswer]:
        """Send one request and yield its answer; leaving closes what was not read.

        Raises:
            StoreUnreachable: No connection, or no answer in time.
            StoreMisbehaved: The answer's head is not acceptable.
            Overloaded: Too many calls are under way to this store.
            ValueError: The call is not one that a decision makes; nothing was sent.
        """
        road = self._roads[call.store]
        url = target_of(road.base, call)
        async with road.client() as client:
            request = _request(client, url, call, road.store.credential)
            response = await _sent(request)
            try:
                content_type = check_answer(response.status, list(response.headers.items()))
                yield StoreAnswer(response, content_type)
            finally:
                await request.__aexit__(None, None, None)


def _request(client: Client, url: Url, call: StoreCall, credential: Secret | None) -> StreamRequest:
    if not OWN_HEADERS.issuperset(name for name, _ in call.headers):
        raise ValueError("a store call names a header that is not the gateway's to send")
    builder = client.request(call.method, url)
    for name, value in (("accept", "application/json"), ("accept-encoding", "identity"), *call.headers):
        builder = builder.header(name, value)
    if credential:
        builder = builder.header(credential.name, credential.value, is_sensitive=True)
    if call.body is not None:
        builder = builder.header("content-type", "application/json").body_bytes(call.body)
    # The head is judged before a byte of the body is waited for.
    return builder.streamed_read_buffer_limit(0).build_streamed()


async def _sent(request: StreamRequest) -> Response:
    """Return the response; the library's own error, which holds the URL, does not get out."""
    try:
        return await request.__aenter__()
    except broken.PyreqwestError as error:
        problem = _problem(error)
    raise problem


def _problem(error: broken.PyreqwestError, *, in_body: bool = False) -> GatewayError:
    if isinstance(error, broken.PoolTimeoutError):
        return Overloaded("too many calls to the store are under way")
    if isinstance(error, broken.RequestTimeoutError):
        return StoreUnreachable("the store did not answer in time", timed_out=True)
    if in_body:
        return StoreMisbehaved("the store's answer broke off or was framed wrongly")
    if isinstance(error, broken.DecodeError):
        return StoreMisbehaved("the store's answer has no head that HTTP/1.1 allows")
    return StoreUnreachable("the store did not take the call, or closed the connection without an answer")
