# SPDX-License-Identifier: Apache-2.0
"""Holds count at once where they were set, and end when they say or when they are lifted."""

from gateway.domain.names import AccountId, CategoryKey
from gateway.domain.treatment import Rung
from gateway.domain.viewplan import Hold
from gateway.store.engine import Store, open_store
from gateway.store.holds import Holds
from gateway.store.versions import ChangeFeed, Topic
from tests.fakes.clock import FakeClock

ANALYST = AccountId("a_analyst")
CAP = Hold(category=CategoryKey("user.contact"), rung=Rung("mask"), link=False, reason="unusual-volume")
OTHER_CAP = Hold(category=CategoryKey("user.financial"), rung=Rung("drop"), link=True, reason="officer")


async def test_a_hold_counts_at_once_and_for_nobody_else(store: Store, clock: FakeClock) -> None:
    """The account has it in its very next block."""
    holds = Holds(store, clock)
    await holds.refresh()
    assert holds.for_account(ANALYST) == ()

    await holds.set(ANALYST, CAP)

    assert holds.for_account(ANALYST) == (CAP,)
    assert holds.for_account(AccountId("a_other")) == ()


async def test_holds_are_told_in_the_order_in_which_they_were_set(store: Store, clock: FakeClock) -> None:
    """The order is the same in every process, so that lowered plans can be shared."""
    holds = Holds(store, clock)
    await holds.set(ANALYST, OTHER_CAP)
    clock.advance(s=1)
    await holds.set(ANALYST, CAP)

    assert holds.for_account(ANALYST) == (OTHER_CAP, CAP)


async def test_a_hold_ends_by_itself_without_a_refresh(store: Store, clock: FakeClock) -> None:
    """Its end is exclusive."""
    holds = Holds(store, clock)
    await holds.set(ANALYST, CAP, until_us=clock() + 10)

    clock.advance(us=9)
    assert holds.for_account(ANALYST) == (CAP,)
    clock.advance(us=1)
    assert holds.for_account(ANALYST) == ()


async def test_a_hold_is_lifted_once(store: Store, clock: FakeClock) -> None:
    """The second to lift it is told that there was nothing to lift."""
    holds = Holds(store, clock)
    hold_id = await holds.set(ANALYST, CAP)

    assert await holds.lift(hold_id)
    assert not await holds.lift(hold_id)
    assert holds.for_account(ANALYST) == ()


async def test_another_process_learns_of_a_hold_from_the_feed(place: str, store: Store, clock: FakeClock) -> None:
    """The feed names the topic, and a refresh then shows the hold."""
    other = await open_store(place, upgrade=False)
    holds, feed = Holds(other, clock), ChangeFeed(other)
    await feed.poll()

    await Holds(store, clock).set(ANALYST, CAP)

    assert await feed.poll() == {Topic.HOLDS}
    await holds.refresh()
    assert holds.for_account(ANALYST) == (CAP,)
    await feed.close()
    await other.close()


async def test_the_holds_on_an_account_are_told_with_their_ids(store: Store, clock: FakeClock) -> None:
    """Whoever lifts a hold needs its id; lifted and ended ones are not told."""
    holds = Holds(store, clock)
    first = await holds.set(ANALYST, CAP)
    second = await holds.set(ANALYST, OTHER_CAP, until_us=clock() + 1_000_000)
    await holds.set(AccountId("a_other"), CAP)

    assert set(await holds.on(ANALYST)) == {(first, CAP), (second, OTHER_CAP)}

    clock.advance(s=2)
    await holds.lift(first)
    assert await holds.on(ANALYST) == ()
