# SPDX-License-Identifier: Apache-2.0
"""Surrogates of one field opened by the batch: what was made in the scope, and one nothing for all else."""

import msgspec
import pytest

from gateway.domain.catalog import SurrogateKind
from gateway.transform.inner import filled, person_form
from gateway.transform.opening import NOTHING, Opening
from gateway.transform.outgoing import label_of, siv_of
from gateway.transform.surrogates import Surrogates
from tests.fakes.deciding import field
from tests.fakes.surrogate_keys import FakeSurrogateKeys

EMAIL = field("email", "user.contact.email")
SCOPE = ("marketing", "own")


@pytest.fixture
def keys() -> FakeSurrogateKeys:
    """Keys of join domains."""
    return FakeSurrogateKeys()


def made(keys: FakeSurrogateKeys, value: str, scope: tuple[str, str] = SCOPE, spec: object = EMAIL) -> str:
    """Return the surrogate of a value."""
    told = Surrogates(keys, key_class=scope[0], recipient=scope[1]).of(spec, value)  # type: ignore[arg-type]
    assert told is not None
    return told


def test_what_was_made_in_the_scope_opens_in_its_order(keys: FakeSurrogateKeys) -> None:
    """Every inner form with its namespace."""
    texts = [made(keys, value) for value in ("a@example.com", "b@example.com", "a@example.com")]
    assert Opening(keys, EMAIL, SCOPE).forms(texts) == [b"na@example.com", b"nb@example.com", b"na@example.com"]


@pytest.mark.parametrize("scope", [("analytics", "own"), ("marketing", "adnet")])
def test_what_was_made_in_another_scope_is_nothing(keys: FakeSurrogateKeys, scope: tuple[str, str]) -> None:
    """Another purpose class, another recipient."""
    assert Opening(keys, EMAIL, SCOPE).forms([made(keys, "a@example.com", scope)]) == [NOTHING]


def test_what_was_made_of_another_field_is_nothing(keys: FakeSurrogateKeys) -> None:
    """Another join domain has another key."""
    other = field("phone", "user.contact.phone_number")
    assert Opening(keys, EMAIL, SCOPE).forms([made(keys, "1", spec=other)]) == [NOTHING]


def test_every_change_and_every_other_text_is_nothing(keys: FakeSurrogateKeys) -> None:
    """Digits changed, cut, in another case; other versions; no surrogate at all; nothing at all."""
    good = made(keys, "a@example.com")
    digits = [good[:place] + ("0" if good[place] != "0" else "1") + good[place + 1 :] for place in range(4, len(good))]
    others = [
        good[:-1],
        good[:-2],
        good + "00",
        good.upper(),
        "sv9_" + good[4:],
        "sh1_" + good[4:],
        "",
        "a@example.com",
    ]
    found = Opening(keys, EMAIL, SCOPE).forms([*digits, *others, "as1_" + good[4:], "sv0_" + good[4:], good[:4]])
    assert set(found) == {NOTHING}


def test_digests_open_to_nothing(keys: FakeSurrogateKeys) -> None:
    """Nobody can open them, not even who made them."""
    hmac = msgspec.structs.replace(EMAIL, surrogate=SurrogateKind.HMAC)
    assert Opening(keys, hmac, SCOPE).forms([made(keys, "a@example.com", spec=hmac)]) == [NOTHING]


def test_what_links_devices_opens_to_nothing(keys: FakeSurrogateKeys) -> None:
    """It stands for a person, and nobody has a value of it."""
    siv = siv_of(keys.current(label_of(EMAIL.join_domain)), SCOPE)
    assert Opening(keys, EMAIL, SCOPE).forms(["sv1_" + siv.seal(filled(person_form(7))).hex()]) == [NOTHING]
