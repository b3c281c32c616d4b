# SPDX-License-Identifier: Apache-2.0
"""The decision, rule by rule: in which order calls are refused, what is stepped up, what is remembered."""

import itertools

import msgspec
import pytest

from gateway.decide import decide as deciding
from gateway.decide.decide import Decider, caps_for
from gateway.decide.plan import Ask
from gateway.decide.rules import RuleSet
from gateway.domain.catalog import Catalog
from gateway.domain.decision import Decision, Deny, Permit, Reason, StepUp, Use
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import AccountId, FieldName, PurposeKey, RecipientId, RoleName
from gateway.domain.parameters import Comparison
from gateway.domain.principal import FRESH_SIGN_IN_US, Assurance, PrincipalKind
from gateway.domain.treatment import Rung, Treatment
from gateway.domain.viewplan import Hold
from tests.fakes.deciding import (
    COLLECTION,
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
    recipient,
    red_line,
    rules,
    with_purpose,
)

STALE_US = NOW_US + FRESH_SIGN_IN_US + 1
SERVICE = msgspec.structs.replace(PERSON, kind=PrincipalKind.SERVICE, proof=Assurance.SERVICE_SECRET)
FRESH_NAMES = rules(assurance=(needs_fresh("user.name"),))


def is_decade(rung: Rung, text: str) -> bool:
    """Tell whether a text is a band of ten years."""
    return rung in ("generalise.band10", "generalise.year") and text == "1980-1989"


def decided(asked: Inquiry, of: RuleSet = RULES, *, holds: tuple[Hold, ...] = (), now_us: int = NOW_US) -> Decision:
    """Decide once."""
    return Decider(of, is_decade).decide(asked, holds, now_us)


def reason(asked: Inquiry, of: RuleSet = RULES, *, holds: tuple[Hold, ...] = (), now_us: int = NOW_US) -> Reason | None:
    """Return why a call is refused; nothing if it is permitted."""
    decision = decided(asked, of, holds=holds, now_us=now_us)
    assert not isinstance(decision, StepUp)
    return decision.reason if isinstance(decision, Deny) else None


@pytest.mark.parametrize(
    ("asked", "of", "why"),
    [
        (inquiry(), RULES, None),
        (inquiry(purpose=None), RULES, Reason.PURPOSE_MISSING),
        (inquiry(purpose="no.such"), RULES, Reason.PURPOSE_UNKNOWN),
        (inquiry(who=msgspec.structs.replace(PERSON, scopes=())), RULES, Reason.PURPOSE_NOT_IN_SCOPE),
        (
            inquiry(who=msgspec.structs.replace(PERSON, scopes=(PurposeKey("marketing.mai"),))),
            RULES,
            Reason.PURPOSE_NOT_IN_SCOPE,
        ),
        (inquiry(who=msgspec.structs.replace(PERSON, scopes=(MAILING,))), RULES, None),
        (inquiry(), with_purpose(until_us=NOW_US), Reason.PURPOSE_NOT_IN_FORCE),
        (inquiry(), with_purpose(needs_reference=True), Reason.REFERENCE_MISSING),
        (inquiry(reference="c-1"), with_purpose(needs_reference=True), None),
        (inquiry(), with_purpose(operations=("update",)), Reason.PURPOSE_NOT_ALLOWED),
        (inquiry(), rules(grants=()), Reason.GRANT_MISSING),
        (inquiry(), rules(grants=(grant("user", allow=False),)), Reason.GRANT_MISSING),
        (inquiry(), rules(grants=(grant("user", until_us=NOW_US),)), Reason.GRANT_MISSING),
        (inquiry(), rules(grants=(grant("system"),)), Reason.FIELD_NOT_PERMITTED),
        (inquiry(who=msgspec.structs.replace(PERSON, recipient=RecipientId("x"))), RULES, Reason.RECIPIENT_NOT_IN_FORCE),
        (inquiry(), rules(recipients={"own": recipient(contract_until_us=NOW_US)}), Reason.RECIPIENT_NOT_IN_FORCE),
        (inquiry(fields=("religion",)), RULES, Reason.FIELD_NOT_PERMITTED),
        (inquiry(fields=("nothing",)), RULES, Reason.FIELD_NOT_PERMITTED),
        (inquiry(sorts=("born",)), RULES, Reason.SORT_NOT_PERMITTED),
        (inquiry(sorts=("name",)), RULES, None),
        (inquiry(filters=(equal("religion"),)), RULES, Reason.FILTER_NOT_PERMITTED),
        (inquiry(filters=(equal("nothing"),)), RULES, Reason.FILTER_NOT_PERMITTED),
        (inquiry(filters=(equal("religion"),)), rules(red_lines=(red_line("belief", "user.belief"),)), Reason.RED_LINE),
        (inquiry(filters=(equal("religion"),), sorts=("born",), fields=("notes",)), RULES, Reason.FILTER_NOT_PERMITTED),
    ],
)  # fmt: skip
def test_a_call_is_refused_for_the_first_rule_that_it_breaks(asked: Inquiry, of: RuleSet, why: Reason | None) -> None:
    """Purpose, recipient, purpose's limits, grants, filters, order, fields."""
    assert reason(asked, of) is why


