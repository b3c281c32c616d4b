# SPDX-License-Identifier: Apache-2.0
"""Passwords and codes are judged here; what counts and what is spent is decided on both engines."""

import pytest

from gateway.domain.errors import KeyUnavailable, Overloaded
from gateway.domain.names import AccountId
from gateway.domain.signin import Lockout, TotpStep
from gateway.flows.login.answers import SignInFailed, Tokens
from gateway.identify.factors import Factors, NotShown, Shown, account_name, opened_secret, sealed_secret
from gateway.identify.password import Comparison, Passwords
from gateway.identify.totp import step_at
from gateway.keys.keyring import Keyring
from gateway.store.engine import Store
from tests.fakes.clock import FakeClock
from tests.fakes.signin import SignInHouse


@pytest.fixture
def house(store: Store, keyring: Keyring, clock: FakeClock) -> SignInHouse:
    """An installation with nobody in it."""
    return SignInHouse(store, keyring, clock)


@pytest.mark.parametrize(
    ("text", "name"),
    [("ana", "ana"), ("Ana.Li", "ana.li"), ("ａｎａ", "ana"), ("a", "a"), ("ana@example.org", "ana@example.org")],
)
def test_a_name_has_one_spelling(text: str, name: str) -> None:
    """Case and width do not make another account."""
    assert account_name(text) == name


@pytest.mark.parametrize(
    "text", ["", " ana", "ana ", "ana\0", "an\na", ".ana", "ana.", "аna", "\ud800", "a" * 65, "a" * 300]
)
def test_other_texts_are_no_name(text: str) -> None:
    """Neither controls, nor letters that only look like ours, nor what a database would refuse."""
    assert account_name(text) is None


def test_a_secret_opens_for_its_own_account_alone(keyring: Keyring) -> None:
    """Whoever can write the database cannot give one account the authenticator of another."""
    sealed = sealed_secret(keyring, AccountId("a_1"), b"secret")
    assert opened_secret(keyring, AccountId("a_1"), sealed) == b"secret"
    with pytest.raises(KeyUnavailable):
        opened_secret(keyring, AccountId("a_2"), sealed)


async def test_a_right_code_after_a_right_password_is_shown_with_its_step(house: SignInHouse) -> None:
    """The proof names the step, so that it can be spent."""
    person = await house.person()
    started = await house.start(person)
    shown = await house.factors.check_code(started.login, house.code(person), house.clock())
    assert isinstance(shown, Shown)
    assert shown.proof == TotpStep(step_at(house.clock()))


@pytest.mark.parametrize(
    ("password", "code_steps", "why"), [("wrong", 0, "password"), (None, -2, "code"), (None, 1, "code")]
)
async def test_a_wrong_factor_is_named_for_the_log(
    house: SignInHouse, password: str | None, code_steps: int, why: str
) -> None:
    """Staff see which one it was; the caller gets the same answer to both."""
    person = await house.person()
    started = await house.start(person, password)
    found = await house.factors.check_code(started.login, house.code(person, steps=code_steps), house.clock())
    assert found == NotShown(account=person.account, why=why)


@pytest.mark.parametrize("login", ["", "gwl_", "gwl_" + "a" * 43, "x" * 10_000, "gwl_\udcff"])
async def test_a_challenge_that_nobody_got_is_worth_nothing(house: SignInHouse, login: str) -> None:
    """Made-up ones and other bearers are not told apart."""
    person = await house.person()
    found = await house.factors.check_code(login, house.code(person), house.clock())
    assert found == NotShown(account="", why="unknown")


async def test_a_code_is_not_spent_where_the_password_was_wrong(house: SignInHouse) -> None:
    """Somebody else's guessing cannot use up the codes of a person."""
    person = await house.person()
    code = house.code(person)
    assert await house.finish(await house.start(person, "wrong"), code) == SignInFailed()
    assert isinstance(await house.finish(await house.start(person), code), Tokens)


async def test_a_replayed_code_is_named_for_the_log(house: SignInHouse) -> None:
    """Staff can tell a replay from a mistyped code."""
    person = await house.person()
    await house.signed_in(person)
    assert await house.finish(await house.start(person), house.code(person)) == SignInFailed()
    assert house.log.sign_ins()[-1].reason == "replayed"


async def test_a_challenge_ends_after_three_minutes(house: SignInHouse) -> None:
    """A microsecond earlier it still counts."""
    person = await house.person()
    started = await house.start(person)
    house.clock.advance(s=180)
    assert await house.finish(started, house.code(person)) == SignInFailed()
    started = await house.start(person)
    house.clock.advance(s=180, us=-1)
    assert isinstance(await house.finish(started, house.code(person)), Tokens)


async def test_a_challenge_takes_five_codes(house: SignInHouse) -> None:
    """The sixth is not judged, although it is right."""
    person = await house.person()
    started = await house.start(person)
    for _ in range(5):
        assert await house.finish(started, "000000") == SignInFailed()
    assert await house.finish(started, house.code(person)) == SignInFailed()
    assert house.log.sign_ins()[-1].reason == "unknown"


async def test_a_challenge_opens_one_session(house: SignInHouse) -> None:
    """Not a second one with the next code."""
    person = await house.person()
    started = await house.start(person)
    assert isinstance(await house.finish(started, house.code(person)), Tokens)
    house.clock.advance(s=30)
    assert await house.finish(started, house.code(person)) == SignInFailed()


async def test_a_strict_window_takes_no_code_of_the_step_before(house: SignInHouse) -> None:
    """The window is an argument."""
    person = await house.person()
    strict = Factors(house.tries, house.passwords, house.keyring, window=(0,))
    started = await house.start(person)
    found = await strict.check_code(started.login, house.code(person, steps=-1), house.clock())
    assert found == NotShown(account=person.account, why="code")


