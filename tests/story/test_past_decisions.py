# SPDX-License-Identifier: Apache-2.0
"""Past decisions told and decided again: of what was entered in a real log, by the rules of then and by others."""

import asyncio
import os
import random
import re
import shlex
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.app.installation import reload_rules
from gateway.app.making import enrol_at_once
from gateway.domain.names import AccountId, CategoryKey
from gateway.domain.treatment import DROP
from gateway.domain.viewplan import Hold
from tests.fakes.command_line import CommandLine
from tests.story.conftest import ANALYST, EMAIL, SMS, World
from tests.story.test_grant_requests import asked as requested
from tests.story.test_log_over_http import LEGAL
from tests.story.test_sign_in import PASSWORD, signed_in

SEED = 20261122


@pytest.fixture
def command(world: World) -> CommandLine:
    """The command line of the world's installation."""
    database = world.rooms.settings.database
    told = {} if database is None else {"GATEWAY_DATABASE": database.get_secret_value()}
    return CommandLine(
        world.state, {**told, "GATEWAY_STORES__CRM__BASE_URL": f"http://127.0.0.1:{world.store_port}/crm"}
    )


async def asked(command: CommandLine, *words: str, code: int = 0) -> Any:
    """Give a command beside the running door, and return its document."""
    return (await asyncio.to_thread(lambda: command(*words, "--json", code=code))).document()


async def busy_day(world: World) -> list[str]:
    """Make calls of many kinds, permitted and refused, and return their decision ids."""
    replies = [
        await world.get("/crm/customers?limit=25", "analyst", ANALYST),
        await world.get("/crm/customers?limit=25&fields=id,city", "analyst", ANALYST),
        await world.get("/crm/customers?limit=25&fields=national_id", "analyst", ANALYST),
        await world.get("/crm/customers?limit=25&sort=-birth_date", "analyst", ANALYST),
        await world.get("/crm/customers?limit=25&email=a@example.com", "analyst", ANALYST),
        await world.get("/crm/customers?limit=25&country=DE", "analyst", ANALYST),
        await world.get("/crm/customers?limit=5&country=DE", "analyst", ANALYST),
        await world.get("/crm/customers?limit=25", "analyst", EMAIL),
        await world.get("/crm/customers?limit=25", "analyst", ANALYST, ago_s=600),
        await world.get("/crm/customers?limit=25", "campaigner", EMAIL),
        await world.get("/crm/customers?limit=25", "campaigner", SMS),
        await world.get("/crm/customers?limit=25", "campaigner", SMS, ago_s=600),
        await world.get("/crm/customers?limit=25&fields=phone", "campaigner", SMS, ago_s=600),
        await world.get("/crm/customers/c-000001", "campaigner", EMAIL),
        await world.get("/crm/contacts?limit=25", "campaigner", EMAIL),
        await world.get("/shop/orders?limit=25", "analyst", ANALYST),
        await world.get("/shop/orders?limit=25", "campaigner", EMAIL),
        await world.get("/crm/customers?limit=25", "officer", ANALYST),
        await world.get("/crm/customers?limit=25", "analyst", "no.such.purpose"),
        await world.get("/crm/nothing", "analyst", ANALYST),
        await world.get("/crm/customers?made_up=1", "analyst", ANALYST),
    ]
    bare = {"Authorization": "Bearer " + await world.bearer("campaigner"), "Data-Purpose": EMAIL}
    replies.append(await world.ask("GET", "/crm/customers?limit=25", bare))
    account = (await world.rooms.accounts.named("service-agent")).account.id  # type: ignore[union-attr]
    held = Hold(category=CategoryKey("user"), rung=DROP, link=False, reason="looked at too many")
    hold_id = await world.rooms.holds.set(AccountId(account), held)
    replies.append(await world.get("/crm/customers?limit=25", "service-agent", "essential.service.operations.support"))
    await world.rooms.holds.lift(hold_id)
    replies.append(await world.get("/crm/customers?limit=25", "service-agent", "essential.service.operations.support"))
    patch = {"Content-Type": "application/merge-patch+json", "Data-Purpose": EMAIL, "Data-Reference": "story-1"}
    for role, body in (("campaigner", b'{"city":"Bonn"}'), ("campaigner", b'{"religion":"x"}'), ("analyst", b"{}")):
        told = {**patch, "Authorization": "Bearer " + await world.bearer(role)}
        replies.append(await world.ask("PATCH", "/crm/customers/c-000002", told, body))
    return [reply.headers["decision-id"] for reply in replies]


