# SPDX-License-Identifier: Apache-2.0
"""Users and clients come, are looked after, locked and put out of force by commands."""

import base64
from pathlib import Path

import pytest

from gateway.app.clock import now_us
from gateway.cli.account import enrolling
from gateway.identify.totp import code_at, step_at
from tests.fakes.command_line import PASSWORD, CommandLine

INSIGHTS = "analytics.reporting.campaign_insights"
EXPLAIN = ("explain", "analyst-1", "crm.customers", "--purpose", INSIGHTS)


def user(command: CommandLine, name: str) -> dict[str, object]:
    """Return a user as the list shows it."""
    return next(one for one in command("user", "list", "--json").document() if one["name"] == name)


def test_a_role_that_the_rules_do_not_know_is_refused_with_the_nearest(command: CommandLine) -> None:
    """A mistyped role would be an account that may nothing, and nobody would know why."""
    refused = command("user", "add", "other", "--role", "analist", *command.enrolment("other"), code=2)

    assert "no role analist (did you mean analyst?)" in refused.err
    assert not command.secret_file("other").exists()


def test_a_recipient_that_the_organisation_does_not_have_is_refused(command: CommandLine) -> None:
    """Recipients are those of organisation.yaml."""
    words = ("--role", "analyst", "--recipient", "adnett", *command.enrolment("other"))

    assert "(did you mean adnet?)" in command("user", "add", "other", *words, code=2).err


def test_a_name_that_is_taken_is_refused(command: CommandLine) -> None:
    """Two people never share an account."""
    command.secret_file("analyst-1").unlink(missing_ok=True)

    refused = command("user", "add", "analyst-1", "--role", "analyst", *command.enrolment("analyst-1"), code=2)

    assert "the name analyst-1 is taken" in refused.err


def test_a_common_password_is_refused_and_never_repeated(command: CommandLine, tmp_path: Path) -> None:
    """The sentence says what is wrong with it, not what it was."""
    password = tmp_path / "weak"
    password.write_text("passwordpassword\n")
    words = ("--role", "analyst", "--password-file", str(password), "--totp-secret-out", str(tmp_path / "new"))

    refused = command("user", "add", "other", *words, code=2)

    assert "the password cannot be taken: common" in refused.err
    assert "passwordpassword" not in refused.err


def test_a_secret_is_never_written_over_a_file_that_is_there(command: CommandLine, tmp_path: Path) -> None:
    """The file may be somebody's secret already; nothing is begun."""
    there = tmp_path / "there"
    there.write_text("mine")
    words = ("--role", "analyst", *command.enrolment("other")[:2], "--totp-secret-out", str(there))

    assert "is there already" in command("user", "add", "other", *words, code=2).err
    assert there.read_text() == "mine"
    assert command.kinds().count("account-added") == 2


