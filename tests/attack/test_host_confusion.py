# SPDX-License-Identifier: Apache-2.0
"""Attack: a Host header that changes which path is judged (CVE-2026-48710)."""

import itertools
import re
from pathlib import Path

import pytest

from gateway.domain.decision import Deny
from gateway.doors.http.reading.headers import judged
from gateway.doors.http.reading.paths import segments_of
from gateway.doors.http.wire import WireProtocol
from tests.fakes.serving import exchange, request, served

HOSTS = [
    "example.com/abc?bar=", "example.com/-/livez?", "example.com?x=", "example.com#x", "a@b", "user:pass@host", "a/b?c=", "/", "//", "?", "#",
    "a b", "a\tb", "a,b", "a;b", "a\\b", "http://a", "a:b", "a:99999999", "[::1", "::1", "[::1]x", "[g::]", "a%2fb", "a%00", "", " ", "é.com",
    "localhost/../-/", "a:80:80", "a:-1", "<a>", '"a"', "{a}", "a|b", "a^b", "a`b", "a'b", "a(b)", "a*b", "a!b", "a$b", "a&b", "a=b", "a+b", "a~b",
]  # fmt: skip
DECORATED = [
    f"{host}{tail}"
    for host, tail in itertools.product(HOSTS, ["", "/", "?x", "#", ":80", ".", "@e", "/%2e%2e/", "\x7f", "\x00"])
]
PLAIN = ["gateway.example", "GATEWAY.example:8080", "127.0.0.1", "[::1]:443", "localhost", "evil.example"]


@pytest.mark.parametrize("host", PLAIN)
def test_a_plain_host_is_taken_and_means_nothing(host: str) -> None:
    """Whichever it is, the call states the same."""
    stated = judged([(b"host", host.encode())], method="GET", http_version="1.1")
    assert stated == judged([(b"host", b"gateway.example")], method="GET", http_version="1.1")


def test_a_host_that_is_no_host_is_refused() -> None:
    """Hundreds of values, each a refusal."""
    plain = re.compile(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?")
    doubtful = [host for host in DECORATED if not plain.fullmatch(host.strip(" \t"))]
    assert len(doubtful) > 400
    for host in doubtful:
        outcome = judged([(b"host", host.encode())], method="GET", http_version="1.1")
        assert isinstance(outcome, Deny), host


def test_there_is_one_host() -> None:
    """None and two are refused."""
    for raw in ([], [(b"host", b"a"), (b"host", b"a")], [(b"x-forwarded-host", b"a")]):
        assert isinstance(judged(raw, method="GET", http_version="1.1"), Deny)


async def test_the_judged_path_does_not_depend_on_the_host() -> None:
    """Over a connection, with every host that a server lets through."""
    judged_paths: set[tuple[str, ...] | None] = set()

    async def app(scope, receive, send) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        judged_paths.add(segments_of(scope["raw_path"]))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with served(app, WireProtocol) as port:
        for host in HOSTS:
            call = request(b"/crm/customers").replace(b"gateway.example", host.encode())
            await exchange(port, call)
    assert judged_paths == {("crm", "customers")}


def test_no_code_asks_starlette_for_the_url() -> None:
    """The URL is put together with the Host header; paths are read from the scope alone."""
    source = Path(__file__).parents[2] / "src" / "gateway"
    asking = re.compile(r"\brequest\.(url|base_url)\b|\bURL\(")
    found = [file.name for file in source.rglob("*.py") if asking.search(_code(file.read_text("utf-8")))]
    assert found == []


def _code(text: str) -> str:
    """Return a module's text without what stands in double backquotes, where docstrings name things."""
    return re.sub(r"``[^`]*``", "", text)
