# SPDX-License-Identifier: Apache-2.0
"""Path, query and body are bound to what the route declares, each in the same way, or refused."""

import msgspec
import pytest

from gateway.domain.catalog import BodyKind, BodyShape
from gateway.domain.decision import Deny, Reason
from gateway.domain.inquiry import Filter, Sort
from gateway.domain.names import FieldName
from gateway.domain.parameters import (
    AlternativeFilters,
    Comparison,
    CursorParameter,
    FilterParameter,
    LimitParameter,
    OrderParameter,
    PageParameter,
    SortParameter,
    SortStyle,
)
from gateway.doors.http.reading.binding import Asked, bind, has_pages
from gateway.doors.http.reading.query import pairs_of
from tests.fakes.customers import COLLECTION, LIST, ONE

IDS = FilterParameter(FieldName("id"), Comparison.IN, most=3)
LISTED = msgspec.structs.replace(LIST, parameters={**LIST.parameters, "ids": IDS})
SEARCH = msgspec.structs.replace(
    LIST,
    method="POST",
    parameters={"country": LIST.parameters["country"]},
    body=BodyShape(
        kind=BodyKind.SEARCH,
        parameters={**{name: one for name, one in LIST.parameters.items() if name != "country"}, "filter.ids": IDS},
    ),
)

AGE, ID = FieldName("age"), FieldName("id")
SPELLED = msgspec.structs.replace(
    LIST,
    parameters={
        "limit": LIST.parameters["limit"],
        "email": FilterParameter(FieldName("email"), value="eq.{}"),
        "id": AlternativeFilters(
            (FilterParameter(ID, value="eq.{}"), FilterParameter(ID, Comparison.IN, most=3, value="in.({})"))
        ),
        "age": AlternativeFilters(
            (
                FilterParameter(AGE, Comparison.AT_LEAST, value="gte.{}"),
                FilterParameter(AGE, Comparison.AT_MOST, value="lte.{}"),
            )
        ),
    },
)
PAGED = msgspec.structs.replace(
    LIST,
    parameters={
        "page": PageParameter(),
        "limit": LimitParameter(most=100, default=50),
        "by": SortParameter((AGE, ID), SortStyle.APART),
        "order": OrderParameter(),
    },
)
CONTINUED = msgspec.structs.replace(
    LIST,
    always=(("_shape", "objects"),),
    parameters={
        "_next": CursorParameter(),
        "_sort": SortParameter((AGE,), SortStyle.ASCENDING),
        "_sort_desc": SortParameter((AGE,), SortStyle.DESCENDING),
    },
)


def asked(**values: object) -> Asked:
    empty: dict[str, object] = {
        "fields": None, "filters": (), "sorts": (), "limit": 50, "offset": None, "cursor": None,
    }  # fmt: skip
    return Asked(**(empty | values))  # type: ignore[arg-type]


def test_what_is_asked_is_what_is_declared() -> None:
    """Filters with their comparison, order, page and fields, each from its parameter."""
    pairs = (
        ("country", "DE"),
        ("age_from", "30-39"),
        ("limit", "10"),
        ("offset", "20"),
        ("sort", "-age,id"),
        ("fields", "id,email"),
    )
    country = Filter(field=FieldName("country"), comparison=Comparison.EQUAL, value="DE", parameter="country")
    age = Filter(
        field=FieldName("age"), comparison=Comparison.AT_LEAST, value="30-39", parameter="age_from", bands=True
    )
    assert bind(LIST, COLLECTION, (), pairs) == asked(
        fields=("id", "email"),
        filters=(country, age),
        sorts=(Sort(field=FieldName("age"), descending=True), Sort(field=FieldName("id"), descending=False)),
        limit=10,
        offset=20,
    )


def test_an_empty_query_asks_for_the_first_page() -> None:
    """The default of the route bounds it."""
    assert bind(LIST, COLLECTION, (), ()) == asked()


def test_a_value_in_the_path_is_a_filter_of_equality() -> None:
    """A single record has no limit, and its filter is marked as standing in the path."""
    record = Filter(field=FieldName("id"), comparison=Comparison.EQUAL, value="a b", parameter="id", in_path=True)
    assert bind(ONE, COLLECTION, (("id", "a b"),), ()) == asked(filters=(record,), limit=None)


