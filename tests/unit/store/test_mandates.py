# SPDX-License-Identifier: Apache-2.0
"""Mandates in the database: approved once by each, never by who asked, and revoked for good."""

import asyncio

import msgspec

from gateway.domain.mandate import Mandate, MandateState
from gateway.domain.names import AccountId
from gateway.store.engine import Store
from gateway.store.mandates import Mandates
from tests.unit.domain.test_mandate import NOW_US, a_mandate

ASKED, ONE, TWO = (AccountId(f"a_{n}") for n in range(3))


async def test_a_mandate_is_read_as_it_was_kept(store: Store) -> None:
    """With its approvals in the order of their times; a second one of its name changes nothing."""
    kept, made = Mandates(store), a_mandate()
    assert await kept.add(made)
    assert not await kept.add(msgspec.structs.replace(made, asked_by=ONE))
    assert await kept.approve(made.id, TWO, 2)
    assert await kept.approve(made.id, ONE, 3)
    found = await kept.find(made.id)
    assert found == msgspec.structs.replace(made, approved=((TWO, 2), (ONE, 3)))
    assert found is not None
    assert found.state(NOW_US) is MandateState.IN_FORCE
    assert list(await kept.all()) == [found]
    assert await kept.find("m_0") is None


async def test_nobody_approves_twice_and_who_asked_not_at_all(store: Store) -> None:
    """Under any concurrency."""
    kept, made = Mandates(store), a_mandate()
    await kept.add(made)
    told = await asyncio.gather(*(kept.approve(made.id, who, n) for n, who in enumerate([ONE, ASKED] * 8)))
    assert sum(told) == 1
    assert not await kept.approve("m_0", ONE, 1)


async def test_a_word_that_was_judged_beside_others_counts_for_nothing(store: Store) -> None:
    """Of many who judged that nobody had approved it yet, one is heard; the others look again."""
    kept, made = Mandates(store), a_mandate()
    await kept.add(made)
    some = [AccountId(f"b_{n}") for n in range(8)]
    told = await asyncio.gather(*(kept.approve(made.id, who, 1, after=frozenset()) for who in some))
    assert sum(told) == 1
    (first,) = [who for who, heard in zip(some, told, strict=True) if heard]
    assert not await kept.approve(made.id, first, 2, after=frozenset({first}))
    assert await kept.approve(made.id, ONE, 2, after=frozenset({first}))


async def test_a_revoked_mandate_stays_revoked(store: Store) -> None:
    """It takes no approval, and is revoked once."""
    kept, made = Mandates(store), a_mandate()
    await kept.add(made)
    assert await kept.revoke(made.id, ONE, 5)
    assert not await kept.revoke(made.id, TWO, 6)
    assert not await kept.approve(made.id, TWO, 7)
    found = await kept.find(made.id)
    assert isinstance(found, Mandate)
    assert (found.revoked_us, found.revoked_by, found.state(NOW_US)) == (5, ONE, MandateState.REVOKED)
