# SPDX-License-Identifier: Apache-2.0
"""Attack: one code is submitted many times at once, on one challenge and on many, by several processes."""

import asyncio

import pytest

from gateway.domain.signin import Lockout
from gateway.flows.login.answers import SignInFailed, Tokens
from gateway.keys.keyring import Keyring
from gateway.store.engine import Store, open_store
from tests.fakes.clock import FakeClock
from tests.fakes.signin import Person, SignInHouse

LENIENT = Lockout(failures=10_000, tries=10_000, codes_a_day=10_000)
"""Limits out of the way, so that nothing but the spending of the code decides."""


@pytest.fixture
def house(store: Store, keyring: Keyring, clock: FakeClock) -> SignInHouse:
    """An installation that limits nothing."""
    return SignInHouse(store, keyring, clock, lockout=LENIENT)


async def winners(house: SignInHouse, person: Person, code: str, *, challenges: int, submissions: int) -> int:
    """Submit a code many times at once; return how often it let somebody in."""
    started = [await house.start(person) for _ in range(challenges)]
    answers = await asyncio.gather(*(house.finish(started[n % challenges], code) for n in range(submissions)))
    return sum(isinstance(answer, Tokens) for answer in answers)


@pytest.mark.parametrize("challenges", [1, 20])
async def test_of_two_hundred_submissions_of_one_code_one_succeeds(house: SignInHouse, challenges: int) -> None:
    """Exactly one, and exactly one session comes of it."""
    person = await house.person()
    assert await winners(house, person, house.code(person), challenges=challenges, submissions=200) == 1
    assert sum(step.ok and step.step == "totp" for step in house.log.sign_ins()) == 1


async def test_of_fifty_submissions_of_one_recovery_code_one_succeeds(house: SignInHouse) -> None:
    """As with codes of the authenticator."""
    person = await house.person()
    assert await winners(house, person, person.recovery_codes[0], challenges=50, submissions=50) == 1


async def test_of_two_processes_one_succeeds(place: str, keyring: Keyring, clock: FakeClock) -> None:
    """Two stores share nothing but the database, as two workers do."""
    stores = [await open_store(place, upgrade=False) for _ in range(2)]
    houses = [SignInHouse(store, keyring, clock, lockout=LENIENT) for store in stores]
    person = await houses[0].person()
    won = await asyncio.gather(
        *(winners(house, person, house.code(person), challenges=5, submissions=40) for house in houses)
    )
    assert sum(won) == 1
    for store in stores:
        await store.close()


async def test_at_once_no_more_passwords_are_judged_than_the_limit(
    store: Store, keyring: Keyring, clock: FakeClock
) -> None:
    """A hundred guesses together get as many judgements as ten in a row: ten."""
    house = SignInHouse(store, keyring, clock)
    person = await house.person()
    await asyncio.gather(*(house.start(person, f"guess number {n}") for n in range(100)))
    reasons = [step.reason for step in house.log.sign_ins()]
    assert (reasons.count("password"), reasons.count("locked")) == (10, 90)


async def test_at_once_no_more_codes_are_judged_than_a_challenge_takes(
    store: Store, keyring: Keyring, clock: FakeClock
) -> None:
    """A hundred wrong codes on one challenge get five judgements."""
    house = SignInHouse(store, keyring, clock)
    person = await house.person()
    started = await house.start(person)
    answers = await asyncio.gather(*(house.finish(started, "000000") for _ in range(100)))
    assert set(answers) == {SignInFailed()}
    reasons = [step.reason for step in house.log.sign_ins()]
    assert (reasons.count("code"), reasons.count("unknown")) == (5, 95)


async def test_at_once_no_more_codes_are_judged_than_a_day_allows(
    store: Store, keyring: Keyring, clock: FakeClock
) -> None:
    """A hundred wrong codes on twenty challenges get thirty-three judgements."""
    house = SignInHouse(store, keyring, clock, lockout=Lockout(failures=10_000))
    person = await house.person()
    await winners(house, person, "000000", challenges=20, submissions=100)
    reasons = [step.reason for step in house.log.sign_ins()]
    assert (reasons.count("code"), reasons.count("codes-spent")) == (33, 67)


@pytest.mark.referee
async def test_in_a_thousand_rounds_of_two_hundred_submissions_one_succeeds_each_time(house: SignInHouse) -> None:
    """The long run of the same claim."""
    person = await house.person()
    for n in range(1_000):
        assert await winners(house, person, house.code(person), challenges=4, submissions=200) == 1, n
        house.clock.advance(s=30)
