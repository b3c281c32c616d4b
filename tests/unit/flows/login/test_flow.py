# SPDX-License-Identifier: Apache-2.0
"""The life of a sign-in on both engines: what each step gives, spends and enters."""

import pytest

from gateway.domain.errors import LogUnavailable
from gateway.domain.names import AccountId
from gateway.domain.principal import Assurance, Principal
from gateway.domain.signin import OAuthError
from gateway.flows.login.answers import SignInFailed, Started, Tokens, body_bytes
from gateway.identify.identify import SignInProblem
from gateway.keys.keyring import Keyring
from gateway.store.engine import Store
from tests.fakes.clock import FakeClock
from tests.fakes.signin import EMAIL, INSIGHTS, ORIGIN, SignInHouse


@pytest.fixture
def house(store: Store, keyring: Keyring, clock: FakeClock) -> SignInHouse:
    """An installation with nobody in it."""
    return SignInHouse(store, keyring, clock)


def principal_of(house: SignInHouse, tokens: Tokens) -> Principal:
    """Return who the gateway takes the bearer for."""
    found = house.identify.principal(f"Bearer {tokens.access_token}", house.clock())
    assert isinstance(found, Principal)
    return found


async def test_password_and_code_give_a_person_with_two_factors(house: SignInHouse) -> None:
    """The bearer states the account, its roles, its purposes and when the factors were shown."""
    person = await house.person()
    tokens = await house.signed_in(person)
    await house.revocations.refresh(house.clock())
    principal = principal_of(house, tokens)
    assert principal.account == person.account
    assert principal.proof is Assurance.PERSON
    assert principal.scopes == (INSIGHTS,)
    assert principal.signed_in_us == house.clock() // 1_000_000 * 1_000_000


async def test_each_step_is_entered_with_the_bytes_it_releases(house: SignInHouse) -> None:
    """The entry of a step authorises the body of its answer, and its part keeps where it came from."""
    person = await house.person()
    before = len(house.log.entries)
    started = await house.start(person)
    tokens = await house.finish(started, house.code(person))
    password, totp = house.log.sign_ins()
    assert isinstance(tokens, Tokens)
    assert (password.step, password.ok, password.bytes) == ("password", True, body_bytes(started))
    assert (totp.step, totp.ok, totp.bytes) == ("totp", True, body_bytes(tokens))
    assert totp.session == house.bearers.verify(tokens.access_token, house.clock()).session  # type: ignore[union-attr]
    parts = [part for _, part in house.log.entries[before:]]
    assert [part.ip for part in parts if part is not None] == [ORIGIN.ip, ORIGIN.ip]


async def test_no_entry_holds_a_name_that_no_account_has(house: SignInHouse) -> None:
    """People type passwords into name fields, so an unknown name is entered as an empty one."""
    await house.flow.start("my secret passphrase", "ana", ORIGIN)
    [step] = house.log.sign_ins()
    assert (step.account, step.ok, step.reason) == ("", False, "unknown")
    assert "passphrase" not in repr(house.log.entries)


async def test_no_password_leaves_while_nothing_can_be_entered(house: SignInHouse) -> None:
    """The challenge is not returned when the log is full."""
    person = await house.person()
    house.log.is_full = True
    with pytest.raises(LogUnavailable):
        await house.start(person)


async def test_a_code_that_could_not_be_entered_opens_no_session(house: SignInHouse) -> None:
    """The session that was opened for nobody is ended, and the code stays spent."""
    person = await house.person()
    started, code = await house.start(person), house.code(person)
    house.log.is_full = True
    with pytest.raises(LogUnavailable):
        await house.finish(started, code)
    house.log.is_full = False
    assert len((await house.sessions.revoked(since_us=0)).sessions) == 1
    assert await house.finish(await house.start(person), code) == SignInFailed()


