# SPDX-License-Identifier: Apache-2.0
"""Attack: access bearers that are forged, borrowed from elsewhere, or made to be read in two ways (RFC 8725)."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.identify.bearers import BearerKey, BearerProblem, Bearers
from gateway.identify.sessions import new_refresh
from gateway.keys.signing import SigningKey
from tests.unit.identify.test_bearers import NOW_US, OURS, PERSON, bearers

KEY = SigningKey(bytes([1]) * 32)
OTHER = SigningKey(bytes([9]) * 32)
HEADER = {"alg": "EdDSA", "kid": "bearer-1", "typ": "at+jwt"}
CLAIMS: Mapping[str, Any] = {
    "iss": OURS,
    "aud": OURS,
    "sub": "a_1",
    "client_id": "gateway:login",
    "iat": 1_750_000_000,
    "exp": 1_750_000_300,
    "jti": "j",
    "sid": "s_1",
    "acr": "person-two-factors",
    "amr": ["pwd", "otp"],
    "auth_time": 1_749_999_940,
    "scope": "purpose:analytics.reporting purpose:marketing.communications.email",
    "roles": ["analyst", "officer"],
    "recipient": "own",
    "kind": "person",
}


def segment(value: object) -> str:
    """Return JSON, or bytes as they are, in base64url without padding."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: object = HEADER, claims: object = CLAIMS, key: SigningKey = KEY) -> str:
    """Return a bearer over any header and claims, with a true signature of a key."""
    text = f"{segment(header)}.{segment(claims)}"
    return f"{text}.{segment(key.sign(text.encode()))}"


def hmacked(secret: bytes, algorithm: str = "HS256", digest: str = "sha256") -> str:
    """Return a bearer that takes the public key for a shared secret."""
    text = f"{segment({**HEADER, 'alg': algorithm})}.{segment(CLAIMS)}"
    return f"{text}.{segment(hmac.digest(secret, text.encode(), digest))}"


def refused(bearer: str) -> bool:
    """Tell whether a bearer is not accepted, twice, since what is accepted is remembered."""
    ours = bearers()
    return all(isinstance(ours.verify(bearer, NOW_US), BearerProblem) for _ in range(2))


def test_the_pattern_that_all_forgeries_start_from_is_good() -> None:
    """Otherwise every other test here would pass for nothing."""
    assert bearers().verify(signed(), NOW_US) == PERSON


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "nOnE", "", None, 0, "HS256", "RS256", "ES256", "Ed25519", "EdDSA "]
)
def test_no_algorithm_is_accepted_but_ours(algorithm: object) -> None:
    """Neither without a signature nor with a true one under another name."""
    header = {**HEADER, "alg": algorithm}
    unsigned = f"{segment(header)}.{segment(CLAIMS)}."
    assert refused(signed(header))
    assert refused(unsigned)
    assert refused(unsigned + "A" * 86)


@pytest.mark.parametrize("form", ["raw", "pem", "pem-stripped", "jwk", "x", "empty"])
def test_the_public_key_is_no_shared_secret(form: str) -> None:
    """Whoever knows the published key cannot sign with it."""
    jwk = BearerKey("bearer-1", KEY).jwk()
    secrets = {
        "raw": KEY.public_key,
        "pem": KEY.public_pem(),
        "pem-stripped": KEY.public_pem().strip(),
        "jwk": json.dumps(jwk).encode(),
        "x": jwk["x"].encode(),
        "empty": b"",
    }
    for algorithm, digest in (("HS256", "sha256"), ("HS512", "sha512"), ("EdDSA", "sha512")):
        assert refused(hmacked(secrets[form], algorithm, digest))


@pytest.mark.parametrize(
    "kid",
    [
        "",
        "bearer-2",
        "../../../dev/null",
        "/dev/null",
        "bearer-1' OR '1'='1",
        "bearer-1; DROP TABLE session",
        "bearer-1\0",
        "bearer-1\n",
        "https://evil.example/key",
        "x" * 65,
        None,
        1,
        ["bearer-1"],
        {"a": "b"},
    ],
)
def test_a_key_identifier_is_looked_up_and_nothing_else(kid: object) -> None:
    """What is not the name of one of our keys names none, whatever it would mean to a path or a query."""
    assert refused(signed({**HEADER, "kid": kid}))


