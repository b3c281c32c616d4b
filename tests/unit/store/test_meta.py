# SPDX-License-Identifier: Apache-2.0
"""Single facts of the installation."""

import asyncio

from gateway.app.clock import now_us
from gateway.store.engine import Store, open_store
from gateway.store.meta import INSTALLATION, RULES, Meta
from gateway.store.versions import ChangeFeed, Topic


async def test_a_fact_is_read_as_it_was_last_written(store: Store) -> None:
    """Writing again replaces."""
    facts = Meta(store)
    assert await facts.read(RULES) is None

    await facts.write(RULES, "one")
    await facts.write(RULES, "two")

    assert await facts.read(RULES) == "two"


async def test_a_write_can_announce_itself(store: Store) -> None:
    """New rules are heard of by every process."""
    feed = ChangeFeed(store)
    await feed.poll()

    await Meta(store).write(RULES, "one", announce=Topic.RULES)

    assert Topic.RULES in await feed.poll()
    await feed.close()


async def test_the_first_to_settle_a_fact_decides_for_all(store: Store) -> None:
    """Two processes that start together agree on one installation id."""
    settled = await asyncio.gather(*(Meta(store).settle(INSTALLATION, f"i{n}") for n in range(8)))

    assert len(set(settled)) == 1
    assert await Meta(store).read(INSTALLATION) == settled[0]


async def test_many_write_a_fact_at_once(place: str, store: Store) -> None:
    """As doors do that put the same rules in force: one after the other, over two processes' stores."""
    other = await open_store(place, upgrade=False)
    ways = [Meta(one) for one in (store, other)]
    await asyncio.gather(*(ways[n % 2].write("fact", str(n), announce=Topic.RULES) for n in range(30)))

    assert await ways[0].read("fact") in {str(n) for n in range(30)}
    await other.close()


async def test_a_database_server_tells_its_time(store: Store) -> None:
    """A database of files has none of its own."""
    before_us = now_us()
    told = await Meta(store).server_us()
    if store.is_sqlite:
        assert told is None
    else:
        assert told is not None
        assert abs(told - before_us) < 60_000_000
