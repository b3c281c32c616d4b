# SPDX-License-Identifier: Apache-2.0
"""Rules are checked, reloaded, explained and looked at by commands."""

import asyncio
import re
from pathlib import Path

import pytest

from gateway.app.installation import open_installation
from gateway.app.slots import DOOR_SLOT, open_log
from gateway.app.surrogates.migrating import SLOT
from gateway.cli.desk.desk import run_to_end
from gateway.domain.errors import RulesError
from gateway.settings.loading import load
from tests.fakes.command_line import CommandLine
from tests.story.test_migrating import at_rest

INSIGHTS = "analytics.reporting.campaign_insights"
EMAIL = "marketing.communications.email"
MORE = ("g, marketing-lead, analyst\n", "g, marketing-lead, analyst\ng, officer-lead, officer\n")


def edit(command: CommandLine, name: str, old: str, new: str) -> None:
    """Change one text of one rule file; it must be there."""
    path = command.state / "policies" / name
    content = path.read_text(encoding="utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), encoding="utf-8")


async def _digest_of_a_door(command: CommandLine, *, after: list[object]) -> str:
    """Return the rules that a door has after it opened, a command was given, and it looked at the feed."""
    async with open_installation(load(state=command.state), DOOR_SLOT) as rooms:
        edit(command, "grants.csv", *MORE)
        after.append(rooms.policy.decider.rules.digest)
        told = await asyncio.to_thread(lambda: command("check", "--reload", "--json").document())
        await rooms.changes.follow()
        assert told["reloaded"] is True
        assert rooms.policy.decider.rules.digest == told["rules"]
        return str(told["rules"])


def test_the_shipped_rules_pass_their_own_check(command: CommandLine) -> None:
    """They load, every case is decided as told, and Casbin answers the same."""
    answer = command("check", "--json").document()

    assert (answer["problems"], answer["failures"], answer["disagreements"]) == ([], [], [])
    assert answer["counts"]["tests"] > 30
    assert "0 failed; Casbin: 0 answers differ" in command("check").out


def test_every_problem_is_told_with_file_and_line(command: CommandLine) -> None:
    """Two mistakes in two files: both are told, and the command fails."""
    edit(command, "grants.csv", "p, analyst, crm, user.unique_id", "p, analyst, crm, user.uniq_id")
    edit(command, "purposes.yaml", "ground: consent", "ground: consnt")

    answer = command("check", code=1)

    assert "grants.csv:6: unknown category `user.uniq_id`" in answer.out
    assert "purposes.yaml:" in answer.out
    assert "2 problems; these rules cannot be put in force" in answer.out


def test_rules_that_forget_a_column_at_rest_cannot_be_put_in_force(command: CommandLine) -> None:
    """Told by a check with its line, and refused by a door, which goes on by the rules before."""
    settings = load(state=command.state)
    before = command.state / "policies" / "datasets" / "crm.yaml"
    plain = before.read_text(encoding="utf-8")
    at_rest(settings, {"email": "mails"})
    asyncio.run(_door_opened(command))
    assert command("check", "--json").document()["problems"] == []

    before.write_text(plain, encoding="utf-8")
    answer = command("check", "--reload", code=1)

    assert "gateway surrogate migrate crm.customers --field email --back" in answer.out
    assert re.search(r"datasets/crm\.yaml:\d+: the store may hold surrogates in crm\.customers\.email", answer.out)
    with pytest.raises(RulesError, match=r"crm\.customers\.email"):
        asyncio.run(_door_opened(command))


async def _door_opened(command: CommandLine) -> None:
    async with open_installation(load(state=command.state), DOOR_SLOT):
        pass


def test_a_case_that_is_decided_otherwise_fails_the_check_with_got_and_expected(command: CommandLine) -> None:
    """A grant too many is found by the test that stands beside it."""
    edit(command, "tests/analyst.yaml", "      email: mask\n", "      email: reveal\n")

    answer = command("check", code=1)

    assert "field email: expected reveal, got mask.email" in answer.out
    assert "tests/analyst.yaml:" in answer.out
    assert "1 failed" in answer.out


def test_a_role_that_could_find_out_by_trying_is_noted_and_fails_nothing(command: CommandLine) -> None:
    """Who writes mail addresses in clear and contains who reads them as surrogates; with `--json` in parts."""
    edit(
        command,
        "grants.csv",
        "g, marketing-lead, analyst\n",
        "g, marketing-lead, analyst\ng, desk-lead, analyst\ng, desk-lead, service-agent\n",
    )

    answer = command("check", "--json").document()

    assert {one["role"] for one in answer["probing"]} == {"desk-lead"}
    assert "crm.customer_id" in {one["join_domain"] for one in answer["probing"]}
    assert (
        "role `desk-lead` can find out by trying what surrogates of `crm.customer_id` stand for" in command("check").out
    )


def test_a_folder_is_checked_without_an_installation(command: CommandLine, tmp_path: Path) -> None:
    """In continuous integration there is nothing but the folder."""
    answer = command.bare("check", "--policies", str(command.state / "policies"), "--json")

    assert answer.document()["counts"]["datasets"] == 6
    assert "no such folder" in command.bare("check", "--policies", str(tmp_path / "none"), code=2).err
    command.bare("check", "--policies", str(tmp_path), "--reload", code=2)


def test_reload_puts_the_rules_in_force_in_a_running_door(command: CommandLine) -> None:
    """The door that polls its feed has them and enters it; the command enters that it asked."""
    before: list[object] = []

    digest = run_to_end(_digest_of_a_door(command, after=before))

    assert digest not in before
    assert "rules-reloaded" in command.kinds()
    in_force = [entry["body"]["rules"] for entry in command.entries() if entry["body"]["kind"] == "rules-in-force"]
    assert in_force.count(digest) == 1


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [("grants.csv", "p, analyst", "x, analyst"), ("tests/analyst.yaml", "      email: mask\n", "      email: drop\n")],
)
def test_rules_that_fail_their_check_are_not_reloaded_and_the_log_says_so(
    command: CommandLine, name: str, old: str, new: str
) -> None:
    """Neither what cannot be loaded nor what decides otherwise than its cases reaches a door."""
    edit(command, name, old, new)

    command("check", "--reload", code=1)

    refused = [entry["body"] for entry in command.entries() if entry["body"]["kind"] == "rules-refused"]
    assert len(refused) == 1
    assert name in refused[0]["problems"][0]
    assert "rules-reloaded" not in command.kinds()


