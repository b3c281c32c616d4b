# SPDX-License-Identifier: Apache-2.0
"""Access bearers: what is stated comes back, in its time and under its key."""

import jwt
import msgspec
import pytest

from gateway.domain.names import AccountId, ClientId, PurposeKey, RecipientId, RoleName
from gateway.domain.principal import Assurance, Principal, PrincipalKind
from gateway.identify.bearers import BearerKey, BearerProblem, Bearers, bearer_keys
from gateway.keys.keyring import Keyring
from gateway.keys.signing import SigningKey

NOW_US = 1_750_000_000_000_000
S = 1_000_000
OURS = "https://gateway.example"

PERSON = Principal(
    account=AccountId("a_1"),
    kind=PrincipalKind.PERSON,
    roles=(RoleName("analyst"), RoleName("officer")),
    client=ClientId("gateway:login"),
    recipient=RecipientId("own"),
    proof=Assurance.PERSON,
    signed_in_us=NOW_US - 60 * S,
    scopes=(PurposeKey("analytics.reporting"), PurposeKey("marketing.communications.email")),
    session="s_1",
)
SERVICE = msgspec.structs.replace(
    PERSON, kind=PrincipalKind.SERVICE, proof=Assurance.SERVICE_SECRET, client=ClientId("app"), scopes=()
)


def key(number: int) -> BearerKey:
    """Return a key pair made from a number."""
    return BearerKey(f"bearer-{number}", SigningKey(bytes([number]) * 32))


def bearers(*keys: BearerKey, **changes: int) -> Bearers:
    """Return bearers of our own issuer."""
    return Bearers(keys or (key(1),), issuer=OURS, audience=OURS, **changes)


@pytest.mark.parametrize("principal", [PERSON, SERVICE])
def test_a_verified_bearer_states_the_principal_that_it_was_issued_for(principal: Principal) -> None:
    """Every attribute survives, for people and for services."""
    ours = bearers()
    assert ours.verify(ours.issue(principal, amr=("pwd",), now_us=NOW_US), NOW_US) == principal


def test_the_second_look_at_a_bearer_gives_the_same_value() -> None:
    """It is remembered, so a warm call pays for a hash and not for a signature."""
    ours = bearers()
    bearer = ours.issue(PERSON, amr=("pwd",), now_us=NOW_US)
    assert ours.verify(bearer, NOW_US) is ours.verify(bearer, NOW_US + S)


def test_a_bearer_has_the_header_and_claims_of_rfc_9068() -> None:
    """Another party can read it with a library and the published key."""
    ours = bearers()
    bearer = ours.issue(PERSON, amr=("pwd", "otp"), now_us=NOW_US)
    assert jwt.get_unverified_header(bearer) == {"alg": "EdDSA", "kid": "bearer-1", "typ": "at+jwt"}
    published = jwt.PyJWK(ours.jwks()["keys"][0])
    claims = jwt.decode(bearer, published, algorithms=["EdDSA"], audience=OURS, options={"verify_exp": False})
    assert claims.pop("jti")
    assert claims == {
        "iss": OURS,
        "aud": OURS,
        "sub": "a_1",
        "client_id": "gateway:login",
        "iat": 1_750_000_000,
        "exp": 1_750_000_300,
        "sid": "s_1",
        "acr": "person-two-factors",
        "amr": ["pwd", "otp"],
        "auth_time": 1_749_999_940,
        "scope": "purpose:analytics.reporting purpose:marketing.communications.email",
        "roles": ["analyst", "officer"],
        "recipient": "own",
        "kind": "person",
    }


@pytest.mark.parametrize(("after_s", "why"), [(-11, "not-yet"), (310, "expired"), (10**6, "expired")])
def test_outside_its_time_a_bearer_counts_no_more(after_s: int, why: str) -> None:
    """Five minutes and ten seconds of leeway, on both sides, also for one that was remembered."""
    ours = bearers()
    bearer = ours.issue(PERSON, amr=(), now_us=NOW_US)
    assert ours.verify(bearer, NOW_US) == PERSON
    assert ours.verify(bearer, NOW_US + after_s * S) == BearerProblem(why)
    assert bearers().verify(bearer, NOW_US + after_s * S) == BearerProblem(why)


