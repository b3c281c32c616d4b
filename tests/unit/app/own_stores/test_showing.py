# SPDX-License-Identifier: Apache-2.0
"""What is shown ahead is what the road would release, value by value."""

import msgspec
import pytest

from gateway.app.own_stores.showing import (
    Viewer,
    as_if_confirmed,
    decider_of,
    member,
    rows_of,
    rows_told,
    table,
    viewers_of,
)
from gateway.app.own_stores.starting import ANALYST, CAMPAIGNER, INSIGHTS, MAILING, starter_files
from gateway.decide.decide import Decider
from gateway.discover.sample import Sample
from gateway.domain.names import DatasetName, StoreName
from tests.fakes.own_api import PEOPLE as ROWS
from tests.fakes.own_dataset import UNREVIEWED
from tests.fakes.surrogate_keys import FakeSurrogateKeys

NOW_US = 1_790_000_000_000_000
PEOPLE = DatasetName("club.people")
FILES = starter_files(StoreName("club"), UNREVIEWED)


@pytest.fixture(scope="module")
def ahead() -> Decider:
    """What decides as if all were confirmed."""
    return decider_of(as_if_confirmed(FILES))


def shown(decider: Decider, rows: list[dict[str, object]]) -> dict[str, tuple[object, ...]]:
    """Return by field the store's value and what each role gets."""
    viewers = viewers_of(decider.rules, "club")
    collection = decider.rules.catalog.collections[PEOPLE]
    found = table(decider, collection, rows, viewers, FakeSurrogateKeys(), NOW_US)
    return {one.field: (one.value, *one.seen) for one in found}


def test_each_role_is_shown_its_own_view(ahead: Decider) -> None:
    """Masks, bands and surrogates are those of the road."""
    told = shown(ahead, [ROWS[1]])
    assert told["email"] == ("person1@example.com", "p***@example.com", "person1@example.com")
    assert told["birth_date"] == ("1951-02-11", "1951-02", None)
    assert told["full_name"] == ("Klara Lindqvist", None, "Klara Lindqvist")
    assert told["religion"] == ("none", None, None)
    assert str(told["id"][1]).startswith("sv1_")
    assert told["id"][1] != told["id"][2]


def test_before_confirmation_everything_is_dropped() -> None:
    """The same table over the rules as they are."""
    told = shown(decider_of(FILES), [ROWS[1]])
    assert {seen for _, *each in told.values() for seen in each} == {None}


def test_the_row_that_has_most_is_shown(ahead: Decider) -> None:
    """A first row of nulls shows nothing."""
    assert shown(ahead, [{"id": "p-0", "email": None}, ROWS[2]])["email"][0] == ROWS[2]["email"]


def test_without_a_row_nothing_is_shown(ahead: Decider) -> None:
    """Nor where the row is not as it was declared."""
    assert shown(ahead, [])["email"] == (None, None, None)
    assert shown(ahead, [{**ROWS[1], "points": "many"}])["email"][1] is None


def test_rules_on_rows_are_told_as_sentences(ahead: Decider) -> None:
    """The campaigner would see nobody without a consent."""
    told = rows_told(ahead, Viewer(role=CAMPAIGNER, purpose=MAILING), PEOPLE, NOW_US)
    assert any("did not consent" in one for one in told)
    assert rows_told(ahead, Viewer(role=ANALYST, purpose=INSIGHTS), PEOPLE, NOW_US)


def test_rows_are_found_where_the_route_says(ahead: Decider) -> None:
    """In an object, in an array, or as the one record; elsewhere there are none."""
    routes = ahead.rules.catalog.routes
    body = {"items": [{"id": "p-1"}, 7], "total": 2}
    assert rows_of([Sample(path="/people", body=body), Sample(path="/other", body=body)], routes, PEOPLE) == [
        {"id": "p-1"}
    ]
    assert rows_of([Sample(path="/people", body=[1])], routes, PEOPLE) == []
    bare = [msgspec.structs.replace(routes[0], answer=msgspec.structs.replace(routes[0].answer, kind=kind, rows=None))
            for kind in ("array", "record")]  # fmt: skip
    assert rows_of([Sample(path="/people", body=[{"id": "p-1"}])], bare[:1], PEOPLE) == [{"id": "p-1"}]
    assert rows_of([Sample(path="/people/", body={"id": "p-1"})], bare[1:], PEOPLE) == [{"id": "p-1"}]


def test_a_member_is_found_by_its_path() -> None:
    """Nothing is at a path that does not exist."""
    assert member({"address": {"city": "Köln"}}, "address.city") == "Köln"
    assert member({"address": None}, "address.city") is None
    assert member([], "address") is None
