# SPDX-License-Identifier: Apache-2.0
"""What a store is asked: decided parts and nothing else; and what the log keeps of a decision."""

import msgspec
import pytest

from gateway.domain.catalog import BodyKind, BodyShape, Collection, FieldType, Route
from gateway.domain.continuation import following
from gateway.domain.decision import Deny, FilterUse, Permit, Reason, Use
from gateway.domain.inquiry import Filter, Inquiry, Sort
from gateway.domain.names import FieldName
from gateway.domain.parameters import (
    Comparison,
    CursorParameter,
    FieldsParameter,
    FilterParameter,
    LimitParameter,
    OffsetParameter,
    OrderParameter,
    PageParameter,
    Parameter,
    SortParameter,
    SortStyle,
)
from gateway.domain.viewplan import Caps
from gateway.flows.access.asking import Resolve, facts_of, store_call
from gateway.flows.access.ports.stores import StoreCall
from tests.fakes.access import AccessHouse
from tests.fakes.deciding import NOW_US, ROUTE, equal, field, hold, inquiry

LIST = msgspec.structs.replace(
    ROUTE,
    parameters={
        "n": LimitParameter(most=50, default=20),
        "skip": OffsetParameter(),
        "order": SortParameter((FieldName("name"),)),
        "only": FieldsParameter(),
        "name": FilterParameter(FieldName("name")),
    },
)
RECORD = msgspec.structs.replace(ROUTE, template="/crm/people/{id}/of/{email}", parameters={})


def permit(*filters: FilterUse) -> Permit:
    """Return a permit with these filters."""
    house = AccessHouse()
    decision = house.rules.decider.decide(inquiry(), (), NOW_US)
    assert isinstance(decision, Permit)
    return msgspec.structs.replace(decision, filters=filters)


def use(asked: Filter, as_what: Use = Use.CLEAR) -> FilterUse:
    """Return a filter that is permitted."""
    return FilterUse(filter=asked, use=as_what)


def listing(**changes: object) -> Inquiry:
    """Return a call of the list."""
    return msgspec.structs.replace(inquiry(), route=LIST, **changes)


def test_filters_go_first_then_paging_and_order_under_the_routes_own_names() -> None:
    """Fields that the caller named stay with the gateway."""
    asked = listing(
        limit=7, offset=14, sorts=(Sort(field=FieldName("name"), descending=True),), fields=(FieldName("name"),)
    )
    call = store_call(asked, permit(use(equal("name", "a b"))), lambda _field, _text: None)
    assert not isinstance(call, Deny)
    assert (call.store, call.method, call.path) == ("crm", "GET", "/people")
    assert call.query == (("name", "a b"), ("n", "7"), ("skip", "14"), ("order", "-name"))


def test_a_page_is_bounded_even_where_the_caller_does_not_bound_it() -> None:
    """Nothing is skipped or ordered by itself."""
    call = store_call(listing(), permit(), lambda _field, _text: None)
    assert not isinstance(call, Deny)
    assert call.query == (("n", "20"),)


def test_values_of_a_path_are_single_segments() -> None:
    """Whatever is in them is escaped; they are not in the query as well."""
    inside = [
        Filter(field=FieldName(name), comparison=Comparison.EQUAL, value=value, parameter=name, in_path=True)
        for name, value in (("id", "a/../b?c"), ("email", "d@x.org"))
    ]
    asked = msgspec.structs.replace(inquiry(filters=inside), route=RECORD)
    call = store_call(asked, permit(*map(use, inside)), lambda _field, _text: None)
    assert not isinstance(call, Deny)
    assert call.path == "/people/a%2F..%2Fb%3Fc/of/d%40x.org"
    assert call.query == ()


def test_a_surrogate_is_resolved_and_a_foreign_one_refused() -> None:
    """The refusal names the parameter, not the value."""
    asked = use(equal("id", "sv1_x"), Use.SURROGATE)
    right = store_call(listing(), permit(asked), lambda field, text: f"{field} of {text}")
    wrong = store_call(listing(), permit(asked), lambda _field, _text: None)
    assert not isinstance(right, Deny)
    assert right.query[0] == ("id", "id of sv1_x")
    assert wrong == Deny(reason=Reason.SURROGATE_NOT_RECOGNISED, fields=("id",))


def test_a_band_is_handed_on_as_it_is() -> None:
    """The route declares that the store understands it."""
    call = store_call(listing(), permit(use(equal("born", "1980"), Use.BAND)), lambda _field, _text: None)
    assert not isinstance(call, Deny)
    assert call.query[0] == ("born", "1980")


