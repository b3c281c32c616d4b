# SPDX-License-Identifier: Apache-2.0
"""Attack: a store that sends the gateway elsewhere, to a place that only the gateway can reach."""

import pytest

from gateway.domain.errors import StoreMisbehaved
from gateway.forward.http import HttpStores
from gateway.forward.roads import Secret
from tests.fakes.raw_store import RawStore, Reply, json_reply
from tests.fakes.store_calls import a_call, body_of, store_at

STATUSES = (300, 301, 302, 303, 305, 307, 308)
# PORT is that of a server that would answer anybody.
TARGETS = [
    "http://127.0.0.1:PORT/", "http://localhost:PORT/", "http://127.1:PORT/", "http://2130706433:PORT/",
    "http://0x7f000001:PORT/", "http://0177.0.0.1:PORT/", "http://0:PORT/", "http://[::ffff:127.0.0.1]:PORT/",
    "http://[::1]:PORT/", "//127.0.0.1:PORT/", "///127.0.0.1:PORT/", "\\\\127.0.0.1:PORT\\", "/\\127.0.0.1:PORT/",
    "http:127.0.0.1:PORT/", "http://crm@127.0.0.1:PORT/", "http://127.0.0.1:PORT#@crm/", "http://127.0.0.1:PORT?.crm/",
    "https://127.0.0.1:PORT/", "ws://127.0.0.1:PORT/", "HTTP://127.0.0.1:PORT/", " http://127.0.0.1:PORT/ ",
    "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://metadata.google.internal/",
    "file:///etc/passwd", "gopher://127.0.0.1:PORT/_x", "ftp://127.0.0.1:PORT/", "data:application/json,[]",
    "javascript:1", "unix:/var/run/docker.sock", "/crm/contacts", "contacts", "../../", "?a=b", "#x", "",
]  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_redirect_is_never_followed(method: str) -> None:
    """Neither the named place nor the store itself is asked again, and its credential goes nowhere else."""
    replies: list[Reply] = []
    async with RawStore(lambda _: json_reply()) as elsewhere:
        for target in TARGETS:
            place = target.replace("PORT", str(elsewhere.port)).encode()
            for status in STATUSES:
                head = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nLocation: %b\r\n" % (status, place)
                replies.append(Reply(head + b"Content-Length: 2\r\n\r\n[]"))
        async with RawStore(lambda n: replies[n - 1]) as crm:
            store = store_at(crm.url, credential=Secret("authorization", "Bearer of-the-store"))
            async with HttpStores([store]) as stores:
                for _ in replies:
                    with pytest.raises(StoreMisbehaved):
                        await body_of(stores, a_call(method=method, writes=method == "POST"))
        assert (len(crm.heads), elsewhere.n_connections) == (len(replies), 0)
        assert len(replies) >= 30


HINTS = [
    b"Location: http://127.0.0.1:PORT/", b"Content-Location: http://127.0.0.1:PORT/", b"Refresh: 0;url=http://127.0.0.1:PORT/",
    b"Link: <http://127.0.0.1:PORT/>; rel=preload", b'Alt-Svc: h2="127.0.0.1:PORT"', b"Upgrade: h2c",
    b"Strict-Transport-Security: max-age=99999; includeSubDomains", b"Alt-Used: 127.0.0.1:PORT",
    b"Proxy-Authenticate: Basic", b"Connection: upgrade",
]  # fmt: skip


async def test_a_hint_that_leads_elsewhere_is_not_taken() -> None:
    """Not in this call and not in the next one, which goes where the first went."""
    async with RawStore(lambda _: json_reply()) as elsewhere:
        hints = [hint.replace(b"PORT", b"%d" % elsewhere.port) + b"\r\n" for hint in HINTS]
        script = lambda n: json_reply(more=hints[n - 1] if n <= len(hints) else b"")  # noqa: E731
        async with RawStore(script) as crm, HttpStores([store_at(crm.url)]) as stores:
            for _ in range(len(HINTS) + 1):
                assert await body_of(stores) == b"[]"
    assert (len(crm.heads), elsewhere.n_connections) == (len(HINTS) + 1, 0)
    assert len({head.split(b"\r\n", 1)[0] for head in crm.heads}) == 1
