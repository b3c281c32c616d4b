# SPDX-License-Identifier: Apache-2.0
"""Attack: kill -9 in the middle of a night's messages; whoever sends them again reaches nobody twice."""

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import msgspec
import pytest

from gateway.app.installation import open_installation
from gateway.app.making import make_installation
from gateway.domain.choice import Choice
from gateway.domain.entry import End, Intent
from gateway.domain.mandate import DAY_US, Mandate, MandateTerms
from gateway.domain.names import ClientId, DatasetName, FieldName, PurposeKey, RecipientId
from gateway.flows.access.carrying import STRETCH
from gateway.record.proof.verify import verify_logs
from gateway.record.reading.reader import records
from gateway.settings.loading import Settings
from gateway.store.mandates import Mandates
from tests.attack.test_kill_serving import serving
from tests.fakes.mail import MailApi, mail_api
from tests.fakes.sending import PATH, REFERENCE, message, office
from tests.story.conftest import CUSTOMER, EMAIL, Reply, _ask, crowd, store_file, store_port

__all__ = ["crowd", "store_file", "store_port"]

MANDATE = "m_aaaaaaaaaaaaaaaa"
N_MESSAGES = 150


@pytest.fixture
async def api() -> AsyncIterator[MailApi]:
    """A mail API, which outlives the gateway."""
    async with mail_api() as api:
        yield api


@pytest.fixture
async def prepared(tmp_path: Path, api: MailApi, store_port: int, crowd: list[object]) -> tuple[Settings, str]:
    """An installation before the sample store with a service under a mandate, and the service's secret."""
    stores = {
        "crm": {"base_url": f"http://127.0.0.1:{store_port}/crm"},
        "mailer": {"base_url": f"http://127.0.0.1:{api.port}", "read_s": 30},
    }
    content = {
        "installation": "killed",
        "listen": {"port": 0},
        "stores": stores,
        "passwords": {"memory_kib": 64, "time_cost": 1},
        "log": {"least_free_bytes": 0, "least_free_percent": 0},
    }
    made = make_installation(tmp_path / "state", content)
    async with open_installation(made, "cli") as rooms:
        _, secret = await rooms.enrolment.add_client(
            "night-mailer",
            name="Night",
            roles=("mail-sender",),
            recipient="own",
            scopes=(PurposeKey(EMAIL),),
            by="local:test",
        )
        told = [one for customer in crowd for one in customer.choices]  # type: ignore[attr-defined]
        numbers = await rooms.people.numbers(CUSTOMER, [one.customer_id for one in told])
        choices = [
            Choice(person=number, purpose=one.purpose, state=one.state, at_us=one.at_us)
            for number, one in zip(numbers, told, strict=True)
        ]
        await rooms.choices.record(choices, "story")
        now_us, kept, who = rooms.clock(), Mandates(rooms.store), await office(rooms)
        terms = MandateTerms(
            operation="send",
            client=ClientId("night-mailer"),
            purpose=PurposeKey(EMAIL),
            recipient=RecipientId("mail-service"),
            dataset=DatasetName("crm.customers"),
            fields=(FieldName("email"),),
            most_people=10_000,
            from_us=now_us - DAY_US,
            until_us=now_us + DAY_US,
            reference=REFERENCE,
        )
        await kept.add(Mandate(id=MANDATE, terms=terms, asked_by=who["asked"], asked_us=now_us))
        for name in ("one", "two"):
            await kept.approve(MANDATE, who[name], now_us)
    return made, secret


async def ask(port: int, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> Reply:
    """Ask the gateway."""
    return await asyncio.to_thread(_ask, port, method, path, headers, body)


async def head(port: int, secret: str) -> dict[str, str]:
    """Return the headers of a call of the service."""
    form = f"grant_type=client_credentials&client_id=night-mailer&client_secret={secret}".encode()
    told = await ask(port, "POST", "/-/oauth/token", {"Content-Type": "application/x-www-form-urlencoded"}, form)
    return {
        "Authorization": f"Bearer {told.json['access_token']}",
        "Data-Purpose": EMAIL,
        "Data-Reference": REFERENCE,
        "Data-Mandate": MANDATE,
        "Content-Type": "application/json",
    }


async def test_nobody_is_written_to_twice_after_a_kill(prepared: tuple[Settings, str], api: MailApi) -> None:
    """A stretch that was done was sent, the one under way is unknown for good, and what was behind it goes now, once."""
    settings, secret = prepared
    async with serving(settings) as (process, port, _):
        told = await head(port, secret)
        reading = {name: value for name, value in told.items() if name not in ("Data-Mandate", "Content-Type")}
        rows = (await ask(port, "GET", "/crm/customers?limit=1000&fields=email", reading)).json["items"]
        messages = [message(row["email"], f"night-{n}") for n, row in enumerate(rows[:N_MESSAGES])]
        body = msgspec.json.encode(messages)
        api.answer = lambda _taken: _held_after(api, STRETCH + 20)
        async with asyncio.TaskGroup() as group:
            group.create_task(cut_off(port, told, body))
            while len(api.taken) < STRETCH + 30:  # noqa: ASYNC110 - another process sends them
                await asyncio.sleep(0.01)
            os.kill(process.pid, signal.SIGKILL)
    api.gate.set()
    api.answer = lambda _taken: b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    n_before = len(api.taken)
    assert verify_logs(settings.state / "log").is_right
    async with serving(settings) as (process, port, _):
        told = await head(port, secret)
        reply, again = [await ask(port, "POST", PATH, told, body) for _ in range(2)]
        process.terminate()
        await process.wait()
    assert reply.status == 200, reply.body
    causes = {row["row"]: row["cause"] for row in reply.json["rows"]}
    assert causes == {n: "sent-before" if n < STRETCH else "unknown" for n in range(2 * STRETCH)}
    assert reply.json["sent"] == N_MESSAGES - 2 * STRETCH == len(api.taken) - n_before
    # Each whom the carrier heard of is told as sent or unknown, and nobody was written to twice.
    assert STRETCH + 30 <= n_before <= 2 * STRETCH
    assert len(set(api.reached)) == len(api.reached)
    assert Counter(row["cause"] for row in again.json["rows"]) == {
        "sent-before": N_MESSAGES - STRETCH,
        "unknown": STRETCH,
    }
    assert again.json["sent"] == 0
    bodies = [record.line.body for record in records(settings.state / "log" / "door-0")]
    intents = [one for one in bodies if isinstance(one, Intent)]
    ends = {one.call: one.how for one in bodies if isinstance(one, End)}
    assert intents[0].records == N_MESSAGES
    assert ends[intents[0].call] == "unknown"
    assert json.loads(reply.body)["rows"][STRETCH] == {"row": STRETCH, "cause": "unknown"}


async def cut_off(port: int, headers: dict[str, str], body: bytes) -> None:
    """Make a call whose answer never comes."""
    with suppress(OSError, HTTPException):
        await ask(port, "POST", PATH, headers, body)


def _held_after(api: MailApi, n: int) -> bytes:
    """Take so many messages, and let the answers to all others wait."""
    if len(api.taken) >= n:
        api.gate.clear()
    return b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
