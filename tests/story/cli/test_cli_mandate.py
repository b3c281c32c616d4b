# SPDX-License-Identifier: Apache-2.0
"""``gateway mandate``: asked for by one, approved by two others, revoked by any of them."""

import base64

import pytest

from gateway.app.clock import now_us
from gateway.identify.totp import code_at, step_at
from tests.fakes.command_line import PASSWORD, CommandLine

EMAIL = "marketing.communications.email"
PEOPLE = {"campaigner-1": "campaigner", "analyst-3": "analyst", "analyst-2": "analyst", "officer-1": "officer"}


@pytest.fixture
def office(command: CommandLine) -> CommandLine:
    """An installation with a service, and people who have a say about it."""
    for name, role in PEOPLE.items():
        command("user", "add", name, "--role", role, *command.enrolment(name))
    command(
        "client", "add", "night-mailer", "--role", "mail-sender", "--recipient", "own", "--scope", EMAIL,
    )  # fmt: skip
    return command


def proof(command: CommandLine, name: str) -> str:
    """Return what proves somebody now, as two lines; each code is of a step of its own."""
    secret = base64.b32decode(command.secret_file(name).read_text().strip())
    return f"{PASSWORD}\n{code_at(secret, step_at(now_us()))}\n"


def asked(command: CommandLine, who: str = "campaigner-1", **changes: str) -> str:
    """Ask for a mandate and return its identifier."""
    said = {
        "client": "night-mailer", "purpose": EMAIL, "recipient": "mail-service", "dataset": "crm.customers",
        "field": "email", "most-people": "500", "until": "2020-01-01", "reference": "spring",
    } | {"until": later()} | {name.replace("_", "-"): value for name, value in changes.items()}  # fmt: skip
    words = [word for name, value in said.items() for word in (f"--{name}", value)]
    told = command("mandate", "request", *words, "--as", who, "--proof-file", "-", "--json", stdin=proof(command, who))
    return str(told.document()["id"])


def later() -> str:
    """Return a day within a month."""
    from gateway.cli.desk.moments import day

    return day(now_us() + 20 * 86_400 * 1_000_000)


def test_a_mandate_is_in_force_once_two_others_approved_it_and_one_is_an_officer(office: CommandLine) -> None:
    """Whoever asked has no word, an analyst alone is not enough, and the officer's word makes it."""
    mandate = asked(office)
    own = office(
        "mandate", "approve", mandate, "--as", "analyst-3", "--proof-file", "-", stdin=proof(office, "analyst-3")
    )
    assert own.code == 0
    assert f"{mandate}: approved; one more is needed, an officer" in own.out
    no_officer = office(
        "mandate",
        "approve",
        mandate,
        "--as",
        "analyst-2",
        "--proof-file",
        "-",
        stdin=proof(office, "analyst-2"),
        code=3,
    )
    assert "one of the two" in no_officer.err
    done = office(
        "mandate", "approve", mandate, "--as", "officer-1", "--proof-file", "-", "--json",
        stdin=proof(office, "officer-1"),
    )  # fmt: skip
    assert done.document() == {"id": mandate, "heard": "in-force"}
    shown = office("mandate", "show", mandate, "--json").document()
    assert (shown["state"], shown["people_left"], len(shown["approved"])) == ("in-force", 500, 2)
    seen = office("mandate", "show", mandate).out
    assert "campaigner-1 (a_" in seen
    assert "['" not in seen


def test_a_mandate_is_revoked_by_who_approved_it_and_by_nobody_else(office: CommandLine) -> None:
    """Revoked is revoked: it takes no further word, and stays in the list of all."""
    mandate = asked(office)
    for name, code in (("analyst-3", 0), ("officer-1", 0)):
        office("mandate", "approve", mandate, "--as", name, "--proof-file", "-", stdin=proof(office, name), code=code)
    told = office(
        "mandate", "revoke", mandate, "--as", "analyst-2", "--proof-file", "-", stdin=proof(office, "analyst-2"), code=3
    )
    assert "by an officer" in told.err
    assert office("mandate", "list", "--json").document()[0]["state"] == "in-force"
    office("mandate", "revoke", mandate, "--as", "admin", "--proof-file", "-", stdin="wrong\n000000\n", code=3)


def test_a_mandate_that_could_never_be_used_is_not_asked_for(office: CommandLine) -> None:
    """What is wrong is told at once, and nothing is kept."""
    right = {
        "client": "night-mailer", "purpose": EMAIL, "recipient": "mail-service", "dataset": "crm.customers",
        "field": "email", "most-people": "500", "until": later(), "reference": "spring",
    }  # fmt: skip
    for change, says in (
        ({"purpose": "marketing.nothing"}, "no purpose is"),
        ({"recipient": "nobody"}, "no recipient nobody"),
        ({"recipient": "adnet"}, "no route of crm.customers sends to adnet"),
        ({"dataset": "crm.nothing"}, "no dataset is"),
        ({"field": "emial"}, "has no field emial"),
        ({"most-people": "0"}, "the most people"),
        ({"until": "2020-01-01"}, "not ahead"),
        ({"until": "2099-01-01"}, "31 days"),
        ({"where": "name=Anna"}, "no field that can be a condition"),
        ({"where": "age=3"}, "no filter of equality"),
        ({"client": "nobody"}, "no client nobody"),
    ):
        words = [word for name, value in (right | change).items() for word in (f"--{name}", value)]
        words += ["--as", "officer-1", "--proof-file", "-"]
        told = office("mandate", "request", *words, stdin=proof(office, "officer-1"), code=2)
        assert says in told.err
        assert office("mandate", "list", "--all", "--json").document() == [], change
