# SPDX-License-Identifier: Apache-2.0
"""The file of a proposal: names that YAML would misread, comments that cannot leave their line, no value."""

import pytest
import yaml

from gateway.discover.dataset_yaml import dataset_yaml, quoted, shown_sentence
from gateway.discover.propose import propose
from gateway.discover.sample import Sample
from gateway.domain.names import StoreName
from tests.fakes.proposals import SENSITIVE, crowd, loaded

CRM = StoreName("crm")


@pytest.mark.parametrize(
    "name", ["y", "No", "null", "1", "a b", "x[gte]", "a:b", "手机号", "_next", "name", "-", 'a"b', "Off", "1.5"]
)
def test_a_name_reads_back_as_the_text_that_it_is(name: str) -> None:
    """YAML has ideas of its own about some words."""
    assert yaml.safe_load(f"{{{quoted(name)}: {quoted(name)}}}") == {name: name}


def test_a_sentence_stays_on_its_line() -> None:
    """Names of a store come into comments."""
    assert "\n" not in shown_sentence("a\nreviewed: yes\u2028x")


def test_no_value_of_the_store_stands_in_the_file() -> None:
    """Neither in comments nor elsewhere."""
    text = dataset_yaml(propose(CRM, None, [Sample(path="/customers", body=list(crowd(50)))]))
    values = {str(row[field]) for row in crowd(50) for field in (*SENSITIVE, "id", "notes") if row[field] is not None}
    assert not [value for value in values if value in text]


def test_the_file_says_the_same_without_notes() -> None:
    """Comments are for people alone."""
    proposal = propose(
        CRM, None, [Sample(path="/customers", body=[{"id": "c-1", "email": "a@example.com", "x": {"y": 1}}])]
    )
    noted, bare = dataset_yaml(proposal), dataset_yaml(proposal, notes=False)
    assert "#" in noted
    assert "#" not in bare
    assert yaml.safe_load(noted) == yaml.safe_load(bare)


def test_every_field_has_its_mark_on_a_line_of_its_own() -> None:
    """So that it can be taken away by hand; without these lines the file loads, and everything is reviewed."""
    text = dataset_yaml(propose(CRM, None, [Sample(path="/customers", body=list(crowd(5)))]))
    marks = [line for line in text.splitlines() if "reviewed: no" in line and not line.startswith("#")]
    assert {mark.strip() for mark in marks} == {"reviewed: no", "gateway: {reviewed: no}"}
    assert len(marks) == len(crowd(1)[0])
    bare = "".join(f"{line}\n" for line in text.splitlines() if line not in marks)
    (collection,) = loaded(bare, "crm").rules.catalog.collections.values()
    assert all(field.reviewed for field in collection.fields)


def test_rows_of_nobody_known_count_as_people() -> None:
    """With the question whom they are about."""
    text = dataset_yaml(propose(CRM, None, [Sample(path="/goods", body=[{"price": 2.5, "sku": "S-1"}])]))
    assert "subject: {identity: crm.goods_row, field: sku}" in text
    assert "Whom is a row about?" in text
