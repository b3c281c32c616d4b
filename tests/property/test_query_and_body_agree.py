# SPDX-License-Identifier: Apache-2.0
"""What a body says is decided and asked as if a query had said it: one meaning, two places."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.decide.decide import Decider
from gateway.domain import strictjson
from gateway.domain.catalog import BodyKind, BodyShape, Catalog, FieldType, Route
from gateway.domain.decision import Decision, Deny, Permit
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import FieldName
from gateway.domain.parameters import (
    Comparison,
    FieldsParameter,
    FilterParameter,
    LimitParameter,
    OffsetParameter,
    Parameter,
    SortParameter,
)
from gateway.doors.http.reading.binding import Asked, bind
from gateway.doors.http.reading.search import said_in
from gateway.flows.access.asking import store_call
from gateway.flows.access.ports.stores import StoreCall
from tests.fakes.deciding import COLLECTION as PEOPLE
from tests.fakes.deciding import NOW_US, ROUTE, RULES, field, grant, inquiry, rules

COLLECTION = msgspec.structs.replace(
    PEOPLE,
    fields=(
        *PEOPLE.fields,
        field("n", "user.name", type_=FieldType.INTEGER),
        field("sum", "user.name", type_=FieldType.DECIMAL),
        field("is_on", "user.name", type_=FieldType.BOOLEAN),
    ),
)
IN = Comparison.IN
PARAMETERS: Mapping[str, Parameter] = {
    "limit": LimitParameter(most=50, default=20),
    "offset": OffsetParameter(),
    "sort": SortParameter((FieldName("name"), FieldName("religion"))),
    "fields": FieldsParameter(),
    **{name: FilterParameter(FieldName(name)) for name in ("id", "name", "email", "born", "n", "sum", "is_on")},
    "born_in": FilterParameter(FieldName("born"), bands=True),
    "ids": FilterParameter(FieldName("id"), IN, most=4),
    "names": FilterParameter(FieldName("name"), IN, most=4),
    "ns": FilterParameter(FieldName("n"), IN, most=4),
    "n_from": FilterParameter(FieldName("n"), Comparison.AT_LEAST),
}
QUERY = msgspec.structs.replace(ROUTE, parameters=PARAMETERS)
BODY = msgspec.structs.replace(
    ROUTE,
    method="POST",
    template="/crm/people/search",
    parameters={},
    body=BodyShape(kind=BodyKind.SEARCH, parameters={f"at.{name}": one for name, one in PARAMETERS.items()}),
)
RULE_SETS = tuple(
    rules(grants=grants, catalog=Catalog(collections={COLLECTION.dataset: COLLECTION}, routes=(QUERY, BODY)))
    for grants in (
        RULES.grants,
        (grant("user"),),
        (grant("user.name"), grant("user.id", "drop", link=False), grant("user.birth", "generalise.year", link=False)),
    )
)

WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters=","), min_size=1, max_size=8
)
# In a query, a list that begins with a bracket is refused: some stores read it as JSON (docs/adr/0028).
LISTED = st.lists(WORDS, min_size=1, max_size=5).filter(lambda words: not words[0].startswith("["))
NUMBERS = st.integers(-(10**18), 10**18)
DECIMALS = st.decimals(-(10**9), 10**9, places=3, allow_nan=False)
SAID: dict[str, st.SearchStrategy[Any]] = {
    "limit": st.integers(-1, 60),
    "offset": st.integers(0, 100),
    "sort": st.sampled_from(["name", "-name", "religion", "born"]),
    "fields": st.sampled_from(["id", "id,name", "religion", "nope"]),
    **dict.fromkeys(("id", "name", "email", "born"), WORDS),
    "n": NUMBERS,
    "sum": DECIMALS,
    "is_on": st.booleans(),
    "born_in": st.sampled_from(["1980", "1980-1989"]),
    "ids": LISTED,
    "names": LISTED,
    "ns": st.lists(NUMBERS, min_size=1, max_size=5),
    "n_from": NUMBERS,
}


def in_query(value: Any) -> str:
    """Spell a value as a caller of the query would."""
    match value:
        case list():
            return ",".join(map(in_query, value))
        case bool():
            return str(value).lower()
        case Decimal():
            text = f"{value:f}"
            return (text.rstrip("0").rstrip(".") if "." in text else text) if value else "0"
        case _:
            return str(value)


def decided(route: Route, asked: Asked | Deny, decider: Decider) -> tuple[Decision, Inquiry | None]:
    if isinstance(asked, Deny):
        return asked, None
    call = msgspec.structs.replace(
        inquiry(), route=route, fields=asked.fields, filters=asked.filters, sorts=asked.sorts,
        limit=asked.limit, offset=asked.offset,
    )  # fmt: skip
    return decider.decide(call, (), NOW_US), call


def told(decision: Decision) -> tuple[object, ...]:
    """Return what a caller learns of a decision, whatever the parameters are called."""
    if isinstance(decision, Permit):
        return ("permit", decision.plan.treatments, [use.use for use in decision.filters])
    names = tuple(name.removeprefix("at.") for name in decision.fields)
    return (type(decision).__name__, getattr(decision, "reason", None), names)


def values_of(call: StoreCall) -> dict[str, str]:
    """Return what the store is asked, by parameter, as text."""
    if call.body is None:
        return dict(call.query)
    members = strictjson.read(call.body)
    assert isinstance(members, dict)
    assert isinstance(members["at"], dict)
    return {name: in_query(value) for name, value in members["at"].items()}


@settings(max_examples=300, deadline=None)
@given(
    said=st.fixed_dictionaries({}, optional=SAID),
    which=st.sampled_from(range(len(RULE_SETS))),
)
def test_a_body_and_a_query_with_one_content_are_decided_and_asked_alike(said: dict[str, Any], which: int) -> None:
    """The same refusal, or the same view and the same values at the store."""
    decider = Decider(RULE_SETS[which], lambda _rung, text: text == "1980-1989")
    raw = msgspec.json.Encoder(decimal_format="number").encode({"at": said})
    members = said_in(strictjson.read(raw), BODY.body.parameters if BODY.body else {}, COLLECTION)
    by_body = members if isinstance(members, Deny) else bind(BODY, COLLECTION, (), (), members)
    by_query = bind(QUERY, COLLECTION, (), [(name, in_query(value)) for name, value in said.items()])

    (one, call_of_body), (other, call_of_query) = decided(BODY, by_body, decider), decided(QUERY, by_query, decider)
    assert told(one) == told(other)
    if isinstance(one, Permit) and isinstance(other, Permit) and call_of_body and call_of_query:
        asked = [
            store_call(call, permit, lambda _field, text: f"clear of {text}")
            for call, permit in ((call_of_body, one), (call_of_query, other))
        ]
        assert not any(isinstance(each, Deny) for each in asked), asked
        first, second = (values_of(each) for each in asked if isinstance(each, StoreCall))
        assert first == second


def test_the_strategies_reach_permits_with_lists_and_refusals() -> None:
    """The law above is not empty: each rule set permits one of these and refuses another."""
    outcomes = set()
    for rule_set in RULE_SETS:
        for pairs in ([("ids", "a,b")], [("names", "a,b")], [("born_in", "1980-1989")], [("sort", "religion")]):
            decision, _ = decided(QUERY, bind(QUERY, COLLECTION, (), pairs), Decider(rule_set, lambda _r, _t: True))
            outcomes.add((pairs[0][0], type(decision).__name__))
    assert {("ids", "Permit"), ("ids", "Deny"), ("names", "Permit"), ("sort", "Deny")} <= outcomes
