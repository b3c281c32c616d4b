# SPDX-License-Identifier: Apache-2.0
"""What holds for every command: JSON, exit codes, no secrets, quick help, and a page that names it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from gateway import __version__
from gateway.cli.main import app
from tests.fakes.command_line import PASSWORD, CommandLine

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"
INSIGHTS = "analytics.reporting.campaign_insights"
IDENTITY = ("--identity", "crm.customer_id", "C-canary-90PLMZ")

EACH = {
    "check": (),
    "explain": ("analyst-1", "crm.customers", "--purpose", INSIGHTS),
    "user add": ("second", "--role", "analyst", "<enrolment>"),
    "user enrol": ("analyst-1", "<secret>"),
    "user list": (),
    "user show": ("analyst-1",),
    "user set-password": ("analyst-1", "<password>"),
    "user unlock": ("analyst-1",),
    "user reset-factors": ("analyst-1",),
    "user disable": ("analyst-1",),
    "client add": ("x", "--role", "newsletter-app", "--recipient", "own", "--scope", "marketing"),
    "client list": (),
    "client rotate-secret": ("newsletter-app",),
    "client disable": ("newsletter-app",),
    "lock": ("analyst-1",),
    "unlock": ("analyst-1",),
    "budget show": ("newsletter-app",),
    "choice set": (*IDENTITY, "--purpose", "marketing", "--choice", "objected"),
    "choice show": IDENTITY,
    "choice import": ("<choices>",),
    "grant list": (),
    "grant requests": (),
    "grant review": (),
    "purpose list": (),
    "purpose show": (INSIGHTS,),
    "dataset list": (),
    "dataset show": ("crm.customers",),
    "dataset review": ("crm",),
    "log tail": (),
    "log search": (),
    "log show": ("cli:0",),
    "log verify": (),
    "log checkpoint": (),
    "log retain": (),
    "log prove": ("cli:0",),
    "log receipt": ("--person", "7"),
    "log export": ("--out", "<export>"),
    "incident scope": ("--principal", "analyst-1"),
    "rights accesses": ("--person", "7"),
    "key list": (),
    "key rotate": ("totp",),
    "key retire": ("totp", "1"),
    "key status": (),
    "key rewrap": ("totp",),
    "key shred": ("totp", "1", "--yes", "--although-needed"),
    "key change-kek": (),
    "surrogate trace": ("<list>",),
    "db path": (),
    "db upgrade": (),
    "db backup": ("<copy>",),
    "db restore": ("<copy>",),
}
ON_THEIR_OWN = {
    "mandate request",
    "mandate approve",
    "mandate list",
    "mandate show",
    "mandate revoke",
    "surrogate migrate",
    "dataset infer",
    "log reconcile",
    "log archive",
    "log forget",
    "log hold",
    "log replay",
    "log index",
    "log stamp",
    "log witness",
    "doctor",
    "grant approve",
    "grant refuse",
    "incident open",
    "rights erase",
    "rights lift-tombstone",
    "surrogate prove-unreadable",
    "surrogate reveal",
    "surrogate approvals",
    "surrogate approve",
    "init",
    "serve",
    "demo",
    "try",
    "rehearse",
}
"""Commands with stories of their own."""


def commands() -> Iterator[str]:
    """Yield every command of the command line, with its group."""
    top = typer.main.get_command(app)
    for name, one in top.commands.items():  # type: ignore[attr-defined]
        inner = getattr(one, "commands", None)
        yield from (f"{name} {each}" for each in inner) if inner else (name,)


def words_of(name: str, command: CommandLine, tmp_path: Path) -> list[str]:
    """Return a command as it is given in these tests."""
    choices = tmp_path / "choices.csv"
    choices.write_text(
        "identity_kind,identity,purpose,state,at\n" + f"crm.customer_id,{IDENTITY[2]},marketing,given,2025-01-01\n"
    )
    stand_ins = {
        "<enrolment>": command.enrolment("second"),
        "<password>": command.enrolment("second")[:2],
        "<secret>": ("--totp-secret-out", str(tmp_path / "anew")),
        "<choices>": (str(choices),),
        "<list>": (str(choices),),
        "<copy>": (str(tmp_path / "copy.gwb"),),
        "<export>": (str(tmp_path / "export"),),
    }
    return [*name.split(), *(word for each in EACH[name] for word in stand_ins.get(each, (each,)))]


def test_every_command_is_in_the_table_of_these_tests() -> None:
    """A new command is tried here or has its own story."""
    assert set(commands()) == set(EACH) | ON_THEIR_OWN


def test_every_command_is_named_on_its_page() -> None:
    """docs/reference/cli.md lists what ``--help`` lists."""
    page = PAGE.read_text(encoding="utf-8")

    assert [name for name in commands() if f"`gateway {name}" not in page] == []


def test_with_json_every_command_answers_in_json_alone(command: CommandLine, tmp_path: Path) -> None:
    """One document, or one a line for what streams; and every change and every look is in the log."""
    for name in EACH:
        answer = command(*words_of(name, command, tmp_path), "--json")
        lines = answer.out.splitlines()
        assert all(isinstance(json.loads(line), (dict, list)) for line in lines), name
        assert len(lines) == 1 or name in ("log tail", "log search"), name

    silent = {"check", "log verify", "log checkpoint", "db path"}
    views = {"grant list", "purpose list", "purpose show", "dataset list", "dataset show", "dataset review"}
    # Each of the others left one entry at least: enrolling leaves two, an addition with enrolment three.
    assert len(command.kinds()) >= len(EACH) - len(silent | views)


def test_no_secret_and_no_personal_value_is_left_behind(command: CommandLine, tmp_path: Path) -> None:
    """Passwords, authenticators' secrets and identities are in no answer, no log and no file of the state."""
    for name in EACH:
        command(*words_of(name, command, tmp_path))
    secrets = [command.secret_file("second").read_text().strip(), (tmp_path / "anew").read_text().strip()]
    hidden = [PASSWORD, IDENTITY[2], *secrets]

    for answer in command.answers:
        assert not [word for word in hidden if word in answer.out + answer.err]
    for path in command.state.rglob("*"):
        assert path.is_dir() or not [word for word in hidden if word.encode() in path.read_bytes()], path


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), 2),
        (("nothing",), 2),
        (("user", "list", "--nothing"), 2),
        (("user", "add", "x"), 2),
        (("user", "list"), 2),
        (("user", "list", "--state", "nowhere"), 2),
        (("user", "list", "--config", "nowhere.yaml"), 2),
        (("log", "verify", "--dir", "nowhere"), 2),
        (("log", "tail", "--state", "nowhere"), 1),
    ],
)
def test_a_command_that_cannot_be_given_so_ends_with_its_code(
    tmp_path: Path, words: tuple[str, ...], code: int
) -> None:
    """Usage is 2, what fails is 1; nothing is on stdout that a program would take for an answer."""
    answer = CommandLine(tmp_path / "none", {}).bare(*words, code=code)

    assert answer.err or not words
    assert "Traceback" not in answer.err


