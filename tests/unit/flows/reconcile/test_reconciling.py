# SPDX-License-Identifier: Apache-2.0
"""Laying two logs beside each other: random ones against a plain reckoning, and the edges of time."""

import random
from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain import trace
from gateway.domain.names import DecisionId, StoreName
from gateway.domain.store_line import StoreLine
from gateway.domain.trace import Trace
from gateway.flows.reconcile.reconciling import LONGEST_US, MOST_EXAMPLES, OURS_BYTES, THEIRS_BYTES, Reconciling
from gateway.flows.reconcile.report import Report
from gateway.record.reading.piles import Piles
from gateway.record.reading.store_calls import StoreDecision

KEY, CRM = b"k" * 32, StoreName("crm")
NOW_US = 10**15
HOUR_US = 3_600_000_000


class Traces:
    """Of one key."""

    def is_call(self, found: Trace) -> bool:
        """Tell whether that key made it for a call."""
        return trace.is_call([KEY], found)

    def is_look(self, found: Trace) -> bool:
        """Tell whether that key made it for a look."""
        return trace.is_look([KEY], found)


def decision(number: int, at_us: int, *, store: str = "crm", asked: bool = True) -> StoreDecision:
    """Return a decision of ours."""
    return StoreDecision(call=f"{number + 1:032x}", store=store, at_us=at_us, asked=asked)


def line(number: int, text: str, at_us: int | None) -> StoreLine:
    """Return a line of a store's log."""
    return StoreLine(number=number, traceparent=text, at_us=at_us, method="GET", path="/secret")


def traced(number: int, n: int = 0) -> str:
    """Return the trace of a decision's call."""
    return trace.of_call(KEY, DecisionId(f"{number + 1:032x}"), n)


def laid(lines: list[StoreLine | None], ours: list[StoreDecision], **said: object) -> Report:
    """Lay both beside each other."""
    with Piles(OURS_BYTES, THEIRS_BYTES) as piles:
        both = Reconciling(CRM, Traces(), piles, **{"now_us": NOW_US, **said})  # type: ignore[arg-type]
        for one in lines:
            both.line(one)
        since_us, until_us = both.period()
        for each in ours:
            if since_us <= each.at_us < until_us:
                both.decision(each)
        return both.report()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_random_logs_come_to_what_a_plain_reckoning_says(seed: int) -> None:
    """Calls with one line or two, lines past the gateway of every kind, decisions of other stores and without lines."""
    rng = random.Random(seed)
    start_us = NOW_US - 10 * HOUR_US
    ours, lines = list[StoreDecision](), list[StoreLine | None]()
    expected: Counter[str] = Counter()
    ends = [start_us, start_us + HOUR_US]
    lines += [line(0, "-", at_us) for at_us in ends]
    expected["no-trace"] = 2
    for number in range(rng.randint(0, 120)):
        at_us = rng.randint(*ends)
        kind = rng.choice(
            ("both", "both", "both", "twice", "unlined", "may", "other", "unknown", "forged", "copied", "look", "late")
        )
        if kind in ("both", "twice", "unlined", "may", "other", "copied", "late"):
            store = "shop" if kind == "other" else "crm"
            ours.append(decision(number, at_us, store=store, asked=kind != "may"))
        text = {"forged": f"00-{number + 1:032x}-{'ab' * 8}-01", "look": trace.of_look(KEY, rng.randbytes(8))}.get(
            kind, traced(number)
        )
        when_us = at_us + 2 * LONGEST_US if kind == "late" else at_us
        lines += [line(0, text, when_us)] if kind not in ("unlined", "may") else []
        lines += [line(0, traced(number, 1), at_us)] if kind == "twice" else []
        lines += [line(0, text, at_us)] if kind == "copied" else []
        expected["with"] += {"both": 1, "twice": 2, "copied": 1}.get(kind, 0)
        word = {
            "other": "other-store",
            "unknown": "not-in-log",
            "forged": "not-ours",
            "copied": "repeated",
            "late": "other-time",
        }.get(kind, kind)
        expected[word] += 1
    rng.shuffle(lines)
    lines = [None if one is None else msgspec.structs.replace(one, number=place) for place, one in enumerate(lines, 1)]
    found = laid(lines, ours)
    for why in ("no-trace", "not-ours", "other-store", "other-time", "not-in-log", "repeated"):
        assert found.without_decision.get(why, 0) == expected[why], why
    assert (found.with_decision, found.looks) == (expected["with"], expected["look"])
    assert found.without_line == expected["unlined"]
    assert found.lines == len(lines)
    assert Counter(one.why for one in found.examples).most_common(1)[0][1] <= MOST_EXAMPLES
    assert found.is_clean is False


