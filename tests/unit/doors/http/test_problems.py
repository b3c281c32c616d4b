# SPDX-License-Identifier: Apache-2.0
"""Refusals as problem details, with the headers that belong to them."""

import json

import pytest

from gateway.domain.budget import BudgetRule, BudgetState, Counted
from gateway.domain.decision import Reason, Refusal
from gateway.domain.names import DecisionId
from gateway.doors.http.problems import challenge, problem_headers, problem_json


def refusal(reason: Reason, **more: object) -> Refusal:
    return Refusal(decision_id=DecisionId("d-1"), reason=reason, **more)  # type: ignore[arg-type]


def headers_of(told: Refusal, **more: object) -> dict[str, str]:
    pairs = problem_headers(told, problem_json(told), **more)  # type: ignore[arg-type]
    assert len({name for name, _ in pairs}) == len(pairs)
    return {name.decode(): value.decode() for name, value in pairs}


def test_a_refusal_is_a_problem_document() -> None:
    """All members of RFC 9457 and ours."""
    told = refusal(Reason.FILTER_NOT_PERMITTED, fields=("religion",), title="Religion is never used for marketing.")
    assert json.loads(problem_json(told)) == {
        "type": "/-/problems/filter-not-permitted",
        "title": "Rows may not be chosen by this field",
        "status": 403,
        "detail": "Religion is never used for marketing.",
        "instance": "/-/me/decisions/d-1",
        "reason": "filter-not-permitted",
        "decision_id": "d-1",
        "fields": ["religion"],
        "remediation": "Filtering by a field reads it. Leave the filter out, or ask the owner of the dataset for a grant.",
        "retry": "with-grant",
        "who": "owner",
    }


def test_a_refusal_speaks_chinese() -> None:
    """Title and remedy; the codes stay."""
    document = json.loads(problem_json(refusal(Reason.RED_LINE), "zh"))
    assert document["title"] == "红线规则禁止此请求，任何人都不例外"
    assert document["reason"] == "red-line"
    assert headers_of(refusal(Reason.RED_LINE), language="zh")["content-language"] == "zh-Hans"


@pytest.mark.parametrize("reason", Reason)
def test_the_headers_of_every_refusal_fit_its_body(reason: Reason) -> None:
    """Length, type, no storing, the decision; a challenge exactly with 401."""
    told = refusal(reason)
    body, headers = problem_json(told), headers_of(told)
    assert headers["content-length"] == str(len(body))
    assert headers["cache-control"] == "no-store"
    assert headers["decision-id"] == "d-1"
    if body:
        document = json.loads(body)
        assert headers["content-type"] == "application/problem+json"
        assert ("www-authenticate" in headers) == (document["status"] == 401)
        assert ("retry-after" in headers) == (document["retry"] == "after")


def test_nothing_is_said_when_nothing_can_be_logged() -> None:
    """503 without a body, with a time to come back."""
    told = refusal(Reason.LOG_UNAVAILABLE)
    assert problem_json(told) == b""
    headers = headers_of(told)
    assert (headers["content-length"], "content-type" in headers, "retry-after" in headers) == ("0", False, True)


def test_a_fresh_sign_in_is_asked_for_as_rfc_9470_says() -> None:
    """Error, context and age."""
    expected = 'Bearer error="insufficient_user_authentication", acr_values="person-two-factors", max_age=300'
    assert headers_of(refusal(Reason.STEP_UP_REQUIRED))["www-authenticate"] == expected


def test_a_bearer_is_challenged_with_what_was_wrong_with_it() -> None:
    """No error code if none was shown (RFC 6750 section 3.1)."""
    assert challenge(Reason.SIGN_IN_REQUIRED) == "Bearer"
    assert challenge(Reason.SIGN_IN_REQUIRED, "invalid_token") == 'Bearer error="invalid_token"'


def test_the_methods_of_a_route_are_told() -> None:
    """405 comes with Allow."""
    assert headers_of(refusal(Reason.METHOD_NOT_ALLOWED), allow=("GET", "PATCH"))["allow"] == "GET, PATCH"


def test_a_refusal_says_when_to_come_back() -> None:
    """The time of the refusal itself goes first."""
    assert headers_of(refusal(Reason.OVERLOADED, retry_after_s=17))["retry-after"] == "17"


def test_a_doubtful_frame_closes_the_connection() -> None:
    """What follows on it may be anything."""
    assert headers_of(refusal(Reason.MALFORMED))["connection"] == "close"
    assert "connection" not in headers_of(refusal(Reason.GRANT_MISSING))


def test_a_spent_budget_is_told_with_its_state_and_when_to_come_again() -> None:
    """In the headers of every answer that counts against it."""
    state = BudgetState(rule=BudgetRule(counts=Counted.PEOPLE, most=100, hours=24), left=0, resets_s=600)
    headers = headers_of(refusal(Reason.BUDGET_SPENT, retry_after_s=600, budgets=(state,)))
    assert headers["ratelimit-policy"] == '"people-24h";q=100;w=86400'
    assert headers["ratelimit"] == '"people-24h";r=0;t=600'
    assert headers["retry-after"] == "600"
    assert "ratelimit" not in headers_of(refusal(Reason.BUDGET_SPENT))
