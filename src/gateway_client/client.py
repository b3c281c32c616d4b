# SPDX-License-Identifier: Apache-2.0
"""The client: one gateway, one way to sign in, and calls that state what they are for.

RULES

1. A bearer is got when it is needed, refreshed before it ends, and sent to the gateway alone: no redirect is
   followed, no link to another host, no proxy of the environment; plain HTTP goes to this machine only.
2. A call is repeated by itself only where that cannot change its meaning: once after a new sign-in; after the
   time that ``Retry-After`` says, for reads, for writes that were not sent, and for writes with a key.
3. What was refused is raised as ``Refused``; what ended before its end as ``CutStream``. Nothing partial is
   ever returned as if it were whole.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ssl import SSLContext
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx

from gateway_client.answers import (
    Page,
    Record,
    Revealed,
    Row,
    Written,
    decision_of,
    more_of,
    next_of,
    read_json,
    revealed_of,
    rows_in,
    view_of,
)
from gateway_client.errors import Refused, StepUpNeeded, Unreachable
from gateway_client.session import Session
from gateway_client.signin import SignIn
from gateway_client.streaming import NDJSON, Rows
from gateway_client.wire import JSON, Content, Wire, object_of

MOST_TRIES = 3
PATCH = "application/merge-patch+json"

Params = Mapping[str, str | int | Sequence[str]]
"""Parameters; a list is joined by commas."""


@dataclass(frozen=True)
class Timeouts:
    """Seconds: to connect, between two pieces of an answer, to send a piece, to get a connection."""

    connect: float = 5.0
    read: float = 60.0
    write: float = 30.0
    pool: float = 10.0


def new_idempotency_key() -> str:
    """Return a key under which a write can be repeated without being done twice."""
    return secrets.token_urlsafe(24)


class Gateway:
    """One gateway. Use it in a ``with`` block; it may be shared between threads."""

    def __init__(
        self,
        base_url: str,
        sign_in: SignIn,
        *,
        purpose: str | None = None,
        reference: str | None = None,
        on_step_up: Callable[[StepUpNeeded], bool] | None = None,
        timeouts: Timeouts | None = None,
        most_wait_s: float = 30.0,
        verify: SSLContext | bool = True,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep what calls need; nothing is asked yet.

        Args:
            base_url: ``https://…``; plain HTTP for this machine alone.
            sign_in: ``ClientCredentials``, ``Person`` or ``Bearer``.
            purpose / reference: Stated by calls that state none of their own.
            on_step_up: Asked where a call needs a fresh sign-in; true signs in again, false raises.
            timeouts: Of each call.
            most_wait_s: How long a call waits for what ``Retry-After`` says, in all.
            verify: As ``httpx`` takes it.
            transport / sleep / clock: For tests.

        Raises:
            ValueError: The base address cannot be used.
        """
        url = httpx.URL(base_url)
        if url.scheme != "https" and not (url.scheme == "http" and url.host in ("127.0.0.1", "::1", "localhost")):
            raise ValueError("base_url must begin with https://; http:// is for this machine alone")
        times = timeouts or Timeouts()
        http = httpx.Client(
            base_url=url,
            timeout=httpx.Timeout(connect=times.connect, read=times.read, write=times.write, pool=times.pool),
            follow_redirects=False,
            trust_env=False,
            verify=verify,
            transport=transport,
            headers={"accept-encoding": "identity"},
        )
        self._wire = Wire(http)
        self._session = Session(self._wire, sign_in, clock)
        self._purpose, self._reference, self._on_step_up = purpose, reference, on_step_up
        self._most_wait_s, self._sleep = most_wait_s, sleep

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections; the session stays, ``sign_out`` ends it."""
        self._wire.http.close()

    def sign_out(self) -> None:
        """End the session, everywhere."""
        self._told("POST", "/-/logout")
        self._session.end()

    def rows(
        self,
        path: str,
        params: Params | None = None,
        *,
        search: Content | None = None,
        purpose: str | None = None,
        reference: str | None = None,
        pages: bool = True,
    ) -> Rows:
        """Return the rows of a list, streamed, over all of its pages.

        Args:
            path: ``/crm/customers``.
            params: Filters, order and the length of a page, as the route declares them.
            search: Body of a route that is searched by one; posted again for every page.
            purpose / reference: Of this list alone.
            pages: Off reads this one answer, whatever follows.

        Raises:
            Refused: While iterating, before any row of a page.
            CutStream: While iterating: the answer ended before its end.
            MoreMayFollow: At the end: nothing says that this was the last page.
        """
        headers = self._stated(purpose, reference) | {"accept": NDJSON}
        first = _target(path, params)
        method = "GET" if search is None else "POST"

        @contextmanager
        def opened(following: str | None) -> Iterator[httpx.Response]:
            answer = self._called(method, following or first, headers, content=search, stream=True)
            try:
                yield answer
            finally:
                answer.close()

        return Rows(opened, pages=pages)

    def page(
        self,
        path: str,
        params: Params | None = None,
        *,
        search: Content | None = None,
        purpose: str | None = None,
        reference: str | None = None,
    ) -> Page:
        """Return one page of a list; ``path`` may be the ``next`` of another.

        Raises:
            Refused / CutStream: There is none.
        """
        method = "GET" if search is None else "POST"
        headers = self._stated(purpose, reference) | {"accept": JSON}
        answer = self._called(method, _target(path, params), headers, content=search)
        return Page(
            rows=rows_in(read_json(answer.content)),
            more=more_of(answer),
            next=next_of(answer),
            view=view_of(answer),
            decision_id=decision_of(answer),
        )

    def record(
        self, path: str, params: Params | None = None, *, purpose: str | None = None, reference: str | None = None
    ) -> Record:
        """Return one record; one that is absent and one that is withheld raise the same ``Refused``."""
        headers = self._stated(purpose, reference) | {"accept": JSON}
        answer = self._called("GET", _target(path, params), headers)
        return Record(object_of(answer), view_of(answer), decision_of(answer), answer.headers.get("etag"))

    def write(
        self,
        method: str,
        path: str,
        content: Content | None = None,
        *,
        purpose: str | None = None,
        reference: str | None = None,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        merge_patch: bool = False,
    ) -> Written:
        """Create, change, replace or delete, and return what came of it.

        Args:
            method: ``POST``, ``PATCH``, ``PUT`` or ``DELETE``, as the route declares it.
            path: Of the record or the collection.
            content: A record, its changed fields, or of a bulk route records.
            purpose / reference: Of this call alone.
            idempotency_key: From ``new_idempotency_key``, where the route honours it: the write is then repeated
                by itself if its outcome is not known.
            if_match: The ``etag`` of the record as it was read.
            merge_patch: Send the content as a merge patch, where the route declares one.

        Raises:
            Refused: Nothing was written, unless ``outcome`` is ``unknown``.
            Unreachable: ``may_be_written`` says whether it can have arrived.
        """
        said = {"idempotency-key": idempotency_key, "if-match": if_match}
        headers = self._stated(purpose, reference) | {"accept": JSON} | {k: v for k, v in said.items() if v is not None}
        answer = self._called(
            method, _target(path, None), headers, content=content, media=PATCH if merge_patch else JSON, writes=True
        )
        told = read_json(answer.content) if answer.content else None
        return Written(answer.status_code, told, decision_of(answer), answer.headers.get("etag"))

    def me(self) -> Row:
        """Return what the bearer is and is for."""
        return self._told("GET", "/-/me")

    def openapi(self) -> Row:
        """Return what this caller may do, as an OpenAPI document."""
        return self._told("GET", "/-/openapi.json")

    def decision(self, decision_id: str) -> Row:
        """Return what became of one of the caller's own calls, with its final counts."""
        return self._told("GET", f"/-/me/decisions/{quote(decision_id, safe='')}")

    def evaluate(
        self, operation: str, dataset: str, purpose: str, *, fields: Sequence[str] = (), filters: Sequence[str] = ()
    ) -> Row:
        """Return whether a call would be permitted, without making it."""
        properties = {"fields": list(fields), "filters": list(filters)}
        asked = {
            "action": {"name": operation},
            "resource": {"type": "dataset", "id": dataset, "properties": properties},
            "context": {"purpose": purpose},
        }
        return self._told("POST", "/-/access/v1/evaluation", asked)

    def reveal(
        self,
        dataset: str,
        field: str,
        surrogates: Sequence[str],
        *,
        purpose: str | None = None,
        reference: str | None = None,
    ) -> list[Revealed]:
        """Return the values of surrogates of one field, in their order; all of a call comes or nothing of it.

        Args:
            dataset: ``crm.customers``.
            field: Of which field they are.
            surrogates: At most 10,000, as this caller got them for this purpose.
            purpose / reference: Of this call alone.

        Raises:
            StepUpNeeded: The sign-in is older than five minutes.
            Refused: Nothing came; where somebody else has to approve it, ``approval`` says what.
        """
        headers = self._stated(purpose, reference) | {"accept": JSON}
        asked = {"dataset": dataset, "field": field, "surrogates": list(surrogates)}
        told = object_of(self._called("POST", "/-/surrogates/reveal", headers, content=asked))
        return [revealed_of(one) for one in rows_in(told)]

    def request_grant(
        self, dataset: str, fields: Sequence[str], *, purpose: str, why: str, until: str, rung: str = "reveal",
        operation: str = "read",
    ) -> Row:  # fmt: skip
        """Ask the owner of a dataset for a grant, until a day such as ``2027-01-31``, and return the request."""
        asked = {
            "dataset": dataset, "fields": list(fields), "purpose": purpose, "why": why, "until": until, "rung": rung,
            "operation": operation,
        }  # fmt: skip
        return self._told("POST", "/-/me/grant-requests", asked)

    def grant_requests(self) -> list[Row]:
        """Return the caller's own requests with their state, newest first."""
        told: list[Row] = self._told("GET", "/-/me/grant-requests").get("requests", [])
        return told

    def _told(self, method: str, path: str, content: Content | None = None) -> Row:
        answer = self._called(method, path, {"accept": JSON}, content=content, writes=method == "POST")
        return object_of(answer) if answer.content else {}

    def _stated(self, purpose: str | None, reference: str | None) -> dict[str, str]:
        said = {"data-purpose": purpose or self._purpose, "data-reference": reference or self._reference}
        return {name: value for name, value in said.items() if value is not None}

    def _called(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        *,
        content: Content | None = None,
        media: str = JSON,
        stream: bool = False,
        writes: bool = False,
    ) -> httpx.Response:
        """Return the answer of a call that was permitted, repeated where that is right."""
        keyed = "idempotency-key" in headers
        waited_s, signed_in, stepped_up = 0.0, False, False
        for tries_left in reversed(range(MOST_TRIES + 2)):
            bearer = self._session.bearer()
            said = {**headers, "authorization": f"Bearer {bearer}"}
            try:
                return self._wire.once(method, target, said, content=content, media=media, stream=stream, writes=writes)
            except StepUpNeeded as needed:
                if stepped_up or self._on_step_up is None or not self._on_step_up(needed):
                    raise
                stepped_up = True
                self._session.sign_in_again(bearer)
            except Refused as refused:
                if refused.reason == "sign-in-required" and not signed_in and self._session.can_renew:
                    signed_in = True
                    self._session.forget(bearer)
                    continue
                pause_s = float(refused.retry_after_s or 0)
                may = refused.retry == "after" and refused.retry_after_s is not None
                safe = not writes or keyed or refused.outcome == "not-sent"
                if not (may and safe and tries_left) or waited_s + pause_s > self._most_wait_s:
                    raise
                waited_s += pause_s
                self._sleep(pause_s)
            except Unreachable:
                if not tries_left or (writes and not keyed):
                    raise
        raise Unreachable("the call was repeated too often")


def _target(path: str, params: Params | None) -> str:
    """Return path and query as the gateway reads them: percent-encoded, lists joined by commas."""
    if not path.startswith("/") or path.startswith("//"):
        raise ValueError("a path begins with one /")
    pairs = [
        (name, value if isinstance(value, str | int) else ",".join(value)) for name, value in (params or {}).items()
    ]
    query = "&".join(f"{quote(name, safe='')}={quote(str(value), safe='')}" for name, value in pairs)
    return f"{path}{'&' if '?' in path else '?'}{query}" if query else path
