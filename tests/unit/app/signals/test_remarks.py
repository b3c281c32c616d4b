# SPDX-License-Identifier: Apache-2.0
"""Remarks are one line each on stderr, with their time and their process."""

import asyncio
import json
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from gateway.app.current import CURRENT, Span
from gateway.app.signals.remarks import remark_on_stderr, remarks
from gateway.domain.names import DecisionId

SECRET = "Erika Mustermann +49 170 0000000"


@pytest.fixture
def kept() -> Iterator[None]:
    """Put the loggers back as they were; no call of another test is under way."""
    token = CURRENT.set(None)
    loggers = [logging.getLogger(name) for name in ("gateway", "uvicorn.error", "asyncio")]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        logger.handlers[:], logger.level, logger.propagate = handlers, level, propagate
    CURRENT.reset(token)


def test_a_remark_that_cannot_be_written_tells_nothing_of_what_failed(
    kept: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the traceback of what it was about nor its values, which the library would write in its place."""
    with Path(os.devnull).open("w", encoding="utf-8") as closed:
        monkeypatch.setattr("sys.stderr", closed)
        remark_on_stderr("door-1")
        monkeypatch.undo()
    remarks().error("call failed", exc_info=ValueError(SECRET))
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "")


@pytest.mark.parametrize("form", ["text", "json"])
async def test_of_an_error_that_nothing_waited_for_only_kind_and_place_are_told(
    kept: None, capsys: pytest.CaptureFixture[str], form: Literal["text", "json"]
) -> None:
    """The event loop tells it, with the error's message and what the failed call was given."""

    def failing(_given: str) -> None:
        raise ValueError(SECRET)

    remark_on_stderr("door-1", form)
    loop = asyncio.get_running_loop()
    loop.call_soon(failing, SECRET)
    await asyncio.sleep(0)
    told = capsys.readouterr()
    assert told.out == ""
    assert "an error that nothing waited for" in told.err
    assert "ValueError" in told.err
    assert " failing" in told.err
    assert "Erika" not in told.err


def test_a_remark_has_its_time_and_its_process(kept: None, capsys: pytest.CaptureFixture[str]) -> None:
    """Told twice, the newer name counts and nothing is said twice."""
    remark_on_stderr("supervisor")
    remark_on_stderr("door-1")
    remarks().warning("restarted")
    told = capsys.readouterr()
    assert told.out == ""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ door-1 WARNING gateway.processes: restarted\n", told.err)


def test_the_server_is_heard_too_but_not_of_answers_that_were_cut_on_purpose(
    kept: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each of those has an entry that says why."""
    remark_on_stderr("door-0")
    logging.getLogger("uvicorn.error").error("ASGI callable returned without completing response.")
    logging.getLogger("uvicorn.error").error("something else")
    assert [line.rpartition(": ")[2] for line in capsys.readouterr().err.splitlines()] == ["something else"]


def fail() -> None:
    """Raise an error whose message holds what nobody may read."""
    raise ValueError(SECRET)


def remark_of_an_error() -> None:
    """Say something of an error, as the server does."""
    try:
        fail()
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")


@pytest.fixture
def in_call() -> Iterator[None]:
    """Be inside a call."""
    token = CURRENT.set(Span(DecisionId("5a" * 16), 0.0))
    yield
    CURRENT.reset(token)


def test_a_remark_can_be_an_object(kept: None, in_call: None, capsys: pytest.CaptureFixture[str]) -> None:
    """One a line, with the decision that it is about."""
    remark_on_stderr("door-1", "json")
    remarks().warning("not\nrestarted: %s", "no space")
    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told.pop("time"))
    assert told == {
        "level": "warning",
        "logger": "gateway.processes",
        "event": "not\nrestarted: no space",
        "slot": "door-1",
        "pid": os.getpid(),
        "decision_id": "5a" * 16,
    }


def test_outside_of_a_call_there_is_no_decision(kept: None, capsys: pytest.CaptureFixture[str]) -> None:
    """The member is not there."""
    remark_on_stderr("worker", "json")
    remarks().warning("restarted")
    assert "decision_id" not in json.loads(capsys.readouterr().err)


def test_of_an_error_an_object_tells_kind_and_place_alone(kept: None, capsys: pytest.CaptureFixture[str]) -> None:
    """Its message and its variables could hold what a store sent."""
    remark_on_stderr("door-0", "json")
    remark_of_an_error()
    told = capsys.readouterr().err
    kind, *places = json.loads(told)["error"]
    assert (kind, len(places)) == ("ValueError", 2)
    assert places[-1].endswith(" fail")
    assert "test_remarks.py:" in places[-1]
    assert SECRET not in told


def test_of_an_error_a_line_tells_no_more(kept: None, in_call: None, capsys: pytest.CaptureFixture[str]) -> None:
    """It stays one line."""
    remark_on_stderr("door-0")
    remark_of_an_error()
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "ValueError; " in told
    assert told.rstrip().endswith(f"(decision {'5a' * 16})")
    assert SECRET not in told
