# SPDX-License-Identifier: Apache-2.0
"""The published schema of OCSF 1.8.0 as JSON Schema (draft 2020-12), for events to be held against.

As https://schema.ocsf.io does it: an attribute of a profile is allowed where the event names the profile, no other
attribute is, and ``at_least_one`` is a constraint. Beside JSON Schema, ``siblings`` holds captions to their numbers.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

FILE = Path(__file__).parents[1] / "data" / "ocsf" / "1.8.0.json"
_JSON = {"boolean_t": "boolean", "integer_t": "integer", "long_t": "integer", "float_t": "number", "string_t": "string"}


@cache
def published() -> Mapping[str, Any]:
    """Return the schema as published, reduced (tests/data/ocsf/README.md)."""
    found: Mapping[str, Any] = json.loads(FILE.read_text())
    return found


def wrong_with(event: Mapping[str, Any]) -> list[str]:
    """Return everything in an event that the schema does not allow."""
    name = next((name for name, one in published()["classes"].items() if one["uid"] == event["class_uid"]), None)
    if name is None:
        return [f"class {event['class_uid']} is not published"]
    profiles = frozenset(event["metadata"].get("profiles", ()))
    told = [f"{error.json_path}: {error.message}" for error in _validator(name, profiles).iter_errors(event)]
    one = published()["classes"][name]
    if (event["category_uid"], event["type_uid"]) != (one["category_uid"], one["uid"] * 100 + event["activity_id"]):
        told.append("category_uid or type_uid is not that of class and activity")
    return [*told, *_siblings(one, event, "$")]


@cache
def _validator(name: str, profiles: frozenset[str]) -> Draft202012Validator:
    objects = published()["objects"]
    schema = {
        **_object(published()["classes"][name], profiles),
        "$defs": {each: _object(one, profiles) for each, one in objects.items()},
    }
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def _object(one: Mapping[str, Any], profiles: frozenset[str]) -> dict[str, Any]:
    allowed = {
        name: each
        for name, each in one["attributes"].items()
        if not each.get("profiles") or profiles & set(each["profiles"])
    }
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: _attribute(each) for name, each in allowed.items()},
        # The object `object` has no attributes of its own: it holds whatever a source has to say.
        "additionalProperties": not one["attributes"],
        "required": sorted(name for name, each in allowed.items() if each.get("requirement") == "required"),
    }
    if names := one.get("constraints", {}).get("at_least_one"):
        schema["anyOf"] = [{"required": [name]} for name in names]
    return schema


def _attribute(each: Mapping[str, Any]) -> dict[str, Any]:
    item = _type(each)
    return {"type": "array", "items": item} if each.get("is_array") else item


def _type(each: Mapping[str, Any]) -> dict[str, Any]:
    if each["type"] == "object_t":
        known = each["object_type"] in published()["objects"]
        # An object that the reduced schema leaves out is none of ours.
        return {"$ref": f"#/$defs/{each['object_type']}"} if known else {"not": {}}
    if each["type"] == "json_t":
        return {}
    rules = published()["types"][each["type"]]
    kind = _JSON.get(each["type"]) or _JSON[rules["type"]]
    schema: dict[str, Any] = {"type": kind}
    if "enum" in each:
        schema["enum"] = [int(key) if kind == "integer" else key for key in each["enum"]]
    for ours, theirs in (("pattern", "regex"), ("maxLength", "max_len")):
        if theirs in rules:
            schema[ours] = rules[theirs]
    if "range" in rules:
        schema["minimum"], schema["maximum"] = rules["range"]
    return schema


def _siblings(one: Mapping[str, Any], told: Mapping[str, Any], path: str) -> Iterator[str]:
    """Yield what JSON Schema does not see: attributes that are deprecated, and texts beside numbers.

    A text is the caption of its number; beside 99 (Other) it is the source's own.
    """
    for name, value in told.items():
        each = one["attributes"].get(name)
        if each is None:
            continue
        if "deprecated" in each:
            yield f"{path}.{name}: deprecated since {each['deprecated']}"
        sibling = each.get("sibling")
        if sibling and sibling in told and "enum" in each and value != 99:
            caption = each["enum"].get(str(value))
            if told[sibling] != caption and sibling != "type_name":
                yield f"{path}.{sibling}: {told[sibling]!r}, where {value} is {caption!r}"
        inside = published()["objects"].get(each.get("object_type"))
        for inner in value if isinstance(value, list) else [value]:
            if inside is not None and isinstance(inner, dict):
                yield from _siblings(inside, inner, f"{path}.{name}")
