# SPDX-License-Identifier: Apache-2.0
"""Marks only go on, and the beat is counted once by each."""

import asyncio

import pytest

from gateway.store.engine import Store
from gateway.store.marks import Marked, Marks


@pytest.fixture
def marks(store: Store) -> Marks:
    """Of a database that never met a log."""
    return Marks(store)


async def test_a_database_that_never_met_a_log_says_so(marks: Marks) -> None:
    """No beat is not the same as the first."""
    assert await marks.read() == Marked()


async def test_a_mark_never_goes_back(marks: Marks) -> None:
    """Whatever is asked for."""
    await marks.settle(3, {"i/n/door-0": 7})
    await marks.advance("i/n/door-0", 5)
    await marks.advance("i/n/cli", 0)
    assert (await marks.read()).places == {"i/n/door-0": 7, "i/n/cli": 0}
    await marks.advance("i/n/door-0", 9)
    assert await marks.read() == Marked(beat=3, places={"i/n/door-0": 9, "i/n/cli": 0})


async def test_of_many_who_count_the_beat_each_gets_another(marks: Marks) -> None:
    """One statement, one row."""
    await marks.settle(0, {})
    assert sorted(await asyncio.gather(*(marks.count_up() for _ in range(8)))) == list(range(1, 9))