def test_facts_hold_names_and_comparisons_and_no_values() -> None:
    """Orders are told beside filters."""
    asked = inquiry(filters=(equal("name", "Ann"), equal("born", "1980", comparison=Comparison.AT_LEAST)))
    asked = msgspec.structs.replace(
        asked,
        sorts=(Sort(field=FieldName("name"), descending=True), Sort(field=FieldName("id"), descending=False)),
        reference="c-1",
    )
    facts = facts_of(asked, None, now_us=NOW_US, rules="d1")
    assert facts.filters == ("name eq", "born ge", "sort -name", "sort id")
    assert (facts.reference, facts.route, facts.assurance, facts.grants, facts.caps) == (
        "c-1",
        "/crm/people",
        4,
        (),
        (),
    )
    assert "Ann" not in repr(facts)


@pytest.mark.parametrize(
    ("caps", "told"),
    [
        (None, ()),
        (Caps(fresh=False), ("stale",)),
        (Caps(fresh=True, holds=(hold("user"),)), ("probing",)),
        (Caps(fresh=False, holds=(hold("user"),)), ("stale", "probing")),
    ],
)
def test_facts_of_a_permit_name_grants_fields_and_caps(caps: Caps | None, told: tuple[str, ...]) -> None:
    """Words of treatment that no field has are left out."""
    plan = msgspec.structs.replace(permit().plan, lowered=caps)
    facts = facts_of(inquiry(), plan, now_us=NOW_US, rules="d1", view={"reveal": ("name",), "mask": ()}, choices=3)
    assert facts.fields == {"reveal": ("name",)}
    assert facts.caps == told
    assert facts.grants == plan.grants
    assert facts.choices == 3


TYPED = Collection(
    dataset=ROUTE.dataset,
    fields=(
        field("id", "user.id"),
        field("born", "user.birth"),
        field("n", "user", type_=FieldType.INTEGER),
        field("sum", "user", type_=FieldType.DECIMAL),
        field("is_on", "user", type_=FieldType.BOOLEAN),
    ),
    subject=None,
)
IN = Comparison.IN
SEARCH = msgspec.structs.replace(
    ROUTE,
    method="POST",
    parameters={},
    body=BodyShape(
        kind=BodyKind.SEARCH,
        parameters={
            "page.size": LimitParameter(most=50, default=20),
            "page.from": OffsetParameter(),
            "order": SortParameter((FieldName("n"),)),
            "only": FieldsParameter(),
            "where.ids": FilterParameter(FieldName("id"), IN),
            "where.is.n": FilterParameter(FieldName("n")),
            "where.is.sums": FilterParameter(FieldName("sum"), IN),
            "where.is.on": FilterParameter(FieldName("is_on")),
            "where.born": FilterParameter(FieldName("born"), bands=True),
        },
    ),
)


def said(parameter: str, *values: str, name: str, in_body: bool = True, bands: bool = False) -> Filter:
    """Return a filter of a search, a list where there are several values."""
    many = len(values) > 1
    return Filter(
        field=FieldName(name),
        comparison=IN if many else Comparison.EQUAL,
        value="" if many else values[0],
        values=values if many else (),
        parameter=parameter,
        in_body=in_body,
        bands=bands,
    )


def searched(*uses: FilterUse, resolve: Resolve = lambda _field, _text: None, **changes: object) -> StoreCall | Deny:
    """Return what the store is asked in a search with these filters."""
    plan = msgspec.structs.replace(permit().plan, collection=TYPED)
    asked = msgspec.structs.replace(inquiry(), route=SEARCH, **changes)
    return store_call(asked, msgspec.structs.replace(permit(*uses), plan=plan), resolve)


def test_a_search_is_asked_in_a_body_made_anew() -> None:
    """Nested by the declared paths and in their order, each value of the kind of its field."""
    call = searched(
        use(said("where.is.on", "true", name="is_on")),
        use(said("where.is.sums", "1.50", "-3", name="sum")),
        use(said("where.is.n", "42", name="n")),
        use(said("where.born", "1980-1989", name="born", bands=True), Use.BAND),
        limit=7,
        offset=14,
        sorts=(Sort(field=FieldName("n"), descending=True),),
        fields=(FieldName("id"),),
    )
    assert isinstance(call, StoreCall)
    assert call.body == (
        b'{"page":{"size":7,"from":14},"order":["-n"],"where":{"is":{"n":42,"sums":[1.50,-3],"on":true},'
        b'"born":"1980-1989"}}'
    )
    assert (call.method, call.query, call.content_type, call.writes) == ("POST", (), "application/json", False)


