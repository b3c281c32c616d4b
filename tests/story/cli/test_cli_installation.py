# SPDX-License-Identifier: Apache-2.0
"""An installation is made, peopled, asked, verified and damaged, by commands alone."""

import sys
from pathlib import Path

import pytest

from gateway.app.installation import open_installation
from gateway.app.making import totp_now
from gateway.app.slots import CLI_SLOT
from gateway.cli.desk.desk import run_to_end
from gateway.identify.factors import Factors, Shown
from gateway.settings.loading import load
from tests.fakes.command_line import CHEAP, PASSWORD, CommandLine
from tests.fakes.terminal import Terminal

INSIGHTS = "analytics.reporting.campaign_insights"


async def signs_in(command: CommandLine, name: str, password: str, code: str) -> bool:
    """Tell whether password and code are those of the account."""
    async with open_installation(load(state=command.state), CLI_SLOT, with_rules=False) as rooms:
        factors = Factors(rooms.tries, rooms.passwords, rooms.keyring)
        challenge = await factors.challenge(name, password, rooms.clock())
        return isinstance(await factors.check_code(challenge.login, code, rooms.clock()), Shown)


def test_an_installation_works_from_its_making_to_the_finding_of_one_flipped_byte(fresh: CommandLine) -> None:
    """The whole life, on both databases: the last command fails because one byte of the log was changed."""
    made = fresh.init("--name", "example", "--json").document()
    fresh.add_analyst()
    fresh.add_client()
    identity = ("--identity", "crm.customer_id", "-")
    fresh("choice", "set", *identity, "--purpose", "marketing", "--choice", "objected", stdin="C000001\n")

    assert made["installation"] == "example"
    assert len(made["recovery_codes"]) == 10
    assert fresh("explain", "analyst-1", "crm.customers", "--purpose", INSIGHTS).out.endswith("permit\n")
    denied = fresh("explain", "analyst-1", "crm.customers", "--purpose", INSIGHTS, "--filter", "religion", code=3)
    assert "deny: filter-not-permitted (religion)" in denied.out
    assert "cli: ok: signed" in fresh("log", "verify").out

    segment = fresh.state / "log" / "cli" / "000000.ndjson"
    content = bytearray(segment.read_bytes())
    content[content.index(b"account-added")] ^= 1
    segment.write_bytes(content)

    assert "cli: entry 1 was changed" in fresh("log", "verify", code=1).out


def test_the_administrator_can_sign_in_with_what_was_enrolled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Password and authenticator of a scripted ``init`` are good for a sign-in in the same half minute."""
    for name, cost in CHEAP.items():
        monkeypatch.setenv(name, cost)
    command = CommandLine(tmp_path / "state", {})
    command.init()
    secret = command.secret_file("admin").read_text().strip()

    assert run_to_end(signs_in(command, "admin", PASSWORD, totp_now(secret)))
    assert not run_to_end(signs_in(command, "admin", PASSWORD + ".", totp_now(secret)))


def test_a_folder_that_holds_an_installation_is_refused(command: CommandLine) -> None:
    """A second ``init`` touches nothing."""
    options = command.enrolment("second")
    before = {path: path.stat().st_mtime_ns for path in command.state.rglob("*")}

    refused = command.bare("init", str(command.state), *options, code=2)

    assert "holds an installation already" in refused.err
    assert {path: path.stat().st_mtime_ns for path in command.state.rglob("*")} == before


def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    """What is not ours is not mixed with what is."""
    command = CommandLine(tmp_path / "home", {})
    command.state.mkdir()
    (command.state / "letter.txt").write_text("dear")

    assert "is not empty" in command.init(code=2).err


def test_a_broken_off_init_can_be_begun_again(tmp_path: Path) -> None:
    """The first run fails after the account was made; the next one takes it up, with the same keys and the same log."""
    command = CommandLine(tmp_path / "state", {})
    nowhere = str(tmp_path / "not-there" / "secret")
    words = (*command.enrolment("admin")[:2], "--totp-secret-out", nowhere)
    broken = command.bare("init", str(command.state), *words, code=1)
    assert f"{nowhere}: No such file" in broken.err
    assert "does not exist" in command("user", "list", code=2).err

    command.init()

    [admin] = command("user", "list", "--json").document()
    assert (admin["name"], admin["enrolled"]) == ("admin", True)
    assert list(command.state.glob("*unfinished*")) == []
    assert command.kinds().count("account-added") == 1
    command("log", "verify")


def test_a_broken_off_init_keeps_the_name_that_its_logs_are_signed_by(tmp_path: Path) -> None:
    """Going on under another name would make a log that contradicts itself."""
    command = CommandLine(tmp_path / "state", {})
    missing = str(tmp_path / "missing")
    command.bare("init", str(command.state), "--password-file", missing, "--totp-secret-out", missing + "2", code=1)

    assert "--name gateway" in command.init("--name", "other", code=2).err


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
def test_a_database_serves_one_installation(fresh: CommandLine, tmp_path: Path) -> None:
    """A second installation on a PostgreSQL database is refused; SQLite lies in the folder of its installation."""
    fresh.init()
    second = CommandLine(tmp_path / "second", fresh.environment)

    assert "belongs to another installation" in second.init("--admin", "other", code=2).err


def test_the_state_is_closed_to_everyone_else(tmp_path: Path) -> None:
    """Folder 0700, settings and secret 0600; and a command refuses a folder that was opened later."""
    command = CommandLine(tmp_path / "state", {})
    command.init()
    assert command.state.stat().st_mode & 0o777 == 0o700
    assert (command.state / "gateway.yaml").stat().st_mode & 0o777 == 0o600
    assert command.secret_file("admin").stat().st_mode & 0o777 == 0o600

    command.state.chmod(0o755)

    assert "run: chmod 700" in command("user", "list", code=2).err


def test_at_a_terminal_everything_is_asked_for_and_the_password_is_not_shown(tmp_path: Path) -> None:
    """Password twice, the secret as a picture and as text, a wrong code, the right one, recovery codes once."""
    state = tmp_path / "state"
    terminal = Terminal([sys.executable, "-m", "gateway", "init", str(state)], CHEAP)

    terminal.answer("Password for admin: ", "too short")
    terminal.answer("The same again: ", "too short")
    terminal.answer("Password for admin: ", PASSWORD)
    terminal.answer("The same again: ", PASSWORD)
    shown = terminal.until("Code that the app shows: ")
    terminal.type("not-a-code")
    terminal.answer("Code that the app shows: ", totp_now(shown.rpartition("type this secret into it: ")[2].split()[0]))
    terminal.until("is an installation")

    assert terminal.end() == 0
    assert PASSWORD not in terminal.seen
    assert "too-short" in terminal.seen
    assert "That code is not right" in terminal.seen
    assert "▀" in shown
    assert (state / "gateway.yaml").is_file()


def test_without_a_terminal_nothing_is_begun(tmp_path: Path) -> None:
    """A script that forgot its options is told which, and no folder is left behind."""
    command = CommandLine(tmp_path / "state", {})

    refused = command.bare("init", str(command.state), code=2)

    assert "--password-file" in refused.err
    assert not command.state.exists()
