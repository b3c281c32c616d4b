# SPDX-License-Identifier: Apache-2.0
r"""A stand-in for PostgREST over a real PostgreSQL: it is not PostgREST, it speaks its query style for reads.

Written from PostgREST's own documentation (version 12: "Tables and Views", "Pagination and Count"), so that a
gateway can be shown before a store of that style where PostgREST itself cannot be installed. It has what a
caller could try to reach through a gateway that passes text on: operators of every kind, ``not.``, ``or=(…)``
and ``and=(…)``, lists with quotes, patterns, ``select`` with other names, orders with nulls, ranges, counts.

``python postgrest_like.py URL PORT`` serves the tables of schema ``public``. What it was asked, as it came, is
told at ``/rpc/asked``, for tests.
"""

import re
import sys
from collections.abc import Sequence
from typing import Any

import psycopg
import uvicorn
from psycopg import sql
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

COMPARISONS = {"eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
RESERVED = frozenset({"select", "order", "limit", "offset", "or", "and"})
_CALL = re.compile(r"(?:(?P<not>not)\.)?(?P<operator>[a-z]+)(?:\((?P<any>any|all)\))?\.(?P<value>.*)", re.DOTALL)
_LISTED = re.compile(r'"((?:[^"\\]|\\.)*)"|([^,"]*)', re.DOTALL)


class ParseError(Exception):
    """The query is not what PostgREST reads: PGRST100, or an error of the database, with 400."""


class Table:
    """One table as it is asked."""

    def __init__(self, name: str, columns: Sequence[str]) -> None:
        self.name, self.columns = name, columns

    def column(self, name: str) -> sql.Composable:
        """Return a column; raises ParseError for none of the table's (42703)."""
        if name not in self.columns:
            raise ParseError(f"column {self.name}.{name} does not exist")
        return sql.Identifier(name)

    def condition(self, column: str, call: str) -> sql.Composable:
        """Return the condition of ``column=operator.value``."""
        found = _CALL.fullmatch(call)
        if found is None:
            raise ParseError(f'"failed to parse filter ({call})"')
        made = self._compared(self.column(column), found["operator"], found["value"], found["any"])
        return sql.SQL("NOT ({})").format(made) if found["not"] else made

    def _compared(self, column: sql.Composable, operator: str, value: str, quantor: str | None) -> sql.Composable:
        if quantor:
            each = [self._compared(column, operator, one, None) for one in listed(value, "{}")]
            return sql.SQL("({})").format(sql.SQL(" OR " if quantor == "any" else " AND ").join(each))
        match operator:
            case "in":
                return sql.SQL("{} IN ({})").format(column, sql.SQL(",").join(map(sql.Literal, listed(value, "()"))))
            case "like" | "ilike":
                return sql.SQL("{} " + operator.upper() + " {}").format(column, sql.Literal(value.replace("*", "%")))
            case "is" if value in ("null", "true", "false"):
                return sql.SQL("{} IS " + value.upper()).format(column)
            case _ if operator in COMPARISONS:
                return sql.SQL("{} " + COMPARISONS[operator] + " {}").format(column, sql.Literal(value))
            case _:
                raise ParseError(f'"failed to parse filter ({operator})"')

    def logic(self, word: str, text: str) -> sql.Composable:
        """Return the condition of ``or=(a.eq.1,b.gt.2)``."""
        parts = [part.partition(".") for part in split(text, "()")]
        each = [self.condition(column, call) for column, _, call in parts]
        return sql.SQL("({})").format(sql.SQL(f" {word.upper()} ").join(each))

    def selected(self, text: str) -> sql.Composable:
        """Return what ``select=a,b:c`` asks for; ``*`` for all."""
        names = [name.partition(":") for name in text.split(",")]
        if text == "*":
            return sql.SQL("*")
        return sql.SQL(",").join(
            sql.SQL("{} AS {}").format(self.column(real or shown), sql.Identifier(shown)) for shown, _, real in names
        )

    def ordered(self, text: str) -> sql.Composable:
        """Return the order of ``a.desc.nullslast,b``."""
        keys = []
        for key in text.split(","):
            name, *words = key.split(".")
            if not set(words).issubset({"asc", "desc", "nullsfirst", "nullslast"}):
                raise ParseError(f'"failed to parse order ({key})"')
            said = " ".join(word.upper().replace("NULLS", "NULLS ") for word in words)
            keys.append(sql.SQL("{} " + said).format(self.column(name)))
        return sql.SQL(",").join(keys)


def listed(text: str, brackets: str) -> list[str]:
    """Return the values of ``(a,"b,c")``."""
    if not (text.startswith(brackets[0]) and text.endswith(brackets[1])):
        raise ParseError(f'"failed to parse list ({text})"')
    found, place, inner = [], 0, text[1:-1]
    while True:
        match = _LISTED.match(inner, place)
        assert match is not None
        found.append(match[2] if match[1] is None else re.sub(r"\\(.)", r"\1", match[1]))
        place = match.end()
        if place >= len(inner):
            return found
        if inner[place] != ",":
            raise ParseError(f'"failed to parse list ({text})"')
        place += 1


def split(text: str, brackets: str) -> list[str]:
    """Return the parts of ``(a,b(c,d))`` at its outermost commas."""
    if not (text.startswith(brackets[0]) and text.endswith(brackets[1])):
        raise ParseError(f'"failed to parse logic tree ({text})"')
    parts, depth = [""], 0
    for character in text[1:-1]:
        depth += (character == brackets[0]) - (character == brackets[1])
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def failed(status: int, code: str, message: str) -> JSONResponse:
    """Return an error as PostgREST tells it."""
    return JSONResponse({"code": code, "details": None, "hint": None, "message": message}, status)


class Api:
    """All tables of a database."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._asked: list[str] = []

    def rows(self, request: Request) -> Response:
        """Answer ``GET /{table}``."""
        self._asked.append(request.url.query)
        with psycopg.connect(self._url) as connection:
            name = request.path_params["table"]
            found = connection.execute(
                "select column_name from information_schema.columns where table_schema = 'public' and table_name = %s"
                " order by ordinal_position",
                [name],
            ).fetchall()
            if not found:
                return failed(404, "42P01", f'relation "public.{name}" does not exist')
            try:
                return self._told(request, Table(name, [column for (column,) in found]), connection)
            except ParseError as error:
                return failed(400, "PGRST100", str(error))
            except psycopg.Error as error:
                return failed(400, error.sqlstate or "", "the database refused the query")

    def _told(self, request: Request, table: Table, connection: psycopg.Connection[Any]) -> Response:
        asked = request.query_params.multi_items()
        one = dict(asked)
        conditions = [table.condition(name, value) for name, value in asked if name not in RESERVED]
        conditions += [table.logic(name, value) for name, value in asked if name in ("or", "and")]
        where = sql.SQL(" AND ").join([sql.SQL("true"), *conditions])
        query = sql.SQL("SELECT {} FROM {} WHERE {}").format(
            table.selected(one.get("select", "*")), sql.Identifier("public", table.name), where
        )
        if "order" in one:
            query += sql.SQL(" ORDER BY ") + table.ordered(one["order"])
        offset, limit = int(one.get("offset", "0")), int(one["limit"]) if "limit" in one else None
        query += sql.SQL(" LIMIT {} OFFSET {}").format(sql.Literal(limit), sql.Literal(offset))
        cursor = connection.execute(query)
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        total = None
        if "count=exact" in request.headers.get("prefer", ""):
            counted = sql.SQL("SELECT count(*) FROM {} WHERE {}").format(sql.Identifier("public", table.name), where)
            (total,) = connection.execute(counted).fetchone() or (0,)
        return self._framed(rows, offset, total)

    def _framed(self, rows: list[dict[str, Any]], offset: int, total: int | None) -> Response:
        if total is not None and offset > total:
            return failed(416, "PGRST103", "Requested range not satisfiable")
        status = 206 if total is not None and len(rows) < total else 200
        shown = f"{offset}-{offset + len(rows) - 1}" if rows else "*"
        headers = {"Content-Range": f"{shown}/{'*' if total is None else total}", "Content-Location": "/members"}
        return JSONResponse(rows, status, headers, media_type="application/json; charset=utf-8")

    def asked(self, _request: Request) -> Response:
        """Tell the queries so far, and forget them."""
        told, self._asked = self._asked, []
        return JSONResponse(told)


def app(url: str) -> Starlette:
    """Return the server of a database."""
    api = Api(url)
    return Starlette(routes=[Route("/rpc/asked", api.asked), Route("/{table}", api.rows)])


if __name__ == "__main__":
    uvicorn.run(app(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
