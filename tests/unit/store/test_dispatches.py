# SPDX-License-Identifier: Apache-2.0
"""Keys of messages: claimed once under any concurrency, settled by whoever claimed them."""

import asyncio

from gateway.domain.sending import Fate
from gateway.store.dispatches import Dispatches, doubt
from gateway.store.engine import Store

ONE, TWO, THREE = (bytes([n]) * 32 for n in (1, 2, 3))


async def test_a_key_is_one_calls_however_many_claim_it(store: Store) -> None:
    """Of twenty calls at once that claim the same keys, each key is claimed by exactly one."""
    kept, keys = Dispatches(store), [bytes([n]) * 32 for n in range(30)]
    told = await asyncio.gather(*(kept.claim(f"call-{n}", keys[n % 2 :: 2] + keys[:3], 7) for n in range(20)))
    claimed = [key for n, held in enumerate(told) for key in {*keys[n % 2 :: 2], *keys[:3]} if key not in held]
    assert sorted(claimed) == sorted(keys)


async def test_what_became_of_a_message_decides_whether_its_key_may_be_claimed_again(store: Store) -> None:
    """Sent and unknown never, failed and refused again; and nobody settles what another call claimed."""
    kept = Dispatches(store)
    assert await kept.claim("first", [ONE, TWO, THREE], 1) == {}
    await kept.settle("other", dict.fromkeys((ONE, TWO, THREE), Fate.FAILED))
    assert await kept.claim("second", [ONE], 2) == {ONE: Fate.CLAIMED}
    await kept.settle("first", {ONE: Fate.SENT, TWO: Fate.REFUSED, THREE: Fate.UNKNOWN})
    assert await kept.claim("second", [ONE, TWO, THREE], 2) == {ONE: Fate.SENT, THREE: Fate.UNKNOWN}
    await kept.settle("first", {TWO: Fate.SENT})
    assert await kept.claim("third", [TWO], 3) == {TWO: Fate.CLAIMED}


async def test_what_is_begun_is_unknown_until_its_call_says_what_became_of_it(store: Store) -> None:
    """Begun is durable before it is sent, with what became of what went before; nobody begins what another claimed."""
    kept = Dispatches(store)
    await kept.claim("first", [ONE, TWO, THREE], 1)
    assert await kept.begin("other", [ONE], {}) == set()
    assert await kept.begin("first", [ONE, TWO], {}) == {ONE, TWO}
    assert await kept.begin("first", [TWO, THREE], {ONE: Fate.SENT}) == {THREE}
    # As after a kill: what was not begun is let go, what was begun is unknown, what was said is known.
    await kept.let_go("first", "another")
    assert await kept.claim("second", [ONE, TWO, THREE], 2) == {ONE: Fate.SENT, TWO: Fate.UNKNOWN, THREE: Fate.UNKNOWN}
    await kept.settle("first", {TWO: Fate.FAILED, THREE: Fate.SENT})
    assert await kept.claim("second", [TWO, THREE], 2) == {THREE: Fate.SENT}


async def test_an_older_database_does_not_know_what_was_begun(store: Store) -> None:
    """Everything that is claimed in it is unknown, so that no opening lets it go."""
    kept = Dispatches(store)
    await kept.claim("first", [ONE, TWO], 1)
    await kept.begin("first", [TWO], {})
    async with store.begin() as connection:
        assert await doubt(connection) == 1
    await kept.let_go("first")
    assert await kept.claim("second", [ONE, TWO], 2) == {ONE: Fate.UNKNOWN, TWO: Fate.UNKNOWN}


async def test_what_was_never_sent_can_be_let_go(store: Store) -> None:
    """Only what is claimed still, and only by its call."""
    kept = Dispatches(store)
    await kept.claim("first", [ONE, TWO], 1)
    await kept.settle("first", {ONE: Fate.SENT})
    await kept.let_go("other")
    assert await kept.claim("second", [TWO], 2) == {TWO: Fate.CLAIMED}
    await kept.let_go("first")
    assert await kept.claim("second", [ONE, TWO], 2) == {ONE: Fate.SENT}
