# SPDX-License-Identifier: Apache-2.0
"""Accounts, clients and sign-ins become what the log says of them, and settling twice is settling once."""

import base64

import msgspec
import pytest
from sqlalchemy import select

from gateway.domain.names import AccountId, ClientId, PersonNumber
from gateway.domain.people import BLOCK_SIZE
from gateway.domain.replay import AccountSince, ClientSince, Since
from gateway.domain.sending import Fate
from gateway.domain.signin import Lockout
from gateway.flows.login.answers import SignInFailed, Tokens
from gateway.identify.totp import recovery_digest, step_at
from gateway.keys import envelope
from gateway.keys.keyring import Keyring
from gateway.store.dispatches import Dispatches
from gateway.store.engine import Store
from gateway.store.marks import Marked, Marks
from gateway.store.people import People
from gateway.store.schema import account, login_challenge, session
from gateway.store.settling import LOST, Settling
from tests.fakes.clock import FakeClock
from tests.fakes.signin import ORIGIN, Person, SignInHouse

PLACES = {"i/n/door-0": 12}


@pytest.fixture
def house(store: Store, keyring: Keyring, clock: FakeClock) -> SignInHouse:
    """An installation whose sign-ins stand on the database."""
    return SignInHouse(store, keyring, clock)


@pytest.fixture
def settling(house: SignInHouse) -> Settling:
    """What settles its database."""
    return Settling(house.store, house.digest, house.clock)


def since(who: AccountId, **became: object) -> Since:
    """Return what became of one account."""
    return Since(accounts={who: AccountSince(**became)})  # type: ignore[arg-type]


async def fails(house: SignInHouse, person: Person, code: str) -> bool:
    """Tell whether a whole sign-in with a code fails."""
    return isinstance(await house.finish(await house.start(person), code), SignInFailed)


async def test_marks_and_beat_come_with_it(settling: Settling, store: Store) -> None:
    """In the same transaction."""
    await settling.settle(Since(), 5, PLACES)
    assert await Marks(store).read() == Marked(beat=5, places=PLACES)


async def test_of_messages_that_were_claimed_nobody_knows_whether_they_went(settling: Settling, store: Store) -> None:
    """The copy was made while a call sent: what it was about to do, it may have done since."""
    kept, key = Dispatches(store), bytes(32)
    await kept.claim("call", [key], 1)
    await settling.settle(Since(), 5, PLACES)
    await kept.let_go("call")
    assert await kept.claim("again", [key], 2) == {key: Fate.UNKNOWN}


async def test_every_session_ends_and_every_challenge_runs_out(house: SignInHouse, settling: Settling) -> None:
    """What was opened since is known as ended, too."""
    person = await house.person()
    tokens, started = await house.signed_in(person), await house.start(person)
    house.clock.advance(s=30)

    became = since(person.account, sessions={"s_later": ("gateway:login", house.clock.now_us - 1_000_000)})
    await settling.settle(became, 1, PLACES)

    assert isinstance(await house.flow.refresh(str(tokens.refresh_token), ORIGIN), SignInFailed)
    assert isinstance(await house.finish(started, house.code(person)), SignInFailed)
    revoked = await house.sessions.revoked(since_us=0)
    assert "s_later" in revoked.sessions
    async with house.store.connect() as connection:
        assert (await connection.execute(select(session.c.id).where(session.c.revoked_us.is_(None)))).all() == []


async def test_what_was_spent_is_spent(house: SignInHouse, settling: Settling) -> None:
    """A time step and a recovery code, by the digest that the entry holds."""
    person = await house.person()
    [first, second, *_] = person.recovery_codes
    digest = recovery_digest(first)
    assert digest is not None
    spent = since(person.account, step=step_at(house.clock.now_us), recovery={house.digest(digest)})

    settled = await settling.settle(spent, 1, PLACES)

    assert settled.counts["time steps spent"] == settled.counts["recovery codes spent"] == 1
    assert await fails(house, person, house.code(person))
    assert await fails(house, person, first)
    assert not await fails(house, person, second)


async def test_a_password_or_authenticator_that_is_not_the_newest_is_taken_away(
    house: SignInHouse, settling: Settling
) -> None:
    """With the recovery codes; whoever looks after it is told."""
    person, other = await house.person(), await house.person("ben")
    changed = Since(
        accounts={
            person.account: AccountSince(password="another"),
            other.account: AccountSince(authenticator="another"),
        }
    )

    settled = await settling.settle(changed, 1, PLACES)

    assert set(settled.without) == {(person.account, "password"), (other.account, "authenticator")}
    for each in (person, other):
        assert await fails(house, each, house.code(each))
        assert await fails(house, each, each.recovery_codes[0])
    record = await house.accounts.get(person.account)
    assert record is not None
    assert (record.has_password, record.enrolled) == (False, True)


async def test_what_is_the_newest_stays(house: SignInHouse, settling: Settling) -> None:
    """An entry whose change the copy has already."""
    person = await house.person()
    found = await house.accounts.totp_of(person.account)
    async with house.store.connect() as connection:
        hashed = (await connection.execute(select(account.c.password_hash))).scalar_one()
    assert found is not None

    same = since(
        person.account, password=house.digest(hashed.encode()), authenticator=house.digest(found.sealed), confirmed=True
    )
    settled = await settling.settle(same, 1, PLACES)

    assert settled.without == ()
    assert not await fails(house, person, house.code(person))


