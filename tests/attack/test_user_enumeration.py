# SPDX-License-Identifier: Apache-2.0
"""Attack: finding out which accounts exist, wait, or have which password, from the form of answers.

The time of answers is measured by ``bench/login_timing.py``.
"""

import re

import pytest

from gateway.flows.login.answers import SignInFailed, Started
from gateway.keys.keyring import Keyring
from gateway.store.engine import Store
from tests.fakes.clock import FakeClock
from tests.fakes.signin import ORIGIN, PASSWORD, Person, SignInHouse

FORM = re.compile(r"gwl_[A-Za-z0-9_-]{43}\Z")


@pytest.fixture
async def house(store: Store, keyring: Keyring, clock: FakeClock) -> SignInHouse:
    """An installation with a person, one who must wait, one disabled, one not enrolled, and a client."""
    house = SignInHouse(store, keyring, clock)
    await house.person("ana")
    waiting, disabled = await house.person("waiting"), await house.person("disabled")
    for _ in range(10):
        await house.start(waiting, "wrong")
    await house.enrolment.disable(disabled.account, by="local:root")
    await house.enrolment.add_person("unfinished", PASSWORD, roles=(), recipient="own", by="local:root")
    await house.client()
    return house


NAMES = [
    "ana",
    "waiting",
    "disabled",
    "unfinished",
    "client:newsletter-app",
    "nobody",
    "",
    "x" * 10_000,
    "a\0b",
    "\ud800",
]


async def test_every_password_is_answered_in_one_form(house: SignInHouse) -> None:
    """A challenge of the same length and the installation's factors, whatever is true of the account."""
    for name in NAMES:
        for password in (PASSWORD, "wrong", "", "x" * 100_000, "\ud800"):
            answer = await house.flow.start(name, password, ORIGIN)
            assert isinstance(answer, Started)
            assert FORM.match(answer.login), (name, password)
            assert answer.factors == ("totp",)


async def test_every_wrong_code_is_answered_in_one_form(house: SignInHouse) -> None:
    """Also where the password was right: nobody learns that half of a guess was good."""
    for name in NAMES:
        started = await house.flow.start(name, PASSWORD, ORIGIN)
        for code in ("000000", "", "AAAAAA-AAAAAA-AAAAAA-AAAAAA", "x" * 10_000):
            assert await house.flow.finish_totp(started.login, code, ORIGIN) == SignInFailed(), (name, code)


async def test_each_call_of_a_sign_in_commits_as_often_whatever_is_true(house: SignInHouse) -> None:
    """A sync to the disk takes longer than everything else, so it must not depend on the account."""
    counted = {
        name: await commits(house, name, password)
        for name in ("ana", "nobody", "disabled")
        for password in (PASSWORD, "no")
    }
    assert len(set(counted.values())) == 1


async def commits(house: SignInHouse, name: str, password: str) -> tuple[int, int]:
    """Return the transactions that a password and a wrong code take."""
    begin, count = house.store.begin, [0]

    def counting() -> object:
        count[0] += 1
        return begin()

    house.tries._store.begin = counting  # type: ignore[assignment]
    started = await house.flow.start(name, password, ORIGIN)
    of_password, count[0] = count[0], 0
    await house.flow.finish_totp(started.login, "000000", ORIGIN)
    house.tries._store.begin = begin
    return of_password, count[0]


async def test_two_challenges_of_one_account_have_nothing_in_common(house: SignInHouse) -> None:
    """Challenges are random, so they say nothing of whom they are for."""
    ana = Person(account=None, name="ana", password=PASSWORD, secret=b"", recovery_codes=())  # type: ignore[arg-type]
    logins = {(await house.start(ana)).login for _ in range(50)}
    assert len(logins) == 50
