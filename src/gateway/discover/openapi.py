# SPDX-License-Identifier: Apache-2.0
"""What an OpenAPI document (2.0, 3.0, 3.1) says of a store: its calls, their answers and their rows.

A document is as little trusted as a store: references are followed inside it alone and so many times, what cannot
be read is told and passed over, and nothing of it but names and types is kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import msgspec

from gateway.discover.categorise import Described
from gateway.discover.columns import MOST_COLUMNS, MOST_DEPTH, ROWS, TOTALS, shown
from gateway.discover.types import openapi_type
from gateway.domain.catalog import AnswerShape, MemberUse
from gateway.domain.names import is_field_name

Schema = Mapping[str, object]
MOST_ROUTES = 500
MOST_STEPS = 20
"""References that are followed one after the other."""
MOST_LOOKUPS = 100_000
METHODS = ("get", "post", "put", "patch", "delete")
_NOTHING: Schema = {}


class DescribedParameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter of a call; ``place`` is ``query`` or ``path``.

    Attributes:
        most: The largest value that the document allows, for limits.
        origin: Name under which the document keeps it, such as PostgREST's ``rowFilter.customers.id``.
    """

    name: str
    place: str
    most: int | None = None
    origin: str = ""


class DescribedRoute(msgspec.Struct, frozen=True, kw_only=True):
    """One call as the document describes it.

    Attributes:
        answer: ``None`` where the answer is no JSON, or none that a catalogue can say.
        members: Of a body in JSON: its members by path.
    """

    method: str
    path: str
    parameters: tuple[DescribedParameter, ...]
    answer: AnswerShape | None
    fields: tuple[Described, ...]
    members: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()
    words: str = ""
    """Its operation id, by which searches are told from other calls."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What was read."""

    title: str
    routes: tuple[DescribedRoute, ...]
    unsupported: tuple[str, ...] = ()


def is_openapi(document: object) -> bool:
    """Tell whether a decoded text is an OpenAPI document."""
    return (
        isinstance(document, dict)
        and isinstance(document.get("paths"), dict)
        and ("openapi" in document or "swagger" in document)
    )


def base_path(document: Schema) -> str:
    """Return the path that the document's own paths are below: of ``basePath`` or the first server; empty for the root."""
    servers = document.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else None
    said = document.get("basePath") or (first.get("url") if isinstance(first, dict) else "")
    text = said if isinstance(said, str) else ""
    _, _, rest = text.rpartition("://")
    path = rest[rest.find("/") :] if "://" in text and "/" in rest else "" if "://" in text else text
    return path.rstrip("/") if path.startswith("/") else ""


def below(document: Schema, base: str) -> Schema:
    """Return the document with its paths below a store's base URL.

    Args:
        document: As it was found.
        base: Path of the store's base URL; empty for the root.
    """
    around = base_path(document)
    paths = {}
    for path, item in _table(document.get("paths")).items():
        whole = around + str(path)
        paths[whole.removeprefix(base) if whole.startswith(base + "/") else str(path)] = item
    return {**{key: value for key, value in document.items() if key not in ("servers", "basePath")}, "paths": paths}


def read_openapi(document: Schema) -> Document:
    """Return what a document says of its calls."""
    reader = _Reader(document)
    info = _table(document.get("info"))
    routes = tuple(one for _, one in zip(range(MOST_ROUTES), reader.routes(), strict=False))
    title = info.get("title")
    return Document(
        title=shown(title) if isinstance(title, str) else "", routes=routes, unsupported=tuple(reader.problems)
    )


