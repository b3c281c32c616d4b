# SPDX-License-Identifier: Apache-2.0
"""A new field is entered, kept and told once; samples are few, and what cannot be told now is told later."""

import asyncio
import logging

import pytest

from gateway.discover.members import HIDDEN
from gateway.domain.entry import Changed, Entry, Part
from gateway.domain.errors import LogUnavailable
from gateway.domain.names import DatasetName
from gateway.flows.new_fields import MOST_NAMES, PATIENCE, SAMPLE_EVERY_US, NewFields
from tests.fakes.clock import FakeClock
from tests.fakes.customers import COLLECTION, CUSTOMERS, LIST, ONE

TIER = b'[{"id":"c-1","tier":"gold"}]'


class FakeTable:
    """The table in memory."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.n_asked = 0

    async def of(self, dataset: DatasetName) -> frozenset[str]:
        """Return what was added."""
        self.n_asked += 1
        return frozenset(self.names)

    async def add(self, dataset: DatasetName, field: str, now_us: int) -> None:
        """Keep it."""
        assert dataset == CUSTOMERS
        self.names.append(field)


class FakeLog:
    """A log that can be full for one entry."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.is_full = False

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Keep the entry."""
        if self.is_full:
            raise LogUnavailable("the disk is full")
        self.entries.append(entry)
        return len(self.entries)


class Watch:
    """New fields over a table and a log in memory."""

    def __init__(self, clock: FakeClock) -> None:
        self.table, self.log = FakeTable(), FakeLog()
        self.new = NewFields(self.table, self.log, clock)

    async def see(self, rows: bytes) -> None:
        """Offer a block and look at it."""
        self.new.offer(LIST, COLLECTION.fields, rows)
        await self.new.look()


@pytest.fixture
def watch(clock: FakeClock) -> Watch:
    """A fresh one."""
    return Watch(clock)


async def test_a_new_field_is_told_once(watch: Watch, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """By an entry, a row and a warning, without the value."""
    with caplog.at_level(logging.WARNING, "gateway"):
        for _ in range(3):
            await watch.see(TIER)
            clock.advance(us=SAMPLE_EVERY_US)

    assert watch.log.entries == [
        Changed(by="gateway", what="field-appeared", target=CUSTOMERS, facts={"field": "tier"})
    ]
    assert watch.table.names == ["tier"]
    assert [record.getMessage() for record in caplog.records] == [
        "crm.customers: the store sends the field tier, which no dataset declares; it is dropped"
    ]
    assert "gold" not in caplog.text


async def test_what_the_table_knows_is_not_told_again(watch: Watch) -> None:
    """Another process told it, or this one before its start."""
    watch.table.names.append("tier")
    await watch.see(TIER)
    assert watch.log.entries == []


async def test_a_route_leaves_a_sample_every_few_seconds(watch: Watch, clock: FakeClock) -> None:
    """Blocks between are passed over; another route has a sample of its own."""
    await watch.see(b'[{"id":"c-1"}]')
    await watch.see(TIER)
    assert watch.table.names == []

    watch.new.offer(ONE, COLLECTION.fields, b'[{"job":"x"}]')
    await watch.new.look()
    assert watch.table.names == ["job"]

    clock.advance(us=SAMPLE_EVERY_US)
    await watch.see(TIER)
    assert watch.table.names == ["job", "tier"]


async def test_a_clock_that_is_set_back_does_not_end_the_samples(watch: Watch, clock: FakeClock) -> None:
    """An hour back is an hour without samples otherwise."""
    await watch.see(b"[]")
    clock.advance(s=-3600)
    await watch.see(TIER)
    assert watch.table.names == ["tier"]


async def test_what_cannot_be_entered_waits(watch: Watch) -> None:
    """Nothing is kept that the log does not have, so it is told when it can be."""
    watch.log.is_full = True
    with pytest.raises(LogUnavailable):
        await watch.see(TIER)
    assert watch.table.names == []

    watch.log.is_full = False
    await watch.new.look()
    assert watch.table.names == ["tier"]
    await watch.new.look()
    assert watch.table.n_asked == 2


async def test_a_dataset_has_so_many_new_fields_and_no_more(watch: Watch, clock: FakeClock) -> None:
    """A store that makes up names fills neither log nor table."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    for first in letters[:6]:
        for second in letters:
            await watch.see(b'[{"id":1,"' + f"{first}_{second}".encode() + b'":1}]')
            clock.advance(us=SAMPLE_EVERY_US)
    assert len(watch.table.names) == MOST_NAMES + 1
    assert watch.table.names[-1] == HIDDEN
    assert len(watch.log.entries) == MOST_NAMES + 1


async def test_the_look_ends_when_it_is_told_to(watch: Watch) -> None:
    """A serving process stops without waiting for the next look."""
    stop = asyncio.Event()
    stop.set()
    async with asyncio.timeout(1):
        await watch.new.run(stop)


def wide(n_rows: int) -> bytes:
    """Return rows with more undeclared members than an object of few fields has."""
    row = '{"id":"c-1",' + ",".join(f'"attribute_{letter}":1' for letter in "abcdefghijkl") + "}"
    return f"[{','.join([row] * n_rows)}]".encode()


async def test_a_short_page_says_nothing_that_a_longer_one_says_by_name(watch: Watch, clock: FakeClock) -> None:
    """Before the longer one as after it."""
    for n_rows in (1, 2, 3, 2, 1):
        await watch.see(wide(n_rows))
        clock.advance(us=SAMPLE_EVERY_US)
    assert watch.table.names == [f"attribute_{letter}" for letter in "abcdefghijkl"]


async def test_where_all_pages_are_short_it_is_told_in_the_end_without_names(watch: Watch, clock: FakeClock) -> None:
    """Once."""
    for _ in range(PATIENCE - 1):
        await watch.see(wide(1))
        clock.advance(us=SAMPLE_EVERY_US)
    assert watch.table.names == []

    for _ in range(3):
        await watch.see(wide(1))
        clock.advance(us=SAMPLE_EVERY_US)
    assert watch.table.names == [HIDDEN]