@pytest.mark.parametrize("name", ["religion", "Email", "email ", "email[]", "_method", "cursors", "__proto__"])
def test_an_undeclared_parameter_is_refused(name: str) -> None:
    """A filter that is ignored would show more than was asked for."""
    refusal = bind(LIST, COLLECTION, (), ((name, "x"),))
    assert isinstance(refusal, Deny)
    assert refusal.reason is Reason.PARAMETER_UNDECLARED


def test_a_path_parameter_is_not_declared_for_the_query() -> None:
    """One place for each parameter: the record in the path cannot be changed behind it."""
    refusal = bind(ONE, COLLECTION, (("id", "7"),), (("id", "8"),))
    assert refusal == Deny(reason=Reason.PARAMETER_UNDECLARED, fields=("id",))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"), ("limit", "501"), ("limit", "-1"), ("limit", "+1"), ("limit", "1.0"), ("limit", "1e2"),
        ("limit", "01"), ("limit", " 1"), ("limit", "１"), ("limit", "9" * 400), ("offset", "-1"), ("offset", "x"),
        ("offset", "1000000000"), ("sort", "email"), ("sort", "age,age"), ("sort", "age,-age"), ("sort", "--age"),
        ("sort", "age,"), ("sort", " age"), ("fields", "id,id"), ("fields", "id,"), ("fields", "religion"),
        ("fields", "*"), ("country", ""), ("country", "x" * 1025), ("fields", ""), ("limit", ""),
    ],
)  # fmt: skip
def test_a_value_that_a_parameter_cannot_have_is_refused(name: str, value: str) -> None:
    """The parameter is named, the value is not repeated."""
    refusal = bind(LIST, COLLECTION, (), ((name, value),))
    assert isinstance(refusal, Deny)
    assert (refusal.reason, refusal.fields) == (Reason.PARAMETER_INVALID, (name,))
    assert len(value) < 8 or value not in repr(refusal)


def test_a_cursor_is_taken_only_where_rows_can_be_skipped() -> None:
    """And never beside an offset."""
    assert bind(LIST, COLLECTION, (), (("cursor", "abc"),)) == asked(cursor="abc")
    beside = bind(LIST, COLLECTION, (), (("cursor", "abc"), ("offset", "3")))
    assert isinstance(beside, Deny)
    assert beside.fields == ("cursor",)
    assert bind(ONE, COLLECTION, (("id", "7"),), (("cursor", "abc"),)) == Deny(
        reason=Reason.PARAMETER_UNDECLARED, fields=("cursor",)
    )


def test_the_first_parameter_that_does_not_fit_is_told() -> None:
    """One reason for one refusal."""
    refusal = bind(LIST, COLLECTION, (), (("limit", "x"), ("religion", "y")))
    assert isinstance(refusal, Deny)
    assert refusal.fields == ("limit",)


def test_a_name_that_is_no_name_is_not_repeated() -> None:
    """Callers mistype values into names, and refusals are logged."""
    for raw in (b"alice%40example.org=1", b"13800138000=+"):
        pairs = pairs_of(raw)
        refusal = pairs if isinstance(pairs, Deny) else bind(LIST, COLLECTION, (), pairs)
        assert isinstance(refusal, Deny)
        assert "alice" not in repr(refusal)
        assert "13800138000" not in repr(refusal)


def listed(*values: str, parameter: str = "ids", in_body: bool = False) -> Filter:
    return Filter(
        field=FieldName("id"), comparison=Comparison.IN, value="", parameter=parameter, values=values, in_body=in_body
    )


def test_a_list_in_a_query_is_split_at_commas_after_it_was_decoded() -> None:
    """However they were spelled; in a body the array is the list, and its commas are values' own."""
    assert bind(LISTED, COLLECTION, (), (("ids", "a,b"),)) == asked(filters=(listed("a", "b"),))
    in_body = bind(SEARCH, COLLECTION, (), (), (("filter.ids", ("a,b", "c")),))
    assert in_body == asked(filters=(listed("a,b", "c", parameter="filter.ids", in_body=True),))


