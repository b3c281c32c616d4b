# SPDX-License-Identifier: Apache-2.0
"""Stores that nobody has declared, on real sockets: they describe themselves or not, and keep what they were asked."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.fakes.proposals import crowd, members_api
from tests.fakes.serving import served

Lists = Mapping[str, list[dict[str, object]]]


class UndeclaredStore:
    """Lists under paths, asked for by ``limit``, ``offset``, ``sort`` and the names of fields.

    Attributes:
        asked: Method and target of every request.
        authorizations: What each was sent with.
    """

    def __init__(self, lists: Lists, beside: Mapping[str, object] | None = None) -> None:
        """Keep the rows, and what is answered at other paths as it stands."""
        self._lists, self._beside = lists, dict(beside or {})
        self.asked: list[tuple[str, str]] = []
        self.authorizations: list[str | None] = []

    def app(self) -> Starlette:
        """Return the application."""
        app = Starlette()
        app.add_route("/{path:path}", self._answer, methods=["GET", "POST", "PUT", "DELETE"])
        return app

    async def _answer(self, request: Request) -> Response:
        self.asked.append((request.method, f"{request.url.path}?{request.url.query}"))
        self.authorizations.append(request.headers.get("authorization"))
        path = request.url.path
        if path in self._beside:
            found = self._beside[path]
            return found if isinstance(found, Response) else JSONResponse(found)
        if path in self._lists:
            return JSONResponse(self._listed(dict(request.query_params), self._lists[path]))
        parent, _, key = path.rpartition("/")
        row = next((row for row in self._lists.get(parent, ()) if str(row.get("id")) == key), None)
        return JSONResponse(row) if row is not None else JSONResponse({"error": "none"}, status_code=404)

    def _listed(self, asked: dict[str, str], rows: list[dict[str, object]]) -> list[dict[str, object]]:
        limit, offset, sort = int(asked.pop("limit", "100")), int(asked.pop("offset", "0")), asked.pop("sort", "")
        found = [row for row in rows if all(str(row[name]) == value for name, value in asked.items() if name in row)]
        if sort:
            found.sort(key=lambda row: str(row.get(sort.removeprefix("-"))), reverse=sort.startswith("-"))
        return found[offset : offset + limit]


@asynccontextmanager
async def undeclared(
    lists: Lists, beside: Mapping[str, object] | None = None
) -> AsyncIterator[tuple[UndeclaredStore, str]]:
    """Serve a store and yield it with its base URL."""
    store = UndeclaredStore(lists, beside)
    async with served(store.app(), H11Protocol) as port:
        yield store, f"http://127.0.0.1:{port}"


def customers(n: int = 40) -> list[dict[str, object]]:
    """Return people of the sample store."""
    return [dict(row) for row in crowd(n)]


def members() -> list[dict[str, object]]:
    """Return rows as ``members_api`` describes them."""
    return [
        {"id": f"m-{n}", "mail": f"m{n}@example.com", "born": f"19{60 + n}-03-04", "points": n, "home": {"city": "Bonn", "zip": "53111"}, "tags": []}
        for n in range(9)
    ]  # fmt: skip


def describing() -> Mapping[str, object]:
    """Return the document of a store with members, at its usual place."""
    return {"/openapi.json": members_api()}
