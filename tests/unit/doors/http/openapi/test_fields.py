# SPDX-License-Identifier: Apache-2.0
"""A view as a schema: what leaves has its treatment, what does not has its reasons, and no rule is named."""

import json

from gateway.decide.decide import Decider
from gateway.decide.rules import RuleSet
from gateway.domain.decision import Permit
from gateway.domain.viewplan import Layer, ViewPlan
from gateway.doors.http.openapi.fields import STANDS, Json, row_schema, written_schema
from tests.fakes.deciding import NOW_US, RULES, grant, inquiry, red_line, rules


def view(of: RuleSet = RULES) -> ViewPlan:
    decision = Decider(of, in_band=lambda _rung, _text: True).decide(inquiry(), (), NOW_US)
    assert isinstance(decision, Permit)
    return decision.plan


def schema(of: RuleSet = RULES, **lines: str) -> Json:
    return row_schema(view(of), lines)


def test_fields_that_leave_are_properties_with_their_treatment() -> None:
    """A surrogate, a revealed text, a band; each may be null."""
    told = schema()["properties"]
    assert {name: one["x-treatment"] for name, one in told.items()} == {
        "id": "surrogate", "name": "reveal", "email": "reveal", "born": "generalise",
    }  # fmt: skip
    assert told["born"]["x-rung"] == "generalise.year"
    assert told["born"]["x-unlinked"]
    assert "x-lower-because" not in told["name"]
    assert all("null" in one["type"] for one in told.values())


def test_fields_that_do_not_leave_are_named_with_the_layers_that_keep_them() -> None:
    """And who can change it; of a red line its own sentence."""
    told = schema(rules(red_lines=(red_line("no-belief", "user.belief"),)), **{"no-belief": "Never belief."})
    reasons = told["x-missing"]["religion"]
    assert set(told["x-missing"]) == {"religion", "notes"}
    assert {one["layer"] for one in reasons} == {Layer.GRANTS, Layer.RED_LINES}
    assert {"layer": "red-lines", "who": "officer", "because": "Never belief."} in reasons


def test_no_rule_is_named() -> None:
    """Neither a grant's id, nor a role, nor a red line's."""
    of = rules(red_lines=(red_line("no-belief", "user.belief"),))
    text = json.dumps(row_schema(view(of), {"no-belief": "Never."}))
    assert not any(word in text for word in ("g:", "campaigner", "no-belief"))


def test_every_layer_has_its_words() -> None:
    """A layer that is added must be told, or this fails."""
    assert set(STANDS) == set(Layer)


def test_dotted_names_are_objects_in_objects() -> None:
    """As rows have them."""
    plan = view(rules(grants=(grant("user.name"),)))
    nested = ViewPlan(**{
        **{name: getattr(plan, name) for name in plan.__struct_fields__},
        "views": tuple(_renamed(one, "person.names.last") if one.field == "name" else one for one in plan.views),
    })  # fmt: skip
    inner = row_schema(nested, {})["properties"]["person"]["properties"]["names"]["properties"]["last"]
    assert inner["x-treatment"] == "reveal"


def _renamed(view_: object, name: str) -> object:
    return type(view_)(**{**{key: getattr(view_, key) for key in view_.__struct_fields__}, "field": name})  # type: ignore[attr-defined]


def test_what_may_be_written_is_clear_or_a_surrogate() -> None:
    """Nothing else can be written."""
    told = written_schema(view(), {}, is_whole=True)
    assert {name: one["x-treatment"] for name, one in told["properties"].items()} == {
        "id": "surrogate", "name": "reveal", "email": "reveal",
    }  # fmt: skip
    assert "born" in told["x-missing"]
