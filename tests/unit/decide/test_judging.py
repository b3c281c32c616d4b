# SPDX-License-Identifier: Apache-2.0
"""What a view permits of what a call names: filters by clear value, surrogate, list and band."""

from typing import Any

import msgspec

from gateway.decide.judging import because, filter_uses, is_clear, leaves, more_when_fresh, red_line_of, unused
from gateway.domain.decision import Reason, Use
from gateway.domain.inquiry import Filter
from gateway.domain.names import FieldName
from gateway.domain.parameters import Comparison
from gateway.domain.treatment import Rung, Treatment
from gateway.domain.viewplan import Caps, Ceiling, Layer, ViewPlan
from tests.fakes.deciding import equal, red_line
from tests.fakes.plans import CHAINS, REVEALED, SURROGATE, plan, spec

VIEW = plan(
    (spec("city"), CHAINS["text"], REVEALED),
    (spec("email"), CHAINS["email"], SURROGATE),
    (spec("name"), CHAINS["name"], Treatment(1, link=True)),
    (spec("age"), CHAINS["number"], Treatment(1, link=False)),
    (spec("religion"), CHAINS["word"], Treatment(0, link=False)),
)


def is_decade(_: Rung, text: str) -> bool:
    """Know two bands."""
    return text in ("30-39", "40-49")


def use_of(name: str, value: str = "x", /, **changes: Any) -> Use | None:
    """Return how one filter may be compared."""
    asked: Filter = msgspec.structs.replace(equal(name, value), **changes)
    uses = filter_uses(VIEW, (asked,), is_decade)
    return uses[0].use if uses else None


def one_of(*values: str) -> dict[str, Any]:
    """Return the changes that make a filter a list."""
    return {"comparison": Comparison.IN, "value": "", "values": values}


def test_a_revealed_field_is_compared_in_every_way() -> None:
    """Also in a list."""
    assert {use_of("city", comparison=one) for one in Comparison} == {Use.CLEAR}


def test_a_field_that_leaves_as_surrogate_is_compared_for_equality_alone() -> None:
    """With one surrogate or any of a list; a range or a prefix would tell an order."""
    assert use_of("email") is Use.SURROGATE
    assert use_of("email", **one_of("a", "b")) is Use.SURROGATE
    refused = [one for one in Comparison if one not in (Comparison.EQUAL, Comparison.IN)]
    assert {use_of("email", comparison=one) for one in refused} == {None}


def test_a_generalised_field_is_compared_in_its_own_bands_alone() -> None:
    """Where the route declares it; every value of a list must be one."""
    assert use_of("age", "30-39", bands=True) is Use.BAND
    assert use_of("age", bands=True, **one_of("30-39", "40-49")) is Use.BAND
    assert use_of("age", bands=True, **one_of("30-39", "34")) is None
    assert use_of("age", "34", bands=True) is None
    assert use_of("age", "30-39") is None


def test_masked_dropped_and_unknown_fields_are_not_compared() -> None:
    """By nothing."""
    assert {use_of(name) for name in ("name", "religion", "nothing")} == {None}
    asked = (equal("city"), equal("name"))
    assert unused(asked, filter_uses(VIEW, asked, is_decade)) == [("name", "name")]
    assert filter_uses(VIEW, (), is_decade) == ()


def test_clear_and_leaving_are_two_things() -> None:
    """A surrogate leaves and is not clear."""
    assert [(is_clear(view), leaves(view)) for view in VIEW.views] == [
        (True, True), (False, True), (False, True), (False, True), (False, False),
    ]  # fmt: skip
    assert not is_clear(None)
    assert not leaves(None)


def bound(layer: Layer, rule: str) -> ViewPlan:
    """Return the view with its last field bound by a rule of a layer."""
    ceiling = Ceiling(layer, Treatment(0, link=False), rule)
    *others, last = VIEW.views
    return msgspec.structs.replace(VIEW, views=(*others, msgspec.structs.replace(last, ceilings=(ceiling,))))


def test_a_refusal_names_the_red_line_or_the_hold_behind_it() -> None:
    """Else the reason that it was asked with."""
    line, asked = red_line("beliefs"), [("faith", "religion")]
    drawn = bound(Layer.RED_LINES, "beliefs")
    assert red_line_of(drawn.view("religion"), (line,)) is line
    deny = because(Reason.FIELD_NOT_PERMITTED, drawn, asked, (line,))
    assert (deny.reason, deny.fields, deny.rule, deny.title) == (
        Reason.RED_LINE,
        ("faith",),
        "beliefs",
        dict(line.title)["en"],
    )
    held = because(Reason.FIELD_NOT_PERMITTED, bound(Layer.HOLDS, "probing"), asked, (line,))
    assert held.reason is Reason.HELD
    plain = because(Reason.SORT_NOT_PERMITTED, VIEW, asked, (line,))
    assert (plain.reason, plain.rule) == (Reason.SORT_NOT_PERMITTED, VIEW.purpose)


def test_a_fresh_sign_in_would_show_more_only_where_it_was_missing() -> None:
    """A plan that nothing lowered has nothing more."""
    stale = tuple(msgspec.structs.replace(view, stale=Treatment(0, link=False)) for view in VIEW.views)
    compiled = msgspec.structs.replace(VIEW, views=stale)
    lowered = msgspec.structs.replace(
        compiled,
        views=tuple(msgspec.structs.replace(view, treatment=view.stale) for view in stale),
        lowered=Caps(fresh=False),
    )
    assert more_when_fresh(compiled, lowered) == ("city", "email", "name", "age")
    assert more_when_fresh(compiled, compiled) == ()
    assert more_when_fresh(compiled, msgspec.structs.replace(lowered, lowered=Caps(fresh=True))) == ()
    assert FieldName("city") in more_when_fresh(compiled, lowered)
