# SPDX-License-Identifier: Apache-2.0
"""When rows are sealed anew, what is entered, and what is told of versions."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.domain.entry import Changed, Entry, Part
from gateway.domain.errors import StateUnavailable
from gateway.flows.rewrapping import BATCH, EVERY_US, SETTLE_US, Held, Rewrapping
from gateway.keys.keyring import Keyring
from tests.fakes.clock import FakeClock


class Came(msgspec.Struct):
    """What came of a batch."""

    n_done: int = 0
    n_unreadable: int = 0
    after: tuple[Any, ...] | None = None


class TableRows:
    """Rows in memory, by place the version that each is under."""

    def __init__(self, versions: list[int], unreadable: int = 0) -> None:
        self.versions, self.unreadable, self.n_batches = versions, unreadable, 0

    async def by_version(self) -> Mapping[int, int]:
        """Count them."""
        await asyncio.sleep(0)
        return {one: self.versions.count(one) for one in set(self.versions)}

    async def rewrap(self, version: int, after: tuple[Any, ...] | None, most: int) -> Came:
        """Seal a batch anew; the first rows cannot be opened if any cannot."""
        await asyncio.sleep(0)
        self.n_batches += 1
        begin = 0 if after is None else int(after[0]) + 1
        places = [place for place in range(begin, len(self.versions)) if self.versions[place] != version][:most]
        good = [place for place in places if place >= self.unreadable]
        for place in good:
            self.versions[place] = version
        last = (places[-1],) if len(places) == most else None
        return Came(len(good), len(places) - len(good), last)


class Told:
    """A log in memory."""

    def __init__(self) -> None:
        self.entries: list[Changed] = []

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Keep an entry."""
        await asyncio.sleep(0)
        assert part is None
        assert isinstance(entry, Changed)
        self.entries.append(entry)
        return len(self.entries)


@pytest.fixture
def ring(tmp_path: Path, keyring: Keyring) -> Keyring:
    """A keyring with one label."""
    del tmp_path
    keyring.ensure("totp")
    return keyring


@pytest.fixture
def told() -> Told:
    """An empty log."""
    return Told()


def rewrapping(ring: Keyring, rows: TableRows, told: Told, clock: FakeClock) -> Rewrapping:
    """Return the story over these rows, without pauses."""
    return Rewrapping(ring, lambda label: rows if label == "totp" else None, told, clock, lambda _s: asyncio.sleep(0))


async def test_a_run_is_entered_before_and_after_with_numbers(ring: Keyring, told: Told, clock: FakeClock) -> None:
    """And goes through every batch."""
    rows = TableRows([1] * (2 * BATCH + 3))
    ring.rotate("totp")
    moved: list[int] = []
    came = await rewrapping(ring, rows, told, clock).run("totp", by="local:x", told=moved.append)

    assert (came.n_done, moved, rows.n_batches) == (2 * BATCH + 3, [BATCH, BATCH, 3], 3)
    assert [(one.what, one.by, one.target, one.facts) for one in told.entries] == [
        ("key-rewrap-begun", "local:x", "totp", {"version": 2, "rows": 2 * BATCH + 3}),
        ("key-rewrapped", "local:x", "totp", {"version": 2, "rows": 2 * BATCH + 3, "unreadable": 0}),
    ]


async def test_where_nothing_waits_nothing_is_entered(ring: Keyring, told: Told, clock: FakeClock) -> None:
    """Nor where the version of rows is gone, or the label has no version in force."""
    one = rewrapping(ring, TableRows([1]), told, clock)
    assert (await one.run("totp", by="x")).n_done == 0
    ring.rotate("totp")
    ring.shred("totp", 1)
    assert (await one.run("totp", by="x")).n_done == 0
    assert (await one.run("nothing", by="x")).n_done == 0
    assert told.entries == []


