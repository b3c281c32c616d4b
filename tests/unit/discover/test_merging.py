# SPDX-License-Identifier: Apache-2.0
"""What is new is added, and what somebody wrote stays to the byte."""

import pytest
import yaml

from gateway.discover.dataset_yaml import dataset_yaml
from gateway.discover.merging import CannotMerge, merged
from gateway.discover.propose import propose
from gateway.discover.sample import Sample
from gateway.domain.names import DatasetName, StoreName
from tests.fakes.proposals import loaded

CRM = StoreName("crm")
ROW = {"id": "c-1", "email": "a@example.com", "home": {"city": "Berlin"}}
OLD = propose(CRM, None, [Sample(path="/customers", body=[ROW])])
NEWER = {**ROW, "home": {"city": "Berlin", "zip": "10115"}, "手机号": "13812345678"}
NEW = propose(
    CRM,
    None,
    [
        Sample(path="/customers", body=[NEWER]),
        Sample(path="/customers/c-1", body=NEWER),
        Sample(path="/orders", body=[{"id": 1, "sum": 2}]),
    ],
)
HAND = """\
# The customers, looked through on a Monday.
dataset:
- fides_key: crm
  name: Customers
  collections:
  - name: customers
    gateway:
      subject: {identity: crm.customer_id, field: id}
      routes:
      - method: GET
        path: /crm/customers
        operation: read
        answer: {kind: array}
    fields:
    - {name: id, data_categories: [user.unique_id], gateway: {type: text}}  # the key
    - name: email
      data_categories: [user.contact.email]
      description: |
        Where we write to.
      gateway: {type: text}
    - name: home
      fields:
      - {name: city, data_categories: [user], gateway: {type: text}}
"""


@pytest.mark.parametrize("text", [dataset_yaml(OLD), HAND, HAND.rstrip("\n") + "  # end\n"])
def test_new_fields_routes_and_collections_are_added_and_nothing_else_changes(text: str) -> None:
    """Into a file of ours and into one that somebody wrote in another form."""
    found = merged(text, NEW)
    assert found.collections == ("orders",)
    assert found.fields == ("customers.home.zip", "customers.手机号")
    assert found.routes == ("GET /crm/customers/{id}",)
    left = iter(found.text.splitlines())
    assert all(line in left for line in text.splitlines())
    rules = loaded(found.text, "crm").rules
    fields = {one.name: one.reviewed for one in rules.catalog.collections["crm.customers"].fields}  # type: ignore[index]
    assert not fields["手机号"]  # type: ignore[index]
    assert not fields["home.zip"]  # type: ignore[index]
    assert fields["email"] == ("reviewed: no" not in text)  # type: ignore[index]


def test_what_was_added_is_not_added_again() -> None:
    """The second look finds nothing new."""
    first = merged(dataset_yaml(OLD), NEW)
    again = merged(first.text, NEW)
    assert not again.is_new
    assert again.text == first.text


@pytest.mark.parametrize(
    "text",
    [
        dataset_yaml(OLD).replace("fides_key: crm", "fides_key: other"),
        "dataset: [{fides_key: crm, collections: [{name: a}]}]\n",
        "dataset:\n  - fides_key: crm\n    collections: []\n",
    ],
)
def test_a_file_of_another_form_is_left_alone(text: str) -> None:
    """Rather than written in a way that nobody meant."""
    with pytest.raises(CannotMerge):
        merged(text, NEW)


def test_the_text_is_yaml_after_any_of_it() -> None:
    """A file without an end of line is one too."""
    assert yaml.safe_load(merged(HAND, OLD).text) is not None


def test_a_value_in_the_place_of_an_object_is_not_added() -> None:
    """What the file says of the object stays, and the file still loads."""
    one = propose(CRM, None, [Sample(path="/customers", body=[{**ROW, "home": "Berlin", "new": "x"}])])
    found = merged(HAND, one)
    assert found.fields == ("customers.new",)
    collection = loaded(found.text, CRM).rules.catalog.collections[DatasetName("crm.customers")]
    assert [field.name for field in collection.fields] == ["id", "email", "home.city", "new"]