def test_a_red_line_is_told_in_its_own_words() -> None:
    """With its id for staff and its title in every language for the caller."""
    of = rules(red_lines=(red_line("belief", "user.belief"),))
    decision = decided(inquiry(filters=(equal("religion"),)), of)
    assert decision == Deny(
        reason=Reason.RED_LINE,
        fields=("religion",),
        rule="belief",
        title="belief in English.",
        titles=(("en", "belief in English."), ("zh", "belief in Chinese.")),
    )


@pytest.mark.parametrize(
    ("name", "comparison", "use"),
    [
        ("name", Comparison.EQUAL, Use.CLEAR),
        ("name", Comparison.PREFIX, Use.CLEAR),
        ("id", Comparison.EQUAL, Use.SURROGATE),
        ("id", Comparison.PREFIX, None),
        ("id", Comparison.AT_LEAST, None),
        ("notes", Comparison.EQUAL, None),
    ],
)
def test_a_field_is_compared_as_it_leaves(name: str, comparison: Comparison, use: Use | None) -> None:
    """Clear in any way, a surrogate for equality with a surrogate, what is dropped not at all."""
    decision = decided(inquiry(filters=(equal(name, comparison=comparison),)))
    found = decision.filters[0].use if isinstance(decision, Permit) else None
    assert found is use


def test_a_masked_field_is_not_compared() -> None:
    """Neither with a mask nor with a clear value."""
    of = rules(grants=(grant("user.name", "mask"), grant("user.contact")))
    assert reason(inquiry(filters=(equal("name", "a*"),)), of) is Reason.FILTER_NOT_PERMITTED


@pytest.mark.parametrize(
    ("value", "bands", "is_used"),
    [("1980-1989", True, True), ("1980", True, False), ("1980-1989", False, False), ("1980-05-01", True, False)],
)
def test_a_generalised_field_is_compared_with_its_own_bands_where_the_route_says_so(
    value: str, bands: bool, is_used: bool
) -> None:
    """Nothing finer, and nothing that the store would read in another way."""
    decision = decided(inquiry(filters=(equal("born", value, bands=bands),)))
    assert (isinstance(decision, Permit) and decision.filters[0].use is Use.BAND) is is_used


def test_a_stale_sign_in_gets_the_lower_view_and_a_hint() -> None:
    """Unless the field was named, the call goes on."""
    decision = decided(inquiry(), FRESH_NAMES, now_us=STALE_US)
    assert isinstance(decision, Permit)
    assert decision.step_up == ("name",)
    assert decision.plan.treatments[FieldName("name")] == Treatment(2, link=False)


@pytest.mark.parametrize(
    "asked", [inquiry(fields=("name",)), inquiry(filters=(equal("name"),)), inquiry(sorts=("name",))]
)
def test_a_stale_sign_in_is_stepped_up_for_a_field_that_was_named(asked: Inquiry) -> None:
    """In a projection, a filter or an order."""
    assert decided(asked, FRESH_NAMES, now_us=STALE_US) == StepUp(fields=("name",))
    assert isinstance(decided(asked, FRESH_NAMES), Permit)


def test_a_fresh_sign_in_is_not_asked_for_where_it_would_not_help() -> None:
    """The refusal is that of the rule which stands anyway."""
    asked = inquiry(fields=("name", "religion"))
    assert decided(asked, FRESH_NAMES, now_us=STALE_US) == decided(asked, FRESH_NAMES)


def test_a_service_is_never_asked_to_sign_in_again() -> None:
    """Its level is that of its proof, at any age."""
    decision = decided(inquiry(who=SERVICE, fields=("name",)), FRESH_NAMES, now_us=STALE_US)
    assert isinstance(decision, Permit)
    assert decision.step_up == ()
    assert caps_for(inquiry(who=SERVICE), (), STALE_US).fresh