@pytest.mark.parametrize("values", ["a,", ",", "a,a", "a,b,c,d", "a,,b", "a," + "b" * 1025])
def test_a_list_has_a_bounded_number_of_different_values(values: str) -> None:
    """None is empty, none stands twice."""
    refusal = bind(LISTED, COLLECTION, (), (("ids", values),))
    assert isinstance(refusal, Deny)
    assert (refusal.reason, refusal.fields) == (Reason.PARAMETER_INVALID, ("ids",))
    assert bind(SEARCH, COLLECTION, (), (), (("filter.ids", ()),)) == Deny(
        reason=Reason.PARAMETER_INVALID,
        fields=("filter.ids",),
        title="The list must have 1 to 3 values, each of them once.",
    )


def test_what_a_body_says_is_bound_as_if_a_query_had_said_it() -> None:
    """Filters are marked as standing in the body; the rest is the same."""
    said = (("email", "a@x.org"), ("limit", "10"), ("sort", "-age"), ("fields", "id,email"))
    body, query = bind(SEARCH, COLLECTION, (), (("country", "DE"),), said), bind(LIST, COLLECTION, (), said)
    assert isinstance(body, Asked)
    assert isinstance(query, Asked)
    assert [(each.parameter, each.in_body) for each in body.filters] == [("country", False), ("email", True)]
    assert msgspec.structs.replace(body, filters=()) == msgspec.structs.replace(query, filters=())


@pytest.mark.parametrize(("pair", "member"), [("email", "country"), ("limit", "cursor"), ("filter.ids", "filter")])
def test_each_place_has_its_own_parameters(pair: str, member: str) -> None:
    """What is declared for the body is unknown in the query, and the other way; a cursor is the query's."""
    for outcome in (
        bind(SEARCH, COLLECTION, (), ((pair, "x"),)),
        bind(SEARCH, COLLECTION, (), (), ((member, "x"),)),
    ):
        assert isinstance(outcome, Deny)
        assert outcome.reason is Reason.PARAMETER_UNDECLARED


def test_a_search_whose_body_can_skip_rows_has_pages() -> None:
    """Its cursor stands in the query, beside the same body."""
    assert has_pages(SEARCH)
    assert not has_pages(ONE)
    found = bind(SEARCH, COLLECTION, (), (("cursor", "c"),), (("email", "a"),))
    assert isinstance(found, Asked)
    assert found.cursor == "c"
    both = bind(SEARCH, COLLECTION, (), (("cursor", "c"),), (("offset", "5"),))
    assert isinstance(both, Deny)


@pytest.mark.parametrize("value", ["a\x00b", "a\nb", "\x7f", "\x85"])
def test_no_value_has_control_characters(value: str) -> None:
    """Neither in a body, where JSON could carry them, nor in one of a list."""
    for members in ((("email", value),), (("filter.ids", ("a", value)),)):
        refusal = bind(SEARCH, COLLECTION, (), (), members)
        assert isinstance(refusal, Deny)
        assert refusal.reason is Reason.PARAMETER_INVALID


def spelled(*pairs: tuple[str, str]) -> Asked | Deny:
    return bind(SPELLED, COLLECTION, (), pairs)


def filters(*pairs: tuple[str, str]) -> list[tuple[str, str, object]]:
    found = spelled(*pairs)
    assert isinstance(found, Asked), found
    return [(each.spelling, each.comparison.value, each.compared) for each in found.filters]


def test_what_stands_for_the_value_is_compared() -> None:
    """In the spelling of the store, which is kept to ask it in; a name may have two spellings at once."""
    assert filters(("email", "eq.a@x.org")) == [("eq.{}", "eq", ("a@x.org",))]
    assert filters(("age", "lte.9"), ("age", "gte.5")) == [("lte.{}", "le", ("9",)), ("gte.{}", "ge", ("5",))]
    assert filters(("id", 'in.("a,b",c)')) == [("in.({})", "in", ("a,b", "c"))]


@pytest.mark.parametrize(
    "pairs",
    [
        (("email", "a@x.org"),),
        (("email", "eq."),),
        (("email", "neq.a"),),
        (("age", "gte.5"), ("age", "gte.6")),
        (("age", "5"),),
        (("id", "in.(a,a)"),),
        (("id", "in.(a,b,c,d)"),),
        (("id", "in.()"),),
        (("id", "in.(" + "a" * 1025 + ")"),),
        (("email", "eq." + "a" * 1025),),
        (("email", "eq.a"), ("email", "eq.b")),
        (("limit", "5"), ("limit", "5")),
    ],
)
def test_a_text_of_another_spelling_and_a_second_one_of_the_same_are_refused(
    pairs: tuple[tuple[str, str], ...],
) -> None:
    """The parameter is told, no value is."""
    refusal = spelled(*pairs)
    assert isinstance(refusal, Deny)
    assert (refusal.reason, refusal.fields) == (Reason.PARAMETER_INVALID, (pairs[0][0],))


