# SPDX-License-Identifier: Apache-2.0
"""Claims about the file of the sample store."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.demo.people import Customer
from gateway.demo.tables import CUSTOMERS, TABLES, make

FIELDS = (
    "id name email phone national_id birth_date address city state country religion health_note notes "
    "age job marital education default balance housing loan contact day month duration campaign pdays previous poutcome y"
)


def test_customers_have_these_columns_in_this_order() -> None:
    """The order is part of what the store promises."""
    assert " ".join(column.name for column in CUSTOMERS.columns) == FIELDS


def test_every_person_contact_and_order_is_written(tmp_path: Path, crowd: tuple[Customer, ...]) -> None:
    """Counted in the file and against what went in."""
    n_written = make(tmp_path / "store.db", crowd)

    with closing(sqlite3.connect(tmp_path / "store.db")) as database:
        counts = [database.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0] for table in TABLES]  # noqa: S608 - names of ours
    assert n_written == 3_000
    assert counts == [3_000, sum(len(one.contacts) for one in crowd), sum(len(one.orders) for one in crowd)]


def test_totals_are_whole_cents_inside_and_keep_both_digits_outside(
    tmp_path: Path, crowd: tuple[Customer, ...]
) -> None:
    """12.50 stays 12.50."""
    make(tmp_path / "store.db", crowd)
    totals = {order.id: order.total for one in crowd for order in one.orders}

    with closing(sqlite3.connect(tmp_path / "store.db")) as database:
        rows = database.execute("SELECT id, total, json FROM orders").fetchall()

    assert any(str(total).endswith("0") for total in totals.values())
    for order_id, cents, text in rows:
        assert cents == int(totals[order_id] * 100)
        assert str(json.loads(text, parse_float=Decimal)["total"]) == str(totals[order_id])


def test_a_changed_row_changes_its_json(tmp_path: Path, crowd: tuple[Customer, ...]) -> None:
    """SQLite computes it, so no writer can forget to."""
    make(tmp_path / "store.db", crowd[:10])

    with closing(sqlite3.connect(tmp_path / "store.db")) as database:
        database.execute("UPDATE customers SET city = 'Genève' WHERE id = 'c-000003'")
        (text,) = database.execute("SELECT json FROM customers WHERE id = 'c-000003'").fetchone()

    assert json.loads(text)["city"] == "Genève"


def test_progress_is_told_after_each_batch(tmp_path: Path, crowd: tuple[Customer, ...]) -> None:
    """Counts go up to the whole."""
    told: list[int] = []

    make(tmp_path / "store.db", crowd[:2_500], progress=told.append)

    assert told == [1_000, 2_000, 2_500]


def test_a_failure_leaves_the_older_file_and_no_other(tmp_path: Path, crowd: tuple[Customer, ...]) -> None:
    """Half a store never has the name of a store."""
    path = tmp_path / "store.db"
    make(path, crowd[:3])

    def failing() -> Iterator[Customer]:
        yield from crowd[:5]
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - our own, above
        make(path, failing())

    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM customers").fetchone() == (3,)
    assert [entry.name for entry in tmp_path.iterdir()] == ["store.db"]