@pytest.mark.parametrize(
    "extra",
    [
        {"jku": "https://evil.example/jwks.json"},
        {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": segment(OTHER.public_key)}},
        {"x5u": "https://evil.example/cert.pem"},
        {"x5c": ["MII"]},
        {"x5t": "a"},
        {"crit": ["exp"]},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"b64": True},
        {"cty": "JWT"},
        {"zip": "DEF"},
        {"enc": "A256GCM"},
        {"epk": {}},
        {"anything": 1},
    ],
)
def test_a_header_with_anything_more_is_refused(extra: dict[str, object]) -> None:
    """With our signature and with that of the key that the header brings along."""
    assert refused(signed({**HEADER, **extra}))
    assert refused(signed({**HEADER, **extra}, key=OTHER))


@pytest.mark.parametrize("missing", sorted(HEADER))
def test_a_header_with_anything_less_is_refused(missing: str) -> None:
    """Nothing is assumed."""
    assert refused(signed({name: value for name, value in HEADER.items() if name != missing}))


@pytest.mark.parametrize(
    "typ", ["JWT", "jwt", "AT+JWT", "at+jwt ", "application/at+jwt", "dpop+jwt", "id+jwt", "logout+jwt", "", None, 1]
)
def test_no_other_type_of_bearer_is_accepted(typ: object) -> None:
    """A true statement of ours for another use is no access bearer."""
    assert refused(signed({**HEADER, "typ": typ}))


@pytest.mark.parametrize(
    "header",
    [
        b'{"alg":"none","alg":"EdDSA","kid":"bearer-1","typ":"at+jwt"}',
        b'{"alg":"EdDSA","kid":"other","kid":"bearer-1","typ":"at+jwt"}',
        b'{"alg":"EdDSA","kid":"bearer-1","typ":"JWT","typ":"at+jwt"}',
        b'[{"alg":"EdDSA","kid":"bearer-1","typ":"at+jwt"}]',
        b"null",
        b"",
        b"{",
        b'\xef\xbb\xbf{"alg":"EdDSA","kid":"bearer-1","typ":"at+jwt"}',
    ],
)
def test_a_header_that_two_parsers_may_read_differently_is_refused(header: bytes) -> None:
    """Keys twice, other kinds of JSON, a byte order mark."""
    assert refused(signed(header))


@pytest.mark.parametrize("name", sorted(CLAIMS))
def test_a_claim_that_occurs_twice_is_refused(name: str) -> None:
    """Whichever of the two a reader would take."""
    text = json.dumps(CLAIMS)
    assert refused(signed(claims=(text[:-1] + f', "{name}": {json.dumps(CLAIMS[name])}}}').encode()))


@pytest.mark.parametrize("name", sorted(CLAIMS))
def test_a_missing_null_or_mistyped_claim_is_refused(name: str) -> None:
    """All claims are required, each of its own kind."""
    assert refused(signed(claims={key: value for key, value in CLAIMS.items() if key != name}))
    mistyped: tuple[object, ...] = (None, True, {}, [[]], [1], 1.5, -1, {"a": 1})
    for wrong in mistyped:
        assert refused(signed(claims={**CLAIMS, name: wrong})), wrong


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": [OURS]},
        {"aud": [OURS, "https://evil.example"]},
        {"aud": "https://gateway.example/"},
        {"aud": "https://evil.example"},
        {"aud": ""},
        {"iss": "https://evil.example"},
        {"iss": "HTTPS://GATEWAY.EXAMPLE"},
        {"exp": 1_750_000_301},
        {"exp": 2_000_000_000},
        {"exp": 10**18},
        {"exp": "1750000300"},
        {"exp": 1_750_000_300.0},
        {"exp": 1_750_000_000},
        {"iat": 1_749_000_000},
        {"iat": 1_750_000_100, "exp": 1_750_000_400},
        {"auth_time": 1_750_000_001},
        {"nbf": 0},
        {"admin": True},
        {"kind": "service"},
        {"kind": "root"},
        {"acr": "service-secret"},
        {"acr": "0"},
        {"scope": "openid"},
        {"scope": "purpose:a  purpose:b"},
        {"scope": " "},
        {"sub": ""},
        {"sid": ""},
        {"jti": ""},
        {"roles": "admin"},
        {"roles": [1]},
    ],
)
def test_claims_that_are_not_for_us_or_do_not_fit_together_are_refused(changes: dict[str, object]) -> None:
    """Audience, issuer, life, kind and proof, purposes; and no claim that we do not write."""
    assert refused(signed(claims={**CLAIMS, **changes}))


