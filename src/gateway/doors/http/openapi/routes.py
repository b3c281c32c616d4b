# SPDX-License-Identifier: Apache-2.0
"""A permitted route as an OpenAPI operation: its parameters, headers, body and answers, each with its purposes."""

import re

from gateway.domain.catalog import BodyKind, Honoured, MessageShape, Route
from gateway.domain.offer import Offer, PurposeOffer, RouteOffer
from gateway.domain.parameters import (
    AlternativeFilters,
    Comparison,
    CursorParameter,
    FieldsParameter,
    FilterParameter,
    LimitParameter,
    OffsetParameter,
    OrderParameter,
    PageParameter,
    Parameter,
    SortParameter,
    SortStyle,
    filters_of,
)
from gateway.domain.sending import SEND
from gateway.doors.http.openapi.answers import Named, answers_of, any_of
from gateway.doors.http.openapi.fields import Json
from gateway.doors.http.problem_table import PROBLEMS
from gateway.doors.http.reading.binding import CURSOR, has_pages

_SLUG = re.compile(r"[^A-Za-z0-9]+")


def operation(offer: Offer, one: RouteOffer, named: Named) -> Json:
    """Return the operation of a route."""
    route = one.route
    told: Json = {
        "operationId": f"{route.method.lower()}_{_SLUG.sub('_', route.template).strip('_')}",
        "summary": f"{route.operation} {route.dataset}",
        "tags": [route.dataset],
        "x-dataset": route.dataset,
        "x-operation": route.operation,
        "x-purposes": {each.purpose: _purpose(offer, each) for each in one.purposes},
        "parameters": [*_data_headers(offer, one), *_honoured(route), *_parameters(one)],
        "responses": {**answers_of(one, named), "default": {"$ref": "#/components/responses/Problem"}},
    }
    if one.refused:
        told["x-refused"] = {
            key: {"reason": reason, "retry": PROBLEMS[reason].retry, "who": PROBLEMS[reason].who}
            for key, reason in one.refused
        }
    body = _body(one, named)
    return told | ({"requestBody": body} if body else {})


def _purpose(offer: Offer, each: PurposeOffer) -> Json:
    told: Json = {
        "title": offer.titles.get(each.purpose, ""),
        "reference": "required" if each.needs_reference else "optional",
    }
    if each.needs_step_up:
        told["step-up"] = "required"
    if each.rows:
        told["rows"] = list(each.rows)
    if each.chosen_least is not None:
        told["least-rows-of-a-filtered-page"] = each.chosen_least
    return told


def _data_headers(offer: Offer, one: RouteOffer) -> list[Json]:
    keys = [each.purpose for each in one.purposes]
    needs = [each.purpose for each in one.purposes if each.needs_reference]
    purpose: Json = {
        "name": "Data-Purpose",
        "in": "header",
        "required": offer.only_purpose is None,
        "description": "What the data is for.",
        "schema": {"type": "string", "enum": keys},
    }
    reference: Json = {
        "name": "Data-Reference",
        "in": "header",
        "required": bool(needs) and len(needs) == len(keys),
        "description": "Campaign or case; it goes into the log as it is.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]([ -~]*[!-~])?$"},
    }
    told = [purpose, reference | ({"x-required-for": needs} if needs else {})]
    if one.route.operation == SEND:
        told.append({
            "name": "Data-Mandate",
            "in": "header",
            "description": "The mandate under which a service sends; a person who just signed in needs none.",
            "schema": {"type": "string", "pattern": "^m_[a-z0-9]{16}$"},
        })  # fmt: skip
    return told


def _honoured(route: Route) -> list[Json]:
    names = {Honoured.IDEMPOTENCY_KEY: 255}
    return [
        {
            "name": header.value.title(),
            "in": "header",
            "schema": {"type": "string", "minLength": 1} | ({"maxLength": names[header]} if header in names else {}),
        }
        for header in route.honours
    ]


def _parameters(one: RouteOffer) -> list[Json]:
    told = []
    in_path = set(re.findall(r"\{([^}]+)\}", one.route.template))
    for name, parameter in one.route.parameters.items():
        found = _parameter(one, name, parameter)
        if name in in_path:
            schema = (found or {"schema": {"type": "string"}}) | {"name": name, "in": "path", "required": True}
            told.append(schema)
        elif found is not None:
            told.append({"name": name, "in": "query", **found})
    if has_pages(one.route) and CURSOR not in one.route.parameters:
        told.append({"name": CURSOR, "in": "query", "description": "From the link to the next page.", "schema": _TEXT})
    return told


_TEXT: Json = {"type": "string", "minLength": 1, "maxLength": 1024}