async def test_25_random_decisions_are_told_with_all_they_rested_on_and_come_out_equal(
    world: World, command: CommandLine
) -> None:
    """Rule version, grants, who granted, sign-in, ground and reference, for calls of many kinds."""
    ids = random.Random(SEED).sample(await busy_day(world), 25)
    n_equal = n_permits = n_referring = 0
    for one in ids:
        found = await asked(command, "explain", one)
        past, facts = found["past"], found["past"]["facts"]
        assert found["rules"]["digest"] == facts["rules"] == world.rooms.policy.decider.rules.digest
        assert found["rules"]["by"] == "gateway"
        assert facts["assurance"] in (3, 4)
        assert found["signed_in"]["issued_by"] == "local:test"
        assert facts["roles"]
        if found["equal"] is None:
            assert found["why_not"] == "path-not-in-log"
            continue
        assert found["equal"], (past, found["differences"])
        n_equal += 1
        if past["decision"] == "permit":
            n_permits += 1
            n_referring += facts.get("reference") == "story-1"
            assert found["ground"] in ("consent", "contract", "legitimate_interests", "legal_obligation")
            assert [grant["id"] for grant in found["grants"]] == facts["grants"]
            for grant in found["grants"]:
                assert grant["line"].startswith("p,")
                assert grant["granted"]["digest"] == facts["rules"]
    assert n_equal >= 20
    assert n_permits >= 8
    assert n_referring >= n_permits - 1


async def test_a_sign_in_with_two_factors_is_told_of_the_calls_of_its_session(
    world: World, command: CommandLine
) -> None:
    """When it was, and what was shown."""
    person = await enrol_at_once(
        world.rooms, "tessera", PASSWORD, roles=("campaigner",), recipient="own", by="local:test"
    )
    tokens = await signed_in(world, person)
    bearer = "Bearer " + tokens.json["access_token"]
    reply = await world.get("/crm/customers?limit=25", None, EMAIL, Authorization=bearer)
    found = await asked(command, "explain", reply.headers["decision-id"])
    assert found["signed_in"]["amr"] == ["pwd", "otp", "mfa"]
    assert found["signed_in"]["at_us"] <= found["past"]["at_us"]
    assert found["past"]["facts"]["assurance"] == 4
    assert found["equal"]


async def test_who_granted_and_who_approved_is_told_of_each_grant(world: World, command: CommandLine) -> None:
    """A grant that came with a later change of rules is told with that change, and with whose word it was."""
    before = await world.get("/crm/customers?limit=25", "analyst", ANALYST)
    grants = world.rooms.settings.policies_dir / "grants.csv"
    line = f"p,analyst,crm.customers,user.contact.email,{ANALYST},read,mask,no,allow,,"
    grants.write_text(grants.read_text() + line + "\n")
    digest = (await asked(command, "check", "--reload"))["rules"]
    await reload_rules(world.rooms.policy, world.rooms.settings.policies_dir)
    after = await world.get("/crm/customers?limit=25", "analyst", ANALYST)

    old, new = [await asked(command, "explain", one.headers["decision-id"]) for one in (before, after)]
    assert line not in [grant["line"] for grant in old["grants"]]
    [added] = [grant for grant in new["grants"] if grant["line"] == line]
    assert added["granted"]["digest"] == new["rules"]["digest"] == digest
    assert added["granted"]["by"] == new["rules"]["by"]
    assert added["granted"]["by"].startswith("local:")
    others = [grant for grant in new["grants"] if grant["line"] != line]
    assert {grant["granted"]["digest"] for grant in others} == {old["rules"]["digest"]}
    assert old["equal"]
    assert new["equal"]


async def test_a_grant_that_was_asked_for_is_told_with_who_approved_it(world: World, command: CommandLine) -> None:
    """The request, the time and whose word it was; to people in sentences too."""
    request = await requested(world)
    await asked(command, "grant", "approve", request["id"], "--reload")
    await reload_rules(world.rooms.policy, world.rooms.settings.policies_dir)
    reply = await world.get("/crm/customers?limit=25", "analyst", ANALYST)
    call = reply.headers["decision-id"]
    found = await asked(command, "explain", call)
    [grant] = [grant for grant in found["grants"] if grant["approved"]]
    assert grant["approved"]["request"] == request["id"]
    assert grant["approved"]["by"] == grant["granted"]["by"]
    assert grant["approved"]["by"].startswith("local:")
    assert grant["approved"]["at_us"] <= grant["granted"]["in_force_us"] <= found["past"]["at_us"]
    assert found["equal"]
    told = (await asyncio.to_thread(lambda: command("explain", call))).out
    for words in (
        call,
        f"asked for in {request['id']}",
        "ground",
        "decided again by the rules of then: equal",
        "phone",
    ):
        assert words in told


