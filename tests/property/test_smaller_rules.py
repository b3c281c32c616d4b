# SPDX-License-Identifier: Apache-2.0
"""The laws of smaller rules: they never reveal more, and permit every call of the past with all that it needed."""

import random

import msgspec
import pytest

from gateway.decide.decide import Decider, caps_for
from gateway.decide.past.narrowed import refuses, with_smaller
from gateway.decide.past.narrowing import Needs, Times, Use, cell_of
from gateway.decide.rules import RuleSet
from gateway.domain.catalog import WRITES
from gateway.domain.decision import Deny, Permit
from gateway.domain.inquiry import Inquiry, Written
from gateway.domain.names import FieldName, is_under
from gateway.domain.principal import assurance_at
from gateway.domain.treatment import NOTHING, Treatment
from gateway.domain.viewplan import ViewPlan
from tests.fakes import rules as draw
from tests.property.test_layers_only_take_away import decider

N_CALLS = 40


def leaving(plan: ViewPlan | None) -> tuple[FieldName, ...]:
    """Return the fields that leave under a view."""
    return () if plan is None else tuple(sorted(name for name, t in plan.treatments.items() if t != NOTHING))


def use_of(inquiry: Inquiry, permit: Permit) -> Use:
    """Return a permitted call as its first entry tells it."""
    writes = inquiry.operation in WRITES
    named = [each.field for each in inquiry.filters] + [each.field for each in inquiry.sorts]
    written = [name for one in inquiry.written for name, _ in one.values]
    return Use(
        client=inquiry.principal.client,
        account=inquiry.principal.account,
        recipient=inquiry.principal.recipient,
        purpose=inquiry.purpose or "",
        dataset=inquiry.dataset,
        operation=inquiry.operation,
        assurance=int(assurance_at(inquiry.principal, draw.NOW_US)),
        grants=permit.plan.grants,
        leaving=leaving(permit.shown) if writes else leaving(permit.plan),
        used=tuple(sorted({*named, *written})),
        named=tuple(sorted(inquiry.fields or ())),
    )


def drawn(rng: random.Random, rules: RuleSet) -> Inquiry:
    """Return a random call by one of two clients; some name fields, some do not, some write."""
    who = msgspec.structs.replace(draw.principal(rng), client=rng.choice(("app", "desk")))
    if rng.random() < 0.3:
        who = msgspec.structs.replace(who, signed_in_us=draw.NOW_US - 301_000_000)
    inquiry = _spoken_of(rng, rules, draw.inquiry(rng, rules, who))
    if rng.random() < 0.6:
        inquiry = msgspec.structs.replace(inquiry, filters=(), sorts=())
    if inquiry.operation not in WRITES:
        return inquiry
    names = [field.name for field in rules.catalog.collections[inquiry.dataset].fields]
    body = Written(tuple((name, "x") for name in rng.sample(names, rng.randint(1, 2))))
    return msgspec.structs.replace(inquiry, fields=None, written=(body,))


def _spoken_of(rng: random.Random, rules: RuleSet, inquiry: Inquiry) -> Inquiry:
    """Return the call, most times of what some line speaks of: others are seldom permitted."""
    line = rng.choice([line for line in rules.grants if line.allow])
    purposes = [key for key in rules.purposes if is_under(key, line.purpose)]
    datasets = [name for name in rules.catalog.collections if is_under(name, line.dataset)]
    if rng.random() < 0.2 or not purposes or not datasets:
        return inquiry
    who = msgspec.structs.replace(inquiry.principal, roles=(line.role,), recipient="own")
    dataset = rng.choice(datasets)
    return msgspec.structs.replace(
        inquiry,
        principal=who,
        purpose=rng.choice(purposes),
        operation=line.operation,
        dataset=dataset,
        route=draw.route(dataset),
    )


def history(rng: random.Random, rules: RuleSet) -> list[tuple[Inquiry, Permit]]:
    """Return the permitted ones of some random calls."""
    by, found = decider(rules), []
    asked = [drawn(rng, rules) for _ in range(N_CALLS)]
    for inquiry in asked:
        decision = by.decide(inquiry, (), draw.NOW_US)
        if not isinstance(decision, Permit):
            continue
        found.append((inquiry, decision))
        shown = leaving(decision.plan)
        if inquiry.fields is None and inquiry.operation not in WRITES and rng.random() < 0.5:
            # The same caller once names one of the fields that it has by default.
            asked.append(msgspec.structs.replace(inquiry, fields=(rng.choice(shown),)))
    return found


