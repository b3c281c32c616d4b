# SPDX-License-Identifier: Apache-2.0
"""A view as a JSON schema: what a row has, what was done to each field, and why a field is lower or missing.

A schema is of one dataset, operation and purpose. Its properties are the fields that leave; under
``x-missing`` stand the others, each with the layers of the decision that keep it, never with a rule's inside.
"""

from collections.abc import Mapping
from typing import Any

from gateway.domain.catalog import FieldType
from gateway.domain.treatment import Family
from gateway.domain.viewplan import FieldView, Layer, ViewPlan

Json = dict[str, Any]

_TYPES: Mapping[FieldType, str] = {
    FieldType.TEXT: "string",
    FieldType.FREE_TEXT: "string",
    FieldType.INTEGER: "integer",
    FieldType.DECIMAL: "number",
    FieldType.BOOLEAN: "boolean",
    FieldType.DATE: "string",
    FieldType.TIMESTAMP: "string",
}

STANDS: Mapping[Layer, tuple[str, str]] = {
    Layer.REVIEW: ("owner", "its declaration was not reviewed yet"),
    Layer.GRANTS: ("owner", "no grant gives more"),
    Layer.PURPOSE: ("owner", "the purpose does not list its category further"),
    Layer.RED_LINES: ("officer", "a red line stands above grants and consent"),
    Layer.RECIPIENT: ("officer", "the recipient may not have more"),
    Layer.CHOICES: ("caller", "people's choices do not allow more"),
    Layer.ASSURANCE: ("caller", "the sign-in is not strong or fresh enough"),
    Layer.HOLDS: ("officer", "a hold on the account stands against it"),
}
"""For each layer who can change its word, and what it says."""


def row_schema(plan: ViewPlan, red_lines: Mapping[str, str], fresh: tuple[str, ...] = ()) -> Json:
    """Return the schema of one row that leaves under a view.

    Args:
        plan: The view.
        red_lines: Sentences of red lines, by identifier.
        fresh: Fields of which a fresh sign-in would show more.
    """
    schema: Json = _object()
    missing: dict[str, list[Json]] = {}
    for view in plan.views:
        word = view.chain.family(view.treatment)
        because = reasons(view, red_lines)
        if word is Family.DROP:
            missing[view.field] = because
        else:
            leaf = _leaf(plan, view, word) | ({"x-lower-because": because} if because else {})
            if view.field in fresh:
                leaf["x-step-up"] = True
            _put(schema, view.field, leaf)
    return schema | {"x-purpose": plan.purpose, "x-missing": missing}


def written_schema(plan: ViewPlan, red_lines: Mapping[str, str], *, is_whole: bool) -> Json:
    """Return the schema of one record that a caller may write under a view."""
    schema: Json = _object()
    missing: dict[str, list[Json]] = {}
    for view in plan.views:
        top = view.treatment.level == len(view.chain.rungs) - 1
        if not top and not view.treatment.link:
            missing[view.field] = reasons(view, red_lines)
            continue
        leaf = _typed(plan, view) if top else {"type": "string"}
        _put(schema, view.field, leaf | {"x-treatment": "reveal" if top else "surrogate"})
    return schema | {"x-purpose": plan.purpose, "x-missing": missing, "x-whole-record": is_whole}


def reasons(view: FieldView, red_lines: Mapping[str, str]) -> list[Json]:
    """Return what keeps a field where it is, a word for each layer; nothing of a field that leaves as it is."""
    told: list[Json] = []
    for ceiling in view.binding():
        who, sentence = STANDS[ceiling.layer]
        said = [red_lines[one] for one in ceiling.rule.split() if one in red_lines]
        if ceiling.layer is Layer.RED_LINES and said:
            sentence = " ".join(said)
        told.append({"layer": ceiling.layer, "who": who, "because": sentence})
    return told


def _leaf(plan: ViewPlan, view: FieldView, word: Family) -> Json:
    schema: Json = _typed(plan, view) if word is Family.REVEAL else {"type": ["string", "null"]}
    schema["x-treatment"] = word
    if word is not Family.SURROGATE:
        schema["x-rung"] = view.chain.rungs[view.treatment.level]
    if not view.treatment.link:
        schema["x-unlinked"] = True
    return schema


def _typed(plan: ViewPlan, view: FieldView) -> Json:
    spec = plan.collection.field(view.field)
    kind = spec.type if spec else FieldType.TEXT
    return {"type": [_TYPES[kind], "null"]} | ({"format": "date"} if kind is FieldType.DATE else {})


def _object() -> Json:
    return {"type": "object", "properties": {}, "additionalProperties": False}


def _put(schema: Json, name: str, leaf: Json) -> None:
    """Put a field into its place: a dotted name goes one object deeper at each dot."""
    *above, last = name.split(".")
    for part in above:
        schema = schema["properties"].setdefault(part, _object() | {"type": ["object", "null"]})
    schema["properties"][last] = leaf