async def test_what_is_no_decision_about_a_store_is_told_as_such(world: World, command: CommandLine) -> None:
    """An id that nobody knows, a call that was refused before anybody was identified, and half a question."""
    early = (await world.get("/crm/customers?limit=25")).headers["decision-id"]
    for words, code in (
        (("explain", "ab" * 16), 1),
        (("explain", early), 1),
        (("explain", "analyst"), 2),
        (("explain", "analyst", "crm.customers"), 2),
    ):
        told = await asyncio.to_thread(partial(command, *words, code=code))
        assert told.err.count("\n") == 1


async def test_a_replay_under_the_same_rules_changes_nothing(world: World, command: CommandLine) -> None:
    """And says what it did not decide again, and why."""
    await busy_day(world)
    found = await asked(command, "log", "replay", "--rules", str(world.rooms.settings.policies_dir), "--since", "1h")
    assert found["unequal"] == 0, found["unequal_calls"]
    assert found["changes"] == []
    assert found["same"] == found["calls"] >= 20
    assert found["rows"] > 0
    assert found["passed_over"] == {"path-not-in-log": 2}


async def test_reading_the_log_is_decided_again_like_any_call(world: World, command: CommandLine) -> None:
    """The gateway's own data are datasets too; an officer's look comes out equal, and so does a refused one."""
    paths = ("/-/log/entries?kind=opened&since=2020-01-01", "/-/log/entries?decision_id=" + "ab" * 16, "/-/log/facets")
    for role in ("officer", "analyst"):
        for path in paths:
            await world.get(path, role, LEGAL if role == "officer" else ANALYST)
    found = await asked(command, "log", "replay", "--rules", str(world.rooms.settings.policies_dir), "--since", "1h")
    assert (found["unequal"], found["changes"]) == (0, []), found["unequal_calls"]
    assert found["calls"] >= 4, found["passed_over"]


async def test_a_replay_tells_what_other_rules_would_change(world: World, command: CommandLine, tmp_path: Path) -> None:
    """By client and kind: refused, permitted, less and more, each with calls, rows and examples."""
    ids = await busy_day(world)
    other = tmp_path / "other"
    shutil.copytree(world.rooms.settings.policies_dir, other)
    lines = (other / "grants.csv").read_text().splitlines()
    kept = [line for line in lines if not line.replace(" ", "").startswith("p,campaigner,")]
    kept.append(f"p,officer,crm.customers,user,{ANALYST},read,reveal,yes,allow,,")
    kept.append(f"p,analyst,crm,user.contact.address.city,{ANALYST},read,drop,yes,deny,,")
    (other / "grants.csv").write_text("\n".join(kept) + "\n")
    found = await asked(command, "log", "replay", "--rules", str(other), "--since", "1h", code=1)
    assert found["unequal"] == 0
    assert {"refused", "less"} <= set(found["by_change"])
    refused = [row for row in found["changes"] if row["change"] == "refused"]
    assert {row["reason"] for row in refused} >= {"grant-missing"}
    assert sum(row["rows"] for row in refused) > 0
    assert all(set(row["examples"]) <= set(ids) for row in found["changes"])
    told = await asyncio.to_thread(lambda: command("log", "replay", "--rules", str(other), code=1))
    assert "would be refused" in told.out
    looked = [entry["body"] for entry in command.entries() if entry["body"].get("what") == "log-replay"]
    assert len(looked) == 2


async def test_the_page_on_changing_rules_does_what_it_shows(
    world: World, command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy is edited and checked, past calls are decided again by it, and it is put in force."""
    replies = [await world.get("/crm/customers?limit=25", "analyst", ANALYST) for _ in range(2)]
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "change-rules-safely.md").read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    told = [await asyncio.to_thread(_typed, command, line) for block in blocks for line in block.splitlines()]
    [replayed] = [one for one in told if "would show less" in one]
    assert "city: reveal → drop" in replayed
    assert replies[-1].headers["decision-id"] in replayed
    await reload_rules(world.rooms.policy, world.rooms.settings.policies_dir)
    after = await world.get("/crm/customers?limit=25", "analyst", ANALYST)
    assert all("city" not in row for row in after.json["items"])


def _typed(command: CommandLine, line: str) -> str:
    """Give a line of the page: a command of ours in this process, any other to a shell."""
    if not line.startswith("gateway "):
        environment = {**os.environ, "GATEWAY_STATE": str(command.state)}
        return subprocess.run(["sh", "-c", line], env=environment, check=True, capture_output=True, text=True).stdout
    return command(*shlex.split(line)[1:]).out