def test_the_signature_of_another_key_is_refused() -> None:
    """Also under the name of ours."""
    assert refused(signed(key=OTHER))


def test_every_changed_character_is_found() -> None:
    """Including those that change only bits which base64url leaves unused."""
    bearer = signed()
    ours = bearers()
    for place, character in enumerate(bearer):
        for other in ("A" if character != "A" else "B", "_" if character != "_" else "-"):
            forged = bearer[:place] + other + bearer[place + 1 :]
            assert isinstance(ours.verify(forged, NOW_US), BearerProblem), place


@pytest.mark.parametrize(
    "change",
    [
        lambda bearer: bearer + "=",
        lambda bearer: bearer + ".",
        lambda bearer: bearer + "\n",
        lambda bearer: " " + bearer,
        lambda bearer: bearer + "." + bearer,
        lambda bearer: bearer.rsplit(".", 1)[0],
        lambda bearer: bearer.rsplit(".", 1)[0] + ".",
        lambda bearer: ".." + bearer.rsplit(".", 1)[1],
        lambda bearer: bearer.replace(".", ".."),
        lambda bearer: bearer.replace("-", "+").replace("_", "/") + "+",
        lambda bearer: json.dumps({"payload": bearer.split(".")[1], "signature": bearer.split(".")[2]}),
        lambda bearer: bearer.translate({ord(letter): ord(letter) + 0xFEE0 for letter in "abc"}),
        lambda _: "",
        lambda _: "..",
    ],
)
def test_other_serialisations_are_refused(change: Any) -> None:
    """There is one spelling of a bearer."""
    assert refused(change(signed()))


def test_a_huge_bearer_is_refused_before_anything_is_decoded() -> None:
    """Although its signature is true."""
    huge = signed(claims={**CLAIMS, "roles": ["x" * 100_000]})
    assert bearers().verify(huge, NOW_US) == BearerProblem("form")


def test_deep_and_long_json_is_refused() -> None:
    """Nesting and digits within the size are refused by the reader, not by the stack."""
    assert refused(signed(claims=b"[" * 4_000))
    assert refused(signed(claims=json.dumps(CLAIMS).replace("1750000300", "1" * 3_000).encode()))
    assert refused(signed(b"[" * 300))


def test_bearers_of_other_kinds_are_no_access_bearers() -> None:
    """Refresh bearers, challenges and secrets are refused as what they are."""
    for other in (new_refresh()[0], "gwl_" + "a" * 43, "gws_" + "a" * 43, hashlib.sha256(b"").hexdigest()):
        assert refused(other)


def test_a_bearer_of_another_installation_is_refused() -> None:
    """Even if both had the same key."""
    theirs = Bearers((BearerKey("bearer-1", KEY),), issuer="https://other.example", audience="https://other.example")
    assert refused(theirs.issue(PERSON, amr=("pwd",), now_us=NOW_US))


def test_a_forgery_that_shares_the_payload_of_a_remembered_bearer_is_refused() -> None:
    """Bearers are remembered whole, not by their claims."""
    ours, bearer = bearers(), signed()
    assert ours.verify(bearer, NOW_US) == PERSON
    assert isinstance(ours.verify(bearer[:-86] + "A" * 86, NOW_US), BearerProblem)
