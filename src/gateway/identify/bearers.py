# SPDX-License-Identifier: Apache-2.0
"""Access bearers: short-lived signed statements of who a caller is (JWT, RFC 9068), made and verified here.

RULES of verification, in their order; the first that fails ends it:

1. Size and alphabet, before anything is decoded.
2. The header holds ``alg``, ``kid`` and ``typ``, each once, and nothing else. So no key is ever fetched or taken
   from the bearer (``jku`` ``jwk`` ``x5u`` ``x5c``), and no extension is understood (``crit`` ``b64``).
3. ``alg`` is EdDSA: an algorithm is ours to choose, not the bearer's. ``typ`` is exactly ``at+jwt``.
4. ``kid`` is looked up in a mapping in memory, after its syntax was checked.
5. The signature, over the bytes as they came.
6. The claims: each there once, of its type, and none that we do not write.
7. Issuer, audience, times, and that kind and ``acr`` belong together.

A bearer that passed is remembered until it expires, by its SHA-256; times are judged again at every use.
Whether its session was revoked since is judged by others, every time.

Source: RFC 8725, RFC 9068, RFC 7515. PyJWT signs and verifies; no key object of another library is made here.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

import jwt
import msgspec
from jwt.algorithms import OKPAlgorithm

from gateway.domain import strictjson
from gateway.domain.names import AccountId, ClientId, PurposeKey, RecipientId, RoleName
from gateway.domain.principal import Assurance, Principal, PrincipalKind
from gateway.keys.envelope import derive
from gateway.keys.keyring import Key, Keyring, KeyState
from gateway.keys.signing import SigningKey

LABEL: Final = "bearer"
ALGORITHM: Final = "EdDSA"
TYPE: Final = "at+jwt"
MAX_BYTES: Final = 8_192
MAX_LIFETIME_S: Final = 300
MAX_LEEWAY_S: Final = 30
SCOPE_PREFIX: Final = "purpose:"
ACR: Final[Mapping[Assurance, str]] = {
    Assurance.SERVICE_SECRET: "service-secret",
    Assurance.SERVICE_KEY_BOUND: "service-key-bound",
    Assurance.PERSON: "person-two-factors",
}
_PROOFS: Final = {
    PrincipalKind.PERSON: {ACR[Assurance.PERSON]: Assurance.PERSON},
    PrincipalKind.SERVICE: {ACR[level]: level for level in (Assurance.SERVICE_SECRET, Assurance.SERVICE_KEY_BOUND)},
}

_COMPACT = re.compile(r"([A-Za-z0-9_-]{1,512})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})\Z")
_KID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_HEADER = frozenset({"alg", "kid", "typ"})
_US = 1_000_000


class BearerKey:
    """A key pair that signs bearers. It has no repr of its own, so its secret is in none."""

    def __init__(self, kid: str, pair: SigningKey) -> None:
        """Name the pair.

        Raises:
            ValueError: The identifier is not 1 to 64 letters, digits, ``-`` and ``_``.
        """
        if not _KID.match(kid):
            raise ValueError("the identifier of a bearer key is 1 to 64 letters, digits, - and _")
        self.kid = kid
        self.private: Any = OKPAlgorithm().prepare_key(pair.private_pem())
        self.public: Any = OKPAlgorithm().prepare_key(pair.public_pem())
        self._x = base64.urlsafe_b64encode(pair.public_key).rstrip(b"=").decode("ascii")

    def jwk(self) -> dict[str, str]:
        """Return the public key as RFC 8037 writes it."""
        return {"kty": "OKP", "crv": "Ed25519", "x": self._x, "kid": self.kid, "use": "sig", "alg": ALGORITHM}


def bearer_keys(keyring: Keyring) -> tuple[BearerKey, ...]:
    """Return the keys in force, the signing one first: the active version and the one before it.

    The one before stays for bearers that were issued just before a rotation; a shredded one does not.
    """
    active = keyring.ensure(LABEL)
    before = [
        entry.version
        for entry in keyring.versions(LABEL)
        if entry.state is KeyState.RETIRED and entry.version < active.version
    ]
    return tuple(_bearer_key(key) for key in (active, *(keyring.version(LABEL, version) for version in before[-1:])))


def _bearer_key(key: Key) -> BearerKey:
    return BearerKey(f"{LABEL}-{key.version}", SigningKey(derive(key.secret, b"Ed25519 key that signs access bearers")))


class Claims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The claims of an access bearer; all of them are required, and times are seconds since 1970."""

    iss: str
    aud: str
    sub: str
    client_id: str
    iat: int
    exp: int
    jti: str
    sid: str
    acr: str
    amr: tuple[str, ...]
    auth_time: int
    scope: str
    roles: tuple[str, ...]
    recipient: str
    kind: str


