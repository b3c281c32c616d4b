# SPDX-License-Identifier: Apache-2.0
"""What one store is asked, in decided parts, and the request that it becomes, byte for byte."""

import re
from collections.abc import Sequence
from urllib.parse import quote

import msgspec
from pyreqwest.client import Client
from pyreqwest.http import Url
from pyreqwest.request import StreamRequest
from typing_extensions import override

from gateway.domain.media import LOOK, STORE_TYPES
from gateway.domain.names import StoreName
from gateway.forward.addresses import BaseUrl
from gateway.forward.roads import Secret

OWN_HEADERS = frozenset({"traceparent", "if-match", "if-none-match", "idempotency-key", "prefer"})
"""What a ``StoreCall`` may add: a trace, and what a route declares that it honours."""

BODY_TYPES = frozenset({"application/json", "application/merge-patch+json"})
_HEADER_VALUE = re.compile(r"[\x20-\x7e]{0,1024}")
_ACCEPTED = {kind: ", ".join(sorted(types)) for kind, types in STORE_TYPES.items()}
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]*")
_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))(?:[A-Za-z0-9._~!$&'()*+,=:@-]|%[0-9A-F]{2})+)+")


class StoreCall(msgspec.Struct, frozen=True, kw_only=True):
    """One request to a store, in decided parts.

    Attributes:
        path: Canonical, below the store's base URL: ``/customers/a%20b``; see ``path_below``.
        slash: Whether a slash follows the path, as some stores want it.
        query: Names and values in clear, in the order in which they are sent.
        headers: Of ``OWN_HEADERS`` only; never the caller's own.
        body: With its media type, one of ``BODY_TYPES``.
        kind: Of the declared answer; says which media types are accepted (``domain.media``).
        writes: The call changes what the store holds: its refusals are answers.
        partial: The store may say 206 for a page of its list.
    """

    store: StoreName
    method: str
    path: str
    slash: bool = False
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    content_type: str = "application/json"
    kind: str = "array"
    writes: bool = False
    partial: bool = False

    @override
    def __repr__(self) -> str:
        return f"<StoreCall {self.method} {self.store}>"


def path_below(segments: Sequence[str]) -> str:
    """Return the canonical path of decoded segments: only unreserved characters stay as they are."""
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


def target_of(base: BaseUrl, call: StoreCall) -> Url:
    """Return the URL that is sent, byte for byte.

    Raises:
        ValueError: The path is not canonical, or the library would write the URL differently; the
            message does not repeat it.
    """
    # The root of a store is looked at before anything is declared of it, and is no route's.
    if not _PATH.fullmatch(call.path) and not (call.kind == LOOK and call.path == "/"):
        raise ValueError("the path of a store call is not canonical")
    query = "&".join([f"{_escaped(name)}={_escaped(value)}" for name, value in call.query])
    end = "/" if call.slash and call.path != "/" else ""
    text = f"{base.origin}{base.path}{call.path}{end}" + ("?" + query if query else "")
    url = Url(text)
    if str(url) != text:
        raise ValueError("the URL of a store call would be sent differently from what was decided")
    return url


def _escaped(text: str) -> str:
    """Return a text with only unreserved characters as they are; most have no other."""
    return text if _UNRESERVED.fullmatch(text) else quote(text, safe="")


def check_call(call: StoreCall) -> None:
    """Refuse a header or a media type that no call to a store has.

    Raises:
        ValueError: There is one; the message does not repeat it.
    """
    for name, value in call.headers:
        if name not in OWN_HEADERS:
            raise ValueError("a store call names a header that is not the gateway's to send")
        if not _HEADER_VALUE.fullmatch(value):
            raise ValueError("a header of a store call has a value that no header can have")
    if call.content_type not in BODY_TYPES:
        raise ValueError("a store call has a body of a type that no route declares")


def request_of(client: Client, url: Url, call: StoreCall, credential: Secret | None) -> StreamRequest:
    """Return the request of a call, ready to be sent once."""
    builder = client.request(call.method, url)
    for name, value in (("accept", _ACCEPTED[call.kind]), ("accept-encoding", "identity"), *call.headers):
        builder = builder.header(name, value)
    if credential:
        builder = builder.header(credential.name, credential.value, is_sensitive=True)
    if call.body is not None:
        builder = builder.header("content-type", call.content_type).body_bytes(call.body)
    # The head is judged before a byte of the body is waited for.
    return builder.streamed_read_buffer_limit(0).build_streamed()
