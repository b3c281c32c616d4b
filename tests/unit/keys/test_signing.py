# SPDX-License-Identifier: Apache-2.0
"""Ed25519 keys sign, verify and stay secret."""

import pytest

from gateway.keys.signing import SigningKey, is_signed_by

# RFC 8032 section 7.1, TEST 2.
PRIVATE = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def test_a_key_gives_the_public_key_and_signature_of_rfc_8032() -> None:
    """The published example comes out byte for byte."""
    key = SigningKey(PRIVATE)

    assert (key.public_key, key.sign(b"\x72")) == (PUBLIC, SIGNATURE)


def test_a_signature_is_right_for_its_message_and_key_alone() -> None:
    """Another message, another key, a short signature and a short key are all refused."""
    other = SigningKey.generate().public_key

    assert is_signed_by(PUBLIC, SIGNATURE, b"\x72")
    assert not is_signed_by(PUBLIC, SIGNATURE, b"\x73")
    assert not is_signed_by(other, SIGNATURE, b"\x72")
    assert not is_signed_by(PUBLIC, SIGNATURE[:-1], b"\x72")
    assert not is_signed_by(PUBLIC[:-1], SIGNATURE, b"\x72")


def test_a_key_comes_back_from_its_private_bytes() -> None:
    """What was stored signs as before."""
    key = SigningKey.generate()

    assert SigningKey(key.private_bytes()).public_key == key.public_key


def test_a_key_of_another_length_is_refused() -> None:
    """Thirty-one bytes are no key."""
    with pytest.raises(ValueError, match="32 private bytes"):
        SigningKey(PRIVATE[:-1])


def test_a_key_shows_no_private_byte_of_itself() -> None:
    """A repr in a traceback tells the public half only."""
    shown = repr(SigningKey(PRIVATE))

    assert PUBLIC.hex() in shown
    assert PRIVATE.hex() not in shown


def test_both_halves_are_told_in_pem() -> None:
    """Libraries that read PEM can take the key over."""
    key = SigningKey(PRIVATE)

    assert key.private_pem().startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert key.public_pem().startswith(b"-----BEGIN PUBLIC KEY-----\n")
