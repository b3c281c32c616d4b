# SPDX-License-Identifier: Apache-2.0
"""Requests are bounded for each account, decided once, and pruned when they are old."""

import asyncio

import msgspec
import pytest

from gateway.domain.grant_request import GrantRequest, GrantRequestState
from gateway.domain.names import AccountId, RecipientId, RoleName
from gateway.domain.principal import PrincipalKind
from gateway.domain.signin import Account
from gateway.store import grant_requests
from gateway.store.accounts import Accounts
from gateway.store.engine import Store
from gateway.store.grant_requests import GrantRequests
from tests.unit.domain.test_grant_request import ASKED

ANA, BEN = AccountId("a_ana"), AccountId("a_ben")


@pytest.fixture
async def requests(store: Store) -> GrantRequests:
    """The table, with two accounts to ask."""
    for name in (ANA, BEN):
        account = Account(id=name, kind=PrincipalKind.PERSON, roles=(), recipient=RecipientId("own"))
        await Accounts(store).add(account, name=name, password_hash=None, now_us=1)
    return GrantRequests(store)


def request(number: int, whose: AccountId = ANA, *, until_us: int = 1_000) -> GrantRequest:
    asked = msgspec.structs.replace(ASKED, until_us=until_us)
    return GrantRequest(id=f"gr_{whose}_{number}", account=whose, asked=asked, covers=(), asked_us=number)


async def test_what_was_kept_is_read_back_newest_first(requests: GrantRequests) -> None:
    """With every word, for its own account alone."""
    for number in (1, 2):
        assert await requests.add(request(number), most_open=5, now_us=number)
    assert await requests.of(ANA, 3) == (request(2), request(1))
    assert await requests.of(BEN, 3) == ()
    assert await requests.find(request(1).id, 3) == request(1)
    assert await requests.find("gr_none", 3) is None


async def test_an_account_has_so_many_open_ones_under_any_concurrency(requests: GrantRequests) -> None:
    """And another account as many of its own."""
    kept = await asyncio.gather(*(requests.add(request(n), most_open=3, now_us=1) for n in range(9)))
    assert sum(kept) == 3 == await requests.n_open(ANA, 1)
    assert await requests.add(request(1, BEN), most_open=3, now_us=1)


async def test_a_lapsed_one_makes_room(requests: GrantRequests) -> None:
    """It is shown as such until then, and nobody counts it."""
    assert await requests.add(request(1, until_us=10), most_open=1, now_us=1)
    assert [one.state for one in await requests.of(ANA, 10)] == [GrantRequestState.LAPSED]
    assert await requests.n_open(ANA, 10) == 0
    assert await requests.all(10, only_open=True) == ()
    assert await requests.add(request(2), most_open=1, now_us=10)
    assert [one.id for one in await requests.of(ANA, 11)] == [request(2).id]


async def test_a_request_is_decided_once(requests: GrantRequests) -> None:
    """Of many at one time, one."""
    await requests.add(request(1), most_open=1, now_us=1)
    decided = await asyncio.gather(*(
        requests.decide(
            request(1).id, GrantRequestState.APPROVED, because="yes", now_us=2, role=RoleName("r"), granted_until_us=9
        )
        for _ in range(5)
    ))  # fmt: skip
    told = await requests.find(request(1).id, 3)
    assert sum(decided) == 1
    assert told is not None
    assert (told.state, told.because, told.decided_us, told.role, told.granted_until_us) == (
        "approved",
        "yes",
        2,
        "r",
        9,
    )
    assert not await requests.decide(request(1).id, GrantRequestState.REFUSED, because="no", now_us=4)


async def test_the_oldest_decided_ones_go(requests: GrantRequests, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many are kept as are shown."""
    monkeypatch.setattr(grant_requests, "MOST_SHOWN", 3)
    for number in range(6):
        await requests.add(request(number), most_open=1, now_us=number)
        await requests.decide(request(number).id, GrantRequestState.REFUSED, because="no", now_us=number)
    assert [one.asked_us for one in await requests.all(7)] == [5, 4, 3]