async def test_an_authenticator_that_was_taken_away_or_only_confirmed_since_is_gone(
    house: SignInHouse, settling: Settling
) -> None:
    """Its recovery codes came with the confirmation and are not in the copy."""
    person = await house.person()
    fresh = await house.enrolment.enrol_totp(person.account, by="local:root")
    found = await house.accounts.totp_of(person.account)
    assert found is not None
    assert fresh.secret
    confirmed = since(person.account, authenticator=house.digest(found.sealed), confirmed=True, step=3)
    assert (await settling.settle(confirmed, 1, PLACES)).without == ((person.account, "authenticator"),)
    assert await house.accounts.totp_of(person.account) is None

    other = await house.person("ben")
    await settling.settle(since(other.account, authenticator=""), 2, PLACES)
    assert await house.accounts.totp_of(other.account) is None


async def test_failed_tries_are_counted_on_with_their_wait(house: SignInHouse, settling: Settling) -> None:
    """And once, however often it is settled."""
    person, limit, now = await house.person(), Lockout(), house.clock.now_us
    tries = [now + place for place in range(1, limit.failures + 1)]
    failed = since(person.account, failures_us=tries, wrong_codes_us=tries[:4])

    for beat in (1, 2):
        await settling.settle(failed, beat, PLACES)
        record = await house.accounts.get(person.account)
        assert record is not None
        assert (record.failures, record.locked_until_us) == (limit.failures, tries[-1] + limit.first_s * 1_000_000)
    async with house.store.connect() as connection:
        wrong = select(login_challenge.c.tries).where(login_challenge.c.verdict)
        assert (await connection.execute(wrong)).scalars().all() == [1] * 4
    assert await fails(house, person, house.code(person)), "it has to wait"


async def test_a_sign_in_that_succeeded_ended_the_count(house: SignInHouse, settling: Settling) -> None:
    """Failures before it count no more, those behind it do."""
    person = await house.person()
    await house.start(person, "wrong")
    ended = since(person.account, failures_ended=True, failures_us=[house.clock.now_us + 9])
    await settling.settle(ended, 1, PLACES)
    record = await house.accounts.get(person.account)
    assert record is not None
    assert record.failures == 1


async def test_an_account_that_came_since_is_there_out_of_force(house: SignInHouse, settling: Settling) -> None:
    """Its bearers end; its name is free to be given again."""
    became = since(
        AccountId("a_late"), added=("person", "own"), added_us=7, sessions={"s_1": ("c", house.clock.now_us)}
    )
    settled = await settling.settle(became, 1, PLACES)

    record = await house.accounts.get("a_late")
    assert settled.lost == ("a_late",)
    assert record is not None
    assert (record.name, record.account.roles, record.disabled_us is None) == (f"{LOST}a_late", (), False)
    assert (await house.sessions.revoked(since_us=0)).accounts == {"a_late"}


async def test_rights_are_never_more_than_the_newest_entry_says(house: SignInHouse, settling: Settling) -> None:
    """Roles that were taken away, an account and a client that were disabled."""
    person = await house.person(roles=("analyst", "admin"))
    client, _ = await house.client()
    changed = since(person.account, roles=("analyst",), disabled_us=5)
    changed.clients[client] = ClientSince(disabled_us=6)

    await settling.settle(changed, 1, PLACES)

    record, found = await house.accounts.get(person.account), await house.clients.find(client)
    assert record is not None
    assert found is not None
    assert (record.account.roles, record.disabled_us, found[0].disabled_us) == (("analyst",), 5, 6)


async def test_a_secret_that_is_not_the_newest_is_taken_away(house: SignInHouse, settling: Settling) -> None:
    """The one in the copy must not open anything."""
    client, secret = await house.client()
    basic = "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()
    assert isinstance(await house.flow.client_token(basic, b"grant_type=client_credentials", ORIGIN), Tokens)

    changed = Since(clients={client: ClientSince(secret="another"), ClientId("gone"): ClientSince(secret="x")})
    assert (await settling.settle(changed, 1, PLACES)).without == ((client, "secret"),)

    assert not isinstance(await house.flow.client_token(basic, b"grant_type=client_credentials", ORIGIN), Tokens)


async def test_new_people_get_numbers_behind_every_number_of_the_log(
    settling: Settling, store: Store, keyring: Keyring, clock: FakeClock
) -> None:
    """The next block begins; without any number in the log nothing moves."""
    people = People(store, keyring, envelope, clock)
    await settling.settle(Since(), 1, PLACES)
    [before] = await people.orphan_numbers(1)
    await settling.settle(msgspec.structs.replace(Since(), highest=BLOCK_SIZE + 5), 2, PLACES)
    [after] = await people.orphan_numbers(1)
    assert before < BLOCK_SIZE
    assert PersonNumber(2 * BLOCK_SIZE) <= after < PersonNumber(3 * BLOCK_SIZE)
