# SPDX-License-Identifier: Apache-2.0
"""``gateway incident`` and ``gateway rights``: scopes and lists as files, officers at their terminals, a person's copy."""

import base64
import csv
import io
import json
import stat
import sys
from pathlib import Path

import pytest

from gateway.app.clock import now_us
from gateway.identify.totp import code_at, step_at
from tests.fakes.command_line import CHEAP, PASSWORD, CommandLine
from tests.fakes.terminal import Terminal

KIND = "crm.customer_id"
WHO = "C-canary-7Q2XW9"


@pytest.fixture
def officers(command: CommandLine) -> CommandLine:
    """An installation with two officers, and somebody of whom a choice is known."""
    for name in ("officer-1", "officer-2"):
        command("user", "add", name, "--role", "officer", *command.enrolment(name))
    command(
        "choice", "set", "--identity", KIND, "-", "--purpose", "marketing", "--choice", "objected", stdin=f"{WHO}\n"
    )
    return command


def code_of(command: CommandLine, name: str) -> str:
    """Return the code that an officer's app shows now."""
    secret = base64.b32decode(command.secret_file(name).read_text().strip())
    return code_at(secret, step_at(now_us()))


def sealed(command: CommandLine, tmp_path: Path) -> Path:
    """Seal a list of the one person that the log knows; nobody's rows were released in these tests."""
    from pyroaring import BitMap

    from gateway.app.clock import now_us as clock
    from gateway.app.installation import open_installation
    from gateway.app.slots import CLI_SLOT
    from gateway.cli.desk.desk import run_to_end
    from gateway.flows.incident.opening import sealed_list
    from gateway.settings.loading import load

    number = command("choice", "show", "--identity", KIND, "-", "--json", stdin=f"{WHO}\n").document()["person"]

    async def made() -> bytes:
        async with open_installation(load(state=command.state), CLI_SLOT, with_rules=False) as rooms:
            return await sealed_list(
                BitMap((number,)),
                query="store:crm",
                vault=rooms.keyring,
                recorder=rooms.log,
                clock=clock,
                by="local:test",
            )

    path = tmp_path / "people.sealed"
    path.write_bytes(run_to_end(made()))
    return path


def test_a_scope_is_entered_and_written_to_a_private_file(command: CommandLine, tmp_path: Path) -> None:
    """As text, Markdown and JSON; without people there is no list."""
    out, listed = tmp_path / "scope.md", tmp_path / "people.sealed"
    written = command(
        "incident", "scope", "--principal", "analyst-1", "--since", "24h", "--format", "markdown", "--out", str(out),
        "--list", str(listed),
    )  # fmt: skip

    assert "nobody was reached" in written.err
    assert not listed.exists()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    text = out.read_text(encoding="utf-8")
    assert text.startswith("# Scope of an incident\n")
    assert "People reached: 0 distinct" in text
    assert "root " in text
    told = command("incident", "scope", "--store", "crm", "--json").document()
    assert (told["format"], told["people"], told["asked"]) == ("gateway-incident-scope/1", 0, {"store": "crm"})
    assert command.kinds()[-2:] == ["incident-scope", "incident-scope"]
    as_form = command("incident", "scope", "--store", "crm", "--format", "json").document()
    assert as_form.keys() == told.keys()
    command("incident", "scope", "--store", "crm", "--out", str(out), code=2)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--place", "somewhere"),
        ("--store", "crm", "--since", "yesterday"),
        ("--store", "crm", "--since", "2025-02-01", "--until", "2025-01-01"),
        ("--client", "a b"),
        ("--client", "someone@example.org"),
        ("--principal", "someone@example.org"),
        ("--principal", "a_someone@example.org"),
    ],
)
def test_a_scope_that_cannot_be_asked_for_is_not_measured(command: CommandLine, words: tuple[str, ...]) -> None:
    """Usage is 2, and nothing is entered."""
    command("incident", "scope", *words, code=2)
    assert "incident-scope" not in command.kinds()


def test_a_word_that_means_nothing_today_is_told_beside_the_scope(command: CommandLine) -> None:
    """Nobody reached, by a mistyped name, would read as a breach without victims."""
    told = command("incident", "scope", "--store", "crmm", "--client", "newsletter").err
    assert "there is no store or dataset crmm (did you mean crm?) today" in told
    assert "there is no client newsletter (did you mean newsletter-app?) today" in told
    assert "note:" not in command("incident", "scope", "--store", "crm.customers", "--client", "newsletter-app").err


def test_an_address_that_was_asked_for_is_not_in_the_log(command: CommandLine) -> None:
    """It is personal, and what is entered stays for ever."""
    answer = command("incident", "scope", "--place", "192.0.2.77")

    assert "192.0.2.77" in answer.out
    assert all("192.0.2.77" not in json.dumps(entry) for entry in command.entries())


