# SPDX-License-Identifier: Apache-2.0
"""What a rehearsal says of calls is what the road does with them; copies of live calls come by a real nginx."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from subprocess import PIPE

import pytest

from gateway.domain.decision import Deny
from gateway.domain.names import StoreName
from gateway.doors.http.recorded.calls import Reader, Recorded
from gateway.flows.rehearse.callers import Caller
from gateway.flows.rehearse.judging import verdict_of
from gateway.identify.identify import Identify
from tests.servers.nginx import free_port, needs_nginx, nginx_running
from tests.story.conftest import ANALYST, EMAIL, SUPPORT, World

JSON = {"content-type": "application/json"}
CALLS: tuple[tuple[str, str, str, str | None, dict[str, str], bytes], ...] = (
    ("analyst", "GET", "/crm/customers?limit=20", ANALYST, {}, b""),
    ("analyst", "GET", "/crm/customers?limit=20", None, {}, b""),
    ("analyst", "GET", "/crm/customers?limit=20", EMAIL, {}, b""),
    ("analyst", "GET", "/crm/customers?limit=20", "no.such.purpose", {}, b""),
    ("analyst", "GET", "/crm/customers?limit=5000", ANALYST, {}, b""),
    ("analyst", "GET", "/crm/customers?email=a%40b.org", ANALYST, {}, b""),
    ("analyst", "GET", "/crm/customers?religion=x", ANALYST, {}, b""),
    ("analyst", "GET", "/crm/customers?shoe=1", ANALYST, {}, b""),
    ("analyst", "GET", "/crm/customers?city=a&city=b", ANALYST, {}, b""),
    ("analyst", "GET", "/crm/customers?city=a+b", ANALYST, {}, b""),
    ("analyst", "GET", "/crm/customers?fields=id,city&limit=50", ANALYST, {}, b""),
    ("analyst", "GET", "/crm/customers?fields=name", ANALYST, {}, b""),
    ("analyst", "GET", "/crm/customers?sort=birth_date&limit=50", ANALYST, {}, b""),
    ("analyst", "GET", "/crm/customers?sort=city&limit=50", ANALYST, {}, b""),
    ("analyst", "GET", "/crm/customers?cursor=abc", ANALYST, {}, b""),
    ("analyst", "GET", "/crm/invoices", ANALYST, {}, b""),
    ("analyst", "DELETE", "/crm/customers", ANALYST, {}, b""),
    ("analyst", "GET", "/crm//customers", ANALYST, {}, b""),
    ("analyst", "GET", "/crm/%63ustomers", ANALYST, {}, b""),
    ("analyst", "GET", "/crm/customers", ANALYST, {"range": "bytes=0-9"}, b""),
    ("analyst", "GET", "/crm/customers", ANALYST, {"accept": "image/png"}, b""),
    ("analyst", "GET", "/crm/customers?limit=20", ANALYST, {"accept": "text/csv"}, b""),
    ("analyst", "POST", "/crm/customers/search", ANALYST, JSON, b'{"page": {"limit": 30}, "where": {"city": "x"}}'),
    ("analyst", "POST", "/crm/customers/search", ANALYST, JSON, b'{"where": {"shoe": 1}}'),
    ("analyst", "POST", "/crm/customers/search", ANALYST, JSON, b'{"where": {"shoe": 1'),
    ("analyst", "POST", "/crm/customers/search", ANALYST, {"content-type": "text/xml"}, b"<x/>"),
    ("analyst", "POST", "/crm/customers/search", ANALYST, JSON, b'{"where": {"religion": "x"}, "page": {"limit": 30}}'),
    ("campaigner", "GET", "/crm/customers?limit=20", EMAIL, {}, b""),
    ("campaigner", "GET", "/crm/customers?limit=20", ANALYST, {}, b""),
    ("campaigner", "GET", "/crm/customers?limit=2&city=x", EMAIL, {}, b""),
    ("service-agent", "GET", "/crm/customers?limit=20", SUPPORT, {}, b""),
    ("service-agent", "GET", "/crm/customers?limit=20&fields=phone", SUPPORT, {}, b""),
    ("officer", "GET", "/crm/customers?limit=20", ANALYST, {}, b""),
    ("admin", "GET", "/crm/customers?limit=20", None, {}, b""),
)


def path_of(target: str) -> str:
    """Return the path of a target as the store ``crm`` would have seen it."""
    return target.replace("/crm", "/api", 1)


@pytest.mark.parametrize("ago_s", [0, 3600])
async def test_what_a_rehearsal_says_is_what_the_road_does(world: World, ago_s: int) -> None:
    """Decision and reason, and what the reason is about, for calls that come to an end at every stage."""
    decider = world.rooms.policy.decider
    reader = Reader(decider.rules.catalog, {"/api": StoreName("crm")})
    identify = Identify(world.rooms.bearers, world.rooms.revocations)
    seen: set[str | None] = set()
    for role, method, target, purpose, more, body in CALLS:
        bearer = "Bearer " + await world.bearer(role, ago_s=ago_s)
        headers = {
            "authorization": bearer,
            "data-reference": "r",
            **more,
            **({"data-purpose": purpose} if purpose else {}),
        }
        reply = await world.ask(method, target, headers, body or None)
        who = identify.principal(bearer, world.rooms.clock())
        assert not isinstance(who, Deny)
        raw = tuple((name.encode(), value.encode()) for name, value in headers.items())
        length = ((b"content-length", str(len(body)).encode()),) if body else ()
        call = Recorded(method=method, target=path_of(target).encode(), headers=(*raw, *length), body=body)
        heard = reader.heard(call)
        assert heard is not None
        verdict = await verdict_of(decider, heard.told, Caller(name=role, who=who), world.rooms.clock())  # type: ignore[arg-type]
        did = None if reply.status == 200 else reply.json["reason"]
        assert (verdict.reason, target) == (did, target)
        if did is not None:
            assert list(verdict.about) == reply.json["fields"]
        seen.add(did)
    assert len(seen) >= 12


@pytest.fixture
async def store() -> AsyncIterator[int]:
    """A live store that tells its callers something, before there is a gateway."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(one.split(b":")[1]) for one in head.lower().split(b"\r\n") if one.startswith(b"content-length")), 0
        )
        await reader.readexactly(length)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nlive")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