class _Reader:
    def __init__(self, document: Schema) -> None:
        self.document = document
        self.problems: list[str] = []
        self._left = MOST_LOOKUPS

    def routes(self) -> Iterator[DescribedRoute]:
        for path, item in _table(self.document.get("paths")).items():
            table = self.resolved(item)
            shared = _items(table.get("parameters"))
            for method in METHODS:
                if isinstance(table.get(method), dict):
                    yield self._route(method, str(path), _table(table[method]), shared)

    def _route(self, method: str, path: str, call: Schema, shared: Sequence[object]) -> DescribedRoute:
        said = [*shared, *_items(call.get("parameters"))]
        tables = [(self.resolved(one), _ref(one)) for one in said]
        body = self._body(call, [table for table, _ in tables])
        answer, fields, problems = self._answer(call, path)
        return DescribedRoute(
            method=method.upper(),
            path=path,
            parameters=tuple(one for table, ref in tables if (one := self._parameter(table, ref)) is not None),
            answer=answer,
            fields=fields,
            members=tuple(self._members(body)) if body else (),
            unsupported=problems,
            words=str(call.get("operationId") or "").lower(),
        )

    def _parameter(self, table: Schema, ref: str) -> DescribedParameter | None:
        name, place = table.get("name"), table.get("in")
        if not isinstance(name, str) or place not in ("query", "path"):
            return None
        schema = self.resolved(table.get("schema")) or table
        most = schema.get("maximum")
        return DescribedParameter(
            name=name,
            place=str(place),
            most=most if isinstance(most, int) and not isinstance(most, bool) and most > 0 else None,
            origin=ref.rpartition("/")[2],
        )

    def _body(self, call: Schema, parameters: Sequence[Schema]) -> Schema:
        for table in parameters:
            if table.get("in") == "body":
                return self.resolved(table.get("schema"))
        content = _table(self.resolved(call.get("requestBody")).get("content"))
        return self.resolved(_table(content.get("application/json")).get("schema"))

    def _answer(self, call: Schema, path: str) -> tuple[AnswerShape | None, tuple[Described, ...], tuple[str, ...]]:
        responses = _table(call.get("responses"))
        code = next((code for code in ("200", "201", "206", "2XX", "default") if code in responses), None)
        if code is None:
            code = next((code for code in responses if str(code) in ("200", "201")), None)
        said = self.resolved(responses.get(code)) if code is not None else _NOTHING
        schema = self.resolved(said.get("schema"))
        if not schema:
            content = _table(said.get("content"))
            kind = next((kind for kind in content if kind.partition(";")[0].strip() == "application/json"), None)
            if kind is None:
                return None, (), ()
            schema = self.resolved(_table(content[kind]).get("schema"))
        shape, row = self._shape(schema, path.rstrip("/").rpartition("/")[2])
        if shape is None or not row:
            return shape, (), ()
        return shape, *self._fields(row)

    def _shape(self, schema: Schema, hint: str) -> tuple[AnswerShape | None, Schema]:
        """Return how an answer holds its rows, and the schema of a row."""
        if _kind(schema) == "array":
            return AnswerShape(kind="array"), self.resolved(schema.get("items"))
        properties = {str(name): self.resolved(value) for name, value in self.properties(schema).items()}
        lists = {
            name: self.resolved(value.get("items")) for name, value in properties.items() if _kind(value) == "array"
        }
        rows = {name: row for name, row in lists.items() if self.properties(row)}
        usual = next((name for name in (hint, *ROWS) if name in rows), None)
        name = usual or (next(iter(rows)) if len(rows) == 1 and "id" not in properties else None)
        if name is None:
            return (AnswerShape(kind="record"), schema) if properties else (None, schema)
        members = tuple(
            (other, MemberUse.RECOUNT if other.lower() in TOTALS and _kind(value) == "integer" else MemberUse.DROP)
            for other, value in properties.items()
            if other != name
        )
        return AnswerShape(kind="object", rows=name, members=members), rows[name]

    def properties(self, schema: Schema) -> dict[str, object]:
        """Return the properties of a schema and of all that it is put together from."""
        found = dict(_table(schema.get("properties")))
        for part in _items(schema.get("allOf"))[:MOST_STEPS]:
            found.update(_table(self.resolved(part).get("properties")))
        return found

    def _fields(
        self, schema: Schema, prefix: str = "", depth: int = 1
    ) -> tuple[tuple[Described, ...], tuple[str, ...]]:
        found: list[Described] = []
        problems: list[str] = []
        for key, value in list(self.properties(schema).items())[:MOST_COLUMNS]:
            name, inner = prefix + str(key), self.resolved(value)
            kind, form = _kind(inner), str(inner.get("format") or "")
            type_ = openapi_type(kind, form)
            if not is_field_name(str(key)) or "." in str(key):
                problems.append(f"`{shown(name)}` is no name that a dataset can say")
            elif type_ is not None:
                text = inner.get("description")
                found.append(
                    Described(name=name, type=type_, format=form, description=text if isinstance(text, str) else "")
                )
            elif self.properties(inner) and depth < MOST_DEPTH:
                deeper, told = self._fields(inner, name + ".", depth + 1)
                found += deeper
                problems += told
            else:
                what = "an array" if kind == "array" else "no single value"
                problems.append(f"`{shown(name)}` is {what}, and only single values and objects can be declared")
        return tuple(found), tuple(problems)

    def _members(self, schema: Schema, prefix: str = "", depth: int = 1) -> Iterator[str]:
        """Yield the members of a body by path, arrays of single values with ``[]`` behind."""
        for key, value in list(self.properties(schema).items())[:MOST_COLUMNS]:
            inner = self.resolved(value)
            if _kind(inner) == "array":
                yield f"{prefix}{key}[]"
            elif self.properties(inner) and depth < MOST_DEPTH:
                yield from self._members(inner, f"{prefix}{key}.", depth + 1)
            else:
                yield f"{prefix}{key}"

    def resolved(self, node: object) -> Schema:
        """Return a table with its references followed; of alternatives the first that is not null."""
        for _ in range(MOST_STEPS):
            self._left -= 1
            if self._left < 0:
                self._tell("the document is too large; what stands behind was not read")
                return _NOTHING
            table = _table(node)
            ref = _ref(table)
            choices = [one for key in ("oneOf", "anyOf") for one in _items(table.get(key))]
            if ref:
                node = self._at(ref)
            elif choices and not table.get("properties"):
                node = next((one for one in choices if _table(one).get("type") != "null"), None)
            elif len(_items(table.get("allOf"))) == 1 and "properties" not in table:
                node = _items(table.get("allOf"))[0]
            else:
                return table
        return _NOTHING

    def _tell(self, sentence: str) -> None:
        if sentence not in self.problems:
            self.problems.append(sentence)

    def _at(self, ref: str) -> object:
        node: object = self.document
        if not ref.startswith("#/"):
            self._tell("a reference leads out of the document and was not followed")
            return None
        for part in ref[2:].split("/"):
            node = _table(node).get(part.replace("~1", "/").replace("~0", "~"))
        return node


def _table(node: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", node) if isinstance(node, dict) else _NOTHING


def _items(node: object) -> list[object]:
    return node if isinstance(node, list) else []


def _ref(node: object) -> str:
    ref = _table(node).get("$ref")
    return ref if isinstance(ref, str) else ""


def _kind(schema: Schema) -> str:
    """Return the type of a schema; of 3.1's list of types the one that is not null."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), None)
    return kind if isinstance(kind, str) else ("object" if "properties" in schema else "")