def smaller(rules: RuleSet, needs: Needs) -> RuleSet:
    """Return the rules with every allow as small as it is proposed."""
    changes = {line.id: needs.smaller(line) for line in rules.grants if line.allow}
    return with_smaller(rules, {line: cells for line, cells in changes.items() if cells != (cell_by(rules, line),)})


def view(by: Decider, inquiry: Inquiry) -> dict[FieldName, Treatment]:
    """Return what a call would have of each field, whether or not its own sign-in is good enough for what it names."""
    rule = by.purpose(inquiry.purpose, inquiry.principal, None, draw.NOW_US)
    plan = rule if isinstance(rule, Deny) else by.plan(inquiry, rule, draw.NOW_US)
    if isinstance(plan, Deny):
        return {}
    return dict(by.lowered(plan, caps_for(inquiry, (), draw.NOW_US)).treatments)


def cell_by(rules: RuleSet, id_: str) -> object:
    """Return what a line speaks of."""
    return next(cell_of(line) for line in rules.grants if line.id == id_)


def made(rng: random.Random) -> tuple[RuleSet, list[tuple[Inquiry, Permit]], Needs, RuleSet]:
    """Return random rules, calls that they permitted, what these needed, and the smaller rules."""
    rules = draw.rule_set(rng, n_grants=rng.randint(30, 150), timed=False, denies=0.03)
    calls = history(rng, rules)
    times = Times(1, 0, 0)
    needs = Needs(rules, {use_of(inquiry, permit): times for inquiry, permit in calls})
    return rules, calls, needs, smaller(rules, needs)


@pytest.mark.parametrize("seed", range(5))
def test_smaller_rules_never_reveal_more(seed: int) -> None:
    """20 random rule sets a seed, each asked 40 calls that it has never seen."""
    rng = random.Random(9000 + seed)
    n_smaller = 0
    for _ in range(20):
        rules, _, _, after = made(rng)
        n_smaller += after.grants != rules.grants
        old, new = decider(rules), decider(after)
        for _ in range(40):
            inquiry = drawn(rng, rules)
            wide = view(old, inquiry)
            assert all(t.at_most(wide.get(name, NOTHING)) for name, t in view(new, inquiry).items())
            assert type(new.decide(inquiry, (), draw.NOW_US)) is not Permit or wide
    assert n_smaller > 15


@pytest.mark.parametrize("seed", range(5))
def test_smaller_rules_permit_every_past_call_with_all_that_it_needed(seed: int) -> None:
    """20 random rule sets a seed: what was named, compared or written is had as before, and nothing is refused."""
    rng = random.Random(9500 + seed)
    n_calls = n_idle = 0
    for _ in range(20):
        rules, calls, needs, after = made(rng)
        n_idle += len(needs.idle)
        new = Decider(after, lambda rung, text: True)
        for inquiry, before in calls:
            use, now = use_of(inquiry, before), new.decide(inquiry, (), draw.NOW_US)
            assert isinstance(now, Permit)
            seen = before.plan.treatments
            for name in use.used if inquiry.operation in WRITES else needs.needed[use]:
                assert now.plan.treatments[name] == seen[name]
            assert not refuses(rules, after, use, needs.needed[use])
            n_calls += 1
    assert n_calls > 80
    assert n_idle > 3


@pytest.mark.parametrize("seed", range(4))
def test_every_smaller_line_lies_under_the_line_it_comes_from(seed: int) -> None:
    """Role, operation, rung, link, effect and times are its own; denies stand as they stood."""
    rng = random.Random(9900 + seed)
    for _ in range(20):
        rules, _, _, after = made(rng)
        lines = {line.id: line for line in rules.grants}
        assert [line for line in after.grants if not line.allow] == [line for line in rules.grants if not line.allow]
        for line in after.grants:
            old = lines[line.id.partition("/")[0]]  # type: ignore[index]
            assert is_under(line.dataset, old.dataset)
            assert is_under(line.category, old.category)
            assert is_under(line.purpose, old.purpose)
            words = {"id": old.id, "dataset": old.dataset, "category": old.category, "purpose": old.purpose}
            assert msgspec.structs.replace(line, **words) == old
