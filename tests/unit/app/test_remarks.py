# SPDX-License-Identifier: Apache-2.0
"""Remarks are one line each on stderr, with their time and their process."""

import logging
import re
from collections.abc import Iterator

import pytest

from gateway.app.remarks import remark_on_stderr, remarks


@pytest.fixture
def kept() -> Iterator[None]:
    """Put the logger back as it was."""
    logger = logging.getLogger("gateway")
    before = (logger.handlers[:], logger.level, logger.propagate)
    yield
    logger.handlers[:], logger.level, logger.propagate = before


def test_a_remark_has_its_time_and_its_process(kept: None, capsys: pytest.CaptureFixture[str]) -> None:
    """Told twice, the newer name counts and nothing is said twice."""
    remark_on_stderr("supervisor")
    remark_on_stderr("door-1")
    remarks().warning("restarted")
    told = capsys.readouterr()
    assert told.out == ""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ door-1 WARNING gateway.processes: restarted\n", told.err)
