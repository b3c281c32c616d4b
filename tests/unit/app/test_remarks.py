# SPDX-License-Identifier: Apache-2.0
"""Remarks are one line each on stderr, with their time and their process."""

import logging
import re
from collections.abc import Iterator

import pytest

from gateway.app.remarks import remark_on_stderr, remarks


@pytest.fixture
def kept() -> Iterator[None]:
    """Put the loggers back as they were."""
    loggers = [logging.getLogger(name) for name in ("gateway", "uvicorn.error")]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        logger.handlers[:], logger.level, logger.propagate = handlers, level, propagate


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
