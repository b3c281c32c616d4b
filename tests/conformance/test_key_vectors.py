# SPDX-License-Identifier: Apache-2.0
"""Published vectors of the constructions that sealing, surrogates and key derivation rest on."""

from hashlib import shake_128

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.keys.envelope import derive, siv_open, siv_seal, xaes_encrypt


def octets(text: str) -> bytes:
    """Read hexadecimal with spaces, as RFCs print it."""
    return bytes.fromhex(text)


XAES = [
    ("01" * 32, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
    ("03" * 32, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
]


@pytest.mark.parametrize(("key", "associated", "expected"), XAES)
def test_xaes_256_gcm_equals_the_vectors_of_c2sp(key: str, associated: str, expected: str) -> None:
    """One vector for each value of the top bit that doubling the CMAC subkey meets."""
    got = xaes_encrypt(octets(key), b"ABCDEFGHIJKLMNOPQRSTUVWX", b"XAES-256-GCM", associated.encode())

    assert got == octets(expected)


def test_xaes_256_gcm_equals_the_accumulated_vector_of_c2sp() -> None:
    """Ten thousand messages of random lengths, drawn from SHAKE128 and digested by it."""
    source, place, found = shake_128().digest(4_000_000), 0, shake_128()

    def drawn(n: int) -> bytes:
        nonlocal place
        place += n
        return source[place - n : place]

    for _ in range(10_000):
        key, nonce = drawn(32), drawn(24)
        plaintext = drawn(drawn(1)[0])
        associated = drawn(drawn(1)[0])
        found.update(xaes_encrypt(key, nonce, plaintext, associated))

    assert place < len(source)
    assert found.digest(32) == octets("e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939")


def test_aes_siv_equals_rfc_5297_a_1() -> None:
    """Deterministic authenticated encryption with one associated string."""
    key = octets("fffefdfc fbfaf9f8 f7f6f5f4 f3f2f1f0 f0f1f2f3 f4f5f6f7 f8f9fafb fcfdfeff")
    associated = octets("10111213 14151617 18191a1b 1c1d1e1f 20212223 24252627")
    plaintext = octets("11223344 55667788 99aabbcc ddee")
    sealed = octets("85632d07 c6e8f37f 950acd32 0a2ecc93 40c02b96 90c4dc04 daef7f6a fe5c")

    assert siv_seal(key, plaintext, associated) == sealed
    assert siv_open(key, sealed, associated) == plaintext


def test_aes_siv_equals_rfc_5297_a_2() -> None:
    """Several associated strings, of which the last is the nonce of the RFC's example."""
    key = octets("7f7e7d7c 7b7a7978 77767574 73727170 40414243 44454647 48494a4b 4c4d4e4f")
    associated = (
        octets("00112233 44556677 8899aabb ccddeeff deaddada deaddada ffeeddcc bbaa9988 77665544 33221100"),
        octets("10203040 50607080 90a0"),
        octets("09f91102 9d74e35b d84156c5 635688c0"),
    )
    plaintext = octets(
        "74686973 20697320 736f6d65 20706c61 696e7465 78742074 6f20656e 63727970 74207573 696e6720 5349562d 414553"
    )
    sealed = octets(
        "7bdb6e3b 432667eb 06f4d14b ff2fbd0f cb900f2f ddbe4043 26601965 c889bf17 dba77ceb 094fa663 b7a3f748"
        "ba8af829 ea64ad54 4a272e9c 485b62a3 fd5c0d"
    )

    assert siv_seal(key, plaintext, *associated) == sealed
    assert siv_open(key, sealed, *associated) == plaintext


HKDF = [
    (
        "0b" * 22,
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    (
        bytes(range(0x50)).hex(),
        bytes(range(0x60, 0xB0)).hex(),
        bytes(range(0xB0, 0x100)).hex(),
        (
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
            "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
        ),
    ),
    (
        "0b" * 22,
        "",
        "",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    ),
]


@pytest.mark.parametrize(("key", "salt", "info", "expected"), HKDF)
def test_hkdf_equals_rfc_5869_appendix_a(key: str, salt: str, info: str, expected: str) -> None:
    """Test cases 1 to 3, which are those of SHA-256."""
    assert derive(octets(key), octets(info), len(octets(expected)), octets(salt)) == octets(expected)


GCM = [
    ("00" * 32, "00" * 12, "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
    ("00" * 32, "00" * 12, "00" * 16, "", "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"),
    (
        "feffe9928665731c6d6a8f9467308308" * 2,
        "cafebabefacedbaddecaf888",
        (
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
        ),
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        (
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"
        ),
    ),
]


@pytest.mark.parametrize(("key", "nonce", "plaintext", "associated", "expected"), GCM)
def test_aes_256_gcm_equals_the_vectors_submitted_to_nist(
    key: str, nonce: str, plaintext: str, associated: str, expected: str
) -> None:
    """Test cases 13, 14 and 16 of the GCM submission: the library under the envelope is the standard's cipher."""
    got = AESGCM(octets(key)).encrypt(octets(nonce), octets(plaintext), octets(associated))

    assert got == octets(expected)
