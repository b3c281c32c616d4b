# SPDX-License-Identifier: Apache-2.0
"""Accounts and clients come and go, each change with its entry and without its secrets."""

import base64

import pytest

from gateway.domain.entry import Changed
from gateway.domain.names import AccountId, ClientId
from gateway.domain.signin import OAuthError
from gateway.flows.enrolment import Confirmed, EnrolmentRefused, NewAuthenticator, NotConfirmed
from gateway.flows.login.answers import SignInFailed, Tokens
from gateway.identify.totp import code_at, step_at
from gateway.keys.keyring import Keyring
from gateway.store.engine import Store
from tests.fakes.clock import FakeClock
from tests.fakes.signin import EMAIL, ORIGIN, PASSWORD, SignInHouse

BY = "local:root"


@pytest.fixture
def house(store: Store, keyring: Keyring, clock: FakeClock) -> SignInHouse:
    """An installation with nobody in it."""
    return SignInHouse(store, keyring, clock)


async def added(house: SignInHouse, name: str = "ana", password: str = PASSWORD) -> AccountId:
    """Make an account that has a password and nothing else."""
    return await house.enrolment.add_person(name, password, roles=("analyst",), recipient="own", by=BY)


async def test_every_change_is_entered_with_who_made_it(house: SignInHouse) -> None:
    """The entries name what was changed by its identifier, in the order of the changes."""
    person = await house.person()
    await house.enrolment.reset_factors(person.account, by=BY)
    await house.enrolment.unlock(person.account, by=BY)
    await house.enrolment.disable(person.account, by=BY)
    entries = [entry for entry, _ in house.log.entries if isinstance(entry, Changed)]
    assert [entry.what for entry in entries] == [
        "account-added",
        "authenticator-set",
        "authenticator-confirmed",
        "factors-reset",
        "account-unlocked",
        "account-disabled",
    ]
    assert {(entry.by, entry.target) for entry in entries} == {(BY, person.account)}


async def test_no_entry_and_no_repr_holds_a_secret(house: SignInHouse) -> None:
    """Names of people are not in the log either."""
    person = await house.person("zhang.wei")
    _, secret = await house.client()
    shown = NewAuthenticator(base64.b32encode(person.secret).decode(), "otpauth://x")
    told = repr(house.log.entries) + repr(shown) + repr(Confirmed(person.recovery_codes))
    for word in (PASSWORD, "zhang", secret, base64.b32encode(person.secret).decode(), person.recovery_codes[0]):
        assert word not in told


async def test_a_name_is_taken_once(house: SignInHouse) -> None:
    """In any spelling."""
    await added(house, "ana")
    with pytest.raises(EnrolmentRefused, match="taken"):
        await added(house, "ANA")


@pytest.mark.parametrize(
    ("password", "why"), [("tiny pass", "too-short"), ("password" * 3, "common"), ("ana.li-ana.li-ana", "common")]
)
async def test_a_password_that_cannot_be_taken_is_named_by_its_problem(
    house: SignInHouse, password: str, why: str
) -> None:
    """The message says what is wrong and not what was typed."""
    with pytest.raises(EnrolmentRefused, match=why) as refused:
        await added(house, "ana.li", password)
    assert password not in str(refused.value)


async def test_an_authenticator_is_confirmed_by_its_first_code(house: SignInHouse) -> None:
    """That code is spent: it cannot sign in as well."""
    account = await added(house)
    secret = base64.b32decode((await house.enrolment.enrol_totp(account, by=BY)).secret)
    code = code_at(secret, step_at(house.clock()))
    confirmed = await house.enrolment.confirm_totp(account, code, by=BY)
    assert isinstance(confirmed, Confirmed)
    assert len(confirmed.recovery_codes) == 10
    started = await house.flow.start("ana", PASSWORD, ORIGIN)
    assert await house.flow.finish_totp(started.login, code, ORIGIN) == SignInFailed()


