# SPDX-License-Identifier: Apache-2.0
"""Attack: a code that was seen is shown again, in another spelling, on another challenge, after another start.

The same class as CVE-2025-55000 (OpenBao), CVE-2026-82470 (Rodauth) and CVE-2026-103655 (MISP).
"""

import pytest

from gateway.flows.login.answers import SignInFailed, Tokens
from gateway.keys.keyring import Keyring
from gateway.store.engine import Store, open_store
from tests.fakes.clock import FakeClock
from tests.fakes.signin import SignInHouse

SPACES = [
    "\u00a0",
    "\u1680",
    "\u2003",
    "\u2009",
    "\u200a",
    "\u202f",
    "\u205f",
    "\u3000",
    "\t",
    "\n",
    "\r\n",
    "\v",
    "\f",
]
INVISIBLE = ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\0", "\u202e"]
DIGITS = ["٠", "۰", "०", "০", "๐", "０", "𝟎", "𝟘", "𝟬", "𝟶"]


def spellings(code: str) -> list[str]:
    """Return forty spellings that some reader somewhere takes for the code."""
    first = [code, f" {code}", f"{code} ", f"{code[:3]} {code[3:]}", f"{code[:3]}-{code[3:]}", "-".join(code)]
    spaced = [f"{code[:3]}{space}{code[3:]}" for space in SPACES]
    hidden = [f"{mark}{code}" for mark in INVISIBLE]
    foreign = ["".join(chr(ord(zero) + int(digit)) for digit in code) for zero in DIGITS]
    return [*first, *spaced, *hidden, *foreign, f"+{code}", f"{code}.0", f"0{code}"]


@pytest.fixture
def house(store: Store, keyring: Keyring, clock: FakeClock) -> SignInHouse:
    """An installation with nobody in it."""
    return SignInHouse(store, keyring, clock)


async def test_a_spent_code_is_refused_in_every_spelling(house: SignInHouse) -> None:
    """Replay is judged by the step, so no spelling of a spent code is a new one."""
    person = await house.person()
    code = house.code(person)
    assert len(set(spellings(code))) == 40
    assert isinstance(await house.finish(await house.start(person), code), Tokens)
    for spelled in spellings(code):
        # Unlocked each time: the claim is about the code, not about the limit of failures.
        await house.enrolment.unlock(person.account, by="local:root")
        assert await house.finish(await house.start(person), spelled) == SignInFailed(), repr(spelled)


async def test_any_accepted_spelling_spends_the_code(house: SignInHouse) -> None:
    """Signing in with spaces in the code leaves nothing of it to someone who types it without."""
    person = await house.person()
    code = house.code(person)
    assert isinstance(await house.finish(await house.start(person), f" {code[:3]}-{code[3:]} "), Tokens)
    assert await house.finish(await house.start(person), code) == SignInFailed()


async def test_the_code_of_the_step_before_is_dead_once_the_present_one_was_used(house: SignInHouse) -> None:
    """The window does not let an older unused code in behind a newer one."""
    person = await house.person()
    house.clock.advance(s=60)
    older = house.code(person, steps=-1)
    assert isinstance(await house.finish(await house.start(person), house.code(person)), Tokens)
    assert await house.finish(await house.start(person), older) == SignInFailed()


async def test_a_spent_code_stays_spent_when_the_clock_goes_back(house: SignInHouse) -> None:
    """The database remembers the newest step, not the time at which it was spent."""
    person = await house.person()
    house.clock.advance(s=3600)
    code = house.code(person)
    assert isinstance(await house.finish(await house.start(person), code), Tokens)
    house.clock.advance(s=-30)
    assert await house.finish(await house.start(person), house.code(person)) == SignInFailed()
    house.clock.advance(s=30)
    assert await house.finish(await house.start(person), code) == SignInFailed()


async def test_a_spent_code_stays_spent_over_a_restart(place: str, keyring: Keyring, clock: FakeClock) -> None:
    """Nothing of it is in memory alone."""
    first = await open_store(place, upgrade=False)
    house = SignInHouse(first, keyring, clock)
    person = await house.person()
    code = house.code(person)
    assert isinstance(await house.finish(await house.start(person), code), Tokens)
    await first.close()
    second = await open_store(place, upgrade=False)
    house = SignInHouse(second, keyring, clock)
    assert await house.finish(await house.start(person), code) == SignInFailed()
    await second.close()
