# SPDX-License-Identifier: Apache-2.0
"""What a caller of the sample store asks, from query parameters or the body of a search to SQL.

A search is ``{"where": {column: value, list of values, or {"from": …, "to": …}}, "page": {"limit": …,
"offset": …}, "sort": [column or -column]}``, of which every part may be missing. Every column can be filtered by equality and sorted by, sensitive ones too: the store is naive on
purpose, and the gateway in front of it is what protects. What it does not know it refuses.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
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
    columns, bounds, lists = {column.name: column for column in table.columns}, dict(table.bounds), dict(table.lists)
    terms: list[_Term] = []
    page = {"limit": str(DEFAULT_LIMIT), "offset": "0", "sort": "id"}
    for name, text in _once_each(parameters):
        if name in page:
            page[name] = text
        elif name in lists:
            terms.append(_among(name, lists[name], text.split(",")))
        elif name in columns or name in bounds:
            column, sign = (columns[name], "=") if name in columns else (bounds[name].column, bounds[name].sign)
            terms.append(_compared(name, column, sign, text))
        else:
            raise Unanswerable(f"unknown parameter {name}")
    return _question(table, terms, page)


def search_from(table: Table, said: object) -> Question:
    """Read the body of a search.

    Raises:
        Unanswerable: A member is not known, or its value is not of its kind.
    """
    body = {"where": {}, "page": {}, "sort": ["id"]} | _members("the body", said, ("where", "page", "sort"))
    page = _members("page", body["page"], ("limit", "offset"))
    columns = {column.name: column for column in table.columns}
    terms: list[_Term] = []
    for name, value in _members("where", body["where"], columns).items():
        terms += _wanted(name, columns[name], value)
    sort = body["sort"]
    if not isinstance(sort, list) or not all(isinstance(one, str) for one in sort):
        raise Unanswerable("sort is not a list of names")
    numbers = {"limit": DEFAULT_LIMIT, "offset": 0} | page
    return _question(table, terms, {"sort": ",".join(sort)} | {name: str(n) for name, n in numbers.items()})


def batch_from(table: Table, said: object) -> Question:
    """Read the body of a batch: ``{"ids": [...]}``, and nothing else.

    Raises:
        Unanswerable: It is something else.
    """
    ids = _members("the body", said, ("ids",)).get("ids")
    if not isinstance(ids, list) or not ids:
        raise Unanswerable("ids is not a list of values")
    return search_from(table, {"where": {"id": ids}, "page": {"limit": min(MOST_ROWS, len(ids))}})


_Term = tuple[str, tuple[Any, ...]]
"""A condition, and the values that it takes."""


def _question(table: Table, terms: list[_Term], page: Mapping[str, str]) -> Question:
    return Question(
        table=table,
        where=f" WHERE {' AND '.join(condition for condition, _ in terms)}" if terms else "",
        values=tuple(value for _, values in terms for value in values),
        order=_order({column.name: column for column in table.columns}, page["sort"]),
        limit=_within("limit", page["limit"], 1, MOST_ROWS),
        offset=_within("offset", page["offset"], 0, 2**62),
    )


def _compared(name: str, column: Column, sign: str, text: str) -> _Term:
    return f"{column.quoted} {sign} ?", (_value(name, column.kind, text),)


def _among(name: str, column: Column, texts: list[str]) -> _Term:
    values = tuple(_value(name, column.kind, text) for text in texts)
    return f"{column.quoted} IN ({', '.join('?' * len(values))})", values


def _wanted(name: str, column: Column, value: object) -> Iterator[_Term]:
    """Yield the conditions that a member of ``where`` makes."""
    if isinstance(value, dict):
        for end, bound in _members(name, value, ("from", "to")).items():
            yield _compared(name, column, ">=" if end == "from" else "<=", _plain(name, column, bound))
    elif isinstance(value, list):
        yield _among(name, column, [_plain(name, column, one) for one in value])
    else:
        yield _compared(name, column, "=", _plain(name, column, value))


def _members(name: str, value: object, known: Iterable[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or not set(value) <= set(known):
        raise Unanswerable(f"{name} has members that are not known")
    return value


def _plain(name: str, column: Column, value: object) -> str:
    """Return a JSON value of the column's kind as text."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(value, str) if column.kind is Kind.TEXT else is_number:
        return str(value)
    raise Unanswerable(f"{name} is not of its kind")


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