class BearerProblem(msgspec.Struct, frozen=True):
    """Why a bearer is not accepted: a word for staff and tests; callers learn only that it is not."""

    why: str


class _Verified(msgspec.Struct, frozen=True):
    """A bearer whose signature and claims were found right, and when it counts."""

    principal: Principal
    from_us: int
    until_us: int


class Bearers:
    """Signs with the newest key and verifies with every key in force."""

    def __init__(
        self,
        keys: Sequence[BearerKey],
        *,
        issuer: str,
        audience: str,
        lifetime_s: int = MAX_LIFETIME_S,
        leeway_s: int = 10,
        most_remembered: int = 4_096,
    ) -> None:
        """Take the keys, the newest first.

        Raises:
            ValueError: No key, or a figure is outside its bounds.
        """
        if not 0 < lifetime_s <= MAX_LIFETIME_S or not 0 <= leeway_s <= MAX_LEEWAY_S:
            raise ValueError(f"bearers live 1 to {MAX_LIFETIME_S} s, with 0 to {MAX_LEEWAY_S} s of leeway")
        self._issuer, self._audience = issuer, audience
        self.lifetime_s, self._leeway_s = lifetime_s, leeway_s
        self._jws = jwt.PyJWS(algorithms=[ALGORITHM])
        self._most_remembered = most_remembered
        self._remembered: dict[bytes, _Verified] = {}
        self.put_in_force(keys)

    def put_in_force(self, keys: Sequence[BearerKey]) -> None:
        """Replace the keys; what was verified under the old ones is verified again.

        Raises:
            ValueError: There is no key.
        """
        if not keys:
            raise ValueError("bearers need at least one key")
        self._signing = keys[0]
        self._keys = {key.kid: key for key in keys}
        self._remembered.clear()

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the public keys in force, as ``/-/jwks.json`` tells them."""
        return {"keys": [key.jwk() for key in self._keys.values()]}

    def issue(self, principal: Principal, *, amr: Sequence[str], now_us: int) -> str:
        """Return a bearer that states the principal.

        Raises:
            ValueError: The principal's scopes and roles do not fit into a bearer.
        """
        payload = msgspec.json.encode(self._claims(principal, tuple(amr), now_us // _US))
        headers = {"typ": TYPE, "kid": self._signing.kid}
        bearer = self._jws.encode(payload, self._signing.private, algorithm=ALGORITHM, headers=headers)
        if len(bearer) > MAX_BYTES:
            raise ValueError(f"the bearer would have {len(bearer)} bytes; at most {MAX_BYTES} are accepted")
        return bearer

    def verify(self, bearer: str, now_us: int) -> Principal | BearerProblem:
        """Return the principal that a bearer states, or why it is not accepted."""
        if len(bearer) > MAX_BYTES or not bearer.isascii():
            return BearerProblem("form")
        digest = hashlib.sha256(bearer.encode("ascii")).digest()
        found = self._remembered.get(digest) or self._judge(bearer)
        if isinstance(found, BearerProblem):
            return found
        if not found.from_us <= now_us < found.until_us:
            self._remembered.pop(digest, None)
            return BearerProblem("expired" if now_us >= found.until_us else "not-yet")
        if digest not in self._remembered:
            self._remember(digest, found)
        return found.principal

    def _claims(self, principal: Principal, amr: tuple[str, ...], now_s: int) -> Claims:
        return Claims(
            iss=self._issuer,
            aud=self._audience,
            sub=principal.account,
            client_id=principal.client,
            iat=now_s,
            exp=now_s + self.lifetime_s,
            jti=secrets.token_urlsafe(16),
            sid=principal.session,
            acr=ACR[principal.proof],
            amr=amr,
            auth_time=principal.signed_in_us // _US,
            scope=" ".join(SCOPE_PREFIX + purpose for purpose in principal.scopes),
            roles=principal.roles,
            recipient=principal.recipient,
            kind=principal.kind.value,
        )

    def _remember(self, digest: bytes, verified: _Verified) -> None:
        """Keep a verified bearer; when there are too many, the one kept longest gives way."""
        if len(self._remembered) >= self._most_remembered:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[digest] = verified

    def _judge(self, bearer: str) -> _Verified | BearerProblem:
        parts = _COMPACT.match(bearer)
        if parts is None:
            return BearerProblem("form")
        header = _object(parts[1])
        if header is None or header.keys() != _HEADER:
            return BearerProblem("header")
        if header["alg"] != ALGORITHM or header["typ"] != TYPE:
            return BearerProblem("type")
        kid = header["kid"]
        key = self._keys.get(kid) if isinstance(kid, str) and _KID.match(kid) else None
        if key is None:
            return BearerProblem("key")
        try:
            payload = self._jws.decode(bearer, key.public, algorithms=[ALGORITHM])
        except jwt.InvalidTokenError:
            return BearerProblem("signature")
        return self._judge_claims(payload)

    def _judge_claims(self, payload: bytes) -> _Verified | BearerProblem:
        try:
            claims = msgspec.convert(strictjson.read(payload, max_bytes=MAX_BYTES, max_depth=2, max_digits=15), Claims)
        except (ValueError, msgspec.ValidationError):
            return BearerProblem("claims")
        if claims.iss != self._issuer or claims.aud != self._audience:
            return BearerProblem("audience")
        if not claims.iat < claims.exp <= claims.iat + MAX_LIFETIME_S or not 0 <= claims.auth_time <= claims.iat:
            return BearerProblem("times")
        principal = _principal(claims)
        if principal is None:
            return BearerProblem("claims")
        leeway_us = self._leeway_s * _US
        return _Verified(principal, claims.iat * _US - leeway_us, claims.exp * _US + leeway_us)


def _object(segment: str) -> dict[str, object] | None:
    """Return the JSON object in a base64url segment, read strictly."""
    try:
        raw = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
        value = strictjson.read(raw, max_bytes=512, max_depth=1)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _principal(claims: Claims) -> Principal | None:
    """Return the principal of claims that fit together."""
    scopes = claims.scope.split(" ") if claims.scope else []
    try:
        proof = _PROOFS[PrincipalKind(claims.kind)][claims.acr]
    except (ValueError, KeyError):
        return None
    if not all(scope.startswith(SCOPE_PREFIX) for scope in scopes) or not (claims.sub and claims.sid and claims.jti):
        return None
    return Principal(
        account=AccountId(claims.sub),
        kind=PrincipalKind(claims.kind),
        roles=tuple(RoleName(role) for role in claims.roles),
        client=ClientId(claims.client_id),
        recipient=RecipientId(claims.recipient),
        proof=proof,
        signed_in_us=claims.auth_time * _US,
        scopes=tuple(PurposeKey(scope.removeprefix(SCOPE_PREFIX)) for scope in scopes),
        session=claims.sid,
    )
