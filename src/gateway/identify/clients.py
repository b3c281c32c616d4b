# SPDX-License-Identifier: Apache-2.0
"""Client apps that sign in by themselves: the client credentials grant of OAuth 2.0.

Rules:

1. Credentials come by HTTP Basic or in the form, never by both, and each parameter once. Unknown parameters are
   refused, although RFC 6749 section 3.2 would pass over them: nothing is dropped in silence here.
2. A secret is 256 random bits that we made. Its SHA-256 is stored: a slow hash protects what people choose, and
   this cannot be guessed however fast the hash. For the same reason wrong secrets lock nobody out.
3. A client that does not exist costs the same comparison, and fails with the same words.
4. ``scope`` may only narrow: to purposes of the client, or purposes below them.

Source: RFC 6749 sections 2.3.1, 3.2, 4.4 and 5.2.
"""

import base64
import hashlib
import hmac
import re
import secrets
from typing import Final, Protocol
from urllib.parse import parse_qsl, unquote_plus

import msgspec

from gateway.domain.names import PurposeKey, is_key, is_under
from gateway.domain.principal import Assurance, Principal, PrincipalKind
from gateway.domain.signin import Client, OAuthError
from gateway.identify.bearers import SCOPE_PREFIX

SECRET_PREFIX: Final = "gws_"  # noqa: S105 - what stands before a secret is none
MAX_BODY_BYTES: Final = 8_192
GRANT: Final = "client_credentials"
AMR: Final = ("client_secret",)

_CLIENT_ID = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?\Z")
_SECRET = re.compile(r"gws_[A-Za-z0-9_-]{43}\Z")
_PARAMETERS = frozenset({"grant_type", "scope", "client_id", "client_secret"})
_NOBODYS = hashlib.sha256(b"a client that does not exist").digest()


class ClientStore(Protocol):
    """Where clients are kept."""

    async def find(self, client: str) -> tuple[Client, bytes] | None:
        """Return a client and the digest of its secret."""
        ...


class TokenRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A well-formed request for a bearer; its secret is in no repr.

    Attributes:
        scope: As it came; ``None`` asks for all that the client may have.
    """

    client: str
    digest: bytes
    basic: bool
    scope: str | None


def new_client_secret() -> tuple[str, bytes]:
    """Return a secret and the digest that is stored of it."""
    secret = SECRET_PREFIX + secrets.token_urlsafe(32)
    return secret, secret_digest(secret)


def secret_digest(secret: str) -> bytes:
    """Return what is stored of a client's secret."""
    return hashlib.sha256(secret.encode("utf-8", errors="replace")).digest()


def is_client_id(text: str) -> bool:
    """Tell whether the text can be the identifier of a client."""
    return _CLIENT_ID.match(text) is not None


def token_request(authorization: str | None, body: bytes) -> TokenRequest | OAuthError:
    """Read a request to the token endpoint.

    Args:
        authorization: Value of the one such header, or ``None``.
        body: The form, ``application/x-www-form-urlencoded``.
    """
    form = _form(body)
    if form is None or "grant_type" not in form:
        return OAuthError(error="invalid_request")
    if form["grant_type"] != GRANT:
        return OAuthError(error="unsupported_grant_type")
    basic = authorization is not None
    if basic and ("client_id" in form or "client_secret" in form):
        return OAuthError(error="invalid_request")
    pair = _basic(authorization) if authorization is not None else (form.get("client_id"), form.get("client_secret"))
    client, secret = pair or (None, None)
    if not client or not secret or not is_client_id(client) or not _SECRET.match(secret):
        return OAuthError(error="invalid_client", basic=basic)
    return TokenRequest(client=client, digest=secret_digest(secret), basic=basic, scope=form.get("scope"))


async def granted(request: TokenRequest, store: ClientStore) -> tuple[Client, tuple[PurposeKey, ...]] | OAuthError:
    """Return the client that proved itself and the purposes it gets, or why it gets nothing."""
    found = await store.find(request.client)
    client, digest = found or (None, _NOBODYS)
    is_right = hmac.compare_digest(request.digest, digest)
    if client is None or not is_right or client.disabled_us is not None:
        known = ("", "") if client is None else (client.id, client.account.id)
        return OAuthError(error="invalid_client", basic=request.basic, client=known[0], account=known[1])
    scopes = narrowed(request.scope, client.scopes)
    if scopes is None:
        return OAuthError(error="invalid_scope", client=client.id, account=client.account.id)
    return client, scopes


def narrowed(scope: str | None, most: tuple[PurposeKey, ...]) -> tuple[PurposeKey, ...] | None:
    """Return the purposes that a ``scope`` asks for, or ``None`` if one of them is not the client's."""
    if scope is None:
        return most
    wanted = tuple(PurposeKey(word.removeprefix(SCOPE_PREFIX)) for word in scope.split(" "))
    is_sound = all(word.startswith(SCOPE_PREFIX) for word in scope.split(" ")) and len(set(wanted)) == len(wanted)
    if not is_sound or not all(is_key(key) and any(is_under(key, held) for held in most) for key in wanted):
        return None
    return wanted


def service_principal(client: Client, scopes: tuple[PurposeKey, ...], *, session: str, now_us: int) -> Principal:
    """Return the principal that a client acts as."""
    return Principal(
        account=client.account.id,
        kind=PrincipalKind.SERVICE,
        roles=client.account.roles,
        client=client.id,
        recipient=client.recipient,
        proof=Assurance.SERVICE_SECRET,
        signed_in_us=now_us,
        scopes=scopes,
        session=session,
    )


def _form(body: bytes) -> dict[str, str] | None:
    if len(body) > MAX_BODY_BYTES or not body.isascii():
        return None
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=8
        )
    except ValueError:
        return None
    form = dict(pairs)
    return form if len(form) == len(pairs) and form.keys() <= _PARAMETERS else None


def _basic(authorization: str) -> tuple[str, str] | None:
    """Return client and secret from HTTP Basic, each of them form-encoded (RFC 6749 section 2.3.1)."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client, colon, secret = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
        return (unquote_plus(client, errors="strict"), unquote_plus(secret, errors="strict")) if colon else None
    except ValueError:
        return None
