# SPDX-License-Identifier: Apache-2.0
"""Answers of a permitted route in OpenAPI: media types and schemas by status."""

from collections.abc import Callable, Iterable
from http import HTTPStatus

from gateway.domain.catalog import MemberUse, Route
from gateway.domain.offer import PurposeOffer, RouteOffer
from gateway.domain.sending import SEND, LeftOut
from gateway.doors.http.openapi.fields import Json

LISTS = ("array", "object", "ndjson", "csv")
Named = Callable[[PurposeOffer, str], str | None]
"""Returns the name of the schema of what is ``shown`` or ``written`` under an offer, if there is any."""

_SENT: Json = {
    "type": "object",
    "required": ["sent", "rows"],
    "properties": {
        "sent": {"type": "integer"},
        "rows": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["row", "cause"],
                "properties": {"row": {"type": "integer"}, "cause": {"type": "string", "enum": [*map(str, LeftOut)]}},
            },
        },
    },
}


def answers_of(one: RouteOffer, named: Named) -> Json:
    """Return the answers of a route by status, as the purposes of the offer show its rows."""
    route = one.route
    names = [named(each, "shown") for each in one.purposes]
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS}
    if route.operation == SEND:
        content = {"application/json": {"schema": _SENT}}
        return {"200": {"description": "How many went, and which did not", "headers": headers, "content": content}}
    if route.operation in ("create", "update", "delete"):
        told: Json = {"204": {"description": HTTPStatus.NO_CONTENT.phrase, "headers": headers}}
        if any(names) and route.answer.kind != "nothing":
            code = "201" if route.operation == "create" else "200"
            content = {"application/json": {"schema": any_of(names)}}
            told[code] = {
                "description": "The record, as the caller may read it",
                "headers": headers,
                "content": content,
            }
        return told
    return {"200": {"description": "What may leave", "headers": headers, "content": content_of(route, any_of(names))}}


_HEADERS = ("Decision-Id", "Data-View", "Data-Page", "Rows-Withheld", "RateLimit-Policy", "RateLimit", "Link", "ETag")


def content_of(route: Route, row: Json) -> Json:
    """Return the media types of a route's answer with their schemas; ``row`` is the schema of a row."""
    shape = route.answer
    if shape.kind not in LISTS:
        return {"application/json": {"schema": row}}
    rows: Json = {"type": "array", "items": row}
    if shape.kind == "object" and shape.rows:
        members = {name: {"type": ["integer", "null"]} for name, use in shape.members if use is MemberUse.RECOUNT}
        rows = {"type": "object", "properties": {**members, shape.rows: rows}, "required": [shape.rows]}
    csv: Json = {"schema": {"type": "string"}}
    return {
        "application/json": {"schema": rows},
        "application/x-ndjson": {"schema": row | {"description": "One object a line."}},
        "text/csv": csv,
        "text/csv; formulas=escaped": csv,
    }


def any_of(names: Iterable[str | None]) -> Json:
    """Return the schema of anything that one of these does; any value where there is none."""
    refs = [{"$ref": f"#/components/schemas/{name}"} for name in dict.fromkeys(names) if name]
    return refs[0] if len(refs) == 1 else ({"anyOf": refs} if refs else {})
