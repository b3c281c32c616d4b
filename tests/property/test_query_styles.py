# SPDX-License-Identifier: Apache-2.0
"""What is decided is what is sent (P8), in every style of query: no text makes a second parameter or operator."""

from urllib.parse import parse_qsl

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.decide.decide import Decider
from gateway.domain.catalog import Catalog, Route
from gateway.domain.continuation import MOST_BYTES, following
from gateway.domain.decision import Deny, Permit
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import FieldName, StoreName
from gateway.domain.parameters import (
    AlternativeFilters,
    Comparison,
    CursorParameter,
    FilterParameter,
    LimitParameter,
    OrderParameter,
    PageParameter,
    Parameter,
    SortParameter,
    SortStyle,
)
from gateway.doors.http.reading.binding import bind
from gateway.flows.access.asking import store_call
from gateway.flows.access.ports.stores import StoreCall
from gateway.forward.addresses import base_url
from gateway.forward.calls import StoreCall as HttpCall
from gateway.forward.calls import target_of
from tests.fakes.deciding import COLLECTION, NOW_US, ROUTE, grant, inquiry, rules
from tests.fakes.postgrest_like import listed

NAME, EMAIL = FieldName("name"), FieldName("email")
BASE = base_url("http://127.0.0.1:9/api")
MANY = 5


def spelled(name: FieldName, *spellings: tuple[Comparison, str]) -> AlternativeFilters:
    return AlternativeFilters(tuple(FilterParameter(name, how, most=MANY, value=text) for how, text in spellings))


OPERATORS = ((Comparison.EQUAL, "eq.{}"), (Comparison.IN, "in.({})"), (Comparison.PREFIX, "like.{}*"))
COLON = {
    "name": FilterParameter(NAME),
    "name:in": FilterParameter(NAME, Comparison.IN, most=MANY),
    "name:startsWith": FilterParameter(NAME, Comparison.PREFIX),
}
STYLES: dict[str, dict[str, Parameter]] = {
    "postgrest": {"name": spelled(NAME, *OPERATORS), "email": spelled(EMAIL, *OPERATORS), "limit": LimitParameter(100)},
    "json-server": {**COLON, "_page": PageParameter(), "_limit": LimitParameter(100)},
    "datasette": {
        "name": FilterParameter(NAME),
        "name__in": FilterParameter(NAME, Comparison.IN, most=MANY),
        "_next": CursorParameter(),
        "_size": LimitParameter(100),
    },
    "brackets": {"name": FilterParameter(NAME, value="[{}]"), "email": FilterParameter(EMAIL, value="is:{}!")},
}
ALWAYS = (("_shape", "objects"),)
RULES = rules(grants=(grant("user"),), catalog=Catalog(collections={COLLECTION.dataset: COLLECTION}, routes=()))

HOSTILE = st.text(st.sampled_from(list("&=,()\".\\*%_[]{}:;#+?/ 1aor'")), min_size=1, max_size=14)
VALUES = st.one_of(
    HOSTILE, st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=10)
)
CALLS = st.builds(
    lambda operator, value, end: operator + value + end,
    st.sampled_from(["", "eq.", "in.(", 'in.("', "like.", "not.eq.", "eq(any).{", "[", "is:"]),
    VALUES,
    st.sampled_from(["", ")", '")', "*", "]", "!", "}"]),
)


def sent(route: Route, pairs: list[tuple[str, str]], **changes: object) -> tuple[StoreCall, Inquiry] | None:
    """Return what the store is asked for these pairs; ``None`` if they are refused."""
    asked = bind(route, COLLECTION, (), pairs)
    if isinstance(asked, Deny):
        return None
    call = msgspec.structs.replace(
        inquiry(),
        route=route,
        filters=asked.filters,
        sorts=asked.sorts,
        limit=asked.limit,
        offset=asked.offset,
        **changes,
    )
    decision = Decider(RULES, lambda _rung, _text: False).decide(call, (), NOW_US)
    assert isinstance(decision, Permit), decision
    made = store_call(call, decision, lambda _field, _text: None)
    assert isinstance(made, StoreCall), made
    return made, call


def on_the_wire(call: StoreCall) -> list[tuple[str, str]]:
    """Return the query as any server reads it from the bytes of the URL."""
    url = str(target_of(BASE, HttpCall(store=StoreName("crm"), method="GET", path="/people", query=call.query)))
    assert url.isascii()
    assert "#" not in url
    query = url.partition("?")[2]
    return parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), separator="&")


def read_back(spelling: str, how: Comparison, text: str) -> tuple[str, ...]:
    """Read a value as the store does, by another reader than ours."""
    before, behind = spelling.split("{}")
    assert text.startswith(before)
    assert text.endswith(behind)
    if how is Comparison.IN:
        return tuple(listed(text[len(before) - 1 :], "()")) if before else tuple(text.split(","))
    return (text[len(before) : len(text) - len(behind)],)