@pytest.mark.parametrize("skew", [-9, 4])
async def test_a_clock_that_is_off_is_told_and_not_accepted(house: SignInHouse, skew: int) -> None:
    """The account stays without a confirmed authenticator."""
    account = await added(house)
    secret = base64.b32decode((await house.enrolment.enrol_totp(account, by=BY)).secret)
    code = code_at(secret, step_at(house.clock()) + skew)
    assert await house.enrolment.confirm_totp(account, code, by=BY) == NotConfirmed(skew)
    record = await house.accounts.get(account)
    assert record is not None
    assert not record.enrolled


async def test_a_wrong_code_confirms_nothing(house: SignInHouse) -> None:
    """Without a clock that explains it, nothing more is told."""
    account = await added(house)
    await house.enrolment.enrol_totp(account, by=BY)
    assert await house.enrolment.confirm_totp(account, "abc", by=BY) == NotConfirmed(None)


async def test_a_confirmed_authenticator_is_not_confirmed_again(house: SignInHouse) -> None:
    """New recovery codes come with a new authenticator only."""
    person = await house.person()
    with pytest.raises(EnrolmentRefused, match="waits for its first code"):
        await house.enrolment.confirm_totp(person.account, house.code(person), by=BY)


async def test_new_factors_end_every_session(house: SignInHouse) -> None:
    """Whoever held the old ones is out at once: authenticator, recovery codes, bearers, challenges."""
    person = await house.person()
    tokens, started = await house.signed_in(person), await house.start(person)
    house.clock.advance(s=30)
    await house.enrolment.enrol_totp(person.account, by=BY)
    assert await house.flow.refresh(tokens.refresh_token or "", ORIGIN) == SignInFailed()
    assert await house.finish(started, house.code(person)) == SignInFailed()
    assert await house.finish(await house.start(person), person.recovery_codes[0]) == SignInFailed()


async def test_a_new_password_ends_every_session(house: SignInHouse) -> None:
    """The old one opens nothing, and neither does a challenge that it opened."""
    person = await house.person()
    tokens, started = await house.signed_in(person), await house.start(person)
    house.clock.advance(s=30)
    await house.enrolment.set_password(person.account, "another phrase of four words", by=BY)
    assert await house.flow.refresh(tokens.refresh_token or "", ORIGIN) == SignInFailed()
    assert await house.finish(started, house.code(person)) == SignInFailed()
    assert await house.finish(await house.start(person), house.code(person)) == SignInFailed()
    started = await house.start(person, "another phrase of four words")
    assert isinstance(await house.finish(started, house.code(person)), Tokens)


async def test_an_officer_can_end_a_wait(house: SignInHouse) -> None:
    """Failures and spent codes are forgotten together."""
    person = await house.person()
    for _ in range(10):
        await house.start(person, "wrong")
    await house.enrolment.unlock(person.account, by=BY)
    assert isinstance(await house.finish(await house.start(person), house.code(person)), Tokens)


async def test_nothing_can_be_done_to_an_account_that_is_not_there(house: SignInHouse) -> None:
    """And nothing is entered for it."""
    for change in (house.enrolment.disable, house.enrolment.unlock, house.enrolment.reset_factors):
        with pytest.raises(EnrolmentRefused, match="no such account"):
            await change(AccountId("a_0"), by=BY)
    assert house.log.entries == []


async def test_a_client_is_there_once(house: SignInHouse) -> None:
    """Its identifier is plain and its own."""
    await house.client()
    with pytest.raises(EnrolmentRefused, match="already"):
        await house.client()
    with pytest.raises(EnrolmentRefused, match="identifier"):
        await house.client("Newsletter App")


async def test_a_new_secret_takes_the_place_of_the_old_one(house: SignInHouse) -> None:
    """The old one is wrong at once."""
    client, old = await house.client()
    new = await house.enrolment.renew_secret(client, by=BY)
    body = f"grant_type=client_credentials&client_id={client}&scope=purpose:{EMAIL}&client_secret="
    assert isinstance(await house.flow.client_token(None, (body + old).encode(), ORIGIN), OAuthError)
    assert isinstance(await house.flow.client_token(None, (body + new).encode(), ORIGIN), Tokens)
    with pytest.raises(EnrolmentRefused, match="no such client"):
        await house.enrolment.renew_secret(ClientId("other"), by=BY)
