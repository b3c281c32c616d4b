# SPDX-License-Identifier: Apache-2.0
"""Calls are made over the door, access is reviewed at the command line, and its proposal is applied and holds."""

import asyncio
import shutil
import subprocess
from pathlib import Path
from typing import Any

from gateway.cli.desk.moments import written
from gateway.domain.entry import Looked
from gateway.record.reading.reader import records
from tests.fakes.command_line import CHEAP, CommandLine
from tests.story.conftest import ANALYST, World

DEFAULT = "/crm/customers?limit=20"
NAMED = "/crm/customers?limit=20&fields=id,city&country=DE"


def command_for(world: World) -> CommandLine:
    """Return the command line of the same installation."""
    database = world.rooms.settings.database
    told = {"GATEWAY_DATABASE": database.get_secret_value()} if database is not None else {}
    return CommandLine(world.state, {**CHEAP, **told})


async def given(world: World, *words: str, code: int = 0) -> Any:
    """Give a command beside the running door."""
    return await asyncio.to_thread(lambda: command_for(world)(*words, code=code))


def policies(world: World) -> dict[str, bytes]:
    """Return the files of the rules."""
    folder = world.state / "policies"
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}


async def without_cases(world: World) -> str:
    """Take the cases of the rules away, which say that everything is meant; return a moment after that."""
    for path in (world.state / "policies" / "tests").glob("*.yaml"):
        path.unlink()
    await world.rooms.policy.put_in_force(policies(world))
    return written(world.rooms.clock()).replace(" ", "T")


async def called(world: World) -> None:
    """Read as the analyst: twice what there is, once two fields by a third."""
    for path in (DEFAULT, DEFAULT, NAMED):
        assert (await world.get(path, "analyst", ANALYST)).status == 200


def patched(file: Path, diff: Path) -> None:
    """Apply a diff as the page says, or with git where there is no `patch`."""
    if shutil.which("patch"):
        subprocess.run(["patch", str(file), str(diff)], check=True, capture_output=True)
    else:
        subprocess.run(["git", "apply", str(diff)], check=True, capture_output=True, cwd=file.parent)


def lines(found: Any, role: str = "analyst") -> dict[tuple[str, str], Any]:
    """Return the reviewed lines of a role by dataset and category."""
    return {(one["dataset"], one["category"]): one for one in found["lines"] if one["role"] == role}


async def test_a_review_says_who_used_what_and_proposes_less(world: World) -> None:
    """Lines that nobody used, fields that were fetched and never used further, and the smaller rule for them."""
    since = await without_cases(world)
    await called(world)
    found = (await given(world, "grant", "review", "--since", since, "--json")).document()
    used = lines(found)

    assert found["calls"] == 3
    assert used["shop", "system"]["verdict"] == "unused"
    assert used["crm", "user.contact.address.city"]["calls"] == 3
    assert list(used["crm", "user.contact.address.city"]["clients"]) == ["gateway:login"]
    idle = {one["field"] for one in found["idle"]}
    assert {"job", "email", "age_band"} & idle
    assert not {"id", "city", "country"} & idle
    assert "-p, analyst, shop, system," in found["diff"]
    assert (found["calls_refused"], found["calls_narrower"]) == (0, 2)


async def test_the_proposal_applies_passes_the_check_and_refuses_nothing(world: World, tmp_path: Path) -> None:
    """By `patch` and `gateway check`, as the page says; the same calls are answered, with no field more."""
    since = await without_cases(world)
    await called(world)
    before = [await world.get(path, "analyst", ANALYST) for path in (DEFAULT, NAMED)]
    diff = tmp_path / "smaller.diff"
    unchanged = policies(world)
    told = await given(world, "grant", "review", "--since", since, "--out", str(diff))
    assert policies(world) == unchanged

    grants = world.state / "policies" / "grants.csv"
    await asyncio.to_thread(patched, grants, diff)
    await given(world, "check")
    await world.rooms.policy.put_in_force(policies(world))
    after = [await world.get(path, "analyst", ANALYST) for path in (DEFAULT, NAMED)]

    assert diff.stat().st_mode & 0o777 == 0o600
    assert "would refuse 0" in told.out
    assert [one.status for one in after] == [200, 200]
    assert after[1].headers["data-view"] == before[1].headers["data-view"]
    wide, narrow = (set(one.json["items"][0]) for one in (before[0], after[0]))
    assert {"id", "city"} <= narrow < wide
    again = (await given(world, "grant", "review", "--since", since, "--json")).document()
    assert {one["verdict"] for one in again["lines"] if one["proposed"]} <= {"new", "unused", "partly"}


async def test_what_cases_of_the_rules_say_is_meant_stays(world: World) -> None:
    """Line by line, with the case that keeps it; what is proposed passes all of them."""
    since = written(world.rooms.clock()).replace(" ", "T")
    await called(world)
    found = (await given(world, "grant", "review", "--since", since, "--role", "analyst", "--json")).document()
    kept = [one for one in found["lines"] if one["kept_by"]]

    assert {one["role"] for one in found["lines"]} == {"analyst"}
    assert kept
    assert all(one["proposed"] is None for one in kept)


async def test_a_review_is_entered_before_it_is_told_and_a_young_installation_is_told_why(world: World) -> None:
    """The log knows of 90 days only what is in it."""
    await called(world)
    told = await given(world, "grant", "review", "--role", "analyst")
    looked = [
        record.line.body
        for record in records(world.state / "log" / "cli")
        if isinstance(record.line.body, Looked) and record.line.body.what == "access-review"
    ]

    assert "Nothing smaller is proposed. No line was in force through the whole period" in told.out
    assert looked[0].query.endswith("role:analyst")
    assert looked[0].rows > 0


async def test_a_client_is_reviewed_by_its_roles_and_its_own_calls(world: World) -> None:
    """Lines of other roles are no part of it; a word that means nothing is told."""
    words = ("--role", "newsletter-app", "--recipient", "mail-service", "--scope", "marketing.communications.email")
    await given(world, "client", "add", "mailer", *words)
    found = (await given(world, "grant", "review", "--client", "mailer", "--json")).document()

    assert {one["role"] for one in found["lines"]} == {"newsletter-app"}
    assert {one["calls"] for one in found["lines"]} == {0}
    assert "there is no client" in (await given(world, "grant", "review", "--client", "nobody", code=2)).err
    assert "no role" in (await given(world, "grant", "review", "--role", "nobody", code=2)).err
