# SPDX-License-Identifier: Apache-2.0
"""Questions name filters as callers spell them, and are answered as the road would decide."""

import msgspec
import pytest

from gateway.decide.decide import Decider
from gateway.domain.catalog import Catalog
from gateway.domain.explanation import Explanation
from gateway.domain.names import FieldName
from gateway.domain.parameters import AlternativeFilters, Comparison, FilterParameter
from gateway.flows.explain import NoSuchThing, Question, answer
from tests.fakes.deciding import COLLECTION, MAILING, NOW_US, PERSON, ROUTE, grant, rules

ID, NAME = FieldName("id"), FieldName("name")
PARAMETERS = {
    "id": AlternativeFilters((FilterParameter(ID, value="eq.{}"), FilterParameter(ID, Comparison.IN, value="in.({})"))),
    "name": FilterParameter(NAME, Comparison.AT_LEAST, value="gte.{}"),
}


def told(*filters: str) -> Explanation | NoSuchThing:
    """Ask a rule set in which ids leave as surrogates and names do not leave."""
    route = msgspec.structs.replace(ROUTE, parameters=PARAMETERS)
    catalog = Catalog(collections={COLLECTION.dataset: COLLECTION}, routes=(route,))
    decider = Decider(rules(grants=(grant("user.id", "drop", link=True),), catalog=catalog), lambda _rung, _text: False)
    question = Question(
        principal=PERSON, dataset=COLLECTION.dataset, purpose=MAILING, operation="read", filters=filters
    )
    return answer(decider, question, (), NOW_US)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("id=eq.x", None),
        ("id=in.(x,y)", None),
        ("id", None),
        ("name=gte.x", "filter-not-permitted"),
        ("name", "filter-not-permitted"),
    ],
)
def test_a_filter_is_meant_by_its_spelling_or_by_its_name(text: str, reason: str | None) -> None:
    """Whether a field may be compared is no question of a value."""
    found = told(text)
    assert isinstance(found, Explanation)
    assert found.reason == reason


def test_a_parameter_that_no_route_declares_is_none() -> None:
    """As on the road."""
    assert isinstance(told("born=eq.1"), NoSuchThing)
