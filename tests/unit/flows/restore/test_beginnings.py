# SPDX-License-Identifier: Apache-2.0
"""How a call began is found, however far before the mark."""

from pathlib import Path

import msgspec
import pytest

from gateway.domain.entry import Entry, Facts, Intent, Release
from gateway.domain.errors import StateBehind
from gateway.domain.names import DecisionId
from gateway.flows.restore.beginnings import KINDS, Beginnings
from gateway.record.reading.tail import tail
from tests.fakes.log import enter, opened, release

PREFIX, SLOT = "demo/node-1/", "door-0"


def facts_of(purpose: str) -> Facts:
    """Return facts that are told apart by their purpose."""
    return Facts(account="a", client="c", recipient="own", session="s", method="GET", purpose=purpose, rules="r")


def begun(call: str) -> Release:
    """Return the first entry of a read."""
    return msgspec.structs.replace(release(call), n=0, last=False, facts=facts_of(call))


def going_on(call: str, *, last: bool = False) -> Release:
    """Return a later entry of a call."""
    return msgspec.structs.replace(release(call), n=1, rows=3, last=last, facts=None)


def meant(call: str) -> Intent:
    """Return the first entry of a write."""
    return Intent(call=DecisionId(call), records=1, facts=facts_of(call))


def log_of(tmp_path: Path, *entries: Entry) -> Path:
    """Write a log."""
    log = opened(tmp_path / SLOT)
    for entry in entries:
        enter(log, entry)
    log.close(None)
    return tmp_path


def found(logs: Path, place: int, span: int) -> dict[str, str]:
    """Return by call which facts the blocks behind a mark have, as a replay asks for them."""
    beginnings = Beginnings(logs, PREFIX, {SLOT: place}, span=span)
    by_call: dict[str, str] = {}
    for record in tail(logs / SLOT, place, kinds=KINDS):
        body = record.line.body
        if isinstance(body, Intent | Release):
            beginnings.take(body)
        if isinstance(body, Release) and body.rows:
            by_call[body.call] = beginnings.of(record, body.call).purpose
    return by_call


@pytest.mark.parametrize("span", [1, 2, 5, 1000])
def test_calls_that_were_open_at_the_mark_are_found_however_far_they_began(tmp_path: Path, span: int) -> None:
    """Reads and writes; the nearest look back may hold none of them."""
    others = [one for n in range(20) for one in (begun(f"o-{n}"), going_on(f"o-{n}", last=True))]
    before: list[Entry] = [begun("first"), *others, meant("second"), *others]
    logs = log_of(tmp_path, *before, going_on("second", last=True), begun("third"), going_on("first"))
    mark = 1 + len(before)  # behind the opening of the log
    assert found(logs, mark, span) == {"first": "first", "second": "second", "third": "third"}


def test_what_began_behind_the_mark_needs_no_look_back(tmp_path: Path) -> None:
    """Of a write, what was entered before it was forwarded tells."""
    logs = log_of(tmp_path, meant("w"), going_on("w", last=True))
    assert found(logs, 0, 1) == {"w": "w"}


def test_a_call_without_a_beginning_cannot_be_counted(tmp_path: Path) -> None:
    """The sentence names the entry."""
    logs = log_of(tmp_path, begun("x"), going_on("y"))
    with pytest.raises(StateBehind, match="entry 2 of demo/node-1/door-0 cannot be replayed: the log does not hold"):
        found(logs, 2, 1)