@pytest.mark.parametrize("after_s", [-10, 0, 300, 309])
def test_inside_its_time_and_the_leeway_it_counts(after_s: int) -> None:
    """Clocks of two machines may differ by the leeway."""
    ours = bearers()
    assert ours.verify(ours.issue(PERSON, amr=(), now_us=NOW_US), NOW_US + after_s * S) == PERSON


def test_after_a_rotation_the_new_key_signs_and_the_old_one_still_verifies(keyring: Keyring) -> None:
    """Nobody is signed out by a rotation, and both public keys are published."""
    old = bearers(*bearer_keys(keyring))
    bearer = old.issue(PERSON, amr=(), now_us=NOW_US)
    keyring.rotate("bearer")
    new = bearers(*bearer_keys(keyring))
    assert new.verify(bearer, NOW_US) == PERSON
    assert jwt.get_unverified_header(new.issue(PERSON, amr=(), now_us=NOW_US))["kid"] == "bearer-2"
    assert [jwk["kid"] for jwk in new.jwks()["keys"]] == ["bearer-2", "bearer-1"]


def test_after_two_rotations_or_a_shredding_the_old_key_is_gone(keyring: Keyring) -> None:
    """Only the version just before the active one is still in force, and not when it was shredded."""
    bearer_keys(keyring)
    keyring.rotate("bearer")
    keyring.rotate("bearer")
    assert [key.kid for key in bearer_keys(keyring)] == ["bearer-3", "bearer-2"]
    keyring.shred("bearer", 2)
    assert "bearer-2" not in [key.kid for key in bearer_keys(keyring)]


def test_a_key_that_is_put_out_of_force_takes_remembered_bearers_with_it() -> None:
    """What was verified under the old keys is verified again."""
    ours = bearers(key(1))
    bearer = ours.issue(PERSON, amr=(), now_us=NOW_US)
    assert ours.verify(bearer, NOW_US) == PERSON
    ours.put_in_force((key(2),))
    assert ours.verify(bearer, NOW_US) == BearerProblem("key")


def test_no_more_bearers_are_remembered_than_the_bound() -> None:
    """The one kept longest gives way, and is verified again when it comes."""
    ours = bearers(most_remembered=2)
    issued = [ours.issue(PERSON, amr=(), now_us=NOW_US) for _ in range(5)]
    assert [ours.verify(bearer, NOW_US) for bearer in issued * 2] == [PERSON] * 10
    assert len(ours._remembered) == 2


def test_the_published_keys_hold_nothing_private() -> None:
    """Only the parts of a public key of RFC 8037."""
    assert [set(jwk) for jwk in bearers(key(1), key(2)).jwks()["keys"]] == [
        {"kty", "crv", "x", "kid", "use", "alg"}
    ] * 2


def test_a_principal_too_large_for_a_bearer_is_refused_when_it_is_issued() -> None:
    """Rather than by every verification after."""
    many = tuple(PurposeKey(f"marketing.communications.channel{n}") for n in range(300))
    with pytest.raises(ValueError, match="at most 8192"):
        bearers().issue(msgspec.structs.replace(PERSON, scopes=many), amr=(), now_us=NOW_US)


@pytest.mark.parametrize("changes", [{"lifetime_s": 0}, {"lifetime_s": 301}, {"leeway_s": -1}, {"leeway_s": 31}])
def test_lives_and_leeways_outside_the_bounds_are_refused(changes: dict[str, int]) -> None:
    """Five minutes and thirty seconds are the most that can be configured."""
    with pytest.raises(ValueError, match="bearers live"):
        bearers(**changes)


def test_without_a_key_there_are_no_bearers() -> None:
    """Neither at the start nor later."""
    with pytest.raises(ValueError, match="at least one key"):
        Bearers((), issuer=OURS, audience=OURS)


@pytest.mark.parametrize("kid", ["", "a b", "../x", "x" * 65, "x'--"])
def test_a_key_identifier_has_a_strict_alphabet(kid: str) -> None:
    """What is compared with untrusted input is plain on our side as well."""
    with pytest.raises(ValueError, match="identifier"):
        BearerKey(kid, SigningKey(bytes(32)))