def test_a_permitted_call_is_explained_layer_by_layer(command: CommandLine) -> None:
    """Each field with the rung that leaves and the rule that keeps it there."""
    found = command("explain", "analyst-1", "crm.customers", "--purpose", INSIGHTS, "--json").document()

    email = next(field for field in found["fields"] if field["field"] == "email")
    assert found["decision"] == "permit"
    assert email["leaves"] == "mask"
    assert {word["layer"] for word in email["layers"]} >= {"grants", "purpose", "red-lines", "assurance"}
    assert [word["layer"] for word in email["layers"] if word["binds"]] == ["grants", "purpose"]


def test_a_refusal_names_the_nearest_change_and_ends_with_3(command: CommandLine) -> None:
    """Denied, and by whom it could be changed."""
    answer = command("explain", "newsletter-app", "crm.customers", "--purpose", EMAIL, "--filter", "religion", code=3)

    assert "deny: red-line (religion), by sensitive-marketing" in answer.out
    assert "Nearest change (officer): No change permits this" in answer.out


def test_a_fresh_sign_in_is_a_question_of_its_own(command: CommandLine) -> None:
    """Stale is told to sign in again, fresh is permitted."""
    command("user", "add", "agent", "--role", "service-agent", *command.enrolment("agent"))
    words = (
        "explain",
        "agent",
        "crm.customers",
        "--purpose",
        "essential.service.operations.support",
        "--filter",
        "phone",
    )

    assert "step-up: step-up-required (phone)" in command(*words, code=3).out
    assert command(*words, "--assurance", "fresh").out.endswith("permit\n")


