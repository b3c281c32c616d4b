# SPDX-License-Identifier: Apache-2.0
"""The laws of deciding again: the same rules decide a past call as they did, and a change shows only where it is one."""

import random

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.decide.decide import Decider
from gateway.decide.past.again import PastDecider, as_it_was, asked_by, differences
from gateway.decide.past.comparing import changes_between
from gateway.decide.rules import RuleSet
from gateway.domain.entry import STALE
from gateway.domain.log_query import DENY, PERMIT, STEP_UP
from gateway.domain.names import AccountId
from gateway.domain.past_call import PastCall, PastHold
from gateway.domain.principal import Assurance
from gateway.flows.replay_rules import Around, Replay
from tests.fakes import past
from tests.fakes import rules as draw

MINUTE_US = 60_000_000


def history(rng: random.Random, rules: RuleSet, n: int) -> list[tuple[PastCall, tuple[PastHold, ...]]]:
    """Return calls as they are read back from the log, each with the holds of its account."""
    decider, found = Decider(rules, past.is_band), []
    for number in range(n):
        now_us = draw.NOW_US + rng.randint(-60, 60)
        asked = past.inquiry(rng, rules, number, now_us)
        holds: tuple[PastHold, ...] = ()
        if rng.random() < 0.2:
            held = msgspec.structs.replace(draw.hold(rng), reason=f"held {number}")
            holds = (PastHold(hold=held, from_us=now_us - 1),)
        bodies = past.entries(decider, asked, holds, now_us)
        found.append((past.as_read(bodies, now_us), holds))
    return found


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_the_same_rules_decide_every_past_call_as_the_log_says(seed: int) -> None:
    """40 calls a history, with filters, orders, pages, writes, holds, old sign-ins and rules that begin and end."""
    rng = random.Random(seed)
    rules = past.world(rng)
    then = PastDecider(rules)
    for call, holds in history(rng, rules, 40):
        asked = asked_by(call, then, holds)
        assert not isinstance(asked, str), asked
        assert differences(call, as_it_was(then, asked)) == ()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_nothing_would_change_under_the_same_rules(seed: int) -> None:
    """A replay under the rules of then counts every call as the same, whatever it was."""
    rng = random.Random(seed)
    rules = past.world(rng)
    calls = history(rng, rules, 30)
    then = PastDecider(rules)
    for call, holds in calls:
        replay = Replay(
            PastDecider(rules), lambda _digest: then, Around(holds={AccountId(call.facts.account): holds}, roles={})
        )
        replay.take(call)
        report = replay.report(0, 1, {})
        assert (report.unequal, report.changes) == (0, ())
        assert report.calls == report.same == 1 or report.passed_over


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_without_grants_everything_that_was_permitted_is_refused(seed: int) -> None:
    """And nothing that was refused comes through; what leaves of fields is never told as more."""
    rng = random.Random(seed)
    rules = past.world(rng)
    then, none = PastDecider(rules), PastDecider(draw.without(rules, grants=()))
    for call, holds in history(rng, rules, 30):
        asked = asked_by(call, then, holds)
        assert not isinstance(asked, str)
        before = as_it_was(then, asked)
        after = none.decide(asked, before.at_us, in_bands=before.in_bands)
        changes = changes_between(before, after, is_write=call.is_write)
        assert after.word == DENY
        assert {change.what for change in changes} <= ({"refused"} if before.word == "permit" else {"reason"})
        assert bool(changes) or before.word != "permit"


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
@example(24617)  # a fresh sign-in, which was asked for because more of a field could be written, would give no more
def test_a_deny_more_is_never_told_as_more(seed: int) -> None:
    """Rules with one deny added show less or the same, and permit nothing that was refused for a rule.

    A deny may spare a sign-in that would give no more; then no more leaves than the rules of before gave to one.
    """
    rng = random.Random(seed)
    rules = past.world(rng)
    deny = msgspec.structs.replace(draw.grant(rng, 99, timed=False), allow=False)
    then, narrower = PastDecider(rules), PastDecider(draw.without(rules, grants=(*rules.grants, deny)))
    for call, holds in history(rng, rules, 30):
        asked = asked_by(call, then, holds)
        assert not isinstance(asked, str)
        before = as_it_was(then, asked)
        after = narrower.decide(asked, before.at_us, in_bands=before.in_bands)
        told = {change.what for change in changes_between(before, after, is_write=call.is_write)}
        if before.word == STEP_UP and after.word == PERMIT:
            caps = tuple(cap for cap in call.facts.caps if cap != STALE)
            fresh = msgspec.structs.replace(call.facts, assurance=int(Assurance.PERSON_FRESH), caps=caps)
            anew = msgspec.structs.replace(asked, past=msgspec.structs.replace(call, facts=fresh))
            signed_in = then.decide(anew, before.at_us, in_bands=before.in_bands)
            told = {change.what for change in changes_between(signed_in, after, is_write=call.is_write)}
        assert not told & {"permitted", "more", "otherwise"}


def test_a_log_that_was_changed_does_not_come_out_equal() -> None:
    """A field, a grant or an outcome that the rules do not give is told as a difference, in 200 permitted calls."""
    rng, n_found = random.Random(7), 0
    while n_found < 200:
        rules = past.world(rng)
        then = PastDecider(rules)
        for call, holds in history(rng, rules, 60):
            if call.decision != "permit":
                continue
            asked = asked_by(call, then, holds)
            assert not isinstance(asked, str)
            found = as_it_was(then, asked)
            for forged in _forged(call):
                assert differences(forged, found)
            n_found += 1


def _forged(call: PastCall) -> list[PastCall]:
    """Return the call as somebody might have changed its entries."""
    fields = {**call.facts.fields, "reveal": (*call.facts.fields.get("reveal", ()), "made up")}
    changed: list[dict[str, object]] = [{"fields": fields}, {"grants": call.facts.grants[1:]}]
    facts = [msgspec.structs.replace(call.facts, **one) for one in changed]
    denied = msgspec.structs.replace(call, decision=DENY, reason="grant-missing")
    return [*(msgspec.structs.replace(call, facts=one) for one in facts), denied]
