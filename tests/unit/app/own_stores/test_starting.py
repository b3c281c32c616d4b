# SPDX-License-Identifier: Apache-2.0
"""Starter rules load as they are, give nothing before a review, and survive whatever the review decides."""

import pytest

from gateway.app.own_stores.dataset_text import FieldPlace, changed, unreviewed
from gateway.app.own_stores.showing import as_if_confirmed, decider_of, viewers_of, words_for
from gateway.app.own_stores.starting import (
    ANALYST,
    CAMPAIGNER,
    FOR_INSIGHTS,
    FOR_MAILING,
    LEGAL,
    OF_LOG,
    OFFICER,
    settings_content,
    starter_files,
)
from gateway.decide.loader.vocabulary import vocabulary
from gateway.decide.trial.ruletests import failures
from gateway.domain.names import CategoryKey, DatasetName, StoreName
from gateway.domain.own_data import ACCESS_LOG, ACCESS_LOG_COUNTS
from tests.fakes.own_dataset import UNREVIEWED

CLUB, PEOPLE = StoreName("club"), DatasetName("club.people")
NOW_US = 1_790_000_000_000_000


def words(files: dict[str, bytes]) -> dict[str, dict[str, str]]:
    """Return by role and field what would leave."""
    decider = decider_of(files)
    return {one.role: dict(words_for(decider, one, PEOPLE, NOW_US)) for one in viewers_of(decider.rules, "club")}


def test_before_the_review_nothing_leaves() -> None:
    """To neither role, of no field."""
    told = words(starter_files(CLUB, UNREVIEWED))
    assert set(told) == {ANALYST, CAMPAIGNER}
    assert {word for fields in told.values() for word in fields.values()} == {"drop"}


def test_after_the_review_each_role_sees_what_its_purpose_needs() -> None:
    """A first call is of use, and nothing sensitive is in it."""
    told = words(as_if_confirmed(starter_files(CLUB, UNREVIEWED)))
    assert told[ANALYST] == {
        "id": "surrogate",
        "full_name": "drop",
        "email": "mask",
        "mobile": "surrogate",
        "birth_date": "generalise",
        "city": "reveal",
        "country": "reveal",
        "tier": "drop",
        "points": "reveal",
        "religion": "drop",
        "remarks": "drop",
    }
    assert told[CAMPAIGNER] == dict.fromkeys(told[ANALYST], "drop") | {
        "id": "surrogate",
        "full_name": "reveal",
        "email": "reveal",
        "city": "reveal",
        "country": "reveal",
        "points": "reveal",
    }


@pytest.mark.parametrize(
    "category", ["user", "user.demographic.gender", "user.health_and_medical", "system.operations"]
)
def test_any_category_of_the_review_loads(category: str) -> None:
    """Also where it leaves a line of the rules without a field."""
    every = dict.fromkeys(unreviewed(UNREVIEWED), CategoryKey(category))
    text = changed(UNREVIEWED, every, every)
    assert decider_of(starter_files(CLUB, text)).rules.catalog.collections


def test_a_confirmed_field_leaves_at_once() -> None:
    """And the others do not."""
    text = changed(UNREVIEWED, [FieldPlace(dataset=PEOPLE, field="city")])
    assert {field for field, word in words(starter_files(CLUB, text))[ANALYST].items() if word != "drop"} == {"city"}


def test_every_category_is_of_the_vocabulary() -> None:
    """A mistyped one would give nothing, unseen."""
    assert {one.category for one in (*FOR_INSIGHTS, *FOR_MAILING, *OF_LOG)} <= vocabulary().categories


def test_settings_name_the_store() -> None:
    """With its credentials where it has some."""
    content = settings_content(CLUB, "http://127.0.0.1:9", host="127.0.0.1", port=8080, authorization_file="/x")
    assert content["stores"] == {"club": {"base_url": "http://127.0.0.1:9", "authorization_file": "/x"}}


CASES = """\
tests:
  - name: An officer reads the log
    role: officer
    recipient: own
    assurance: 4
    dataset: DATASET
    purpose: essential.legal_obligation
    expect: {FIELDS}
  - name: An analyst does not
    role: analyst
    recipient: own
    assurance: 4
    dataset: DATASET
    purpose: essential.legal_obligation
    refused: grant-missing
  - name: An officer sees nothing of the store
    role: officer
    recipient: own
    assurance: 4
    dataset: club.people
    purpose: essential.legal_obligation
    refused: purpose-not-allowed
"""


@pytest.mark.parametrize("dataset", [ACCESS_LOG, ACCESS_LOG_COUNTS])
def test_an_officer_reads_the_log_from_the_first_day_and_nobody_else_does(dataset: DatasetName) -> None:
    """Every field of it, for the purpose that asks for a case; and nothing of the store."""
    files = starter_files(CLUB, UNREVIEWED)
    rules = decider_of(files).rules
    fields = ", ".join(f"{one.name}: reveal" for one in rules.catalog.collections[dataset].fields)
    cases = CASES.replace("DATASET", dataset).replace("FIELDS", fields)

    tested = decider_of({**files, "tests/log.yaml": cases.encode()}).rules

    assert failures(tested, NOW_US) == ()
    assert len(tested.tests) == 3
    assert rules.purposes[LEGAL].needs_reference
    assert OFFICER not in words(as_if_confirmed(files))
