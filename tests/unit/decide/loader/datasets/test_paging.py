# SPDX-License-Identifier: Apache-2.0
"""How a list goes on, in which order, and what is always sent: declared in one way, or told with its line."""

import pytest

from gateway.domain.catalog import Route
from gateway.domain.names import FieldName
from gateway.domain.parameters import CursorParameter, OrderParameter, PageParameter, SortParameter, SortStyle
from tests.fakes.rule_files import Broken, check, edited, loaded, sentences

SHOP = "datasets/shop.yaml"
FIELDS = "                fields: fields\n"
OFFSET = "                offset: offset\n"
SORT = "                sort: {use: sort, fields: [placed_at, total]}\n"
LIMIT = "                limit: {use: limit, most: 1000, default: 100}\n"
ROWS = "                rows: items\n"
PARAMETERS = "              parameters:\n"
AT = PARAMETERS + LIMIT


def orders(*edits: tuple[str, str]) -> Route:
    """Return the route of orders after some edits."""
    files = None
    for old, new in edits:
        files = edited(SHOP, old, new, files)
    return next(one for one in loaded(files).catalog.routes if one.template == "/shop/orders")


def test_pages_with_numbers_and_continuations_are_declared() -> None:
    """A continuation with the member that holds it, at any depth."""
    assert orders((OFFSET, "                page: page\n")).parameters["page"] == PageParameter()
    route = orders(
        (OFFSET, "                after: {use: cursor}\n"), (ROWS, ROWS + "                next: paging.next.after\n")
    )
    assert (route.parameters["after"], route.answer.next) == (CursorParameter(), "paging.next.after")
    paged = orders((OFFSET, "                page: page\n"), (ROWS, ROWS + "                next: next\n"))
    assert paged.answer.next == "next"


def test_orders_have_styles() -> None:
    """A minus if none is said; one for each direction; or names and directions apart."""
    fields = (FieldName("placed_at"), FieldName("total"))
    assert orders().parameters["sort"] == SortParameter(fields)
    assert orders((SORT, SORT.replace("]}", "], style: dot}"))).parameters["sort"] == SortParameter(
        fields, SortStyle.DOT
    )
    both = orders(
        (
            SORT,
            SORT.replace("]}", "], style: ascending}")
            + SORT.replace("sort:", "down:").replace("]}", "], style: descending}"),
        )
    )
    assert both.parameters["down"] == SortParameter(fields, SortStyle.DESCENDING)
    apart = orders((SORT, SORT.replace("]}", "], style: apart}") + "                order: {use: order}\n"))
    assert apart.parameters["order"] == OrderParameter()


def test_what_is_always_sent_is_text_in_its_order() -> None:
    """Whole numbers too."""
    assert orders((PARAMETERS, '              always: {_shape: objects, _nocount: 1, x: "true"}\n' + PARAMETERS)).always == (
        ("_shape", "objects"), ("_nocount", "1"), ("x", "true"),
    )  # fmt: skip


def test_a_store_that_says_206_is_declared() -> None:
    """No other is believed."""
    assert orders().answer.partial is False
    assert orders((ROWS, ROWS + "                partial: yes\n")).answer.partial is True


@pytest.mark.parametrize(
    "broken",
    [
        Broken(
            SHOP,
            OFFSET,
            OFFSET + "                page: page\n",
            "a list goes on in one way, but there are `offset`, `page`; leave all but one out",
            at=AT,
        ),
        Broken(
            SHOP,
            LIMIT + OFFSET,
            "                page: page\n",
            "`use: page` needs a parameter with `use: limit`: the number of a page means nothing without its length",
            at=PARAMETERS + "                page: page\n",
        ),
        Broken(
            SHOP,
            OFFSET,
            "                after: cursor\n",
            "`use: cursor` needs `next` in `answer`: the member in which the store says where to go on",
            at=AT,
        ),
        Broken(
            SHOP,
            ROWS,
            ROWS + "                next: next\n",
            "`next` in `answer` needs a parameter with `use: cursor` or `use: page`: by which a list goes on that it speaks of",
            at=AT,
        ),
        Broken(
            SHOP,
            SORT,
            SORT + SORT.replace("sort:", "by:"),
            "a route has one parameter with `use: sort`, or one with `style: ascending` and one with `style: descending`",
            at=AT,
        ),
        Broken(
            SHOP,
            SORT,
            SORT + "                order: order\n",
            "`style: apart` and a parameter with `use: order` need each other: names in one, `asc` and `desc` in the other",
            at=AT,
        ),
        Broken(
            SHOP,
            SORT,
            SORT.replace("]}", "], style: up}"),
            "`style` is `up`, expected one of `minus`, `dot`, `ascending`, `descending`, `apart`",
        ),
        Broken(
            SHOP,
            PARAMETERS,
            "              always: {limit: 5}\n" + PARAMETERS,
            "`limit` is sent in every call, so it cannot be a parameter too",
            at="              always: {limit: 5}\n",
        ),
        Broken(
            SHOP,
            PARAMETERS,
            "              always: {_x: yes}\n" + PARAMETERS,
            "`always._x` is the boolean `yes`, expected text or a whole number; put other words in quotes",
            at="              always: {_x: yes}\n",
        ),
        Broken(
            SHOP,
            PARAMETERS,
            '              always: {"a&b": x}\n' + PARAMETERS,
            "`a&b` is no name for a parameter",
            at='              always: {"a&b": x}\n',
        ),
    ],
    ids=lambda broken: broken.says[:50],
)
def test_a_mistake_is_told_where_it_stands(broken: Broken) -> None:
    """One problem, with file, line and what to do."""
    check(broken)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("a..b", "`next` is `a..b`, expected the name of a member, each `.` one object deeper"),
        ("total.x", "`total` is declared as something else"),
        ("items", "`items` is declared as something else"),
    ],
)
def test_where_a_list_goes_on_is_a_member_of_its_own(said: str, says: str) -> None:
    """Beside the rows and what is declared."""
    new = ROWS + f"                next: {said}\n"
    files = edited(SHOP, OFFSET, "                after: cursor\n")
    told = list(sentences(edited(SHOP, ROWS, new, files)))
    assert [sentence.split(": ", 1)[1] for sentence in told] == [says]


def test_only_an_object_has_a_member_that_says_where_it_goes_on() -> None:
    """An array has rows and nothing else."""
    crm = "datasets/crm.yaml"
    told = sentences(edited(crm, "answer: {kind: array}", "answer: {kind: array, next: next}"))
    assert any("`next` is a member of an `object`; an answer of `array` has none" in one for one in told)
