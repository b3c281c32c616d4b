# SPDX-License-Identifier: Apache-2.0
"""The page on HTTP names every reason, every own path and every refused header, as the door has them."""

import re
from pathlib import Path

from gateway.domain.viewplan import Cause
from gateway.doors.http.own.paths import OwnPaths
from gateway.doors.http.problem_table import PROBLEMS, Retry, Who
from gateway.doors.http.reading.headers import CONDITIONS, REFUSED

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "http.md").read_text("utf-8")


def reasons_table() -> str:
    """Return the table of reasons as the page must have it."""
    rows = [
        f"| `{reason}` | {problem.status} | {problem.title} | {problem.remedy} | {problem.retry} | {problem.who} |"
        for reason, problem in PROBLEMS.items()
    ]
    return "\n".join(
        ["| reason | status | title | what can be done | retry | who |", "|---|---|---|---|---|---|", *rows]
    )


def section(heading: str) -> str:
    return PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]


def test_the_table_of_reasons_is_that_of_the_door() -> None:
    """Print ``reasons_table()`` into the page after a change."""
    assert section("Reasons").strip().endswith(reasons_table())


def test_every_own_path_is_told_and_no_other() -> None:
    """Method and template, in the order of the door."""
    handlers = OwnPaths._handlers(OwnPaths.__new__(OwnPaths))
    told = re.findall(r"^\| (GET|POST) \| `([^`]+)` \|", section("Own paths"), re.MULTILINE)
    assert told == [(method, template) for method, template, _ in handlers]


def test_every_refused_header_is_told_and_no_other() -> None:
    """They stand in one sentence."""
    sentence = section("A call").split("Refused, because", 1)[1].split(", and `te`", 1)[0]
    assert set(re.findall(r"`([^`]+)`", sentence)) == REFUSED


def test_every_header_that_a_route_may_honour_is_told_and_no_other() -> None:
    """They stand in one table."""
    table = PAGE.split("### Headers that routes honour\n", 1)[1].split("\n## ", 1)[0]
    told = [
        name.lower()
        for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        for name in re.findall(r"`([^`]+)`", row)
    ]
    assert set(told) == CONDITIONS


def test_every_word_of_a_refusal_and_of_withholding_is_told() -> None:
    """Retry, who, and causes."""
    assert [word for word in (*Retry, *Who, *Cause) if f"`{word}`" not in PAGE] == []
