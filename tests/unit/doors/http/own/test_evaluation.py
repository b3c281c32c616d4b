# SPDX-License-Identifier: Apache-2.0
"""The question "could I?": which ones are read, and what of the answer an outsider is told."""

import pytest

from gateway.decide.explain import explain
from gateway.domain.decision import Deny, Permit, Reason
from gateway.doors.http.own.evaluation import question_of, told_of
from gateway.flows.explain import Question
from tests.fakes.access import AccessHouse
from tests.fakes.deciding import NOW_US, PERSON, equal, inquiry, red_line, rules

RESOURCE: dict[str, object] = {
    "type": "dataset",
    "id": "crm.people",
    "properties": {"fields": ["name"], "filters": ["born=1980"]},
}
ASKED: dict[str, object] = {
    "action": {"name": "read"},
    "resource": RESOURCE,
    "context": {"purpose": "marketing.mail", "reference": "c-1"},
}


def test_a_whole_question_is_read() -> None:
    """The subject may be left out, or be the caller."""
    expected = Question(
        principal=PERSON,
        dataset="crm.people",  # type: ignore[arg-type]
        purpose="marketing.mail",  # type: ignore[arg-type]
        operation="read",
        reference="c-1",
        fields=("name",),
        filters=("born=1980",),
    )
    for subject in ({}, {"id": PERSON.account}, {"type": "account"}):
        assert question_of({**ASKED, "subject": subject}, PERSON) == expected
    assert question_of(ASKED, PERSON) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"subject": {"id": "a_2"}},
        {"subject": "a_1"},
        {"action": None},
        {"action": {"name": 1}},
        {"action": {"name": "read everything of Ann"}},
        {"resource": {"id": "crm people"}},
        {"resource": {"id": "x" * 300}},
        {"resource": {**RESOURCE, "properties": "name"}},
        {"resource": {**RESOURCE, "properties": {"fields": "name"}}},
        {"resource": {**RESOURCE, "properties": {"filters": [1]}}},
        {"context": {}},
        {"context": {"purpose": "ann@example.org"}},
        {"context": "marketing.mail"},
    ],
)
def test_a_question_that_is_none_is_malformed(change: dict[str, object]) -> None:
    """Free text is refused, because the question is entered in the log."""
    refused = question_of({**ASKED, **change}, PERSON)
    assert isinstance(refused, Deny)
    assert refused.reason is Reason.MALFORMED


def test_a_reference_that_is_no_text_is_refused() -> None:
    """It is not passed over: the road would judge it."""
    told = question_of({**ASKED, "context": {"purpose": "marketing.mail", "reference": 7}}, PERSON)
    assert isinstance(told, Deny)
    assert told.fields == ("context.reference",)


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({**ASKED, "resources": {}}, "resources"),
        ({**ASKED, "subject": []}, "subject"),
        (
            {**ASKED, "resource": {"id": "crm.customers", "properties": {"filter": ["religion"]}}},
            "resource.properties.filter",
        ),
        ({**ASKED, "context": {"purpose": "marketing.mail", "time": "now"}}, "context.time"),
    ],
)
def test_a_member_that_is_not_known_is_refused(asked: dict[str, object], named: str) -> None:
    """A mistyped filter that was dropped would be answered with yes."""
    told = question_of(asked, PERSON)
    assert isinstance(told, Deny)
    assert told.fields == (named,)


def test_a_permit_is_told_with_what_of_each_field_would_leave() -> None:
    """What is dropped is not told, nor any rule of the inside."""
    house = AccessHouse()
    decision = house.rules.decider.decide(inquiry(), (), NOW_US)
    assert isinstance(decision, Permit)
    told = told_of(explain(inquiry(), decision, decision.plan))
    assert told["view"] == {"id": "surrogate", "name": "reveal", "email": "reveal", "born": "generalise.year"}
    assert (told["reason"], told["remediation"], told["who"]) == (None, None, None)
    assert "g:" not in repr(told)


def test_a_refusal_is_told_with_its_reason_and_who_could_change_it() -> None:
    """In the words of the rule."""
    house = AccessHouse(rules(red_lines=(red_line("belief", "user.belief"),)))
    asked = inquiry(filters=(equal("religion"),))
    decision = house.rules.decider.decide(asked, (), NOW_US)
    told = told_of(explain(asked, decision, None))
    assert (told["reason"], told["detail"], told["who"]) == ("red-line", "belief in English.", "officer")