def test_a_call_that_is_under_way_is_no_read_past_the_gateway() -> None:
    """Its line is there before its entry; a quarter of an hour later it counts."""
    lines: list[StoreLine | None] = [line(1, traced(1), NOW_US - 60_000_000)]
    assert (laid(lines, []).under_way, laid(lines, []).is_clean) == (1, True)
    later = laid(lines, [], now_us=NOW_US + 2 * LONGEST_US)
    assert (later.under_way, later.without_decision) == (0, {"not-in-log": 1})


def test_a_decision_outside_of_the_lines_times_is_not_missed() -> None:
    """The store's log may have begun later, or was copied before."""
    at_us = NOW_US - HOUR_US
    lines: list[StoreLine | None] = [line(1, traced(1), at_us), line(2, traced(2), at_us + 60_000_000)]
    ours = [decision(1, at_us), decision(2, at_us + 60_000_000)]
    around = [decision(3, at_us - 2_000_000), decision(4, at_us + 65_000_000), decision(5, at_us + 30_000_000)]
    found = laid(lines, [*ours, *around])
    assert (found.decisions, found.without_line, found.examples_without_line) == (3, 1, (f"{6:032x}",))


def test_a_log_that_does_not_say_when_is_laid_beside_all_of_ours() -> None:
    """Then the time of a line decides nothing."""
    found = laid([line(1, traced(1), None)], [decision(1, 5), decision(2, NOW_US)])
    assert (found.with_decision, found.without_line, found.since_us) == (1, 1, None)


def test_only_lines_of_the_asked_time_count_and_no_path_is_told() -> None:
    """What was left out by its path is counted, and nothing of a line but number, time and method is told."""
    lines: list[StoreLine | None] = [line(n, "-", n * 1_000_000) for n in range(1, 10)]
    found = laid(lines, [], since_us=3_000_000, until_us=6_000_000)
    assert found.without_decision == {"no-trace": 3}
    assert b"secret" not in msgspec.json.encode(found)
    assert laid(lines, [], leave_out=("/secret",)).left_out == 9
    assert laid([None], []).unread == 1


def test_the_trace_of_a_look_that_was_copied_is_no_second_look() -> None:
    """Whoever can read a store's log could ask it as often as they like by the trace of one look."""
    look = trace.of_look(KEY, b"12345678")
    lines: list[StoreLine | None] = [line(n, look, NOW_US - HOUR_US + n) for n in range(1, 6)]
    found = laid(lines, [])
    assert (found.looks, found.without_decision, found.is_clean) == (1, {"repeated": 4}, False)
    assert [one.line for one in found.examples] == [2, 3, 4, 5]


def test_a_trace_that_was_used_before_the_asked_time_is_a_copy_in_it() -> None:
    """The line that it belongs to is not judged again; what has its own line in the asked time is unaffected."""
    at_us = NOW_US - HOUR_US
    look = trace.of_look(KEY, b"12345678")
    before: list[StoreLine | None] = [line(1, traced(1), at_us - 5), line(2, look, at_us - 5), line(3, "-", at_us - 5)]
    after: list[StoreLine | None] = [line(4, traced(1), at_us), line(5, look, at_us), line(6, traced(2), at_us)]
    found = laid([*before, *after], [decision(1, at_us - 5), decision(2, at_us)], since_us=at_us)
    assert (found.lines, found.with_decision, found.without_decision) == (3, 1, {"repeated": 2})


@pytest.mark.parametrize(
    "path", ["/secret/../customers", "/secret/%2e%2e/customers", "/secret/..;/customers", "/secret\\..\\customers"]
)
def test_a_path_that_leads_elsewhere_is_not_left_out_by_its_beginning(path: str) -> None:
    """Whoever goes past the gateway writes the path, and stores take it for what it leads to."""
    one = msgspec.structs.replace(line(1, "-", NOW_US), path=path)
    found = laid([one], [], leave_out=("/secret",))
    assert (found.left_out, found.without_decision) == (0, {"no-trace": 1})


def test_a_decision_with_a_line_counts_however_the_clocks_stand() -> None:
    """A store writes its line when it is done, a moment after the entry: the first call's would be before the log."""
    ours = [decision(0, NOW_US - 5), decision(1, NOW_US + 5), decision(2, NOW_US - 5, asked=False)]
    found = laid([line(1, traced(0), NOW_US), line(2, traced(1), NOW_US + 10)], ours)
    assert (found.with_decision, found.decisions, found.without_line) == (2, 2, 0)


def test_a_decision_whose_line_was_not_asked_for_does_not_count() -> None:
    """It lies before the time."""
    ours = [decision(0, NOW_US - HOUR_US), decision(1, NOW_US)]
    lines: list[StoreLine | None] = [line(1, traced(0), NOW_US - HOUR_US), line(2, traced(1), NOW_US)]
    assert laid(lines, ours, since_us=NOW_US - 10).decisions == 1