FRONT = """
server {
    listen 127.0.0.1:PORT;
    location / {
        mirror /copy;
        proxy_pass http://127.0.0.1:STORE;
    }
    location = /copy {
        internal;
        proxy_pass http://127.0.0.1:MIRROR$request_uri;
        proxy_set_header X-Forwarded-For $remote_addr;
    }
}
"""


@needs_nginx
async def test_copies_of_live_calls_are_decided_and_the_live_ones_are_left_alone(
    world: World, store: int, tmp_path: Path
) -> None:
    """Each goes to the store, and a copy by nginx to the rehearsal, which tells what it would have done."""
    report, port = tmp_path / "report.json", free_port()
    (tmp_path / "clients.yaml").write_text(
        f"clients:\n  - {{name: web, match: {{network: 127.0.0.0/8, user_agent: web/}}, role: analyst, purpose: {ANALYST}}}\n"
    )
    config = world.state / "gateway.yaml"
    config.write_text("installation: story\nstores: {crm: {base_url: 'http://127.0.0.1:9/api'}}\n")
    words = (
        "rehearse",
        "--listen",
        "127.0.0.1:0",
        "--clients",
        str(tmp_path / "clients.yaml"),
        "--report",
        str(report),
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", *words, "--state", str(world.state), "--json", stdout=PIPE, stderr=PIPE,
        env={name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            told = json.loads(await process.stdout.readline())
        mirror = told["listening"].rpartition(":")[2]
        http = FRONT.replace("PORT", str(port)).replace("STORE", str(store)).replace("MIRROR", mirror)
        before = len(world.entries())
        with nginx_running(tmp_path / "nginx", http, ports=[port]):
            for method, path, agent, body in (
                ("GET", "/api/customers?limit=50", "web/1", None),
                (
                    "POST",
                    "/api/customers/search",
                    "web/1",
                    b'{"page": {"limit": 50}, "where": {"religion": "secret-word"}}',
                ),
                ("GET", "/api/customers?shoe=secret-word", "web/1", None),
                ("GET", "/api/customers?limit=50", "other/1", None),
                ("GET", "/elsewhere", "web/1", None),
            ):
                headers = {"User-Agent": agent, **({"Content-Type": "application/json"} if body else {})}
                assert (await asyncio.to_thread(_live, port, method, path, headers, body)) == b"live"
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            out, err = await process.communicate()
    assert process.returncode == 1, err.decode()
    found = json.loads(report.read_text())
    assert json.loads(out) == found
    assert (found["calls"], found["passing"], found["elsewhere"]) == (4, 1, 1)
    assert {(row["client"], row["reason"]) for row in found["refused"]} == {
        ("web", "filter-not-permitted"), ("web", "parameter-undeclared"), ("unknown", "sign-in-required"),
    }  # fmt: skip
    assert "secret-word" not in report.read_text() + err.decode()
    assert len(world.entries()) == before


def _live(port: int, method: str, path: str, headers: dict[str, str], body: bytes | None) -> bytes:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, headers)
        return connection.getresponse().read()
    finally:
        connection.close()
