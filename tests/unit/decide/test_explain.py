# SPDX-License-Identifier: Apache-2.0
"""Why: every layer's word, and the nearest change that would permit a call."""

import msgspec
import pytest

from gateway.decide.decide import Decider, caps_for
from gateway.decide.explain import explain, row_sentence
from gateway.decide.rules import RuleSet
from gateway.domain.decision import Deny, Reason
from gateway.domain.explanation import Explanation
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import FieldName, PurposeKey
from gateway.domain.principal import FRESH_SIGN_IN_US
from gateway.domain.treatment import Family
from gateway.domain.viewplan import AgeRule, ChoiceRule, Hold, Layer, RowEffect, TransferRule
from tests.fakes.deciding import (
    MAILING,
    NOW_US,
    PERSON,
    PURPOSE,
    RULES,
    equal,
    grant,
    hold,
    inquiry,
    needs_fresh,
    red_line,
    rules,
)
from tests.fakes.writing import PATCH, write, writing_rules

STALE_US = NOW_US + FRESH_SIGN_IN_US + 1


def explained(
    asked: Inquiry, of: RuleSet = RULES, *, holds: tuple[Hold, ...] = (), now_us: int = NOW_US
) -> Explanation:
    """Explain a decision with the whole view behind it."""
    decider = Decider(of, lambda _rung, _text: False)
    plan = decider.plan(asked, of.purposes.get(PURPOSE.key, PURPOSE), now_us)
    view = None if isinstance(plan, Deny) else decider.lowered(plan, caps_for(asked, holds, now_us))
    return explain(asked, decider.decide(asked, holds, now_us), view)


def test_a_permit_needs_no_change() -> None:
    """It says what of each field leaves and how rows are judged."""
    found = explained(inquiry())
    assert (found.decision, found.reason, found.change, found.ask) == ("permit", None, None, None)
    assert {word.field: word.leaves for word in found.fields} == {
        "id": Family.SURROGATE, "name": Family.REVEAL, "email": Family.REVEAL, "born": Family.GENERALISE,
        "religion": Family.DROP, "notes": Family.DROP,
    }  # fmt: skip
    assert len(found.rows) == 1


def test_the_layer_that_binds_is_marked() -> None:
    """Of the birth date it is the purpose; nobody stands against the name."""
    words = {word.field: word for word in explained(inquiry()).fields}
    assert [layer.layer for layer in words["born"].layers if layer.binds] == [Layer.PURPOSE]
    assert [layer.layer for layer in words["religion"].layers if layer.binds] == [Layer.GRANTS]
    assert not any(layer.binds for layer in words["name"].layers)


@pytest.mark.parametrize(
    ("asked", "of", "reason", "ask", "part"),
    [
        (inquiry(purpose=None), RULES, Reason.PURPOSE_MISSING, "caller", "Data-Purpose"),
        (inquiry(), rules(grants=()), Reason.GRANT_MISSING, "owner", "campaigner"),
        (
            inquiry(who=msgspec.structs.replace(PERSON, roles=())),
            RULES,
            Reason.GRANT_MISSING,
            "owner",
            "(none)",
        ),
        (inquiry(fields=("religion",)), rules(red_lines=(red_line("b", "user.belief"),)), Reason.RED_LINE, "officer", "No change"),
        (inquiry(fields=("religion",)), RULES, Reason.FIELD_NOT_PERMITTED, "owner", "a grant that reaches reveal"),
        (inquiry(filters=(equal("born"),)), RULES, Reason.FILTER_NOT_PERMITTED, "owner", "its clear value"),
        (inquiry(fields=("nothing",)), RULES, Reason.FIELD_NOT_PERMITTED, "owner", "No single rule"),
        (inquiry(), rules(grants=(grant("system"),)), Reason.FIELD_NOT_PERMITTED, "owner", "any field"),
        (write(PATCH, {"notes": "x"}, of="c1"), writing_rules(), Reason.FIELD_NOT_COLLECTED, "owner", "`collects`"),
    ],
)  # fmt: skip
def test_the_nearest_change_is_named_with_who_can_make_it(
    asked: Inquiry, of: RuleSet, reason: Reason, ask: str, part: str
) -> None:
    """Each reason in its own words."""
    found = explained(asked, of)
    assert (found.decision, found.reason, found.ask) == ("deny", reason, ask)
    assert found.change is not None
    assert part in found.change


