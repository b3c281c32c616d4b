# SPDX-License-Identifier: Apache-2.0
"""Attack: methods that a gateway may not know and a store may act on."""

import re

import pytest

from tests.fakes.bound_calls import came_of
from tests.fakes.serving import RESET

KNOWN = [
    "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "COPY", "LOCK", "MKCOL", "MOVE", "PROPFIND", "PROPPATCH", "SEARCH",
    "UNLOCK", "BIND", "REBIND", "UNBIND", "ACL", "REPORT", "MKACTIVITY", "CHECKOUT", "MERGE", "M-SEARCH", "NOTIFY", "SUBSCRIBE",
    "UNSUBSCRIBE", "PURGE", "MKCALENDAR", "LINK", "UNLINK", "SOURCE", "QUERY", "POST",
]  # fmt: skip
NO_METHODS = [
    "get", "Get", "gET", "GETT", "GE", "G", "GET2", "XGET", "TRACK", "DEBUG", "DESCRIBE", "BASELINE-CONTROL", "FETCH", "VIEW",
    "GET/", "GET;", "GET,POST", "GET%20", "GET\\", "GET\x00", "\x00GET", "G\xc9T", "GET:", '"GET"', "(GET)", "CONNECT", "PRI", "", "A" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("method", [*KNOWN, *NO_METHODS], ids=lambda method: repr(method[:20]))
async def test_only_a_declared_method_reaches_a_route(method: str) -> None:
    """405 with the methods there are, or a bare 400; nothing is echoed, no body comes back for HEAD."""
    content = (
        method.encode("latin-1") + b" /crm/customers HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Echo: echoed\r\n\r\n"
    )
    came, _ = await came_of(content)
    assert came == RESET or re.match(rb"HTTP/1\.1 40[05] ", came), came[:100]
    assert b"echoed" not in came
    if b" 405 " in came:
        assert b"\r\nallow: GET\r\n" in came
    if method == "HEAD":
        assert came.endswith(b"\r\n\r\n")
