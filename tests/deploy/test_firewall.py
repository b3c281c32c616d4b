# SPDX-License-Identifier: Apache-2.0
"""The firewall that is shipped, on Debian's packages: it stops attacks, lets callers through, and keeps no value."""

import asyncio
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.servers.front import MODULE, NAME, PACKAGES, Front, Told
from tests.servers.nginx import needs, wait_until
from tests.servers.traffic import ATTACKS, SMUGGLED, Sent, own, reads, writes
from tests.story.conftest import ANALYST, World

pytestmark = needs(MODULE, PACKAGES)

N_READS = 150


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store that a test may write to."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


async def sent(world: World, front: Front, calls: Iterable[Sent]) -> list[Told]:
    """Send calls through the front, one after the other on one connection."""
    told = list(calls)
    bearers = {role: await world.bearer(role) for role in {call.role for call in told} - {""}}
    with front.caller() as caller:
        return [await asyncio.to_thread(caller.ask, *_parts(call, bearers)) for call in told]


def _parts(call: Sent, bearers: dict[str, str]) -> tuple[str, str, dict[str, str], bytes | None]:
    headers = {"User-Agent": "story/1.0", "Accept": "*/*"}
    if call.role:
        headers |= {"Authorization": f"Bearer {bearers[call.role]}", "Data-Reference": 'Kampagne 2026/Q3: "Herbst" #4'}
    if call.purpose:
        headers["Data-Purpose"] = call.purpose
    return call.method, call.target, headers | dict(call.headers), call.body


async def test_what_callers_send_passes_without_an_alarm(world: World, front: Front) -> None:
    """Every answer is the gateway's own, most are data, and the firewall has nothing to tell of any of them."""
    page = await world.get("/crm/customers?limit=60", "analyst", ANALYST)
    calls = [*reads(world.crowd[100:], page.ids, N_READS), *writes(), *own()]

    answers = await sent(world, front, calls)

    assert front.alerts() == []
    wrong = [
        (call.method, call.target, answer.status, answer.body[:300])
        for call, answer in zip(calls, answers, strict=True)
        if call.role and answer.status >= 300
    ]
    assert wrong == []
    assert [answer.body for answer in answers if b'"firewall"' in answer.body] == []
    wait_until(lambda: len(front.calls()) == len(calls))


async def test_attacks_are_stopped_and_seen(world: World, front: Front) -> None:
    """None reaches the gateway; each is an alert of its kind, under the name that its caller was told."""
    bearers = {role: await world.bearer(role) for role in ("analyst", "service-agent")}
    n_entries = len(world.entries())
    missed: list[str] = []
    for name, (call, kind) in ATTACKS.items():
        n_alerts = len(front.alerts())
        answer = await asyncio.to_thread(front.ask, *_parts(call, bearers))
        fresh = front.alerts()[n_alerts:]
        if [(one["stopped"], kind in one["kinds"]) for one in fresh] != [(True, True)] or answer.status not in {
            400,
            403,
        }:
            missed.append(f"{name}: {answer.status} {answer.body[:80]!r} {fresh}")

    assert missed == []
    assert len(world.entries()) == n_entries


async def test_what_is_no_request_is_refused_and_seen(world: World, front: Front) -> None:
    """Smuggled, endless and oversized requests end at nginx: refused, the connection closed, a line in its log."""
    for name, content in SMUGGLED.items():
        n_calls = len(front.calls())
        heard = await asyncio.to_thread(front.exchange, content.replace(b"{h}", NAME.encode()))
        assert heard.split(b" ", 2)[1][:1] == b"4" or heard == b"", f"{name}: {heard[:200]!r}"
        assert heard.count(b"HTTP/1.1 ") <= 1, f"{name} was two requests"
        wait_until(lambda before=n_calls: len(front.calls()) > before)  # type: ignore[misc]
        assert [call["status"][:1] for call in front.calls()[n_calls:]] == ["4"], name


async def test_no_log_of_the_front_has_a_value(world: World, front: Front) -> None:
    """Neither path nor query, header or body of a call that passes, that is refused, or that is stopped."""
    bearer = await world.bearer("service-agent")
    marks = [f"kestrel{number}feather" for number in range(8)]
    told = {"Authorization": f"Bearer {bearer}", "Data-Purpose": marks[0], "User-Agent": marks[1], "Referer": marks[2]}
    attack = quote("' OR 1=1 -- <script>")
    body = json.dumps({"where": {"city": f"{marks[3]} ' OR 1=1 -- ", marks[4]: "<script>"}}).encode()
    for method, target, content in [
        ("GET", f"/crm/customers/{marks[5]}?city={marks[6]}", None),
        ("GET", f"/crm/customers/{marks[5]}?city={marks[6]}{attack}&{marks[7]}=1", None),
        ("GET", f"/{marks[5]}/../../etc/passwd", None),
        ("POST", f"/crm/customers/search?{marks[6]}", body),
        ("POST", "/-/login", json.dumps({"username": marks[3], "password": marks[4]}).encode()),
        (marks[5].upper(), f"/{marks[6]}", None),
    ]:
        headers = told | ({"Content-Type": "application/json"} if content else {})
        await asyncio.to_thread(front.ask, method, target, headers, content)
    await asyncio.to_thread(front.exchange, f"{marks[5]} {marks[6]}\r\n\r\n".encode())

    logs = front.nginx.logs().lower()
    assert [alert["stopped"] for alert in front.alerts()] == [True, True]
    assert [mark for mark in (*marks, bearer) if mark.lower() in logs] == []
    assert [name for name in ("customers", "passwd", "script>", "referer") if name in logs] == []
