# SPDX-License-Identifier: Apache-2.0
"""Client apps on both engines."""

import pytest

from gateway.domain.names import AccountId, ClientId, PurposeKey, RecipientId, RoleName
from gateway.domain.principal import PrincipalKind
from gateway.domain.signin import Account, Client
from gateway.store.accounts import Accounts
from gateway.store.clients import Clients
from gateway.store.engine import Store

NOW_US = 1_750_000_000_000_000


def client(name: str = "app", account: str = "a_1") -> Client:
    """Return a client with its account."""
    return Client(
        id=ClientId(name),
        account=Account(
            id=AccountId(account),
            kind=PrincipalKind.SERVICE,
            roles=(RoleName("campaigner"),),
            recipient=RecipientId("adnet"),
        ),
        name="The App",
        recipient=RecipientId("adnet"),
        scopes=(PurposeKey("marketing"),),
        created_us=NOW_US,
        disabled_us=None,
    )


@pytest.fixture
async def clients(store: Store) -> Clients:
    """A store with one client."""
    clients = Clients(store)
    assert await clients.add(client(), digest=b"d")
    return clients


async def test_a_client_comes_back_with_its_account_and_digest(clients: Clients) -> None:
    """As it was kept."""
    assert await clients.find("app") == (client(), b"d")
    assert await clients.find("other") is None
    assert await clients.all() == (client(),)


async def test_a_client_that_cannot_be_kept_leaves_no_account_behind(clients: Clients, store: Store) -> None:
    """Both are written or neither is."""
    assert not await clients.add(client(account="a_2"), digest=b"d")
    assert await Accounts(store).get("a_2") is None


async def test_a_client_is_out_of_force_with_its_account(clients: Clients, store: Store) -> None:
    """Whichever of the two was switched off."""
    await Accounts(store).disable(AccountId("a_1"), now_us=NOW_US)
    found = await clients.find("app")
    assert found is not None
    assert found[0].disabled_us == NOW_US


async def test_a_client_is_disabled_once(clients: Clients) -> None:
    """The second time changes nothing."""
    assert await clients.disable(ClientId("app"), now_us=NOW_US)
    assert not await clients.disable(ClientId("app"), now_us=NOW_US + 1)


async def test_a_secret_is_replaced_only_for_a_client_that_is_there(clients: Clients) -> None:
    """The caller learns it."""
    assert await clients.set_secret(ClientId("app"), b"e", now_us=NOW_US)
    assert await clients.find("app") == (client(), b"e")
    assert not await clients.set_secret(ClientId("other"), b"e", now_us=NOW_US)
