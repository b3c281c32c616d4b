# SPDX-License-Identifier: Apache-2.0
"""Approvals are bounded for each account, decided once by somebody else, spent once, and gone when they lapse."""

import asyncio

import msgspec
import pytest

from gateway.domain.approval import Approval, ApprovalState, Bound
from gateway.domain.names import AccountId, ClientId, DatasetName, FieldName, PurposeKey, RecipientId
from gateway.domain.principal import PrincipalKind
from gateway.domain.signin import Account
from gateway.store.accounts import Accounts
from gateway.store.approvals import KEPT_US, RevealApprovals, spent_again
from gateway.store.engine import Store

ANA, BEN = AccountId("a_ana"), AccountId("a_ben")
BOUND = Bound(
    account=ANA,
    client=ClientId("person"),
    recipient=RecipientId("own"),
    purpose=PurposeKey("support"),
    reference="case-1",
    dataset=DatasetName("crm.people"),
    field=FieldName("phone"),
    digest="d" * 64,
)


@pytest.fixture
async def approvals(store: Store) -> RevealApprovals:
    """The table, with two accounts."""
    for name in (ANA, BEN):
        account = Account(id=name, kind=PrincipalKind.PERSON, roles=(), recipient=RecipientId("own"))
        await Accounts(store).add(account, name=name, password_hash=None, now_us=1)
    return RevealApprovals(store)


def approval(number: int, *, until_us: int = 1_000, **changes: str) -> Approval:
    """Return one of a set of its own."""
    bound = msgspec.structs.replace(BOUND, **{"digest": f"{number:064}", **changes})
    return Approval(id=f"ap_{number}", bound=bound, surrogates=101, asked_us=number, until_us=until_us)


async def kept(approvals: RevealApprovals, one: Approval) -> Approval:
    """Keep one."""
    assert await approvals.add(one, most_open=20, now_us=1) == one
    return one


async def test_what_was_kept_is_found_by_all_that_it_is_bound_to(approvals: RevealApprovals) -> None:
    """Another word of any of it is another approval."""
    one = await kept(approvals, approval(1))
    assert await approvals.of(one.bound, 2) == one
    for name in ("client", "recipient", "purpose", "reference", "dataset", "field", "digest", "account"):
        assert await approvals.of(msgspec.structs.replace(one.bound, **{name: "other"}), 2) is None
    assert await approvals.waiting(2) == (one,)


async def test_asking_twice_for_the_same_keeps_one(approvals: RevealApprovals) -> None:
    """Under any concurrency."""
    made = [msgspec.structs.replace(approval(1), id=f"ap_{n}") for n in range(8)]
    told = await asyncio.gather(*(approvals.add(one, most_open=20, now_us=1) for one in made))
    assert len({one.id for one in told if one is not None}) == 1
    assert len(await approvals.waiting(2)) == 1


async def test_an_account_has_so_many_that_wait(approvals: RevealApprovals) -> None:
    """What lapsed makes room, and counts no more."""
    told = await asyncio.gather(*(approvals.add(approval(n), most_open=3, now_us=1) for n in range(9)))
    assert sum(one is not None for one in told) == 3 == await approvals.n_open(ANA, 1)
    assert await approvals.n_open(ANA, 1_000) == 0
    assert await approvals.add(approval(50, until_us=3_000), most_open=3, now_us=1_000) is not None


async def test_one_that_waits_is_decided_once_and_never_by_who_asked(approvals: RevealApprovals) -> None:
    """Of many words the first counts."""
    one = await kept(approvals, approval(1))
    assert not await approvals.decide(one.id, ApprovalState.APPROVED, ANA, 2)
    words = (approvals.decide(one.id, ApprovalState.APPROVED, AccountId(f"a_{n}"), 2) for n in range(8))
    assert sum(await asyncio.gather(*words)) == 1
    assert not await approvals.decide(one.id, ApprovalState.REFUSED, BEN, 3)
    there = await approvals.of(one.bound, 3)
    assert there is not None
    assert there.state is ApprovalState.APPROVED
    assert there.by.startswith("a_")
    assert await approvals.find(one.id, 3) is None


async def test_one_that_was_approved_is_spent_once(approvals: RevealApprovals) -> None:
    """And is then none any more; one that was not approved cannot be spent."""
    one = await kept(approvals, approval(1))
    assert not await approvals.spend(one.id, 2)
    assert await approvals.decide(one.id, ApprovalState.APPROVED, BEN, 2)
    assert sum(await asyncio.gather(*(approvals.spend(one.id, 3) for _ in range(8)))) == 1
    assert await approvals.of(one.bound, 4) is None


async def test_nothing_counts_behind_its_end(approvals: RevealApprovals) -> None:
    """Neither a word nor a use."""
    one = await kept(approvals, approval(1, until_us=10))
    two = await kept(approvals, approval(2, until_us=10))
    assert await approvals.decide(two.id, ApprovalState.APPROVED, BEN, 9)
    assert not await approvals.decide(one.id, ApprovalState.APPROVED, BEN, 10)
    assert not await approvals.spend(two.id, 10)
    assert await approvals.find(one.id, 10) is None


async def test_what_was_decided_goes_a_month_later(approvals: RevealApprovals) -> None:
    """When its account asks for more."""
    one = await kept(approvals, approval(1, until_us=10))
    assert await approvals.decide(one.id, ApprovalState.REFUSED, BEN, 5)
    assert await approvals.add(approval(2, until_us=KEPT_US * 2), most_open=20, now_us=10 + KEPT_US) is not None
    assert not await approvals.spend(one.id, 5)


async def test_what_the_log_says_is_spent_is_spent_whatever_the_database_says(
    approvals: RevealApprovals, store: Store
) -> None:
    """Once told or twice, also before anybody approved it."""
    one = await kept(approvals, approval(1))
    for news in (1, 0):
        async with store.begin() as connection:
            assert await spent_again(connection, one.id, 5) == news
    assert not await approvals.decide(one.id, ApprovalState.APPROVED, BEN, 6)
