# SPDX-License-Identifier: Apache-2.0
"""Lines of a store's own log: the trace is found where only the store can have written it."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.doors.http.recorded.access_log import MOST_LINE_BYTES
from gateway.doors.http.recorded.store_log import (
    PatternUnusable,
    by_json,
    by_pattern,
    combined,
    lines_in,
    time_us,
)

TRACE = "00-" + "12" * 16 + "-" + "34" * 8 + "-01"
COMMON = '10.0.0.7 - - [22/Nov/2026:08:00:00 +0100] "GET /crm/customers?limit=5 HTTP/1.1" 200 52'
AT_US = 1_795_330_800_000_000


def test_the_trace_behind_a_line_is_read_with_its_time_and_method() -> None:
    """In the common and in the combined format, quoted or not, with other fields before it."""
    for line in (
        f'{COMMON} "{TRACE}"',
        f"{COMMON} {TRACE}",
        f'{COMMON} "-" "curl/8" "{TRACE}"',
        f'{COMMON} "-" "curl/8" {TRACE}',
        f'{COMMON} "-" "curl/8" traceparent={TRACE}',
        f'{COMMON} "https://x" "a \\x22b\\x22 \\"c" rt=0.004 "10.1.1.1" "{TRACE}"',
    ):
        found = combined(line.encode())
        assert found is not None
        assert (found.traceparent, found.at_us, found.method, found.path) == (TRACE, AT_US, "GET", "/crm/customers")


@pytest.mark.parametrize(
    "line",
    [
        COMMON,
        f'{COMMON} "-"',
        f'{COMMON} "-" "curl/8"',
        f'{COMMON} "-" "{TRACE}"',
        f'{COMMON} "{TRACE}" "curl/8"',
        f'{COMMON} "-" "{TRACE}" "-"',
        f'{COMMON} "-" "curl/8" "-"',
        f'{COMMON} "-" "curl/8" "{TRACE}" "-"',
    ],
)
def test_what_a_caller_can_make_up_is_no_trace(line: str) -> None:
    """A referrer or a user agent that looks like one, where the store wrote none behind them."""
    found = combined(line.encode())
    assert found is not None
    assert found.traceparent in ("", "-")


@given(st.binary(max_size=200))
def test_no_bytes_make_the_readers_fail(raw: bytes) -> None:
    """They say what they find, or nothing."""
    for read in (combined, by_json(), by_json("a.b"), by_pattern(r"(?P<traceparent>00-\S+)")):
        found = read(raw)
        assert found is None or found.number == 0
    for number, _ in lines_in(io.BufferedReader(io.BytesIO(raw)), None):
        assert number >= 1


@given(st.text(max_size=100), st.text(max_size=100))
def test_no_referrer_and_no_user_agent_is_taken_for_the_trace(referrer: str, agent: str) -> None:
    """As a server writes them: quotes and backslashes escaped."""
    told = [
        '"' + one.encode().decode("latin-1").replace("\\", "\\x5C").replace('"', "\\x22") + '"'
        for one in (referrer, agent)
    ]
    line = f"{COMMON} {' '.join(told)} ".encode("latin-1").replace(b"\r", b"").replace(b"\n", b"")
    without, behind = combined(line + b'"-"'), combined(line + f'"{TRACE}"'.encode())
    assert without is None or without.traceparent == "-"
    assert behind is None or behind.traceparent == TRACE


def test_members_of_json_lines_are_found_under_their_usual_names_or_the_one_that_is_named() -> None:
    """A list with one text counts as it, one with two as none; what is no object cannot be read."""
    usual = {"ts": 1795330800.5, "request": {"method": "GET", "uri": "/a?b", "headers": {"Traceparent": [TRACE]}}}
    found = by_json()(json.dumps(usual).encode())
    assert found is not None
    assert (found.traceparent, found.at_us, found.method, found.path) == (TRACE, AT_US + 500_000, "GET", "/a")
    named = by_json("x.y")
    for said, expected in (
        ({"x": {"y": TRACE}}, TRACE),
        ({"x.y": TRACE}, TRACE),
        ({"x": {"y": [TRACE, TRACE]}}, ""),
        ({"x": {"y": 7}}, ""),
        ({"traceparent": TRACE}, ""),
    ):
        line = named(json.dumps(said).encode())
        assert line is not None
        assert line.traceparent == expected
    assert by_json()(b"[1]") is None
    assert by_json()(b"{") is None


def test_a_pattern_says_where_everything_is() -> None:
    """Its groups are taken as they are; one that cannot be used is refused with why."""
    read = by_pattern(r"(?P<time>\S+ \S+ UTC) \[(?P<traceparent>[^\]]*)\] (?P<method>[A-Z]+)")
    found = read(f"2026-11-22 07:00:00.000 UTC [{TRACE}] SELECT 1".encode())
    assert found is not None
    assert (found.traceparent, found.at_us, found.method) == (TRACE, AT_US, "SELECT")
    assert read(b"nothing") is None
    for bad in ("(", "no group", "x" * 2000):
        with pytest.raises(PatternUnusable):
            by_pattern(bad)


def test_moments_are_read_in_the_forms_that_servers_write() -> None:
    """Seconds, RFC 3339 with and without a zone, and their own; anything else is no moment."""
    forms = (1795330800, 1795330800.0, "1795330800.000", "2026-11-22T07:00:00Z", "2026-11-22 08:00:00+01:00",
             "2026-11-22 07:00:00", "22/Nov/2026:07:00:00 +0000", "2026-11-22 07:00:00.000 UTC")  # fmt: skip
    assert {time_us(one) for one in forms} == {AT_US}
    bad: tuple[object, ...] = (None, "", "soon", True, -5, 1e300, [], "99/Nov/2026:07:00:00 +0000")
    assert {time_us(one) for one in bad} == {None}


def test_a_line_that_is_too_long_is_told_by_its_number_and_read_past() -> None:
    """And lines are numbered on from file to file."""
    good = f'{COMMON} "{TRACE}"\n'.encode()
    raw = good + b"x" * (3 * MOST_LINE_BYTES) + b"\n\n" + good
    told = list(lines_in(io.BufferedReader(io.BytesIO(raw)), None, 10))
    assert [(number, line is not None) for number, line in told] == [(11, True), (12, False), (14, True)]
    assert told[-1][1] is not None
    assert told[-1][1].number == 14