def test_two_officers_open_a_list_by_a_script(officers: CommandLine, tmp_path: Path) -> None:
    """The first word waits, the same person's second one is refused, somebody else's opens it."""
    listed = sealed(officers, tmp_path)
    officers("user", "add", "clerk", "--role", "analyst", *officers.enrolment("clerk"))

    def open_(name: str, *words: str, code: int = 0, password: str = PASSWORD) -> str:
        told = f"{password}\n{code_of(officers, name)}\n"
        answer = officers(
            "incident", "open", str(listed), "--officer", name, "--proof-file", "-", *words, stdin=told, code=code
        )
        return answer.out + answer.err

    assert "not proved" in open_("officer-1", code=3, password="not this one at all")
    assert "only who has the role officer" in open_("clerk", code=3)
    assert "A second officer opens" in open_("officer-1")
    out = tmp_path / "people.csv"
    assert "1 person" in open_("officer-2", "--out", str(out))

    [row] = csv.DictReader(io.StringIO(out.read_text(encoding="utf-8")))
    assert (row["identity_kind"], row["identity"]) == (KIND, WHO)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert [one for one in officers.kinds() if one.startswith("incident-list")] == [
        "incident-list-sealed",
        "incident-list-refused",
        "incident-list-approved",
        "incident-list-opened",
    ]
    for path in officers.state.rglob("*"):
        assert path.is_dir() or WHO.encode() not in path.read_bytes(), path


def test_an_officer_proves_it_at_the_terminal(officers: CommandLine, tmp_path: Path) -> None:
    """Asked for the password without showing it, then for the code."""
    listed = sealed(officers, tmp_path)
    words = ("-m", "gateway", "incident", "open", str(listed), "--officer", "officer-1", "--state", str(officers.state))
    terminal = Terminal((sys.executable, *words), CHEAP)
    terminal.answer("Password of officer-1: ", PASSWORD)
    terminal.answer("Code that the app shows: ", code_of(officers, "officer-1"))

    assert terminal.end() == 0
    assert "A second officer opens" in terminal.seen
    assert PASSWORD not in terminal.seen


def test_without_a_terminal_and_a_file_nothing_is_said(officers: CommandLine, tmp_path: Path) -> None:
    """And what is no list is said to be none."""
    listed = sealed(officers, tmp_path)
    officers("incident", "open", str(listed), "--officer", "officer-1", code=2)
    none = tmp_path / "none"
    none.write_text("{}", encoding="utf-8")
    officers("incident", "open", str(none), "--officer", "officer-1", code=2)
    officers("incident", "open", str(tmp_path / "nowhere"), "--officer", "officer-1", code=1)


def test_a_person_is_told_in_their_language_what_was_done(officers: CommandLine, tmp_path: Path) -> None:
    """As text, Markdown, CSV and JSON; names of staff appear for officers alone."""
    asked = ("rights", "accesses", "--identity", KIND, "-")
    plain = officers(*asked, stdin=f"{WHO}\n").out
    chinese = officers(*asked, "--lang", "zh", "--format", "markdown", stdin=f"{WHO}\n").out
    rows = list(csv.reader(io.StringIO(officers(*asked, "--format", "csv", stdin=f"{WHO}\n").out)))
    told = officers(*asked, "--json", stdin=f"{WHO}\n").document()
    full = officers(*asked, "--json", "--for-officer", stdin=f"{WHO}\n").document()

    assert "recorded (choice)" in plain
    assert chinese.startswith("# 谁使用过与您有关的数据\n")
    assert [len(row) for row in rows] == [7] * (1 + 3)
    assert [one["action"] for one in told["accesses"]] == ["recorded", "looked-up", "looked-up", "looked-up"]
    assert full["accesses"][0]["account"].startswith("local:")
    by = full["accesses"][0]["account"]
    assert all(by not in each for each in (plain, chinese, json.dumps(told)))
    out = tmp_path / "uses.txt"
    officers(*asked, "--out", str(out), stdin=f"{WHO}\n")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_a_kind_of_identity_that_nobody_has_is_told(command: CommandLine) -> None:
    """A person would else be answered that nothing was ever released about them."""
    for words in (("rights", "accesses"), ("log", "receipt"), ("log", "search")):
        told = command(*words, "--identity", "crm.customer", "-", stdin=f"{WHO}\n", code=2).err
        assert "no dataset knows people by crm.customer (did you mean crm.customer_id?)" in told


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--person", "7", "--identity", KIND, "x"),
        ("--person", "-1"),
        ("--person", str(1 << 32)),
        ("--identity", KIND, " "),
        ("--identity", KIND, "nobody-knows-this-one"),
        ("--person", "7", "--since", "yesterday"),
    ],
)
def test_who_is_not_said_or_not_known_is_told_nothing(command: CommandLine, words: tuple[str, ...]) -> None:
    """Usage is 2; a value that was given is in no answer."""
    answer = command("rights", "accesses", *words, code=2)
    assert "nobody-knows-this-one" not in answer.out + answer.err
    assert ("or they were erased since" in answer.err) is ("nobody-knows-this-one" in words)