async def test_a_refresh_that_could_not_be_entered_spends_nothing(house: SignInHouse) -> None:
    """After the log is repaired the same refresh bearer works, and the session goes on."""
    person = await house.person()
    bearer = (await house.signed_in(person)).refresh_token
    assert bearer is not None
    house.log.is_full = True
    with pytest.raises(LogUnavailable):
        await house.flow.refresh(bearer, ORIGIN)
    house.log.is_full = False
    assert isinstance(await house.flow.refresh(bearer, ORIGIN), Tokens)


async def test_a_refresh_does_not_make_the_sign_in_younger(house: SignInHouse) -> None:
    """``auth_time`` stays where the factors were shown, so freshness cannot be refreshed."""
    person = await house.person()
    first = await house.signed_in(person)
    await house.revocations.refresh(house.clock())
    shown_us = principal_of(house, first).signed_in_us
    house.clock.advance(s=600)
    second = await house.flow.refresh(first.refresh_token or "", ORIGIN)
    assert isinstance(second, Tokens)
    assert principal_of(house, second).signed_in_us == shown_us


async def test_a_refresh_after_the_idle_time_fails(house: SignInHouse) -> None:
    """A session that nobody refreshed for an hour is over."""
    tokens = await house.signed_in(await house.person())
    house.clock.advance(s=3600)
    assert await house.flow.refresh(tokens.refresh_token or "", ORIGIN) == SignInFailed()


async def test_no_chain_of_refreshes_outlives_twelve_hours(house: SignInHouse) -> None:
    """Refreshing every half hour works until the absolute end and not after it."""
    tokens = await house.signed_in(await house.person())
    for _ in range(23):
        house.clock.advance(s=1800)
        turned = await house.flow.refresh(tokens.refresh_token or "", ORIGIN)
        assert isinstance(turned, Tokens)
        tokens = turned
    house.clock.advance(s=1800)
    assert await house.flow.refresh(tokens.refresh_token or "", ORIGIN) == SignInFailed()


async def test_a_spent_refresh_bearer_ends_the_session_within_that_call(house: SignInHouse) -> None:
    """Both the access bearer and the newest refresh bearer are dead when the call returns."""
    first = await house.signed_in(await house.person())
    await house.revocations.refresh(house.clock())
    second = await house.flow.refresh(first.refresh_token or "", ORIGIN)
    assert isinstance(second, Tokens)
    assert await house.flow.refresh(first.refresh_token or "", ORIGIN) == SignInFailed()
    assert isinstance(house.identify.principal(f"Bearer {second.access_token}", house.clock()), SignInProblem)
    assert await house.flow.refresh(second.refresh_token or "", ORIGIN) == SignInFailed()
    assert [step.reason for step in house.log.sign_ins()[-2:]] == ["reused", "revoked"]


async def test_signing_out_ends_the_bearers_everywhere(house: SignInHouse) -> None:
    """Here at once, and in another process with its next look at the change feed."""
    tokens = await house.signed_in(await house.person())
    await house.revocations.refresh(house.clock())
    await house.flow.logout(principal_of(house, tokens), ORIGIN)
    assert isinstance(house.identify.principal(f"Bearer {tokens.access_token}", house.clock()), SignInProblem)
    assert len((await house.sessions.revoked(since_us=0)).sessions) == 1
    assert await house.flow.refresh(tokens.refresh_token or "", ORIGIN) == SignInFailed()


async def test_a_refresh_carries_the_roles_of_today(house: SignInHouse) -> None:
    """An account that was disabled gets nothing more, whatever its bearer says."""
    person = await house.person()
    tokens = await house.signed_in(person)
    await house.enrolment.disable(person.account, by="local:root")
    assert await house.flow.refresh(tokens.refresh_token or "", ORIGIN) == SignInFailed()
    assert house.log.sign_ins()[-1].reason in ("revoked", "disabled")


