# SPDX-License-Identifier: Apache-2.0
"""Accounts on both engines; what ends with their factors is tested with the flows."""

import pytest

from gateway.domain.names import AccountId, RecipientId, RoleName
from gateway.domain.principal import PrincipalKind
from gateway.domain.signin import Account, Authenticator
from gateway.store import versions
from gateway.store.accounts import Accounts
from gateway.store.engine import Store

NOW_US = 1_750_000_000_000_000
ANA = Account(
    id=AccountId("a_1"),
    kind=PrincipalKind.PERSON,
    roles=(RoleName("analyst"), RoleName("officer")),
    recipient=RecipientId("own"),
)


@pytest.fixture
async def accounts(store: Store) -> Accounts:
    """A store with one account."""
    accounts = Accounts(store)
    assert await accounts.add(ANA, name="ana", password_hash="h", now_us=NOW_US)
    return accounts


async def test_an_account_comes_back_as_it_was_kept(accounts: Accounts) -> None:
    """By its identifier and by its name."""
    record = await accounts.get("a_1")
    assert record is not None
    assert record == await accounts.named("ana")
    assert (record.account, record.name, record.created_us, record.enrolled) == (ANA, "ana", NOW_US, False)
    assert await accounts.get("a_2") is None
    assert await accounts.named("bo") is None


@pytest.mark.parametrize(("identifier", "name"), [("a_2", "ana"), ("a_1", "bo")])
async def test_identifier_and_name_are_taken_once(accounts: Accounts, identifier: str, name: str) -> None:
    """The database says so, whoever asks at the same time."""
    other = Account(id=AccountId(identifier), kind=ANA.kind, roles=(), recipient=ANA.recipient)
    assert not await accounts.add(other, name=name, password_hash=None, now_us=NOW_US)
    assert [record.name for record in await accounts.all()] == ["ana"]


async def test_an_authenticator_is_confirmed_only_by_the_secret_it_was_judged_by(accounts: Accounts) -> None:
    """A new one that came in between has to be confirmed by its own code."""
    await accounts.set_totp(ANA.id, b"first", now_us=NOW_US)
    await accounts.set_totp(ANA.id, b"second", now_us=NOW_US)
    assert not await accounts.confirm_totp(ANA.id, sealed=b"first", step=5, recovery=(b"r",), now_us=NOW_US)
    assert await accounts.totp_of(ANA.id) == Authenticator(sealed=b"second", confirmed_us=None, last_step=-1)
    assert await accounts.confirm_totp(ANA.id, sealed=b"second", step=5, recovery=(b"r",), now_us=NOW_US)
    assert not await accounts.confirm_totp(ANA.id, sealed=b"second", step=6, recovery=(b"s",), now_us=NOW_US)
    assert await accounts.totp_of(ANA.id) == Authenticator(sealed=b"second", confirmed_us=NOW_US, last_step=5)


async def test_an_account_is_disabled_once_and_every_process_hears_of_it(accounts: Accounts, store: Store) -> None:
    """Also when it had no session."""
    assert await accounts.disable(ANA.id, now_us=NOW_US)
    async with store.connect() as connection:
        assert (await versions.read_all(connection))[versions.Topic.ACCOUNTS] > 0
    assert not await accounts.disable(ANA.id, now_us=NOW_US + 1)
    record = await accounts.get("a_1")
    assert record is not None
    assert record.disabled_us == NOW_US


async def test_a_password_of_an_account_that_is_not_there_is_not_set(accounts: Accounts) -> None:
    """The caller learns it."""
    assert not await accounts.set_password(AccountId("a_0"), "h", now_us=NOW_US)