def test_a_name_occurs_once_unless_it_is_declared_to_have_several_meanings() -> None:
    """Also one that nobody declared, which is told as such."""
    twice = Deny(reason=Reason.PARAMETER_INVALID, fields=("country",), title="The parameter occurs twice.")
    assert bind(LIST, COLLECTION, (), (("country", "DE"), ("country", "DE"))) == twice
    assert bind(ONE, COLLECTION, (("id", "7"),), (("id", "7"),)) == Deny(
        reason=Reason.PARAMETER_UNDECLARED, fields=("id",)
    )


def test_a_page_is_an_offset_of_whole_pages() -> None:
    """Wherever the limit stands."""
    for pairs in ([("page", "3"), ("limit", "20")], [("limit", "20"), ("page", "3")]):
        found = bind(PAGED, COLLECTION, (), pairs)
        assert isinstance(found, Asked)
        assert (found.limit, found.offset) == (20, 40)
    first = bind(PAGED, COLLECTION, (), ())
    assert isinstance(first, Asked)
    assert (first.limit, first.offset) == (50, None)


@pytest.mark.parametrize("pairs", [(("page", "0"),), (("page", "-1"),), (("page", "999999999"),), (("page", "x"),)])
def test_a_page_is_counted_from_one_within_bounds(pairs: tuple[tuple[str, str], ...]) -> None:
    """Rows beyond a thousand million are not counted to."""
    refusal = bind(PAGED, COLLECTION, (), pairs)
    assert isinstance(refusal, Deny)
    assert refusal.fields == ("page",)


def test_a_cursor_stands_in_the_place_of_a_page_or_of_the_stores_own() -> None:
    """One of them, under its own name or the gateway's."""
    beside = bind(PAGED, COLLECTION, (), (("page", "2"), ("cursor", "abc")))
    assert isinstance(beside, Deny)
    assert beside.fields == ("cursor",)
    for name in ("_next", "cursor"):
        found = bind(CONTINUED, COLLECTION, (), ((name, "abc" * 1000),))
        assert isinstance(found, Asked)
        assert found.cursor == "abc" * 1000
    assert isinstance(bind(CONTINUED, COLLECTION, (), (("_next", "a"), ("cursor", "a"))), Deny)
    assert isinstance(bind(CONTINUED, COLLECTION, (), (("_next", "a" * 5000),)), Deny)


def test_an_order_is_said_once_in_the_style_of_its_parameter() -> None:
    """Ascending and descending by a name of each; directions apart, one for each name."""
    age, number = FieldName("age"), FieldName("id")
    for pairs, sorts in (
        ([("_sort", "age")], [(age, False)]),
        ([("_sort_desc", "age")], [(age, True)]),
    ):
        found = bind(CONTINUED, COLLECTION, (), pairs)
        assert isinstance(found, Asked)
        assert [(sort.field, sort.descending) for sort in found.sorts] == sorts
    assert isinstance(bind(CONTINUED, COLLECTION, (), (("_sort", "age"), ("_sort_desc", "age"))), Deny)

    apart = bind(PAGED, COLLECTION, (), (("order", "desc,asc"), ("by", "age,id")))
    assert isinstance(apart, Asked)
    assert [(sort.field, sort.descending) for sort in apart.sorts] == [(age, True), (number, False)]
    for half in ([("order", "asc")], [("by", "age"), ("order", "asc,asc")], [("by", "age"), ("order", "up")]):
        refusal = bind(PAGED, COLLECTION, (), half)
        assert isinstance(refusal, Deny)
        assert refusal.fields == ("order",)


def test_what_is_always_sent_can_be_said_and_not_changed() -> None:
    """It is what the store is told in any case."""
    assert isinstance(bind(CONTINUED, COLLECTION, (), (("_shape", "objects"),)), Asked)
    for pairs in ([("_shape", "array")], [("_shape", "objects"), ("_shape", "objects")]):
        assert isinstance(bind(CONTINUED, COLLECTION, (), pairs), Deny)