def test_a_hold_that_takes_what_was_asked_is_told_as_a_hold() -> None:
    """An officer can lift it; a hold over other fields is not the reason."""
    assert reason(inquiry(fields=("name",)), holds=(hold("user.name"),)) is Reason.HELD
    assert reason(inquiry(), holds=(hold("user"),)) is Reason.HELD
    assert reason(inquiry(fields=("religion",)), holds=(hold("user.name"),)) is Reason.FIELD_NOT_PERMITTED
    assert reason(inquiry(), holds=(hold("user.name"),)) is None


def test_of_named_fields_alone_something_leaves() -> None:
    """The rest of the view is not sent to who did not ask for it."""
    decision = decided(inquiry(fields=("name",)))
    assert isinstance(decision, Permit)
    assert decision.plan.treatments[FieldName("email")] == Treatment(0, link=False)


def test_the_same_call_gets_the_same_plan_until_a_rule_begins_or_ends() -> None:
    """By identity, which is the key of codecs; at the edge there is another."""
    of = rules(grants=(*RULES.grants, grant("user.name", "mask", allow=False, from_us=NOW_US + 10, line=9)))
    decider = Decider(of, is_decade)

    def plan(now_us: int) -> object:
        decision = decider.decide(inquiry(), (), now_us)
        assert isinstance(decision, Permit)
        return decision.plan

    first = plan(NOW_US)
    assert plan(NOW_US + 9) is first
    assert plan(NOW_US + 10) is not first
    other = decider.decide(inquiry(who=msgspec.structs.replace(PERSON, session="s_2")), (), NOW_US + 10)
    assert isinstance(other, Permit)
    assert other.plan is plan(NOW_US + 10)


def test_lowered_and_named_plans_are_the_same_objects_again() -> None:
    """So is the codec that is kept for each."""
    decider = Decider(FRESH_NAMES, is_decade)
    asked = inquiry(fields=("email",))
    one, two = (decider.decide(asked, (hold("user.birth"),), STALE_US) for _ in range(2))
    assert isinstance(one, Permit)
    assert isinstance(two, Permit)
    assert one.plan is two.plan


def test_memory_is_bounded_and_forgetting_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound it starts anew, for calls, plans, lowered and named ones alike."""
    monkeypatch.setattr(deciding, "KEPT_PLANS", 2)
    decider = Decider(FRESH_NAMES, is_decade)
    told = [
        decider.decide(
            inquiry(who=msgspec.structs.replace(PERSON, account=AccountId(f"a_{place}")), fields=(name,)),
            (hold("user.birth", rung),),
            NOW_US,
        )
        for place, (name, rung) in enumerate(itertools.product(("email", "born"), ("generalise", "drop", "reveal")))
        if (name, rung) != ("born", "drop")
    ]
    ask = Ask(
        purpose=PURPOSE,
        recipient=recipient(),
        collection=COLLECTION,
        operation="read",
        proof=Assurance.PERSON,
        grants=RULES.grants,
        valid_until_us=0,
    )
    plans = [decider._compiled(msgspec.structs.replace(ask, valid_until_us=until_us)) for until_us in range(5)]

    assert all(isinstance(decision, Permit) for decision in told)
    kept = (decider._calls, decider._plans, decider._lowered, decider._projected)
    assert all(0 < len(one) <= 2 for one in kept)
    assert len(set(map(id, plans))) == 5


def test_purposes_of_roles_are_those_that_a_grant_in_force_gives_anything_for() -> None:
    """A grant for ``marketing`` gives the purposes below it; a deny and another role give none."""
    decider = Decider(RULES, is_decade)
    assert decider.purposes_of((RoleName("campaigner"),), NOW_US) == (MAILING,)
    assert decider.purposes_of((RoleName("analyst"),), NOW_US) == ()
    ended = Decider(rules(grants=(grant("user", until_us=NOW_US), grant("user", allow=False))), is_decade)
    assert ended.purposes_of((RoleName("campaigner"),), NOW_US) == ()


def test_a_dataset_that_a_change_of_rules_took_away_is_no_route() -> None:
    """A stream that began under the old rules is refused by name, not by an error of ours."""
    gone = msgspec.structs.replace(rules(), catalog=Catalog(collections={}, routes=()))
    told = Decider(gone, lambda _rung, _text: True).decide(inquiry(), (), NOW_US)
    assert isinstance(told, Deny)
    assert told.reason is Reason.NO_SUCH_ROUTE