async def test_an_old_hash_is_replaced_when_its_password_is_shown(house: SignInHouse) -> None:
    """Costs go up without anybody noticing."""
    person = await house.person()
    dearer = Passwords(time_cost=2, memory_kib=8)
    factors = Factors(house.tries, dearer, house.keyring)
    await factors.challenge(person.name, person.password, house.clock())
    stored = await house.tries.admit_password(person.name, challenge=b"x", expires_us=0, now_us=house.clock())
    assert stored.password_hash is not None
    assert "t=2" in stored.password_hash
    assert await dearer.compare(stored.password_hash, person.password) == Comparison(right=True)


async def test_a_password_that_could_not_be_judged_costs_no_try(house: SignInHouse) -> None:
    """Overload is ours, not the caller's: the count is given back and nothing was let in."""
    person = await house.person()
    full = Passwords(time_cost=1, memory_kib=8, workers=1, waiting=-1)
    for _ in range(20):
        with pytest.raises(Overloaded):
            await Factors(house.tries, full, house.keyring).challenge(person.name, person.password, house.clock())
    assert isinstance(await house.finish(await house.start(person), house.code(person)), Tokens)


@pytest.mark.parametrize("wrong", ["passwords", "codes", "both"])
async def test_ten_failures_of_either_factor_or_of_both_make_the_account_wait(house: SignInHouse, wrong: str) -> None:
    """Each factor's failures count alone and together; then even what is right fails for thirty seconds."""
    person = await house.person()
    for n in range(10):
        if wrong == "passwords" or (wrong == "both" and n % 2):
            await house.start(person, "wrong")
        else:
            await house.finish(await house.start(person), "000000")
    assert await house.finish(await house.start(person), house.code(person)) == SignInFailed()
    assert house.log.sign_ins()[-2].reason == "locked"
    house.clock.advance(s=30)
    assert isinstance(await house.finish(await house.start(person), house.code(person)), Tokens)


async def test_nine_failures_and_a_whole_sign_in_start_the_count_anew(house: SignInHouse) -> None:
    """Only both factors end the count; a right password alone does not."""
    person = await house.person()
    for _ in range(2):
        for _ in range(9):
            await house.start(person, "wrong")
        assert isinstance(await house.finish(await house.start(person), house.code(person)), Tokens)
        house.clock.advance(s=30)


async def test_right_passwords_alone_do_not_make_an_account_wait(house: SignInHouse) -> None:
    """Who starts often and never finishes has failed at nothing."""
    person = await house.person()
    for _ in range(25):
        await house.start(person)
    assert isinstance(await house.finish(await house.start(person), house.code(person)), Tokens)


async def test_each_further_failure_doubles_the_wait_up_to_an_hour(house: SignInHouse) -> None:
    """The wait is judged to the second, and never grows past its bound."""
    person = await house.person()
    for _ in range(10):
        await house.start(person, "wrong")
    for wait_s in (30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600):
        house.clock.advance(s=wait_s, us=-1)
        await house.start(person, "wrong")
        assert house.log.sign_ins()[-1].reason == "locked"
        house.clock.advance(us=1)
        await house.start(person, "wrong")
        assert house.log.sign_ins()[-1].reason == "password"


async def test_after_a_wait_a_right_password_leads_on_to_the_code(house: SignInHouse) -> None:
    """The try is given back with the wait that it began, so the code is judged at once."""
    person = await house.person()
    for _ in range(10):
        await house.start(person, "wrong")
    house.clock.advance(s=30)
    assert isinstance(await house.finish(await house.start(person), house.code(person)), Tokens)


async def test_tries_while_an_account_waits_do_not_make_it_wait_longer(house: SignInHouse) -> None:
    """Nobody is kept out for good by somebody who keeps knocking."""
    person = await house.person()
    for _ in range(200):
        await house.start(person, "wrong")
    house.clock.advance(s=30)
    assert isinstance(await house.finish(await house.start(person), house.code(person)), Tokens)


async def test_thirty_three_wrong_codes_a_day_are_the_most_whatever_succeeds_in_between(
    store: Store, keyring: Keyring, clock: FakeClock
) -> None:
    """So who knows the password guesses a code with a chance below one in ten thousand a day."""
    house = SignInHouse(store, keyring, clock)
    person = await house.person()
    for n in range(33):
        assert await house.finish(await house.start(person), "000000") == SignInFailed()
        assert house.log.sign_ins()[-1].reason == "code"
        if n % 5 == 4:
            clock.advance(s=30)
            assert isinstance(await house.finish(await house.start(person), house.code(person)), Tokens)
    clock.advance(s=3600)
    for _ in range(3):
        assert await house.finish(await house.start(person), house.code(person)) == SignInFailed()
        assert house.log.sign_ins()[-1].reason == "codes-spent"
    clock.advance(s=24 * 3600)
    assert isinstance(await house.finish(await house.start(person), house.code(person)), Tokens)


async def test_limits_are_arguments(store: Store, keyring: Keyring, clock: FakeClock) -> None:
    """An installation may be stricter."""
    house = SignInHouse(store, keyring, clock, lockout=Lockout(failures=2, first_s=5, most_s=8))
    person = await house.person()
    for _ in range(2):
        await house.start(person, "wrong")
    await house.start(person)
    assert house.log.sign_ins()[-1].reason == "locked"
    assert Lockout(failures=2, first_s=5, most_s=8).waits_us() == (5_000_000, 8_000_000)