def test_an_empty_search_asks_for_the_first_page() -> None:
    """It is bounded even where the caller does not bound it."""
    call = searched()
    assert isinstance(call, StoreCall)
    assert call.body == b'{"page":{"size":20}}'


def test_each_surrogate_of_a_list_is_resolved_and_one_foreign_refuses_all() -> None:
    """The refusal names the parameter, not the value."""
    ids = use(said("where.ids", "s1", "s2", name="id"), Use.SURROGATE)
    right = searched(ids, resolve=lambda _field, text: f"clear {text}")
    wrong = searched(ids, resolve=lambda _field, text: "clear" if text == "s1" else None)
    assert isinstance(right, StoreCall)
    assert right.body == b'{"page":{"size":20},"where":{"ids":["clear s1","clear s2"]}}'
    assert wrong == Deny(reason=Reason.SURROGATE_NOT_RECOGNISED, fields=("where.ids",))


@pytest.mark.parametrize(
    ("parameter", "name", "value"),
    [
        ("where.is.n", "n", "4.0"), ("where.is.n", "n", "04"), ("where.is.n", "n", "x"), ("where.is.n", "n", "4" * 65),
        ("where.is.sums", "sum", "NaN"), ("where.is.sums", "sum", "1e5"), ("where.is.on", "is_on", "yes"),
    ],
)  # fmt: skip
def test_a_value_that_is_not_of_its_fields_type_is_not_sent(parameter: str, name: str, value: str) -> None:
    """Nor is it in the refusal."""
    refusal = searched(use(said(parameter, value, name=name)))
    assert isinstance(refusal, Deny)
    assert (refusal.reason, refusal.fields) == (Reason.PARAMETER_INVALID, (parameter,))
    assert value not in (refusal.title or "")


def test_a_list_in_a_query_is_joined_by_commas() -> None:
    """A value with a comma in it would be two to the store, so it is not asked for."""
    ids = use(said("ids", "a", "b", name="id", in_body=False), Use.SURROGATE)
    call = store_call(listing(), permit(ids), lambda _field, text: text * 2)
    two = store_call(listing(), permit(ids), lambda _field, text: f"{text},{text}")
    assert isinstance(call, StoreCall)
    assert call.query[0] == ("ids", "aa,bb")
    assert two == Deny(reason=Reason.SURROGATE_NOT_RECOGNISED, fields=("ids",))


def test_conditions_go_as_the_door_gave_them_and_a_write_is_marked() -> None:
    """The body of a write is made by who judges what is written."""
    route = msgspec.structs.replace(RECORD, method="PATCH", operation="update", body=BodyShape(kind=BodyKind.FIELDS))
    inside = [
        Filter(field=FieldName(name), comparison=Comparison.EQUAL, value="1", parameter=name, in_path=True)
        for name in ("id", "email")
    ]
    asked = msgspec.structs.replace(
        inquiry(filters=inside), route=route, operation="update", conditions=(("if-match", '"x"'),)
    )
    call = store_call(asked, permit(*map(use, inside)), lambda _field, _text: None)
    assert isinstance(call, StoreCall)
    assert (call.headers, call.writes, call.body) == ((("if-match", '"x"'),), True, None)


def test_the_log_keeps_how_long_a_list_was_and_nothing_of_it() -> None:
    """Name, comparison and count."""
    facts = facts_of(inquiry(filters=(said("ids", "a1", "b2", "c3", name="id"),)), None, now_us=NOW_US, rules="d1")
    assert facts.filters == ("id in(3)",)


def styled(**parameters: Parameter) -> Route:
    return msgspec.structs.replace(ROUTE, parameters=parameters)


def query_of(asked: Inquiry, *filters: FilterUse) -> list[tuple[str, str]]:
    call = store_call(asked, permit(*filters), lambda field, text: {"sv1_x": f"{field}, (x)"}.get(text))
    assert isinstance(call, StoreCall), call
    return list(call.query)


ORDER = (Sort(field=FieldName("name"), descending=True), Sort(field=FieldName("id"), descending=False))


def test_values_are_spelled_as_the_store_spells_them() -> None:
    """What a surrogate stands for too, with quotes in a list; two of one name go as two."""
    low, high = (
        msgspec.structs.replace(equal("name", value, comparison=how), parameter="name", spelling=spelling)
        for value, how, spelling in (("a", Comparison.AT_LEAST, "gte.{}"), ("z", Comparison.AT_MOST, "lte.{}"))
    )
    ids = Filter(
        field=FieldName("id"), comparison=Comparison.IN, value="", parameter="id", values=("sv1_x",), spelling="in.({})"
    )
    asked = msgspec.structs.replace(inquiry(), route=styled())
    assert query_of(asked, use(low), use(high), use(ids, Use.SURROGATE)) == [
        ("name", "gte.a"), ("name", "lte.z"), ("id", 'in.("id, (x)")'),
    ]  # fmt: skip