@settings(max_examples=400, deadline=None)
@given(style=st.sampled_from(sorted(STYLES)), which=st.integers(0, 3), text=CALLS)
@example(style="postgrest", which=0, text="eq.1&or=(id.gt.0)")
@example(style="postgrest", which=0, text="eq.1,or(id.gt.0)")
@example(style="postgrest", which=0, text="in.(1),id.gt.0)")
@example(style="postgrest", which=0, text='in.("a\\"),id.gt.(0")')
@example(style="datasette", which=1, text='["a","b"]')
def test_any_text_is_refused_or_reaches_the_store_as_what_was_decided(style: str, which: int, text: str) -> None:
    """One parameter under its own name, with the declared operator, and the values that were decided on."""
    parameters = STYLES[style]
    filters = [name for name, one in parameters.items() if isinstance(one, FilterParameter | AlternativeFilters)]
    name = filters[which % len(filters)]
    route = msgspec.structs.replace(ROUTE, parameters=parameters, always=ALWAYS)
    made = sent(route, [(name, text)])
    if made is None:
        return
    call, decided = made
    wire = on_the_wire(call)
    assert wire == list(call.query)
    paging = {one for one, each in parameters.items() if isinstance(each, LimitParameter | PageParameter)}
    assert [one for one, _ in wire] == ["_shape", name, *(one for one in parameters if one in paging)]
    [only] = decided.filters
    assert read_back(only.spelling, only.comparison, dict(wire)[name]) == only.compared


@settings(max_examples=200, deadline=None)
@given(values=st.lists(VALUES, min_size=1, max_size=MANY, unique=True), how=st.sampled_from(OPERATORS))
def test_what_a_direct_caller_would_write_is_what_the_store_gets(
    values: list[str], how: tuple[Comparison, str]
) -> None:
    """Value for value, whatever is in them; only what a pattern would read otherwise is refused."""
    comparison, spelling = how
    quoted = ['"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values]
    inner = ",".join(quoted) if comparison is Comparison.IN else values[0]
    route = msgspec.structs.replace(ROUTE, parameters=STYLES["postgrest"])
    made = sent(route, [("name", spelling.replace("{}", inner))])
    if made is None:
        assert comparison is Comparison.PREFIX
        assert set(values[0]) & set("*%_\\")
        return
    expected = tuple(values) if comparison is Comparison.IN else (values[0],)
    assert read_back(spelling, comparison, dict(on_the_wire(made[0]))["name"]) == expected


@settings(max_examples=100, deadline=None)
@given(told=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=50))
@example(told="25,m-1&_where=1")
@example(told="x" * MOST_BYTES)
def test_a_continuation_reaches_the_store_as_it_told_it(told: str) -> None:
    """As one parameter."""
    route = msgspec.structs.replace(ROUTE, parameters=STYLES["datasette"])
    made = sent(route, [], continuation=following(None, told))
    assert made is not None
    assert on_the_wire(made[0]) == [("_next", told), ("_size", "100")]


SORTABLE = (NAME, FieldName("religion"), FieldName("email"))


@settings(max_examples=100, deadline=None)
@given(
    style=st.sampled_from([SortStyle.MINUS, SortStyle.DOT, SortStyle.APART]),
    keys=st.lists(
        st.tuples(st.sampled_from(SORTABLE), st.booleans()), min_size=1, max_size=3, unique_by=lambda key: key[0]
    ),
)
def test_an_order_reaches_the_store_in_its_style(style: SortStyle, keys: list[tuple[FieldName, bool]]) -> None:
    """Name for name and direction for direction."""
    told = {
        SortStyle.MINUS: {"by": ",".join(("-" if down else "") + name for name, down in keys)},
        SortStyle.DOT: {"by": ",".join(f"{name}.{'desc' if down else 'asc'}" for name, down in keys)},
        SortStyle.APART: {
            "by": ",".join(name for name, _ in keys), "order": ",".join("desc" if down else "asc" for _, down in keys),
        },
    }[style]  # fmt: skip
    parameters: dict[str, Parameter] = {"by": SortParameter(SORTABLE, style)}
    if style is SortStyle.APART:
        parameters["order"] = OrderParameter()
    made = sent(msgspec.structs.replace(ROUTE, parameters=parameters), list(told.items()))
    assert made is not None
    assert dict(on_the_wire(made[0])) == told


def test_the_law_is_not_empty() -> None:
    """Hostile texts that are values of a declared spelling reach the store, as values."""
    route = msgspec.structs.replace(ROUTE, parameters=STYLES["postgrest"])
    for text, value in (("eq.1&or=(id.gt.0)", "eq.1&or=(id.gt.0)"), ('in.("),id.gt.(0",b)', 'in.("),id.gt.(0",b)')):
        made = sent(route, [("name", text)])
        assert made is not None
        assert on_the_wire(made[0]) == [("name", value), ("limit", "100")]
    assert sent(route, [("name", "in.(1),id.gt.0)")]) is None
