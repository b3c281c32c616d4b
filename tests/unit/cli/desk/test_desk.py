# SPDX-License-Identifier: Apache-2.0
"""Errors end in a sentence and a code, and commands get the options that all of them have."""

import inspect
from typing import Annotated

import pytest
import typer

from gateway.cli.desk.desk import Desk, Exit, Stop, command, ended_in_words
from gateway.domain.errors import (
    KeyUnavailable,
    LogDamaged,
    LogUnavailable,
    RuleProblem,
    RulesError,
    SettingsError,
    StateUnavailable,
)
from gateway.flows.enrolment import EnrolmentRefused


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (Stop("no such thing"), 2, "no such thing\n"),
        (Stop("", Exit.DENIED), 3, ""),
        (SettingsError("which?"), 2, "which?\n"),
        (EnrolmentRefused("taken"), 2, "taken\n"),
        (RulesError((RuleProblem("b", 2, "two"), RuleProblem("a", 1, "one"))), 1, "a:1: one\nb:2: two\n"),
        (RulesError((RuleProblem("\x1b]52;c;x\x07.yaml", 1, "none"),)), 1, "\\u001b]52;c;x\\u0007.yaml:1: none\n"),
        (SettingsError("\u202e\x9b"), 2, "\\u202e\\u009b\n"),
        (LogUnavailable("another holds it"), 1, "another holds it\n"),
        (LogDamaged("entry 3 was changed"), 1, "entry 3 was changed\n"),
        (StateUnavailable("locked"), 1, "locked\n"),
        (KeyUnavailable("gone"), 1, "gone\n"),
        (ExceptionGroup("tasks", [ExceptionGroup("inner", [LogUnavailable("full")])]), 1, "full\n"),
        (PermissionError(13, "Permission denied", "/x"), 1, "/x: Permission denied\n"),
    ],
)
def test_an_error_of_ours_is_one_sentence_on_stderr(
    error: Exception, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the code that its fault has; stdout stays empty."""
    with pytest.raises(typer.Exit) as ended, ended_in_words():
        raise error

    assert ended.value.exit_code == code
    assert capsys.readouterr() == ("", told)


def test_a_mistake_of_ours_is_not_dressed_up() -> None:
    """What has no name here is a bug, and is shown as one."""
    with pytest.raises(ZeroDivisionError), ended_in_words():
        raise ZeroDivisionError
    with pytest.raises(ExceptionGroup), ended_in_words():
        raise ExceptionGroup("tasks", [ZeroDivisionError()])
    with pytest.raises(BrokenPipeError), ended_in_words():
        raise BrokenPipeError(32, "Broken pipe")


def test_a_command_has_its_own_options_and_those_of_all() -> None:
    """In that order, all by name; coroutines are run to their end."""
    seen = []

    @command
    async def one(desk: Desk, word: Annotated[str, typer.Argument()], many: bool = False) -> None:
        """Do it."""
        seen.append((desk.json, word, many))

    one(word="x", state=None, config=None, json=True)

    assert list(inspect.signature(one).parameters) == ["word", "many", "state", "config", "json"]
    assert one.__doc__ == "Do it."
    assert seen == [(True, "x", False)]