def test_a_step_that_ends_before_its_code_is_looked_at_stops_no_script(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A code lives 30 s, and a busy machine may take one of them."""
    real, told = enrolling._code_before, list[str]()

    def late_at_first(secret: str) -> str:
        told.append(real(secret) if told else code_at(base64.b32decode(secret), step_at(now_us()) - 2))
        return told[-1]

    monkeypatch.setattr(enrolling, "_code_before", late_at_first)
    command("user", "reset-factors", "analyst-1")
    command("user", "enrol", "analyst-1", "--totp-secret-out", str(command.state.parent / "anew"))

    assert len(told) == 2
    assert user(command, "analyst-1")["enrolled"] is True


def test_a_user_is_looked_after_and_every_step_is_entered(command: CommandLine) -> None:
    """Password, factors, lockout, end: each shows in the list and in the log."""
    command("user", "set-password", "analyst-1", "--password-file", "-", stdin=f"{PASSWORD} again\n")
    command("user", "unlock", "analyst-1")
    command("user", "reset-factors", "analyst-1")
    assert user(command, "analyst-1")["enrolled"] is False
    command("user", "enrol", "analyst-1", "--totp-secret-out", str(command.state.parent / "anew"))
    assert user(command, "analyst-1")["enrolled"] is True

    command("user", "disable", "analyst-1")

    assert user(command, "analyst-1")["disabled_us"] is not None
    assert "disabled" in command("user", "list").out
    steps = [
        "password-changed", "account-unlocked", "factors-reset", "users", "authenticator-set",
        "authenticator-confirmed", "users", "account-disabled", "users", "users",
    ]  # fmt: skip
    assert command.kinds()[-len(steps) :] == steps


def test_who_gives_a_command_is_entered_whatever_the_environment_says(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name comes from the operating system, not from a variable that anybody can set."""
    import os
    import pwd

    monkeypatch.setenv("USER", "somebody-else")
    monkeypatch.setenv("LOGNAME", "somebody-else")

    command("user", "list")

    body = next(entry["body"] for entry in reversed(command.entries()) if entry["body"]["kind"] == "looked")
    assert body["by"] == f"local:{pwd.getpwuid(os.getuid()).pw_name}"


def test_a_client_gets_a_secret_once_and_another_when_it_is_rotated(command: CommandLine) -> None:
    """The secret is in the answer and nowhere in the state."""
    first = command.add_client("letters")
    second = command("client", "rotate-secret", "letters", "--json").document()["client_secret"]

    assert first != second
    held = b"".join(path.read_bytes() for path in command.state.rglob("*") if path.is_file())
    assert first.encode() not in held
    assert second.encode() not in held


def test_a_client_is_for_declared_purposes_alone(command: CommandLine) -> None:
    """A scope that no declared purpose lies under opens nothing and is a mistake."""
    words = ("--role", "newsletter-app", "--recipient", "own", "--scope", "marketing.communication")

    assert "no declared purpose is marketing.communication" in command("client", "add", "x", *words, code=2).err


def test_a_disabled_client_is_shown_as_such(command: CommandLine) -> None:
    """It stays in the list, out of force."""
    command("client", "disable", "newsletter-app")

    [client] = command("client", "list", "--json").document()
    assert client["disabled_us"] is not None
    assert "disabled" in command("client", "list").out


def test_a_lock_takes_everything_and_its_lifting_gives_it_back(command: CommandLine) -> None:
    """Held wherever it asks, with the officer's words in the explanation; then as before."""
    before = command(*EXPLAIN).out

    command("lock", "analyst-1", "--reason", "odd volume")

    locked = command(*EXPLAIN, code=3)
    assert "deny: held" in locked.out
    assert "holds: lock: odd volume" in locked.out
    assert "is locked already" in command("lock", "analyst-1", code=2).err

    command("unlock", "analyst-1")

    assert command(*EXPLAIN).out == before
    assert "is not locked" in command("unlock", "analyst-1", code=2).err
    assert [what for what in command.kinds() if "lock" in what] == ["account-locked", "account-lock-lifted"]


def test_a_client_can_be_locked_too(command: CommandLine) -> None:
    """The lock lies on the service account that the client acts by."""
    words = ("explain", "newsletter-app", "crm.customers", "--purpose", "marketing.communications.email")
    command(*words)

    command("lock", "newsletter-app")

    assert "deny: held" in command(*words, code=3).out


@pytest.mark.parametrize(
    "words",
    [
        ("user", "disable", "nobody"),
        ("user", "unlock", "newsletter-app"),
        ("client", "disable", "analyst-1"),
        ("lock", "nobody"),
        ("explain", "nobody", "crm.customers", "--purpose", INSIGHTS),
    ],
)
def test_a_word_that_means_nobody_is_a_mistake_of_usage(command: CommandLine, words: tuple[str, ...]) -> None:
    """One sentence, exit 2."""
    assert "there is no" in command(*words, code=2).err


def test_accounts_can_be_disabled_while_the_rules_are_broken(command: CommandLine) -> None:
    """An emergency does not wait until somebody has mended a file."""
    (command.state / "policies" / "grants.csv").write_text("nonsense\n")

    command("user", "disable", "analyst-1")
    command("lock", "newsletter-app")

    assert "grants.csv:1:" in command("user", "add", "x", "--role", "analyst", *command.enrolment("x"), code=1).err