@pytest.mark.parametrize(
    "words",
    [
        ("explain", "analyst-1", "crm.nothing", "--purpose", INSIGHTS),
        ("explain", "analyst-1", "crm.customers", "--purpose", INSIGHTS, "--field", "nothing"),
        ("explain", "analyst-1", "crm.customers", "--purpose", INSIGHTS, "--filter", "nothing"),
        ("purpose", "show", "nothing"),
        ("dataset", "show", "nothing"),
    ],
)
def test_what_the_rules_do_not_know_is_a_mistake_of_usage(command: CommandLine, words: tuple[str, ...]) -> None:
    """A sentence, and exit 2."""
    assert "no" in command(*words, code=2).err


def test_grants_are_listed_by_who_for_what_and_of_what(command: CommandLine) -> None:
    """A role with the roles in it; a purpose and a dataset by everything that reaches them."""
    words = ("--role", "marketing-lead", "--purpose", EMAIL, "--dataset", "crm.customers", "--json")

    found = command("grant", "list", *words).document()

    assert {grant["role"] for grant in found} == {"campaigner"}
    assert {grant["purpose"] for grant in found} == {"marketing.communications", EMAIL}
    assert "user.contact.email" in command("grant", "list").out


def test_purposes_and_datasets_are_shown_for_people(command: CommandLine) -> None:
    """Ground and ceilings; fields and routes."""
    assert "no record of a choice means refused" in command("purpose", "show", EMAIL).out
    assert EMAIL in command("purpose", "list").out
    assert "GET /crm/customers" in command("dataset", "show", "crm.customers").out
    assert "crm.customer_id in id" in command("dataset", "list").out


def test_explain_tells_when_doors_have_other_rules(command: CommandLine) -> None:
    """Between an edit and its reload the folder and the doors differ."""
    command("check", "--reload")
    assert command("explain", "analyst-1", "crm.customers", "--purpose", INSIGHTS).err == ""

    edit(command, "grants.csv", *MORE)

    assert "other rules" in command("explain", "analyst-1", "crm.customers", "--purpose", INSIGHTS).err


def test_a_service_that_is_an_officer_and_a_log_for_services_are_noted(command: CommandLine) -> None:
    """When it is added, at every check and by the doctor; also where another role contains the officer's."""
    edit(command, "grants.csv", *MORE)
    words = ("--recipient", "own", "--scope", "essential.legal_obligation")
    assert "officers are people" in command("client", "add", "robot", "--role", "officer-lead", *words).err
    told = "robot is a service with the role officer; officers are people who sign in"

    answer = command("check", "--json").document()

    assert told in answer["notes"]
    assert not [one for one in answer["notes"] if "assurance" in one]
    found = command("doctor", "--json").document()["findings"]
    assert ("warning", told, "gateway client disable robot") in [
        (one["grade"], one["sentence"], one["fix"]) for one in found
    ]
    command("client", "disable", "robot")
    edit(command, "datasets/gateway.yaml", "          assurance: 4\n", "")
    edit(command, "tests/service.yaml", "  - name: An officer who signed in before", "  - name: Not so any more")
    notes = command("check", "--json", code=1).document()["notes"]
    assert told not in notes
    assert "datasets: gateway.access_log does not say `assurance: 4`, so a service with a grant reads the log" in notes


async def test_a_second_migration_is_told_that_one_is_running(command: CommandLine) -> None:
    """Not of a file that is held."""
    async with open_log(load(state=command.state), SLOT):
        answer = await asyncio.to_thread(command, "surrogate", "migrate", "crm.customers", "--dry-run", code=1)
    assert answer.err.strip() == "a migration is running already, and one runs at a time: wait for its end"
