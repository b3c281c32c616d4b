# SPDX-License-Identifier: Apache-2.0
"""Calls to stores over HTTP/1.1: each request is built from decided parts, each answer is distrusted.

RULES

1. What is sent is what was decided: method, path, query and the few headers of a ``StoreCall``, with
   the store's own credentials. Nothing of the caller's request is passed through.
2. One call is one request. Redirects are not followed, no proxy of the environment is used, and the
   connection goes to an address that was judged (see ``addresses``).
3. Nothing that may have reached a store is sent again. A GET of which no byte can have reached it (no
   address, no connection, no TLS) is tried once more, on a new connection and the next address; a
   write is not tried again even then.
4. ``StoreUnreachable.not_sent`` is true only where no byte of the request can have reached the store.
   ``Overloaded`` means the same: the call did not get a connection.
5. An answer is of the declared type in UTF-8 with a framing whose end can be told from a cut:
   everything else is refused before its body is looked at, and a body that breaks off, or comes more
   slowly than the store's least pace, raises.
6. No error of ours carries the URL, a header or a byte of the store; the client library's errors
   hold the URL and stay in here.

A flow that wants this room behind a Protocol of its own needs only::

    class Stores(Protocol):
        def call(self, call: StoreCall) -> AbstractAsyncContextManager[StoreAnswer]: ...

with ``StoreAnswer`` having ``status``, ``absent``, ``content_type``, ``etag`` and ``chunks()``.

Source: RFC 9110, RFC 9112 section 6; the client is reqwest over hyper.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Self

from pyreqwest import exceptions as broken
from pyreqwest.http import Url
from pyreqwest.request import StreamRequest
from pyreqwest.response import Response

from gateway.domain.errors import GatewayError, Overloaded, StoreMisbehaved, StoreUnreachable
from gateway.domain.media import LOOK
from gateway.domain.names import StoreName
from gateway.forward.addresses import Resolve, resolve
from gateway.forward.answers import check_answer, entity_tag
from gateway.forward.breaker import StoreHealth, loop_time
from gateway.forward.calls import StoreCall, check_call, request_of, target_of
from gateway.forward.pace import Pace
from gateway.forward.roads import Lent, Road, Store

LISTING_HEADERS = frozenset({"link", "x-total-count", "content-range"})
# hyper's own word for a failure before a connection could carry a request; test_http.py holds it to it.
_IN_CONNECTING = "client error (Connect)"


class StoreAnswer:
    """An answer whose head passed ``check_answer``; the body is read piece by piece.

    Attributes:
        content_type: ``None`` where no body is looked at.
        etag: The store's entity tag in its own words.
        waited_s: How long the pieces of the body were waited for so far.
        listing: Of a look alone: the headers that tell how a list goes on (``LISTING_HEADERS``).
    """

    def __init__(
        self, response: Response, content_type: str | None, etag: str | None, pace: Pace, length: int | None = None
    ) -> None:
        """Take over a response; ``length`` is that of its body, where the store said so before it."""
        self.status = response.status
        self.content_type = content_type
        self.etag = etag
        self._reader = response.body_reader
        self._pace = pace
        self._n_left = length
        self.waited_s = 0.0
        self.listing: tuple[tuple[str, str], ...] = ()

    @property
    def absent(self) -> bool:
        """Tell whether the store has no such record."""
        return self.status == 404

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body's pieces; nothing for a status without one. Ends only where the body ends.

        Raises:
            StoreUnreachable: The store went silent, or sent more slowly than its least pace.
            StoreMisbehaved: The body broke off or was framed wrongly.
        """
        while self.content_type:
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
            waited_s = loop_time() - asked_s
            self.waited_s += waited_s
            self._pace.count(waited_s, len(chunk))
            yield bytes(chunk)
            if self._n_left is not None:
                self._n_left -= len(chunk)
                if self._n_left == 0:
                    # To hear from the client that there is no more would be one more turn of two threads.
                    return


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

    def health(self) -> Mapping[StoreName, StoreHealth]:
        """Return what this process knows of each store from its own calls."""
        return {name: road.breaker.health() for name, road in self._roads.items()}

    def has(self, name: StoreName) -> bool:
        """Tell whether there is a store of that name."""
        return name in self._roads

    def road(self, name: StoreName) -> Road:
        """Return the road to a store."""
        return self._roads[name]

    def under_way(self) -> Mapping[StoreName, int]:
        """Return how many calls of this process are under way at each store."""
        return {name: road.n_calls for name, road in self._roads.items()}

    def call(self, call: StoreCall) -> "Asking":
        """Return one request to be entered: it is sent then, and leaving closes what was not read."""
        return Asking(self._roads[call.store], call)


