# SPDX-License-Identifier: Apache-2.0
"""One cipher for many short values: equal in, equal out, and nothing else opens."""

import pickle

import pytest

from gateway.domain.errors import KeyUnavailable
from gateway.keys.envelope import siv_open, siv_seal
from gateway.keys.siv import Siv

KEY = bytes(range(64))


def test_it_seals_as_the_envelope_does_without_associated_strings() -> None:
    """Both are AES-SIV with an empty list."""
    sealed = Siv(KEY).seal(b"value")
    assert sealed == siv_seal(KEY, b"value")
    assert siv_open(KEY, sealed) == b"value"


def test_it_opens_what_it_sealed() -> None:
    """The plaintext comes back."""
    siv = Siv(KEY)
    assert siv.open(siv.seal(b"value")) == b"value"


def test_many_at_once_are_what_each_is_alone() -> None:
    """Sealed and opened; what does not open is nothing, and stops none of the others."""
    siv, values = Siv(KEY), [b"one", b"two", b"one"]
    sealed = siv.seal_each(values)
    assert sealed == [siv.seal(value) for value in values]
    assert siv.open_each([*sealed, b"short", bytes(20), Siv(KEY[::-1]).seal(b"one")]) == [*values, None, None, None]


@pytest.mark.parametrize("place", [0, 15, 16, 20])
def test_a_changed_byte_does_not_open(place: int) -> None:
    """In the tag or in the text."""
    siv = Siv(KEY)
    sealed = bytearray(siv.seal(b"value"))
    sealed[place] ^= 1
    with pytest.raises(KeyUnavailable):
        siv.open(bytes(sealed))


@pytest.mark.parametrize("sealed", [b"", b"short", bytes(16)])
def test_what_was_never_sealed_does_not_open(sealed: bytes) -> None:
    """Whatever its length."""
    with pytest.raises(KeyUnavailable):
        Siv(KEY).open(sealed)


def test_another_key_does_not_open() -> None:
    """The tag is under the key."""
    with pytest.raises(KeyUnavailable):
        Siv(bytes(64)).open(Siv(KEY).seal(b"value"))


def test_it_is_not_pickled() -> None:
    """Keys do not travel."""
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Siv(KEY))
