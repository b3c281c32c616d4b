# SPDX-License-Identifier: Apache-2.0
"""View plans as values: looked up by field, compared by identity, and which ceilings bind."""

from gateway.domain.treatment import Treatment
from gateway.domain.viewplan import Caps, Ceiling, FieldView, Hold, Layer
from tests.fakes.deciding import TEXT, hold
from tests.fakes.plans import REVEALED, SURROGATE, plan, spec
from tests.fakes.plans import chain as chain_of

PLAN = plan((spec("id"), chain_of(), SURROGATE), (spec("name"), chain_of("mask.name"), REVEALED))


def test_a_view_is_found_by_its_field() -> None:
    """A field that the collection does not have has none."""
    view = PLAN.view("name")
    assert view is not None
    assert view.field == "name"
    assert PLAN.view("nothing") is None
    assert PLAN.treatments == {"id": Treatment(0, link=True), "name": Treatment(2, link=True)}


def test_plans_are_equal_only_to_themselves() -> None:
    """They are the keys of codecs, and comparing them by value would cost more than deciding."""
    other = plan((spec("id"), chain_of(), SURROGATE), (spec("name"), chain_of("mask.name"), REVEALED))
    assert other != PLAN
    assert len({PLAN, other}) == 2


def test_caps_are_equal_by_value() -> None:
    """Lowered plans are kept by them."""
    one, other = (Caps(fresh=True, holds=(hold("user"),)) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != Caps(
        fresh=True, holds=(Hold(category=hold("user").category, rung=TEXT.rungs[1], link=False, reason=""),)
    )


def view(treatment: Treatment, **ceilings: Treatment) -> FieldView:
    """Return a view with these ceilings, by layer."""
    said = tuple(Ceiling(Layer(name.replace("_", "-")), one, name) for name, one in ceilings.items())
    return FieldView(field=spec("x").name, chain=TEXT, treatment=treatment, stale=treatment, ceilings=said)


def binding(of: FieldView) -> list[Layer]:
    """Return which layers bind."""
    return [ceiling.layer for ceiling in of.binding()]


def test_the_ceilings_that_bind_are_those_that_touch_the_treatment() -> None:
    """One for the rung and another for the link; none where nothing was taken."""
    top = TEXT.top
    taken = view(
        Treatment(1, link=False), grants=Treatment(2, link=True), purpose=Treatment(1, link=True), red_lines=Treatment(3, link=False)
    )  # fmt: skip
    assert binding(taken) == [Layer.PURPOSE, Layer.RED_LINES]
    assert binding(view(top, grants=top, purpose=top)) == []


def test_at_the_bottom_every_layer_that_says_nothing_binds() -> None:
    """Each of them would have to change."""
    nothing = Treatment(0, link=False)
    found = view(nothing, grants=nothing, purpose=Treatment(0, link=True), red_lines=TEXT.top)
    assert binding(found) == [Layer.GRANTS, Layer.PURPOSE]