async def test_a_disabled_account_cannot_sign_in(house: SignInHouse) -> None:
    """Neither with a new password nor by a challenge from before."""
    person = await house.person()
    started = await house.start(person)
    await house.enrolment.disable(person.account, by="local:root")
    assert await house.finish(started, house.code(person)) == SignInFailed()
    assert await house.finish(await house.start(person), house.code(person)) == SignInFailed()


async def test_a_recovery_code_stands_in_for_the_authenticator_once(house: SignInHouse) -> None:
    """It is taken in the code's field, in any spelling of its letters and groups, a single time."""
    person = await house.person()
    code = person.recovery_codes[3]
    spelled = code.lower().replace("-", " ")
    assert isinstance(await house.finish(await house.start(person), spelled), Tokens)
    assert house.log.sign_ins()[-1].step == "recovery"
    assert await house.finish(await house.start(person), code) == SignInFailed()


async def test_a_service_gets_a_bearer_for_its_purposes(house: SignInHouse) -> None:
    """The bearer is good for what was asked for, without anything to refresh it with."""
    client, secret = await house.client()
    body = f"grant_type=client_credentials&client_id={client}&client_secret={secret}&scope=purpose%3A{EMAIL}"
    tokens = await house.flow.client_token(None, body.encode(), ORIGIN)
    await house.revocations.refresh(house.clock())
    assert isinstance(tokens, Tokens)
    assert tokens.refresh_token is None
    assert tokens.scope == f"purpose:{EMAIL}"
    principal = principal_of(house, tokens)
    assert (principal.client, principal.proof, principal.scopes) == (client, Assurance.SERVICE_SECRET, (EMAIL,))


async def test_disabling_a_client_ends_its_bearers(house: SignInHouse) -> None:
    """The bearer that it holds is refused, and it gets no other."""
    client, secret = await house.client()
    body = f"grant_type=client_credentials&client_id={client}&client_secret={secret}".encode()
    tokens = await house.flow.client_token(None, body, ORIGIN)
    assert isinstance(tokens, Tokens)
    await house.enrolment.disable_client(client, by="local:root")
    await house.revocations.refresh(house.clock())
    assert isinstance(house.identify.principal(f"Bearer {tokens.access_token}", house.clock()), SignInProblem)
    refused = await house.flow.client_token(None, body, ORIGIN)
    assert isinstance(refused, OAuthError)
    assert refused.error == "invalid_client"


async def test_a_service_bearer_that_could_not_be_entered_counts_nowhere(house: SignInHouse) -> None:
    """Its session is ended before the door hears of it."""
    client, secret = await house.client()
    house.log.is_full = True
    with pytest.raises(LogUnavailable):
        await house.flow.client_token(
            None, f"grant_type=client_credentials&client_id={client}&client_secret={secret}".encode(), ORIGIN
        )
    assert len((await house.sessions.revoked(since_us=0)).sessions) == 1


async def test_a_client_of_that_name_is_no_person(house: SignInHouse) -> None:
    """Service accounts have no password and cannot be signed in to with one."""
    await house.client()
    await house.flow.start("client:newsletter-app", "", ORIGIN)
    assert house.log.sign_ins()[-1].reason == "unknown"


def test_answers_with_bearers_show_nothing_in_their_repr() -> None:
    """Bearers are in no traceback and no log line by accident."""
    assert "gw" not in repr(Started(login="gwl_x")) + repr(Tokens(access_token="gw", expires_in=1))


async def test_an_account_cannot_be_signed_in_to_before_its_authenticator_is_confirmed(house: SignInHouse) -> None:
    """The password alone opens nothing, and nothing stands in for the second factor."""
    account = await house.enrolment.add_person(
        "bo", "seven lamps of architecture", roles=("analyst",), recipient="own", by="local:root"
    )
    assert account == AccountId(account)
    started = await house.flow.start("bo", "seven lamps of architecture", ORIGIN)
    assert await house.flow.finish_totp(started.login, "000000", ORIGIN) == SignInFailed()
    assert house.log.sign_ins()[-1].reason == "not-enrolled"
