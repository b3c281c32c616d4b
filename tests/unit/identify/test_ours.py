# SPDX-License-Identifier: Apache-2.0
"""A bearer of this installation is found wherever it stands, and others are not taken for it."""

import json
from base64 import b64encode, urlsafe_b64encode

import pytest

from gateway.identify.clients import new_client_secret
from gateway.identify.ours import holds_bearer
from gateway.identify.sessions import new_refresh

ISSUER = "urn:gateway:test"


def bearer(issuer: str = ISSUER) -> bytes:
    head, payload = (
        json.dumps(part).encode() for part in ({"alg": "EdDSA", "typ": "at+jwt"}, {"iss": issuer, "sub": "a"})
    )
    return b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in (head, payload, b"x" * 64))


@pytest.mark.parametrize(
    "raw",
    [
        b"Bearer " + bearer(),
        b"a=1&token=" + bearer() + b"&b=2",
        b'{"token": "' + bearer() + b'"}',
        b"Basic " + b64encode(b"me:" + bearer()),
        b"basic " + b64encode(bearer() + b":").rstrip(b"="),
        bearer("urn:else") + b" " + bearer(),
        b"Bearer " + new_refresh()[0].encode(),
        b"Basic " + b64encode(b"app:" + new_client_secret()[0].encode()),
        b"client_id=app&client_secret=" + new_client_secret()[0].encode(),
    ],
    ids=["header", "query", "body", "password", "user", "second", "refresh", "secret", "form"],
)
def test_a_bearer_is_found_wherever_it_stands(raw: bytes) -> None:
    """Whether or not it is any good."""
    assert holds_bearer(raw, ISSUER)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Bearer " + bearer("urn:gateway:other"),
        b"Basic " + b64encode(b"me:secret"),
        b"Basic !!!",
        b"Basic A",
        b"Bearer eyJhbGciOiJub25l.eyJpc3MiOiJ4.x",
        b"eyJ" * 10_000,
        b"gwr_short",
    ],
)
def test_what_is_somebody_elses_is_left_alone(raw: bytes) -> None:
    """A store has bearers of its own."""
    assert not holds_bearer(raw, ISSUER)
