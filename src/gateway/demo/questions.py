# SPDX-License-Identifier: Apache-2.0
"""What a caller of the sample store asks, from query parameters to SQL.

Every column can be filtered by equality and sorted by, sensitive ones too: the store is naive on
purpose, and the gateway in front of it is what protects. What it does not know it refuses.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from gateway.demo.tables import Column, Kind, Table

DEFAULT_LIMIT = 100
MOST_ROWS = 10_000
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_MONEY = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,2})?")


class Unanswerable(Exception):
    """The question has a part that the store does not know; the message names the parameter."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows of a table, in which order, and which page of them.

    Attributes:
        where: Condition with a ``?`` for each of ``values``; empty for all rows.
        order: SQL terms, the last of which is ``id``, so pages neither repeat nor miss a row.
    """

    table: Table
    where: str
    values: tuple[Any, ...]
    order: str
    limit: int
    offset: int

    @property
    def rows_sql(self) -> str:
        """Statement for the JSON texts of the page; takes ``values``, limit and offset."""
        return f"SELECT json FROM {self.table.name}{self.where} ORDER BY {self.order} LIMIT ? OFFSET ?"  # noqa: S608 - only names that the tables declare, values are bound

    @property
    def total_sql(self) -> str:
        """Statement for the number of all rows that match; takes ``values``."""
        return f"SELECT count(*) FROM {self.table.name}{self.where}"  # noqa: S608 - as above


def question_from(table: Table, parameters: Iterable[tuple[str, str]]) -> Question:
    """Read the parameters of a list.

    Raises:
        Unanswerable: A parameter is not known, given twice, or its value is not of its kind.
    """
    columns, bounds = {column.name: column for column in table.columns}, dict(table.bounds)
    terms: list[str] = []
    values: list[Any] = []
    page = {"limit": str(DEFAULT_LIMIT), "offset": "0", "sort": "id"}
    for name, text in _once_each(parameters):
        if name in page:
            page[name] = text
        elif name in columns or name in bounds:
            column, sign = (columns[name], "=") if name in columns else (bounds[name].column, bounds[name].sign)
            terms.append(f"{column.quoted} {sign} ?")
            values.append(_value(name, column.kind, text))
        else:
            raise Unanswerable(f"unknown parameter {name}")
    return Question(
        table=table,
        where=f" WHERE {' AND '.join(terms)}" if terms else "",
        values=tuple(values),
        order=_order(columns, page["sort"]),
        limit=_within("limit", page["limit"], 1, MOST_ROWS),
        offset=_within("offset", page["offset"], 0, 2**62),
    )


def _once_each(parameters: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    pairs = list(parameters)
    if len({name for name, _ in pairs}) < len(pairs):
        raise Unanswerable("a parameter is given twice")
    return pairs


def _value(name: str, kind: Kind, text: str) -> str | int:
    match kind:
        case Kind.TEXT:
            return text
        case Kind.INTEGER:
            if _INTEGER.fullmatch(text):
                return int(text)
            raise Unanswerable(f"{name} is not a whole number")
        case Kind.CENTS:
            if _MONEY.fullmatch(text):
                return int(Decimal(text).scaleb(2))
            raise Unanswerable(f"{name} is not an amount")


def _within(name: str, text: str, least: int, most: int) -> int:
    number = int(text) if _INTEGER.fullmatch(text) else None
    if number is None or not least <= number <= most:
        raise Unanswerable(f"{name} is not a whole number from {least} to {most}")
    return number


def _order(columns: dict[str, Column], text: str) -> str:
    terms = {}
    for part in text.split(","):
        name = part.removeprefix("-")
        if name not in columns or name in terms:
            raise Unanswerable(
                "sort takes names of columns, each once, with commas between and - in front for descending"
            )
        terms[name] = f"{columns[name].quoted} {'DESC' if part.startswith('-') else 'ASC'}"
    terms.setdefault("id", '"id" ASC')
    return ", ".join(terms.values())