def test_an_installation_is_found_by_config_environment_and_place(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """``--config`` elsewhere, GATEWAY_STATE, or the folder one stands in; and ``--state`` stands above them."""
    config = tmp_path / "etc" / "gateway.yaml"
    config.parent.mkdir()
    config.write_text((command.state / "gateway.yaml").read_text() + f"state: {command.state}\n")
    command.bare("key", "list", "--config", str(config))

    command.environment["GATEWAY_STATE"] = str(command.state)
    command.bare("key", "list")

    command.environment["GATEWAY_STATE"] = str(tmp_path)
    command("key", "list")

    del command.environment["GATEWAY_STATE"]
    monkeypatch.chdir(command.state)
    command.bare("key", "list")
    assert command.kinds().count("keys") == 4


def test_settings_that_cannot_be_used_are_told_key_by_key(command: CommandLine) -> None:
    """All at once, with the file."""
    (command.state / "gateway.yaml").write_text("nonsense: 1\nlisten: {port: x}\n")

    refused = command("user", "list", code=2)

    assert "nonsense: Extra inputs" in refused.err
    assert "listen.port: " in refused.err


def test_help_and_version_are_quick() -> None:
    """Nothing heavy is imported for them; 0.3 s of the processor is told to people as at once."""
    for word, told in (("--help", "Commands:"), ("--version", __version__)):
        before_s = _children_s()
        shown = subprocess.run([sys.executable, "-m", "gateway", word], capture_output=True, text=True, check=True)
        assert told in shown.stdout
        assert _children_s() - before_s < 0.3


def test_verify_imports_neither_database_nor_settings(command: CommandLine) -> None:
    """It starts at once, wherever a copy of the log was taken to."""
    code = (
        "import sys\nfrom gateway.cli.main import app\n"
        f"try: app(['log', 'verify', '--state', {str(command.state)!r}])\n"
        "except SystemExit as end: assert end.code == 0, end.code\n"
        "print([name for name in ('sqlalchemy', 'pydantic_settings', 'casbin', 'argon2', 'starlette') if name in sys.modules])"
    )

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert shown.stdout.splitlines()[-1] == "[]"


def _children_s() -> float:
    times = os.times()
    return times.children_user + times.children_system


def test_a_reader_that_goes_away_is_no_error(command: CommandLine) -> None:
    """``gateway log search | head -1``: no traceback."""
    words = f"{sys.executable} -m gateway log search --limit 0 --state {command.state} | head -1"

    shown = subprocess.run(["bash", "-c", words], capture_output=True, text=True, check=False, timeout=120)

    assert "Traceback" not in shown.stderr
