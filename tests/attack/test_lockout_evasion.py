# SPDX-License-Identifier: Apache-2.0
"""Attack: getting round the limits of failures, by many challenges, a restart, another spelling or another factor.

The same class as CVE-2026-43914 (Vaultwarden), CVE-2026-74878 and GHSA-85v8-vx4w-q684 (Keycloak).
"""

import asyncio

import pytest

from gateway.flows.login.answers import SignInFailed, Tokens
from gateway.keys.keyring import Keyring
from gateway.store.engine import Store, open_store
from tests.fakes.clock import FakeClock
from tests.fakes.signin import ORIGIN, SignInHouse


@pytest.fixture
def house(store: Store, keyring: Keyring, clock: FakeClock) -> SignInHouse:
    """An installation with nobody in it."""
    return SignInHouse(store, keyring, clock)


async def test_challenges_kept_in_store_do_not_get_more_codes(house: SignInHouse) -> None:
    """Twenty challenges from right passwords, opened before the first wrong code, share one count."""
    person = await house.person()
    started = [await house.start(person) for _ in range(20)]
    for challenge in started:
        await house.finish(challenge, "000000")
    reasons = [step.reason for step in house.log.sign_ins() if step.step == "totp"]
    assert (reasons.count("code"), reasons.count("locked")) == (10, 10)
    assert await house.finish(started[0], house.code(person)) == SignInFailed()


async def test_a_challenge_from_before_the_wait_does_not_end_it(house: SignInHouse) -> None:
    """A right code on an older challenge fails while the account waits, and is not spent."""
    person = await house.person()
    early = await house.start(person)
    for _ in range(10):
        await house.start(person, "wrong")
    assert await house.finish(early, house.code(person)) == SignInFailed()
    house.clock.advance(s=30)
    assert isinstance(await house.finish(early, house.code(person, steps=-1)), Tokens)


async def test_a_restart_and_another_process_count_on(place: str, keyring: Keyring, clock: FakeClock) -> None:
    """Five failures in each of two stores are ten."""
    person = None
    for _ in range(2):
        store = await open_store(place, upgrade=False)
        house = SignInHouse(store, keyring, clock)
        person = person or await house.person()
        for _ in range(5):
            await house.start(person, "wrong")
        await store.close()
    assert person is not None
    store = await open_store(place, upgrade=False)
    house = SignInHouse(store, keyring, clock)
    assert await house.finish(await house.start(person), house.code(person)) == SignInFailed()
    assert house.log.sign_ins()[0].reason == "locked"
    await store.close()


async def test_spellings_of_a_name_share_one_count(house: SignInHouse) -> None:
    """Case, width and composition are gone before anything is counted."""
    person = await house.person("ana")
    for spelled in ("ana", "ANA", "Ana", "ａｎａ", "ＡＮＡ", "aNa", "anA", "AnA", "ana", "Ana"):
        await house.flow.start(spelled, "wrong", ORIGIN)
    await house.start(person)
    assert house.log.sign_ins()[-1].reason == "locked"


async def test_a_right_password_between_wrong_codes_does_not_start_the_count_anew(house: SignInHouse) -> None:
    """Who knows the password gets ten codes, not ten for each password."""
    person = await house.person()
    for _ in range(10):
        await house.finish(await house.start(person), "000000")
    await house.start(person)
    assert house.log.sign_ins()[-1].reason == "locked"


async def test_a_right_password_among_many_wrong_ones_at_once_gets_no_wait_undone(house: SignInHouse) -> None:
    """Giving back the right try leaves the wrong ones counted."""
    person = await house.person()
    await asyncio.gather(*(house.start(person, None if n == 0 else "wrong") for n in range(30)))
    await house.start(person, "wrong")
    await house.start(person, "wrong")
    assert house.log.sign_ins()[-1].reason == "locked"


async def test_one_account_that_waits_keeps_no_other_waiting(house: SignInHouse) -> None:
    """Limits are each account's own."""
    ana, bo = await house.person("ana"), await house.person("bo")
    for _ in range(10):
        await house.start(ana, "wrong")
    assert isinstance(await house.finish(await house.start(bo), house.code(bo)), Tokens)
