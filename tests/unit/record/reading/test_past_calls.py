# SPDX-License-Identifier: Apache-2.0
"""Calls of the past out of the files of a log: gathered from their entries, once each, and counted where they are none."""

from pathlib import Path

import msgspec
import pytest

from gateway.domain.entry import (
    Closed,
    End,
    Entry,
    Facts,
    Intent,
    Line,
    Observed,
    Passed,
    RefusalsCounted,
    Refused,
    Release,
)
from gateway.domain.errors import LogDamaged
from gateway.domain.names import DecisionId
from gateway.domain.past_call import PastCall
from gateway.record.reading.past_calls import PastCalls, call_in, n_bytes_since, segments_since
from gateway.record.reading.sifting import n_bytes_of, sifted
from gateway.record.reading.store_calls import store_decisions

FACTS = Facts(account="a_1", route="/crm/people", session="s_1", rules="d1")
ONE, TWO, THREE = (DecisionId(f"{n:032x}") for n in (1, 2, 3))
FOREVER_US = 2**62


def release(call: DecisionId, n: int, *, last: bool = False) -> Release:
    """Return a block of five rows."""
    return Release(call=call, n=n, rows=5, bytes=9, people=3, last=last, facts=FACTS if n == 0 else None)


def logged(folder: Path, *bodies: Entry, per_segment: int = 1000) -> Path:
    """Write a slot whose entries come one a second; nothing here asks for a chain that holds."""
    folder.mkdir(parents=True)
    for first in range(0, len(bodies), per_segment):
        lines = [
            msgspec.json.encode(
                Line(log=f"a/b/{folder.name}", seq=seq, prev="0" * 64, at_us=seq * 1_000_000, body=body)
            )
            for seq, body in enumerate(bodies[first : first + per_segment], first)
        ]
        (folder / f"{first // per_segment:06}.ndjson").write_bytes(b"".join(line + b"\n" for line in lines))
    return folder


def read(folder: Path, since_us: int = 0, until_us: int = FOREVER_US) -> tuple[list[PastCall], dict[str, int]]:
    """Return the calls of a slot and what was passed over."""
    calls = PastCalls(folder, since_us, until_us)
    return list(calls), dict(calls.passed_over)


def test_the_entries_of_a_call_are_gathered_into_one(tmp_path: Path) -> None:
    """Rows of all its blocks, how it ended, and the facts of the first; calls may lie among each other."""
    folder = logged(
        tmp_path / "door-0",
        release(ONE, 0),
        Intent(call=TWO, records=1, written={"clear": ("city",)}, facts=FACTS),
        release(ONE, 1, last=True),
        Refused(call=TWO, reason="store-conflict", status=409),
        Refused(call=THREE, reason="grant-missing", status=403, rule="x", facts=FACTS),
        Closed(),
    )
    [one, two, three], passed_over = read(folder)
    assert (one.call, one.decision, one.rows, one.reason, one.slot, one.seq) == (ONE, "permit", 10, None, "door-0", 0)
    assert (two.decision, two.reason, two.written, two.is_write) == ("permit", "store-conflict", ("city",), True)
    assert (three.decision, three.reason, three.rule, three.facts) == ("deny", "grant-missing", "x", FACTS)
    assert passed_over == {}


def test_a_call_that_was_cut_or_has_not_ended_is_given_out_too(tmp_path: Path) -> None:
    """With how it ended, or without."""
    folder = logged(tmp_path / "door-0", release(ONE, 0), release(TWO, 0), End(call=ONE, how="hang-up"))
    calls, _ = read(folder)
    assert [(one.call, one.ended, one.rows) for one in calls] == [(ONE, "hang-up", 5), (TWO, None, 5)]


def test_calls_without_facts_are_counted_by_why(tmp_path: Path) -> None:
    """Refused before identification one by one or as counts, and calls to stores that are not enforced."""
    folder = logged(
        tmp_path / "door-0",
        Refused(call=ONE, reason="sign-in-required", status=401),
        RefusalsCounted(since_us=0, reasons={"sign-in-required": 40, "malformed": 2}),
        Observed(call=TWO, store="crm", would="deny", facts=FACTS),
        Passed(call=TWO, n=0, bytes=1, last=True),
        Observed(call=THREE, store="crm", would="deny"),
        Refused(call=THREE, reason="store-unreachable", status=502),
    )
    assert read(folder) == ([], {"before-identification": 43, "not-enforced": 2})


def test_a_period_is_that_of_the_first_entry_and_older_segments_are_not_read(tmp_path: Path) -> None:
    """A call that began before is left out with all its entries."""
    bodies = [release(DecisionId(f"{n:032x}"), 0, last=True) for n in range(40)]
    folder = logged(tmp_path / "door-0", *bodies, per_segment=10)
    calls, _ = read(folder, 15_000_000, 25_000_000)
    assert [one.seq for one in calls] == list(range(15, 25))
    assert segments_since(folder, 15_000_000) == [1, 2, 3]
    assert n_bytes_since(folder, 15_000_000) < n_bytes_since(folder, 0) == n_bytes_of(tmp_path)
    begun = logged(tmp_path / "door-1", release(ONE, 0), release(ONE, 1, last=True))
    assert read(begun, 1_000_000) == ([], {})


def test_one_call_is_found_by_its_bytes_in_all_slots(tmp_path: Path) -> None:
    """And nothing else is decoded."""
    logged(tmp_path / "door-0", release(ONE, 0), release(TWO, 0, last=True), release(ONE, 1, last=True))
    logged(tmp_path / "door-1", release(THREE, 0, last=True))
    told: list[int] = []
    lines = list(sifted(tmp_path, [f'"call":"{ONE}"'.encode()], told.append))
    found = call_in(iter(lines))
    assert found is not None
    assert (found.call, found.rows, sum(told)) == (ONE, 10, n_bytes_of(tmp_path))
    assert call_in(iter(())) is None
    (tmp_path / "door-1" / "000000.ndjson").write_bytes(b'{"call":"x"}\n')
    with pytest.raises(LogDamaged):
        list(sifted(tmp_path, [b'"call":"x"']))


def test_decisions_on_calls_to_stores_say_which_store_surely_was_asked(tmp_path: Path) -> None:
    """A release says so, also after an intent; an intent or a refusal alone says that it may have been."""
    logged(
        tmp_path / "door-0",
        release(ONE, 0, last=True),
        Intent(call=TWO, records=1, facts=FACTS),
        Release(call=TWO, n=0, rows=0, bytes=0, people=0, last=True),
        Refused(call=THREE, reason="not-found", status=404, facts=FACTS),
        Refused(call=THREE, reason="purpose-missing", status=400, facts=Facts(account="a_1")),
        Observed(call=THREE, store="raw", would="deny"),
        Passed(call=THREE, n=0, bytes=1),
        Passed(call=THREE, n=1, bytes=1, last=True),
    )
    found = [(one.call, one.store, one.asked) for one in store_decisions(tmp_path, 0, FOREVER_US)]
    assert found == [
        (ONE, "crm", True), (TWO, "crm", False), (TWO, "", True), (THREE, "crm", False), (THREE, "raw", False),
        (THREE, "", True),
    ]  # fmt: skip