def test_what_a_surrogate_stands_for_is_not_asked_for_where_it_cannot_be_spelled() -> None:
    """A comma in a list without quotes would be two values, a bracket in front a list in JSON."""
    for clear in ("a,b", "[a"):
        ids = Filter(field=FieldName("id"), comparison=Comparison.IN, value="", parameter="ids", values=(clear,))
        asked = msgspec.structs.replace(inquiry(), route=styled())
        refused = store_call(asked, permit(use(ids, Use.SURROGATE)), lambda _field, text: text)
        assert refused == Deny(reason=Reason.SURROGATE_NOT_RECOGNISED, fields=("ids",))


def test_what_is_always_sent_goes_first() -> None:
    """In its own order."""
    route = msgspec.structs.replace(styled(n=LimitParameter()), always=(("_shape", "objects"), ("_nocount", "1")))
    asked = msgspec.structs.replace(inquiry(), route=route)
    assert query_of(asked) == [("_shape", "objects"), ("_nocount", "1"), ("n", "100")]


def test_a_store_is_told_the_slash_that_it_wants() -> None:
    """Where its route says so."""
    for slash in (True, False):
        asked = msgspec.structs.replace(inquiry(), route=msgspec.structs.replace(styled(), slash=slash))
        call = store_call(asked, permit(), lambda _field, text: text)
        assert not isinstance(call, Deny)
        assert call.slash is slash


@pytest.mark.parametrize(("offset", "page"), [(None, "1"), (0, "1"), (20, "2"), (60, "4")])
def test_a_page_has_the_number_of_its_offset(offset: int | None, page: str) -> None:
    """From 1, and always told: some stores have no pages without it."""
    route = styled(page=PageParameter(), n=LimitParameter())
    asked = msgspec.structs.replace(inquiry(), route=route, limit=20, offset=offset)
    assert query_of(asked) == [("page", page), ("n", "20")]


def test_a_continuation_is_told_as_the_store_told_it() -> None:
    """Nothing on the first page."""
    asked = msgspec.structs.replace(inquiry(), route=styled(_next=CursorParameter()))
    assert query_of(asked) == []
    assert query_of(msgspec.structs.replace(asked, continuation=following(None, "25,m&5"))) == [("_next", "25,m&5")]


@pytest.mark.parametrize(
    ("parameters", "sorts", "told"),
    [
        ({"order": SortParameter((), SortStyle.DOT)}, ORDER, [("order", "name.desc,id.asc")]),
        (
            {"by": SortParameter((), SortStyle.APART), "order": OrderParameter()},
            ORDER,
            [("by", "name,id"), ("order", "desc,asc")],
        ),
        ({"by": SortParameter((), SortStyle.APART), "order": OrderParameter()}, (), []),
        (
            {"up": SortParameter((), SortStyle.ASCENDING), "down": SortParameter((), SortStyle.DESCENDING)},
            ORDER[:1],
            [("down", "name")],
        ),
        (
            {"up": SortParameter((), SortStyle.ASCENDING), "down": SortParameter((), SortStyle.DESCENDING)},
            ORDER[1:],
            [("up", "id")],
        ),
    ],
)
def test_an_order_is_told_in_the_style_of_its_parameter(
    parameters: dict[str, Parameter], sorts: tuple[Sort, ...], told: list[tuple[str, str]]
) -> None:
    """Of two, by the one that can say it."""
    asked = msgspec.structs.replace(inquiry(), route=styled(**parameters), sorts=sorts)
    assert query_of(asked) == told


def test_a_search_goes_on_in_its_body() -> None:
    """A page as a number, a continuation as the text that it is, an order in its style."""
    body = BodyShape(
        kind=BodyKind.SEARCH,
        parameters={
            "at.page": PageParameter(),
            "after": CursorParameter(),
            "n": LimitParameter(),
            "sort": SortParameter((), SortStyle.DOT),
        },
    )
    asked = msgspec.structs.replace(
        inquiry(), route=msgspec.structs.replace(ROUTE, method="POST", parameters={}, body=body),
        limit=20, offset=40, sorts=ORDER, continuation=following(None, "c"),
    )  # fmt: skip
    call = store_call(asked, permit(), lambda _field, _text: None)
    assert isinstance(call, StoreCall)
    assert msgspec.json.decode(call.body or b"") == {
        "at": {"page": 3}, "after": "c", "n": 20, "sort": ["name.desc", "id.asc"],
    }  # fmt: skip
