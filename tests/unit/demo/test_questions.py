# SPDX-License-Identifier: Apache-2.0
"""Claims about what can be asked of the sample store."""

import pytest

from gateway.demo.questions import Unanswerable, batch_from, question_from, search_from
from gateway.demo.tables import CONTACTS, CUSTOMERS, ORDERS


def test_no_parameters_ask_for_the_first_hundred_rows_in_order_of_id() -> None:
    """The defaults."""
    question = question_from(CUSTOMERS, [])

    assert (question.where, question.values, question.order, question.limit, question.offset) == (
        "",
        (),
        '"id" ASC',
        100,
        0,
    )


@pytest.mark.parametrize("table", [CUSTOMERS, CONTACTS, ORDERS], ids=lambda table: table.name)
def test_every_column_can_be_filtered_and_sorted_by(table: object) -> None:
    """The store is naive: sensitive columns too."""
    assert table in (CUSTOMERS, CONTACTS, ORDERS)
    for column in CUSTOMERS.columns:
        question = question_from(CUSTOMERS, [(column.name, "7"), ("sort", f"-{column.name}")])
        assert question.where == f' WHERE "{column.name}" = ?'
        assert question.order.startswith(f'"{column.name}" DESC')


def test_bounds_compare_their_columns() -> None:
    """From and to count as within, and the values are bound in the order of the terms."""
    question = question_from(
        CUSTOMERS, [("birth_date_from", "1980-01-01"), ("birth_date_to", "1989-12-31"), ("balance_min", "-5")]
    )

    assert question.where == ' WHERE "birth_date" >= ? AND "birth_date" <= ? AND "balance" >= ?'
    assert question.values == ("1980-01-01", "1989-12-31", -5)


def test_an_order_ends_with_the_id_so_pages_neither_repeat_nor_miss() -> None:
    """Unless the caller already sorts by it."""
    assert question_from(CUSTOMERS, [("sort", "-balance,name")]).order == '"balance" DESC, "name" ASC, "id" ASC'
    assert question_from(CUSTOMERS, [("sort", "-id,name")]).order == '"id" DESC, "name" ASC'


@pytest.mark.parametrize(("text", "cents"), [("12.50", 1250), ("12.5", 1250), ("12", 1200), ("-0.01", -1)])
def test_an_amount_is_compared_in_cents(text: str, cents: int) -> None:
    """However many digits the caller writes."""
    assert question_from(ORDERS, [("total", text)]).values == (cents,)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("nickname", "x", "unknown parameter nickname"),
        ("total_min", "1", "unknown parameter total_min"),
        ("name; DROP TABLE customers", "x", "unknown parameter"),
        ("balance", "much", "balance is not a whole number"),
        ("balance", "1e3", "balance is not a whole number"),
        ("balance", "9" * 19, "balance is not a whole number"),
        ("limit", "0", "limit is not a whole number from 1 to 10000"),
        ("limit", "10001", "limit"),
        ("limit", "ten", "limit"),
        ("offset", "-1", "offset"),
        ("sort", "nickname", "sort takes names"),
        ("sort", "", "sort takes names"),
        ("sort", "name,-name", "sort takes names"),
        ("sort", "--name", "sort takes names"),
    ],
)
def test_what_the_store_does_not_know_it_refuses(name: str, value: str, sentence: str) -> None:
    """With a sentence that names the parameter."""
    with pytest.raises(Unanswerable, match=sentence):
        question_from(CUSTOMERS, [(name, value)])


def test_an_amount_with_a_third_digit_is_refused() -> None:
    """There is no such money."""
    with pytest.raises(Unanswerable, match="total is not an amount"):
        question_from(ORDERS, [("total", "1.234")])


def test_a_parameter_given_twice_is_refused() -> None:
    """Neither the first nor the last is silently taken."""
    with pytest.raises(Unanswerable, match="twice"):
        question_from(CUSTOMERS, [("city", "Lyon"), ("city", "Roma")])


def test_the_ten_thousand_rows_of_a_page_are_the_most() -> None:
    """The bound itself is allowed."""
    assert question_from(CUSTOMERS, [("limit", "10000")]).limit == 10_000


def test_a_search_asks_what_a_query_asks() -> None:
    """Values, lists and ranges of columns, page and order."""
    body = {
        "where": {"city": "Lyon", "id": ["a", "b"], "age": {"from": 30, "to": 39}},
        "page": {"limit": 5, "offset": 10},
        "sort": ["-age", "name"],
    }
    found = search_from(CUSTOMERS, body)
    assert found.where == ' WHERE "city" = ? AND "id" IN (?, ?) AND "age" >= ? AND "age" <= ?'
    assert found.values == ("Lyon", "a", "b", 30, 39)
    assert (found.limit, found.offset, found.order) == (5, 10, '"age" DESC, "name" ASC, "id" ASC')
    assert search_from(CUSTOMERS, {}) == question_from(CUSTOMERS, [])


def test_a_list_of_ids_is_asked_in_a_query_or_in_a_batch() -> None:
    """The batch has room for each of them."""
    query, batch = question_from(CUSTOMERS, [("ids", "a,b")]), batch_from(CUSTOMERS, {"ids": ["a", "b"]})
    assert (query.where, query.values) == (batch.where, batch.values) == (' WHERE "id" IN (?, ?)', ("a", "b"))
    assert batch.limit == 2


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"filter": {}},
        {"where": {"nickname": "x"}},
        {"where": {"age": "30"}},
        {"where": {"age": True}},
        {"where": {"city": 5}},
        {"where": {"age": {"gt": 1}}},
        {"page": {"limit": 0}},
        {"sort": "name"},
        {"sort": ["nickname"]},
    ],
)
def test_a_search_that_the_store_does_not_know_is_refused(body: object) -> None:
    """At any depth."""
    with pytest.raises(Unanswerable):
        search_from(CUSTOMERS, body)


@pytest.mark.parametrize("body", [{}, {"ids": []}, {"ids": "a"}, {"ids": ["a"], "sort": ["id"]}, []])
def test_a_batch_is_a_list_of_ids(body: object) -> None:
    """And nothing else."""
    with pytest.raises(Unanswerable):
        batch_from(CUSTOMERS, body)