class Asking:
    """One request and its answer; a class and no generators, which cost 20 µs a call."""

    __slots__ = ("_call", "_lent", "_request", "_road")

    def __init__(self, road: Road, call: StoreCall) -> None:
        """Begin with nothing sent."""
        self._road, self._call = road, call
        self._lent: Lent | None = None
        self._request: StreamRequest | None = None

    async def __aenter__(self) -> StoreAnswer:
        """Send the request and return its answer.

        Raises:
            StoreUnreachable: No connection, no answer in time, or the store is left alone for now.
            StoreMisbehaved: The answer's head is not acceptable.
            Overloaded: Too many calls are under way to this store; nothing was sent.
            ValueError: The call is not one that a decision makes; nothing was sent.
        """
        road, call = self._road, self._call
        check_call(call)
        url = target_of(road.base, call)
        with road.breaker.trying():
            response = await self._answered(url)
        try:
            return judged(response, call, road.store)
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close what was not read, and give the client back."""
        try:
            if self._request is not None:
                await self._request.__aexit__(None, None, None)
        finally:
            if self._lent is not None:
                await self._lent.__aexit__(kind, error, traceback)

    async def _answered(self, url: Url) -> Response:
        try:
            return await self._asked(url)
        except StoreUnreachable as error:
            if self._call.method != "GET" or not error.not_sent:
                raise
        return await self._asked(url)

    async def _asked(self, url: Url) -> Response:
        lent = self._road.client()
        client = await lent.__aenter__()
        try:
            request = request_of(client, url, self._call, self._road.store.credential)
            response = await sent(request)
        except BaseException as error:
            await lent.__aexit__(type(error), error, error.__traceback__)
            raise
        self._lent, self._request = lent, request
        return response


def judged(response: Response, call: StoreCall, store: Store) -> StoreAnswer:
    """Return a response as an answer.

    Raises:
        StoreMisbehaved: Its head is not acceptable.
    """
    headers = headers_of(response)
    content_type = check_answer(response.status, headers, kind=call.kind, writes=call.writes, partial=call.partial)
    pace = Pace(least_bytes_s=store.least_bytes_s, window_s=store.pace_s)
    answer = StoreAnswer(response, content_type, entity_tag(headers), pace, _length(headers))
    if call.kind == LOOK:
        answer.listing = tuple((name.lower(), text) for name, text in headers if name.lower() in LISTING_HEADERS)
    return answer


def headers_of(response: Response) -> list[tuple[str, str]]:
    """Return the headers of an answer.

    Raises:
        StoreMisbehaved: One of them is not text in ASCII.
    """
    try:
        return list(response.headers.items())
    except ValueError:
        problem = StoreMisbehaved("the store's answer has a header that is not text in ASCII")
    raise problem


def _length(headers: Sequence[tuple[str, str]]) -> int | None:
    """Return the length of a body whose head passed ``check_answer``; the client holds the store to it."""
    return next((int(value) for name, value in headers if name.lower() == "content-length"), None)


async def sent(request: StreamRequest) -> Response:
    """Return the response; the library's own error, which holds the URL, does not get out."""
    try:
        return await request.__aenter__()
    except broken.PyreqwestError as error:
        problem = problem_of(error)
    raise problem


def problem_of(error: broken.PyreqwestError, *, in_body: bool = False) -> GatewayError:
    """Return an error of the client library as one of ours, which holds nothing of the call."""
    if isinstance(error, broken.PoolTimeoutError):
        return Overloaded("too many calls to the store are under way")
    if _was_connecting(error):
        timed_out = isinstance(error, broken.RequestTimeoutError)
        return StoreUnreachable("no connection to the store could be made", timed_out=timed_out, not_sent=True)
    if isinstance(error, broken.RequestTimeoutError):
        return StoreUnreachable("the store did not answer in time", timed_out=True)
    if in_body:
        return StoreMisbehaved("the store's answer broke off or was framed wrongly")
    if isinstance(error, broken.DecodeError):
        return StoreMisbehaved("the store's answer has no head that HTTP/1.1 allows")
    return StoreUnreachable("the store did not take the call, or closed the connection without an answer")


def _was_connecting(error: broken.PyreqwestError) -> bool:
    """Tell whether the request cannot have left; the error's own class is the same for a later failure."""
    if not isinstance(error, broken.DetailedPyreqwestError):
        return False
    return any(cause["message"] == _IN_CONNECTING for cause in error.details.get("causes") or ())
