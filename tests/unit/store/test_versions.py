# SPDX-License-Identifier: Apache-2.0
"""The change feed tells each change once to each listener."""

import asyncio
from contextlib import suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import NoResultFound

from gateway.store import versions
from gateway.store.engine import Store, open_store
from gateway.store.versions import ChangeFeed, Topic, bump, read_all

ALL = frozenset(Topic)


async def change(store: Store, *topics: Topic) -> None:
    """Announce topics in one transaction."""
    async with store.begin() as connection:
        for topic in topics:
            await bump(connection, topic)


async def test_the_first_look_tells_every_topic(store: Store) -> None:
    """Whoever starts must read everything once."""
    feed = ChangeFeed(store)

    assert await feed.poll() == ALL
    assert await feed.poll() == frozenset()
    await feed.close()


async def test_a_change_is_told_once(store: Store) -> None:
    """Only the topics that changed are told, and not again."""
    feed = ChangeFeed(store)
    await feed.poll()

    await change(store, Topic.HOLDS, Topic.RULES)

    assert await feed.poll() == {Topic.HOLDS, Topic.RULES}
    assert await feed.poll() == frozenset()
    await feed.close()


async def test_a_change_of_another_process_is_told(place: str, store: Store) -> None:
    """The feed reads the database, not this process's memory."""
    other = await open_store(place, upgrade=False)
    feed = ChangeFeed(store)
    await feed.poll()

    await change(other, Topic.ACCOUNTS)

    assert await feed.poll() == {Topic.ACCOUNTS}
    await feed.close()
    await other.close()


async def test_a_change_that_was_undone_is_not_told(store: Store) -> None:
    """Announcement and change are one transaction."""
    feed = ChangeFeed(store)
    await feed.poll()

    async def fail() -> None:
        async with store.begin() as connection:
            await bump(connection, Topic.HOLDS)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await feed.poll() == frozenset()
    await feed.close()


async def test_a_topic_that_could_not_be_followed_is_told_again(store: Store) -> None:
    """The reader that failed hears of it at the next look, even if nothing else changed."""
    feed = ChangeFeed(store)
    await feed.poll()

    feed.again({Topic.CHOICES})

    assert await feed.poll() == {Topic.CHOICES}
    await feed.close()


async def test_changes_at_the_same_time_are_all_counted(store: Store) -> None:
    """Many tasks that bump one topic leave its number that much higher."""
    await asyncio.gather(*(change(store, Topic.PEOPLE) for _ in range(25)))

    async with store.connect() as connection:
        assert (await read_all(connection))[Topic.PEOPLE] == 25


async def test_a_topic_that_does_not_exist_cannot_be_announced(store: Store) -> None:
    """A mistyped topic fails instead of being heard by nobody."""
    with pytest.raises(NoResultFound):
        async with store.begin() as connection:
            await bump(connection, "holes")


async def test_a_commit_hints_at_a_look_where_the_database_can_tell(place: str, store: Store) -> None:
    """PostgreSQL tells of commits and of nothing else; on SQLite only a look can find out."""
    other = await open_store(place, upgrade=False)
    feed = ChangeFeed(store)
    if not store.is_sqlite:
        await feed.hint()
    hint = asyncio.ensure_future(feed.hint())
    with suppress(ZeroDivisionError):
        async with other.begin() as connection:
            await bump(connection, Topic.HOLDS)
            raise ZeroDivisionError
    assert not (await asyncio.wait([hint], timeout=0.1))[0]

    await change(other, Topic.HOLDS, Topic.RULES)

    heard = (await asyncio.wait([hint], timeout=0.1 if store.is_sqlite else 5))[0]
    assert bool(heard) is not store.is_sqlite
    hint.cancel()
    await feed.close()
    await other.close()


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
async def test_a_lost_connection_costs_hints_and_nothing_else(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The feed listens again by itself; meanwhile the poll tells of every change."""
    monkeypatch.setattr(versions, "LISTEN_AGAIN_S", 0.01)
    feed = ChangeFeed(store)
    await feed.hint()
    await feed.poll()
    hint = asyncio.ensure_future(feed.hint())
    await asyncio.sleep(0)
    async with store.begin() as connection:
        listening = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
        await connection.execute(text(f"{listening} AND datname = current_database()"))
    await change(store, Topic.HOLDS)
    async with asyncio.timeout(10):
        await hint
        assert await feed.poll() == {Topic.HOLDS}
        await feed.hint()
        again = asyncio.ensure_future(feed.hint())
        await asyncio.sleep(0)
        await change(store, Topic.RULES)
        await again
    await feed.close()