async def test_a_run_ends_between_batches_when_told_to(ring: Keyring, told: Told, clock: FakeClock) -> None:
    """What is done stays, and the next run does the rest."""
    rows = TableRows([1] * (3 * BATCH))
    ring.rotate("totp")
    one = rewrapping(ring, rows, told, clock)
    await one.run("totp", by="x", stop=lambda: rows.n_batches >= 1)
    assert rows.versions.count(2) == BATCH
    assert (await one.run("totp", by="x")).n_done == 2 * BATCH


async def test_rows_that_cannot_be_opened_are_told(ring: Keyring, told: Told, clock: FakeClock) -> None:
    """They hold up nobody."""
    ring.rotate("totp")
    came = await rewrapping(ring, TableRows([1] * 10, unreadable=4), told, clock).run("totp", by="x")
    assert (came.n_done, came.n_unreadable) == (6, 4)


async def test_what_needs_which_version_is_told(ring: Keyring, told: Told, clock: FakeClock) -> None:
    """Versions that the keyring lacks, too; ``None`` where no rows are."""
    ring.rotate("totp")
    ring.ensure("bearer")
    one = rewrapping(ring, TableRows([1, 1, 2, 9]), told, clock)
    assert await one.status() == [
        Held(label="totp", version=1, state="retired", rows=2, since_us=clock()),
        Held(label="totp", version=2, state="active", rows=1, since_us=clock()),
        Held(label="totp", version=9, state="missing", rows=1),
        Held(label="bearer", version=1, state="active", rows=None, since_us=clock()),
    ]
    assert await one.waiting("totp") == 2
    assert one.settles_us("totp") == clock() + SETTLE_US


async def test_how_far_it_is_behind_is_told_while_it_works(ring: Keyring, told: Told, clock: FakeClock) -> None:
    """Batch by batch, and since when nothing waits; what cannot be opened waits for ever."""
    rows = TableRows([1] * 300, unreadable=0)
    one = rewrapping(ring, rows, told, clock)
    seen: list[tuple[int, int | None]] = []
    one.heard = lambda: seen.append((one.n_behind, one.whole_us))
    first_us = clock()
    assert await one.tick()
    ring.rotate("totp")
    clock.advance(us=1_000_000)
    assert await one.tick()
    assert seen == [(0, first_us), (300, first_us), (44, first_us), (0, first_us), (0, first_us + 1_000_000)]

    rows.versions.append(1)
    rows.unreadable = len(rows.versions)
    clock.advance(us=6_000_000)
    assert await one.tick()
    assert (one.n_behind, one.whole_us) == (1, first_us + 1_000_000)


async def test_the_worker_looks_after_a_change_again_some_seconds_later_and_each_hour(
    ring: Keyring, told: Told, clock: FakeClock
) -> None:
    """A process may seal under the old version for a moment after the first look."""
    rows = TableRows([1])
    one = rewrapping(ring, rows, told, clock)
    assert await one.tick()
    assert not await one.tick()
    ring.rotate("totp")
    assert await one.tick()
    assert rows.versions == [2]
    rows.versions.append(1)
    assert not await one.tick()
    clock.advance(us=6_000_000)
    assert await one.tick()
    assert rows.versions == [2, 2]
    clock.advance(us=SETTLE_US)
    assert await one.tick()
    assert not await one.tick()
    rows.versions.append(1)
    clock.advance(us=EVERY_US)
    assert await one.tick()
    assert rows.versions == [2, 2, 2]


async def test_what_failed_is_tried_again_at_the_next_look(ring: Keyring, told: Told, clock: FakeClock) -> None:
    """A database that was away loses nothing of what is due."""
    rows = TableRows([1])
    ring.rotate("totp")
    one = rewrapping(ring, rows, told, clock)
    real = rows.rewrap

    async def away(version: int, after: tuple[Any, ...] | None, most: int) -> Came:
        del version, after, most
        await asyncio.sleep(0)
        raise StateUnavailable("away")

    rows.rewrap = away  # type: ignore[method-assign]
    with pytest.raises(StateUnavailable):
        await one.tick()
    rows.rewrap = real  # type: ignore[method-assign]
    assert await one.tick()
    assert rows.versions == [2]
