# SPDX-License-Identifier: Apache-2.0
"""Attack: text that a caller sends tries to end a line, forge another, or command a terminal."""

from pathlib import Path

import msgspec
import pytest

from gateway.domain.entry import Facts, Part, Refused
from gateway.domain.names import DecisionId
from gateway.record.proof.verify import verify_log
from gateway.record.reading.reader import records
from tests.fakes.log import START_US, enter, opened

TEXTS = (
    "\r\n",
    "\n" + '{"log":"demo/node-1/door-0","seq":9,"prev":"","at_us":0,"body":{"kind":"closed"}}' + "\n",
    '"}}\n{"seq":1,"salt":"00000000000000000000000000000000","part":{}}\n',
    "\x1b[2J\x1b]0;title\x07",
    "\u202ereversed\u202c \u2066isolated\u2069",
    "\u2028\u2029\x85\x0b\x0c",
    "\x00\x7f\x9b31m",
    "=cmd|' /C calc'!A0",
    "\U000e0041\ufeff\ufffe",
    '\\u000a\\n"',
)


@pytest.mark.parametrize("text", TEXTS)
def test_a_hostile_text_stays_inside_its_one_line(tmp_path: Path, text: str) -> None:
    """In the entry and in its part; both come back as they were, and the log verifies."""
    slot = tmp_path / "door-0"
    entry = Refused(call=DecisionId(text), reason=text, status=400, fields=(text,), facts=Facts(reference=text))
    log = opened(slot)
    enter(log, entry, Part(user_agent=text))
    log.close(START_US)

    (found,) = [record for record in records(slot) if record.part is not None]

    assert (found.line.body, found.part) == (entry, Part(user_agent=text))
    assert (slot / "000000.ndjson").read_bytes().count(b"\n") == 3
    assert (slot / "parts" / "000000.ndjson").read_bytes().count(b"\n") == 1
    assert verify_log(slot).is_right


@pytest.mark.parametrize("text", TEXTS)
def test_a_hostile_text_is_told_in_printable_characters_of_one_line(tmp_path: Path, text: str) -> None:
    """And what is told is still the same JSON."""
    slot = tmp_path / "door-0"
    log = opened(slot)
    enter(log, Refused(call=DecisionId("d1"), reason=text, status=400))
    log.close(START_US)

    record = list(records(slot))[1]

    assert record.text().isprintable()
    assert msgspec.json.decode(record.text()) == msgspec.json.decode(record.raw)