def test_many_layers_are_named_together_and_the_last_is_asked() -> None:
    """A grant, the purpose, a fresh sign-in and the hold."""
    of = rules(grants=(grant("user.id", "drop"),), assurance=(needs_fresh("user.birth"),))
    asked = inquiry(filters=(equal("born"),))
    decider = Decider(of, lambda _rung, _text: False)
    plan = decider.plan(asked, PURPOSE, STALE_US)
    assert not isinstance(plan, Deny)
    view = decider.lowered(plan, caps_for(asked, (hold("user.birth"),), STALE_US))
    found = explain(asked, Deny(reason=Reason.FILTER_NOT_PERMITTED, fields=("born",)), view)
    assert found.change == (
        "To use its clear value (born): a grant that reaches reveal; and the purpose lists the category at reveal; "
        "and a stronger or fresher sign-in; and the hold is lifted."
    )
    assert found.ask == "officer"


def test_a_step_up_is_the_callers_to_make() -> None:
    """Its reason is the one that the caller is told."""
    found = explained(inquiry(fields=("name",)), rules(assurance=(needs_fresh("user.name"),)), now_us=STALE_US)
    assert (found.decision, found.reason, found.about, found.ask) == (
        "step-up",
        Reason.STEP_UP_REQUIRED,
        ("name",),
        "caller",
    )


def test_without_a_plan_there_are_no_words_on_fields() -> None:
    """A call that was refused for its purpose got no view."""
    found = explain(inquiry(), Deny(reason=Reason.PURPOSE_UNKNOWN), None)
    assert (found.fields, found.rows) == ((), ())


def test_rules_on_rows_are_sentences() -> None:
    """One for each kind and effect."""
    names = (FieldName("a"), FieldName("b"))
    told = [
        row_sentence(ChoiceRule(purpose=MAILING, needs_consent=True, honours_objection=True)),
        row_sentence(ChoiceRule(purpose=PurposeKey("support"), needs_consent=False, honours_objection=True)),
        row_sentence(AgeRule(red_line="minors", under_years=18, effect=RowEffect.WITHHOLD)),
        row_sentence(AgeRule(red_line="young", under_years=16, effect=RowEffect.BLANK, fields=names)),
        row_sentence(AgeRule(red_line="kids", under_years=13, effect=RowEffect.UNLINK)),
        row_sentence(TransferRule(blocked_countries=frozenset({"CN", "DE"}))),
        row_sentence(TransferRule(blocked_countries=frozenset({"CN"}))),
    ]
    assert told == [
        "rows of people who did not consent to marketing.mail are withheld",
        "rows of people who objected to or refused support are withheld",
        "rows of people under 18 or of unknown age are withheld (minors)",
        "rows of people under 16 or of unknown age are blanked in a, b (young)",
        "rows of people under 13 or of unknown age are not linked (kids)",
        "rows of people in 2 countries without a transfer mechanism are withheld",
        "rows of people in 1 country without a transfer mechanism are withheld",
    ]


def test_a_field_that_nobody_reviewed_is_explained_by_that() -> None:
    """Its own layer binds it, and the nearest change is a review; a filter on it is refused like on any dropped field."""
    name = next(iter(RULES.catalog.collections))
    collection = RULES.catalog.collections[name]
    fields = tuple(msgspec.structs.replace(one, reviewed=one.name != "name") for one in collection.fields)
    collections = {**RULES.catalog.collections, name: msgspec.structs.replace(collection, fields=fields)}
    of = msgspec.structs.replace(RULES, catalog=msgspec.structs.replace(RULES.catalog, collections=collections))
    found = explained(msgspec.structs.replace(inquiry(), filters=(equal("name"),)), of)
    word = next(one for one in found.fields if one.field == "name")
    assert word.leaves is Family.DROP
    assert [(layer.layer, layer.rule) for layer in word.layers if layer.layer is Layer.REVIEW] == [
        (Layer.REVIEW, "unreviewed")
    ]
    assert found.reason is Reason.FILTER_NOT_PERMITTED
    assert found.change is not None
    assert "gateway dataset review" in found.change
