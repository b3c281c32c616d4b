# SPDX-License-Identifier: Apache-2.0
"""Cases beside the rules are run as they are written, and tell got and expected where they fail."""

import pytest

from gateway.decide.loader.shipped import shipped_files
from gateway.decide.rules import RuleSet
from gateway.decide.trial.ruletests import failures
from tests.fakes.rule_files import loaded

NOW_US = 1_790_000_000_000_000

HEAD = """tests:
  - name: A case
    role: analyst
    recipient: own
    assurance: 3
    dataset: crm.customers
    purpose: analytics.reporting.campaign_insights
"""


def with_case(text: str, head: str = HEAD) -> RuleSet:
    """Return the shipped rules with one case in place of their own."""
    files = {name: content for name, content in shipped_files().items() if not name.startswith("tests/")}
    return loaded({**files, "tests/one.yaml": (head + text).encode()})


def told(text: str, head: str = HEAD) -> list[str]:
    """Return what fails of a case."""
    return [failure.sentence() for failure in failures(with_case(text, head), NOW_US)]


def test_the_shipped_cases_pass() -> None:
    """All of them, by the shipped rules."""
    rules = loaded()

    assert len(rules.tests) > 30
    assert failures(rules, NOW_US) == ()


@pytest.mark.parametrize("word", ["mask", "mask.email"])
def test_a_family_and_its_rung_both_name_what_leaves(word: str) -> None:
    """A case may be as exact as it wants to be."""
    assert told(f"    expect: {{email: {word}}}\n") == []


@pytest.mark.parametrize(
    ("field", "expected", "got"),
    [
        ("email", "reveal", "mask.email"),
        ("id", "drop", "surrogate"),
        ("name", "surrogate", "drop"),
        ("city", "mask", "reveal"),
    ],
)
def test_a_field_that_leaves_otherwise_is_told_with_place_got_and_expected(field: str, expected: str, got: str) -> None:
    """One failure a field; ``drop`` is nothing, and a surrogate is not nothing."""
    assert told(f"    expect: {{{field}: {expected}}}\n") == [
        f"tests/one.yaml:2: A case: field {field}: expected {expected}, got {got}"
    ]


def test_a_refusal_where_a_view_was_expected_is_told_with_its_reason() -> None:
    """Got is the reason."""
    assert told("    filters: [religion]\n    expect: {email: mask}\n") == [
        "tests/one.yaml:2: A case: the call: expected a permit, got filter-not-permitted"
    ]


def test_a_view_where_a_refusal_was_expected_is_told() -> None:
    """Got is a permit."""
    assert told("    refused: grant-missing\n") == [
        "tests/one.yaml:2: A case: the call: expected grant-missing, got a permit"
    ]


@pytest.mark.parametrize(
    ("head", "text"),
    [
        (HEAD, "    filters: [age eq bands]\n    expect: {age: generalise}\n"),
        (HEAD, "    filters: [age]\n    refused: filter-not-permitted\n"),
        (HEAD, "    filters: [sort -duration]\n    expect: {duration: reveal}\n"),
        (HEAD, "    filters: [sort -balance]\n    refused: sort-not-permitted\n"),
        (HEAD, "    fields: [religion]\n    refused: field-not-permitted\n"),
        (HEAD, "    filters: [id]\n    expect: {id: surrogate}\n"),
        (HEAD.replace("assurance: 3", "assurance: 1"), "    expect: {balance: generalise}\n"),
        (
            HEAD.replace("analytics.reporting.campaign_insights", "essential.legal_obligation").replace(
                "analyst", "officer"
            ),
            "    refused: reference-missing\n",
        ),
        (
            HEAD.replace("analytics.reporting.campaign_insights", "essential.legal_obligation").replace(
                "analyst", "officer"
            ),
            "    expect: {name: reveal}\n",
        ),
        (HEAD, "    refused: purpose-missing\n"),
    ],
)
def test_filters_sorts_fields_and_references_are_asked_as_written(head: str, text: str) -> None:
    """Bands count as proper bands; a reference is given unless its absence is the case."""
    assert told(text, head) == []


def test_a_case_may_name_its_own_time() -> None:
    """The grant to the advertising network ends, and so does what the case says."""
    head = (
        HEAD.replace("analyst", "partner-adnet").replace("own", "adnet").replace("assurance: 3", "assurance: 1")
    ).replace("analytics.reporting.campaign_insights", "marketing.advertising.third_party.targeted")

    assert told("    at: 2027-12-31\n    expect: {email: surrogate}\n", head) == []
    assert told("    at: 2028-01-01\n    refused: recipient-not-in-force\n", head) == []


WRITES = HEAD.replace("role: analyst", "role: service-agent").replace(
    "purpose: analytics.reporting.campaign_insights", "purpose: essential.service.operations.support"
)


def test_a_case_that_writes_names_what_its_body_and_its_path_name() -> None:
    """What is expected is how a field may be written; what is refused, why."""
    update = "    operation: update\n    filters: [id]\n"
    assert told(f"{update}    fields: [name]\n    expect: {{name: reveal, religion: drop}}\n", WRITES) == []
    assert told(f"{update}    fields: [religion]\n    refused: field-not-collected\n", WRITES) == []
    assert told("    operation: delete\n    filters: [id]\n    expect: {id: reveal}\n", WRITES) == []
    assert told("    operation: delete\n    filters: [name]\n    refused: filter-not-permitted\n", WRITES) == []
    assert told(f"{update}    fields: [name]\n    refused: field-not-collected\n", WRITES) == [
        "tests/one.yaml:2: A case: the call: expected field-not-collected, got a permit"
    ]
