# SPDX-License-Identifier: Apache-2.0
"""Attack: getting a service's bearer with a secret that is near, another client's, or none."""

import base64

import pytest

from gateway.domain.signin import OAuthError
from gateway.keys.keyring import Keyring
from gateway.store.engine import Store
from tests.fakes.clock import FakeClock
from tests.fakes.signin import ORIGIN, SignInHouse


@pytest.fixture
def house(store: Store, keyring: Keyring, clock: FakeClock) -> SignInHouse:
    """An installation with nobody in it."""
    return SignInHouse(store, keyring, clock)


async def test_no_other_secret_is_taken(house: SignInHouse) -> None:
    """Each is refused with the same code, and no bearer is issued on the way."""
    client, secret = await house.client()
    _, others = await house.client("partner-adnet")
    digest = (await house.clients.find(client) or (None, b""))[1]
    guesses = [
        "",
        secret[:-1],
        secret[:-1] + ("A" if secret[-1] != "A" else "B"),
        secret.swapcase(),
        secret + "A",
        secret + "%00",
        secret[4:],
        others,
        digest.hex(),
        base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "gws_" + base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "%27+OR+1%3D1--",
    ]
    for guess in guesses:
        body = f"grant_type=client_credentials&client_id={client}&client_secret={guess}".encode()
        answer = await house.flow.client_token(None, body, ORIGIN)
        assert isinstance(answer, OAuthError), guess
        assert answer.error == "invalid_client"


async def test_the_answer_does_not_tell_which_clients_exist(house: SignInHouse) -> None:
    """What the door tells (error, and whether to ask for Basic) is the same for both."""
    client, _ = await house.client()
    wrong = "gws_" + "A" * 43
    told = set()
    for name in (client, "nobody"):
        body = f"grant_type=client_credentials&client_id={name}&client_secret={wrong}".encode()
        answer = await house.flow.client_token(None, body, ORIGIN)
        assert isinstance(answer, OAuthError)
        told.add((answer.error, answer.basic))
    assert len(told) == 1


async def test_the_database_holds_nothing_that_signs_in(house: SignInHouse) -> None:
    """Who reads it has the digest of 256 random bits, which is no way back."""
    client, secret = await house.client()
    found = await house.clients.find(client)
    assert found is not None
    assert len(found[1]) == 32
    assert secret.encode() not in found[1]
