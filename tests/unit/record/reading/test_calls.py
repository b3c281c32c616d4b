# SPDX-License-Identifier: Apache-2.0
"""The first entries of permitted calls are read out of a log, whatever else stands in it."""

from pathlib import Path

import pytest

from gateway.domain.entry import Intent, Release, RulesInForce
from gateway.domain.errors import LogDamaged
from gateway.record.reading.calls import call_lines, size_bytes
from tests.fakes.entries import AT_US, EVERY
from tests.fakes.log import enter, lines, opened, put_lines


@pytest.fixture
def slot(tmp_path: Path) -> Path:
    """A log of small segments with every kind of entry, twice."""
    log = opened(tmp_path / "door-0", most_bytes=2_000)
    for n in range(2):
        for body, part in EVERY[1:-1]:
            enter(log, body, part, AT_US + n)
    log.close(AT_US + 2)
    return tmp_path / "door-0"


def test_releases_and_intents_with_facts_and_rules_in_force_are_found_in_order(slot: Path) -> None:
    """Later blocks of a call, refusals and everything else are passed over."""
    found = [(type(line.body), line.at_us) for line in call_lines(slot) if line.body is not None]

    assert found == [(kind, AT_US + n) for n in range(2) for kind in (Release, Intent, RulesInForce)]


def test_every_byte_that_was_read_is_told(slot: Path) -> None:
    """So a bar comes to its end, also where nothing is found for long."""
    told = list(call_lines(slot, every_bytes=500))

    assert sum(line.read for line in told) == size_bytes(slot)
    assert any(line.body is None for line in told)


def test_an_entry_that_cannot_be_read_ends_the_reading(slot: Path) -> None:
    """Nothing is guessed about a call."""
    first = next(number for number in range(20) if b'"facts":{' in b"".join(lines(slot, number)))
    content = [line.replace(b'"kind":"release"', b'"kind":"rel') for line in lines(slot, first)]
    put_lines(slot, content, first)

    with pytest.raises(LogDamaged, match="verify"):
        list(call_lines(slot))
