# SPDX-License-Identifier: Apache-2.0
"""Calls that go on to a store as they came, and its answers as they are: for stores that are not enforced.

RULES

1. What is sent are the bytes of the caller's path and query below the store's base URL, its body, and the
   headers that the door hands over. A target that the library would write in another way is not sent; one
   difference is none: it escapes ``'`` in a query.
2. No credential of the gateway's own is ever added: whoever has none gets none.
3. One call is one request; see rules 2 and 3 of ``http``. The address is judged and pinned as there.
4. An answer has one framing whose end can be told from a cut, and a status of 200 or above: 1xx, and a switch
   of protocols above all, ends here. Hop-by-hop headers, those that ``Connection`` names, and trailers do not
   go on.

Source: RFC 9110 sections 7.6.1 and 15.2; RFC 9112 section 6.3.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
from pyreqwest import exceptions as broken
from pyreqwest.client import Client
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.http import Url
from pyreqwest.request import StreamRequest
from pyreqwest.response import Response
from typing_extensions import override

from gateway.domain.errors import StoreMisbehaved, StoreUnreachable
from gateway.domain.names import StoreName
from gateway.forward.addresses import BaseUrl
from gateway.forward.answers import MAX_HEAD_BYTES, check_framing
from gateway.forward.breaker import loop_time
from gateway.forward.http import HttpStores, headers_of, problem_of, sent
from gateway.forward.pace import Pace
from gateway.forward.roads import Road

HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
     "transfer-encoding", "upgrade", "http2-settings"}
)  # fmt: skip
"""Meant for the next machine alone (RFC 9110 section 7.6.1)."""

BODILESS = frozenset({204, 304})
RETRIED = frozenset({"GET", "HEAD"})


class RawCall(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it goes on.

    Attributes:
        path: As it came, below the store's base URL: empty, or with a slash in front.
        query: As it came, without the question mark.
    """

    store: StoreName
    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @override
    def __repr__(self) -> str:
        return f"<RawCall {self.method} {self.store}>"


def raw_target(base: BaseUrl, path: str, query: str) -> Url:
    """Return the URL that is sent.

    Raises:
        ValueError: The library would send another; the message does not repeat it.
    """
    text = f"{base.origin}{base.path}{path or ('' if base.path else '/')}" + (f"?{query}" if query else "")
    problem = ValueError("the target of a call would be sent in another way than it came")
    if "#" in text or not text.isascii():
        raise problem
    try:
        url = Url(text)
    except (ValueError, PyreqwestError):
        url = None
    if url is None or str(url) != _escaped_query(text):
        raise problem
    return url


def _escaped_query(text: str) -> str:
    place, mark, query = text.partition("?")
    return place + mark + query.replace("'", "%27")


class RawAnswer:
    """An answer as the store sends it; the body is read piece by piece.

    Attributes:
        length: Of the body, where the store said so before it; 0 where there is none.
    """

    def __init__(
        self, response: Response, headers: tuple[tuple[str, str], ...], length: int | None, pace: Pace
    ) -> None:
        """Take over a response."""
        self.status, self.headers, self.length = response.status, headers, length
        self._reader, self._pace = response.body_reader, pace

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body's pieces; ends only where the body ends.

        Raises:
            StoreUnreachable: The store went silent, or sent more slowly than its least pace.
            StoreMisbehaved: The body broke off or was framed wrongly.
        """
        while self.length != 0:
            asked_s = loop_time()
            try:
                chunk = await self._reader.read_chunk()
                problem = None
            except broken.PyreqwestError as error:
                chunk, problem = None, problem_of(error, in_body=True)
            if problem:
                raise problem
            if chunk is None:
                return
            self._pace.count(loop_time() - asked_s, len(chunk))
            yield bytes(chunk)


class RawStores:
    """The same stores, asked as callers ask."""

    def __init__(self, stores: HttpStores) -> None:
        """Keep whose roads are used."""
        self._stores = stores

    @asynccontextmanager
    async def call(self, call: RawCall) -> AsyncIterator[RawAnswer]:
        """Send one request and yield its answer; leaving closes what was not read.

        Raises:
            StoreUnreachable: No connection, no answer in time, or the store is left alone for now.
            StoreMisbehaved: The answer's head can be read in two ways, or is no answer.
            Overloaded: Too many calls are under way to this store; nothing was sent.
            ValueError: The call cannot be sent as it came; nothing was sent.
        """
        road = self._stores.road(call.store)
        url = raw_target(road.base, call.path, call.query)
        async with AsyncExitStack() as until_read:
            with road.breaker.trying():
                response = await _answered(road, url, call, until_read)
            headers = headers_of(response)
            length = judged_length(response.status, headers, method=call.method)
            pace = Pace(least_bytes_s=road.store.least_bytes_s, window_s=road.store.pace_s)
            yield RawAnswer(response, passed_on(headers, response.status), length, pace)


def judged_length(status: int, headers: Sequence[tuple[str, str]], *, method: str) -> int | None:
    """Return how long the body of an answer is; 0 where it has none, ``None`` where its end says so.

    Raises:
        StoreMisbehaved: The head is no answer, or can be read in two ways.
    """
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value)
    if sum(len(name) + len(value) for name, value in headers) > MAX_HEAD_BYTES:
        raise StoreMisbehaved("the store's answer has too long a head")
    if not 200 <= status <= 599:
        raise StoreMisbehaved(f"the store answered with status {status}")
    if method == "HEAD" or status in BODILESS:
        lengths = found.get("content-length", ["0"])
        if len(lengths) > 1 or not (lengths[0].isascii() and lengths[0].isdigit()):
            raise StoreMisbehaved("the store's answer has a length that cannot be read in one way")
        return 0
    check_framing(found)
    return int(found["content-length"][0]) if "content-length" in found else None


def passed_on(headers: Sequence[tuple[str, str]], status: int) -> tuple[tuple[str, str], ...]:
    """Return the headers of an answer that go on."""
    named = {
        word.strip().lower() for name, value in headers if name.lower() == "connection" for word in value.split(",")
    }
    ended = HOP_BY_HOP | named | ({"content-length"} if status in BODILESS else frozenset())
    return tuple((name, value) for name, value in headers if name.lower() not in ended)


async def _answered(road: Road, url: Url, call: RawCall, until_read: AsyncExitStack) -> Response:
    try:
        return await _asked(road, url, call, until_read)
    except StoreUnreachable as error:
        if call.method not in RETRIED or not error.not_sent:
            raise
    return await _asked(road, url, call, until_read)


async def _asked(road: Road, url: Url, call: RawCall, until_read: AsyncExitStack) -> Response:
    async with AsyncExitStack() as opened:
        client = await opened.enter_async_context(road.client())
        request = _request(client, url, call)
        response = await sent(request)
        opened.push_async_callback(request.__aexit__, None, None, None)
        await until_read.enter_async_context(opened.pop_all())
    return response


def _request(client: Client, url: Url, call: RawCall) -> StreamRequest:
    builder = client.request(call.method, url)
    for name, value in call.headers:
        builder = builder.header(name, value)
    if call.body:
        builder = builder.body_bytes(call.body)
    return builder.streamed_read_buffer_limit(0).build_streamed()