def _parameter(one: RouteOffer, name: str, parameter: Parameter) -> Json | None:
    """Return schema and purposes of a parameter; nothing if no purpose permits it."""
    match parameter:
        case FilterParameter() | AlternativeFilters():
            return _filter(one, name, parameter)
        case LimitParameter():
            return {
                "schema": {"type": "integer", "minimum": 1, "maximum": parameter.most, "default": parameter.default}
            }
        case OffsetParameter():
            return {"schema": {"type": "integer", "minimum": 0, "maximum": 999_999_999}}
        case PageParameter():
            return {"schema": {"type": "integer", "minimum": 1}}
        case CursorParameter():
            return {"description": "Sealed, from the answer before.", "schema": _TEXT}
        case SortParameter():
            return _sort(one, parameter)
        case OrderParameter():
            return {"description": "asc or desc for each name of the order, joined by commas.", "schema": _TEXT}
        case FieldsParameter():
            return {
                "description": "Names of fields, joined by commas: the call is then strict about each of them.",
                "schema": _TEXT,
                "x-purposes": {each.purpose: _fields(each) for each in one.purposes},
            }


def _fields(each: PurposeOffer) -> list[str]:
    views = each.shown.views if each.shown else ()
    return [view.field for view in views if view.treatment.level or view.treatment.link]


def _sort(one: RouteOffer, parameter: SortParameter) -> Json | None:
    uses = {each.purpose: list(each.sorts) for each in one.purposes if each.sorts}
    spelled = {
        SortStyle.MINUS: "Names joined by commas; - in front descends.",
        SortStyle.DOT: "Names joined by commas; .desc behind descends.",
        SortStyle.ASCENDING: "One name, which ascends.",
        SortStyle.DESCENDING: "One name, which descends.",
        SortStyle.APART: "Names joined by commas; their directions stand in the order parameter.",
    }
    return {"description": spelled[parameter.style], "schema": _TEXT, "x-purposes": uses} if uses else None


def _filter(one: RouteOffer, name: str, parameter: Parameter) -> Json | None:
    uses: Json = {}
    for each in one.purposes:
        found = [
            {"field": use.filter.field, "comparison": use.filter.comparison, "compared": use.use}
            | ({} if use.filter.spelling == "{}" else {"value": use.filter.spelling})
            for use in each.uses
            if use.filter.parameter == name
        ]
        if found:
            uses[each.purpose] = found
    if not uses:
        return None
    about = " or ".join(dict.fromkeys(f"{each.field} {each.comparison}" for each in filters_of(parameter)))
    return {"description": f"Filter: {about}.", "schema": _TEXT, "x-purposes": uses}


def _body(one: RouteOffer, named: Named) -> Json | None:
    body = one.route.body
    if body is None:
        return None
    if body.kind is BodyKind.SEARCH:
        return {"required": True, "content": {"application/json": {"schema": _search(one)}}}
    if body.messages is not None:
        return {"required": True, "content": {"application/json": {"schema": _messages(body.messages, body.most)}}}
    record = any_of(named(each, "written") for each in one.purposes)
    is_many = body.kind is BodyKind.RECORDS
    schema = {"type": "array", "items": record, "minItems": 1, "maxItems": body.most} if is_many else record
    media = "application/merge-patch+json" if body.kind is BodyKind.MERGE_PATCH else "application/json"
    return {"required": True, "content": {media: {"schema": schema}}}


def _messages(members: MessageShape, most: int) -> Json:
    """Return the schema of messages: one, or an array of them."""
    message: Json = {"type": "object", "properties": {}, "additionalProperties": False}
    said = {
        members.key: {
            "type": "string",
            "minLength": 1,
            "maxLength": 128,
            "description": "Under it nothing is sent twice.",
        },
        members.address: {"type": "string", "description": f"A surrogate of {members.field}, never the value."},
        **{name: {"type": "string"} for name in members.texts},
    }
    for path, schema in said.items():
        *above, last = path.split(".")
        place = message
        for part in above:
            place = place["properties"].setdefault(
                part, {"type": "object", "properties": {}, "additionalProperties": False}
            )
        place["properties"][last] = schema
        if path in (members.key, members.address):
            place["required"] = [*place.get("required", ()), last]
    return {"anyOf": [message, {"type": "array", "items": message, "minItems": 1, "maxItems": most}]}


def _search(one: RouteOffer) -> Json:
    """Return the schema of a search: a dotted name goes one object deeper at each dot."""
    top: Json = {"type": "object", "properties": {}, "additionalProperties": False}
    for name, parameter in (one.route.body.parameters if one.route.body else {}).items():
        found = _parameter(one, name, parameter)
        if found is None:
            continue
        *above, last = name.split(".")
        place = top
        for part in above:
            place = place["properties"].setdefault(
                part, {"type": "object", "properties": {}, "additionalProperties": False}
            )
        place["properties"][last] = _member(parameter, found)
    return top


def _member(parameter: Parameter, found: Json) -> Json:
    told = {key: value for key, value in found.items() if key != "schema"}
    if isinstance(parameter, FilterParameter):
        is_list = parameter.comparison is Comparison.IN
        one: Json = {"type": ["string", "number", "boolean"]}
        return (
            {"type": "array", "items": one, "minItems": 1, "maxItems": parameter.most, **told}
            if is_list
            else one | told
        )
    if isinstance(parameter, SortParameter | FieldsParameter):
        return {"type": ["array", "string"], "items": {"type": "string"}, **told}
    return {**found["schema"], **told}
