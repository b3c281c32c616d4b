# SPDX-License-Identifier: Apache-2.0
"""A caller asks for a grant over the door, its owner decides at the command line, and the caller sees more."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.domain.entry import Changed, Looked, Refused
from tests.fakes.command_line import CHEAP, CommandLine
from tests.story.conftest import ANALYST, EMAIL, World

PATH = "/-/me/grant-requests"
PHONE_NEEDED = "We count bounced numbers by region."


def in_days(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%d")


def wish(**changed: object) -> dict[str, object]:
    """Return a request that the shipped rules would help: a mask of the phone number where analysts get a surrogate."""
    made: dict[str, object] = {
        "dataset": "crm.customers", "fields": ["phone"], "purpose": ANALYST, "rung": "mask",
        "why": PHONE_NEEDED, "until": in_days(30),
    }  # fmt: skip
    return {**made, **changed}


async def asked(world: World, role: str = "analyst", **changed: object) -> Any:
    reply = await world.post(PATH, wish(**changed), Authorization="Bearer " + await world.bearer(role))
    assert reply.status == 201, reply.body
    return reply.json


async def mine(world: World, role: str = "analyst") -> Any:
    return (await world.get(PATH, role)).json["requests"]


def command_for(world: World) -> CommandLine:
    database = world.rooms.settings.database
    told = {"GATEWAY_DATABASE": database.get_secret_value()} if database is not None else {}
    return CommandLine(world.state, {**CHEAP, **told})


async def given(world: World, *words: str, code: int = 0) -> Any:
    return await asyncio.to_thread(lambda: command_for(world)(*words, code=code))


async def test_what_is_asked_for_and_approved_is_seen_and_no_more(world: World) -> None:
    """Asked for, listed, approved, put in force: the analyst reads the mask, and so does nobody else."""
    before = (await world.get("/crm/customers?limit=50", "analyst", ANALYST)).headers["data-view"]
    request = await asked(world)
    listed = (await given(world, "grant", "requests", "--json")).document()
    approved = (await given(world, "grant", "approve", request["id"], "--why", "until the report", "--json")).document()
    file = (world.state / "policies" / "grants.csv").read_text()
    await world.rooms.policy.put_in_force({**world_files(world)})
    [told] = await mine(world)
    after = (await world.get("/crm/customers?limit=50", "analyst", ANALYST)).headers["data-view"]

    assert [(one["id"], one["by"], one["asked"]["why"]) for one in listed] == [(request["id"], "analyst", PHONE_NEEDED)]
    assert request["state"] == "open"
    assert request["covers"] == ["phone"]
    assert (told["state"], told["because"]) == ("approved", "until the report")
    assert file.endswith("\n".join(["", *approved["lines"], ""]))
    assert f"# {request['id']}: asked for by" in file
    assert '"phone"' in before.split("surrogate=(", 1)[1].split(")", 1)[0]
    assert '"phone"' in after.split("mask=(", 1)[1].split(")", 1)[0]
    assert before.replace('"phone"', "").split() != after.split()


def world_files(world: World) -> dict[str, bytes]:
    folder = world.state / "policies"
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}


async def test_a_refusal_is_told_with_its_why(world: World) -> None:
    """And the request cannot be decided again."""
    request = await asked(world)
    await given(world, "grant", "refuse", request["id"], "--why", "ask for counts instead")
    again = await given(world, "grant", "approve", request["id"], code=2)
    [told] = await mine(world)

    assert (told["state"], told["because"]) == ("refused", "ask for counts instead")
    assert "refused already" in again.err


async def test_a_red_line_is_told_at_once_and_nothing_is_kept(world: World) -> None:
    """A grant would not help, and the sentence of the red line says why."""
    body = wish(fields=["religion"], rung="reveal", purpose=EMAIL)
    reply = await world.post(PATH, body, Authorization="Bearer " + await world.bearer("campaigner"))

    assert (reply.status, reply.json["reason"], reply.json["fields"]) == (403, "red-line", ["religion"])
    assert reply.json["detail"]
    assert await mine(world, "campaigner") == []


async def test_every_answer_is_entered_with_its_bytes_and_never_the_callers_words(world: World) -> None:
    """What is asked for in the words of the rules; why it is asked for stays out of every log."""
    reply = await world.post(PATH, wish(), Authorization="Bearer " + await world.bearer("analyst"))
    listing = await world.get(PATH, "analyst")
    refused = await world.post(PATH, wish(purpose="no.such"), Authorization="Bearer " + await world.bearer("analyst"))
    entries = [entry for entry, _ in world.entries()]
    [changed] = [one for one in entries if isinstance(one, Changed) and one.what == "grant-requested"]
    looked = [one for one in entries if isinstance(one, Looked)]
    [denied] = [one for one in entries if isinstance(one, Refused)]

    assert changed.target == reply.json["id"]
    assert changed.facts["purpose"] == ANALYST
    assert [(one.what, one.bytes) for one in looked] == [
        ("grant-request", len(reply.body)), ("grant-requests", len(listing.body)),
    ]  # fmt: skip
    assert (denied.reason, denied.bytes) == ("body-invalid", len(refused.body))
    assert PHONE_NEEDED.encode() not in b"".join(path.read_bytes() for path in world.state.glob("log/**/*.ndjson"))


async def test_a_purpose_that_was_granted_to_an_account_is_in_its_next_bearer(world: World) -> None:
    """Whoever signs in again, or refreshes, can state it."""
    request = await asked(world, purpose=EMAIL, fields=["city"], rung="reveal")
    await given(world, "grant", "approve", request["id"])
    before = (await world.get("/-/me", "analyst")).json["purposes"]
    await world.rooms.policy.put_in_force({**world_files(world)})
    after = (await world.get("/-/me", "analyst")).json["purposes"]

    assert set(after) - set(before) == {EMAIL}
