# SPDX-License-Identifier: Apache-2.0
"""The change feed's loop: what changed is followed, a failure is told again, and old knowledge is not current."""

import asyncio
from collections.abc import Iterable

import pytest

from gateway.domain.errors import StateUnavailable
from gateway.workers import loop as module
from gateway.workers.loop import STALE_US, ChangeLoop
from tests.fakes.clock import FakeClock
from tests.fakes.wire import until


class ToldFeed:
    """A feed that tells what a test put in."""

    def __init__(self) -> None:
        self.topics: list[str] = []
        self.is_dead = False
        self.n_polls = 0
        self.hinted = asyncio.Event()

    async def hint(self) -> None:
        """Return when the test hints."""
        await self.hinted.wait()
        self.hinted.clear()

    async def poll(self) -> Iterable[str]:
        """Return what is to be told, or fail."""
        self.n_polls += 1
        if self.is_dead:
            raise StateUnavailable("the database does not answer")
        told, self.topics = self.topics, []
        return told

    def again(self, topics: Iterable[str]) -> None:
        """Tell these once more."""
        self.topics = [*topics, *self.topics]


@pytest.fixture
def feed() -> ToldFeed:
    """A feed."""
    return ToldFeed()


async def test_each_topic_is_followed_by_its_follower_and_unknown_ones_by_nobody(
    feed: ToldFeed, clock: FakeClock
) -> None:
    """In the order in which they are told."""
    followed: list[str] = []

    async def rules() -> None:
        followed.append("rules")

    async def holds() -> None:
        followed.append("holds")

    changes = ChangeLoop(feed, {"rules": rules, "holds": holds}, clock)
    feed.topics = ["holds", "from-a-later-version", "rules"]
    await changes.follow()
    await changes.follow()
    assert followed == ["holds", "rules"]


async def test_what_is_remembered_is_current_for_two_seconds_after_a_good_poll(
    feed: ToldFeed, clock: FakeClock
) -> None:
    """Before the first poll nothing is; nor after the clock was set back."""
    changes = ChangeLoop(feed, {}, clock)
    assert not changes.is_current()
    await changes.follow()
    clock.advance(us=STALE_US)
    assert changes.is_current()
    clock.advance(us=1)
    assert not changes.is_current()
    clock.advance(us=-STALE_US - 2)
    assert not changes.is_current()
    await changes.follow()
    assert changes.is_current()


async def test_a_topic_that_could_not_be_followed_is_told_again_and_the_poll_was_not_good(
    feed: ToldFeed, clock: FakeClock
) -> None:
    """With those behind it; those before it were followed."""
    followed: list[str] = []
    failing = True

    async def first() -> None:
        followed.append("first")

    async def second() -> None:
        if failing:
            raise StateUnavailable("not now")
        followed.append("second")

    changes = ChangeLoop(feed, {"first": first, "second": second}, clock)
    feed.topics = ["first", "second", "first"]
    with pytest.raises(StateUnavailable):
        await changes.follow()
    assert not changes.is_current()
    assert feed.topics == ["second", "first"]
    failing = False
    await changes.follow()
    assert followed == ["first", "second", "first"]
    assert changes.is_current()


async def test_the_loop_outlives_a_database_that_does_not_answer(
    feed: ToldFeed, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It polls on, and what it remembers is current again at the first good poll."""
    monkeypatch.setattr(module, "EVERY_S", 0.001)
    changes, stop = ChangeLoop(feed, {}, clock), asyncio.Event()
    feed.is_dead = True
    async with asyncio.TaskGroup() as group, asyncio.timeout(5):
        group.create_task(changes.run(stop))
        while feed.n_polls < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        assert not changes.is_current()
        feed.is_dead = False
        while not changes.is_current():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        stop.set()


async def test_an_error_of_our_own_ends_the_loop(feed: ToldFeed, clock: FakeClock) -> None:
    """A mistake is not passed over in silence: the process stops."""

    async def mistaken() -> None:
        raise TypeError

    feed.topics = ["rules"]
    with pytest.raises(ExceptionGroup) as ended:
        await ChangeLoop(feed, {"rules": mistaken}, clock).run(asyncio.Event())
    assert isinstance(ended.value.exceptions[0], TypeError)


async def test_a_hint_is_followed_at_once(feed: ToldFeed, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them; nobody waits for the time of the next poll, nor at the end."""
    monkeypatch.setattr(module, "EVERY_S", 3600)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group, asyncio.timeout(5):
        group.create_task(ChangeLoop(feed, {}, clock).run(stop))
        for n_polls in (1, 2, 3):
            await until(lambda n_polls=n_polls: feed.n_polls == n_polls)  # type: ignore[misc]
            feed.hinted.set()
        stop.set()
