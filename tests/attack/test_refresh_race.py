# SPDX-License-Identifier: Apache-2.0
"""Attack: a stolen refresh bearer is used, before, after, or at the same time as its owner uses it."""

import asyncio

import pytest

from gateway.domain.principal import Principal
from gateway.flows.login.answers import SignInFailed, Tokens
from gateway.identify.identify import SignInProblem
from gateway.keys.keyring import Keyring
from gateway.store.engine import Store
from tests.fakes.clock import FakeClock
from tests.fakes.signin import ORIGIN, SignInHouse


@pytest.fixture
def house(store: Store, keyring: Keyring, clock: FakeClock) -> SignInHouse:
    """An installation with nobody in it."""
    return SignInHouse(store, keyring, clock)


async def test_of_many_uses_at_once_one_succeeds_and_the_session_ends(house: SignInHouse) -> None:
    """Nobody can tell the owner from the thief, so both are out by the time the last answer is given."""
    await house.revocations.refresh(house.clock())
    tokens = await house.signed_in(await house.person())
    answers = await asyncio.gather(*(house.flow.refresh(tokens.refresh_token or "", ORIGIN) for _ in range(50)))
    won = [answer for answer in answers if isinstance(answer, Tokens)]
    assert len(won) == 1
    for bearer in (tokens, won[0]):
        assert isinstance(house.identify.principal(f"Bearer {bearer.access_token}", house.clock()), SignInProblem)
    assert await house.flow.refresh(won[0].refresh_token or "", ORIGIN) == SignInFailed()


async def test_a_thief_who_comes_first_is_found_when_the_owner_comes(house: SignInHouse) -> None:
    """The owner's use of the spent bearer ends the thief's session, however often it was refreshed since."""
    await house.revocations.refresh(house.clock())
    tokens = await house.signed_in(await house.person())
    stolen = tokens
    for _ in range(3):
        turned = await house.flow.refresh(stolen.refresh_token or "", ORIGIN)
        assert isinstance(turned, Tokens)
        stolen = turned
    assert isinstance(house.identify.principal(f"Bearer {stolen.access_token}", house.clock()), Principal)
    assert await house.flow.refresh(tokens.refresh_token or "", ORIGIN) == SignInFailed()
    assert isinstance(house.identify.principal(f"Bearer {stolen.access_token}", house.clock()), SignInProblem)
    assert await house.flow.refresh(stolen.refresh_token or "", ORIGIN) == SignInFailed()


async def test_one_session_that_ends_takes_no_other_with_it(house: SignInHouse) -> None:
    """A second sign-in of the same account goes on."""
    person = await house.person()
    first = await house.signed_in(person)
    house.clock.advance(s=30)
    second = await house.signed_in(person)
    for _ in range(2):
        await house.flow.refresh(first.refresh_token or "", ORIGIN)
    assert isinstance(await house.flow.refresh(second.refresh_token or "", ORIGIN), Tokens)


async def test_an_access_bearer_cannot_be_refreshed_with(house: SignInHouse) -> None:
    """Nor a challenge, nor anything else that the gateway hands out."""
    person = await house.person()
    started = await house.start(person)
    tokens = await house.finish(started, house.code(person))
    assert isinstance(tokens, Tokens)
    for other in (tokens.access_token, started.login, person.recovery_codes[0], house.code(person)):
        assert await house.flow.refresh(other, ORIGIN) == SignInFailed()
