# SPDX-License-Identifier: Apache-2.0
"""Every reason is told, in both languages, with a status that means what it says."""

import re

import pytest

from gateway.domain.decision import Reason
from gateway.doors.http.problem_table import PROBLEMS, Retry, Who, status_of


def test_the_table_is_total() -> None:
    """A reason that is added must be told, or this fails."""
    assert set(PROBLEMS) == set(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_each_problem_is_told_in_two_languages(reason: Reason) -> None:
    """Sentences, Chinese in Chinese, and no word that the project does not use."""
    problem = PROBLEMS[reason]
    assert 400 <= status_of(reason) <= 504
    title, remedy = problem.told("en")
    title_zh, remedy_zh = problem.told("zh")
    assert (title + remedy).isascii()
    assert remedy.endswith(".")
    assert remedy_zh.endswith("。")
    assert all(re.search(r"[\u4e00-\u9fff]", text) for text in (title_zh, remedy_zh))
    words = re.sub(r"/-/\S+", "", title + remedy).lower()
    assert not re.search(r"anonymi|token|user\b|blocked", words)
    assert "匿名" not in title_zh + remedy_zh


def test_titles_are_distinct() -> None:
    """A reader can tell any two refusals apart."""
    assert len({problem.title for problem in PROBLEMS.values()}) == len(PROBLEMS)
    assert len({problem.title_zh for problem in PROBLEMS.values()}) == len(PROBLEMS)


def test_what_a_status_says_and_what_the_table_says_agree() -> None:
    """401 is signing in; 5xx passes and is the operator's; a red line never gives way."""
    for reason, problem in PROBLEMS.items():
        assert (problem.status == 401) == (reason.value.startswith("sign-in") or reason is Reason.STEP_UP_REQUIRED)
        assert (problem.status >= 500) == (problem.retry is Retry.AFTER and problem.who is Who.OPERATOR)
    assert PROBLEMS[Reason.RED_LINE].retry is Retry.NEVER
    assert PROBLEMS[Reason.STEP_UP_REQUIRED].retry is Retry.WITH_STEP_UP
