# SPDX-License-Identifier: Apache-2.0
"""Sealing, opening and digesting under a key that the caller holds; no state, no I/O but chance.

- ``seal`` is XAES-256-GCM: each message has a random nonce of 192 bits, of which the first half
  derives a key for AES-256-GCM of its own. AES-GCM under one key must stop after 2**32 random nonces
  of 96 bits (NIST SP 800-38D section 8.3); here that would take 2**80 messages, so nothing counts
  them and no counter can be lost, rolled back or shared by mistake.
- ``siv_seal`` is AES-SIV: equal plaintext under one key and equal associated data gives equal output,
  which is its purpose. Use it only where telling values equal is intended.
- ``keyed_digest`` is HMAC-SHA256. Parts are framed by their length, so no two lists of parts meet.
- ``derive`` is HKDF-SHA256; ``info`` names the one use of the derived key.

What fails to open raises ``KeyUnavailable`` and says nothing of why.

Sources: C2SP XAES-256-GCM; RFC 5297; RFC 2104; RFC 5869; NIST SP 800-38D, SP 800-108r1.
"""

import hmac
import secrets
from collections.abc import Callable
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from typing_extensions import override

from gateway.domain.errors import KeyUnavailable

KEY_BYTES = 32
FORMAT = b"\x01"
"""First byte of everything sealed: which construction follows. 1 is XAES-256-GCM."""
NONCE_BYTES = 24
TAG_BYTES = 16
OVERHEAD_BYTES = len(FORMAT) + NONCE_BYTES + TAG_BYTES


class Secret(bytes):
    """Bytes of a key: they work as bytes do, and are neither printed, formatted nor pickled.

    A part cut out of them, or joined to them, is plain bytes again.
    """

    __slots__ = ()

    @override
    def __repr__(self) -> str:
        return f"<{len(self)} secret bytes>"

    __str__ = __repr__

    @override
    def __format__(self, spec: str) -> str:
        return repr(self)

    @override
    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("secrets are not pickled")


def new_key() -> Secret:
    """Return 32 random bytes."""
    return Secret(secrets.token_bytes(KEY_BYTES))


def seal(key: bytes, plaintext: bytes, associated: bytes = b"") -> bytes:
    """Return the plaintext encrypted and bound to the associated bytes; different at each call.

    Args:
        key: 32 secret bytes, used for nothing but ``seal`` and ``open_sealed``.
        plaintext: Any length up to 2**36 - 32 bytes.
        associated: What must be the same at opening; not contained in the result.
    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    return FORMAT + nonce + xaes_encrypt(key, nonce, plaintext, FORMAT + associated)


def open_sealed(key: bytes, sealed: bytes, associated: bytes = b"") -> bytes:
    """Return the plaintext of what ``seal`` returned.

    Raises:
        KeyUnavailable: Other key, other associated bytes, or a changed byte.
    """
    return opener(key)(sealed, associated)


def opener(key: bytes) -> Callable[[bytes, bytes], bytes]:
    """Return what ``open_sealed`` does under one key, which is set up once: for many messages, in one thread."""
    message_key = _message_keys(key)

    def open_one(sealed: bytes, associated: bytes) -> bytes:
        if len(sealed) < OVERHEAD_BYTES or sealed[:1] != FORMAT:
            raise KeyUnavailable("a sealed value cannot be opened")
        nonce, rest = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        try:
            return AESGCM(message_key(nonce)).decrypt(nonce[12:], rest, FORMAT + associated)
        except InvalidTag:
            raise KeyUnavailable("a sealed value cannot be opened") from None

    return open_one


def xaes_encrypt(key: bytes, nonce: bytes, plaintext: bytes, associated: bytes) -> bytes:
    """Return ciphertext and tag under XAES-256-GCM; the nonce of 24 bytes must never come twice.

    Source: C2SP XAES-256-GCM.
    """
    return AESGCM(_message_keys(key)(nonce)).encrypt(nonce[12:], plaintext, associated)


def _message_keys(key: bytes) -> Callable[[bytes], bytes]:
    """Return what derives the key of one message: CMAC in counter mode over the first 12 bytes of its nonce."""
    # ECB on single blocks is what CMAC is made of; no message is encrypted with it.
    encrypted = Cipher(algorithms.AES256(key), modes.ECB()).encryptor().update  # noqa: S305
    subkey = _doubled(encrypted(_ZEROS))

    def message_key(nonce: bytes) -> bytes:
        first = int.from_bytes(b"\x00\x01X\x00" + nonce[:12], "big") ^ subkey
        # The second block counts 2 where the first counts 1.
        return encrypted(first.to_bytes(16, "big") + (first ^ _ONE_TO_TWO).to_bytes(16, "big"))

    return message_key


_ZEROS = bytes(16)
_ONE_TO_TWO = (1 ^ 2) << 112


def _doubled(block: bytes) -> int:
    """Multiply by x in GF(2**128), as CMAC makes its subkey (NIST SP 800-38B section 6.1)."""
    number = int.from_bytes(block, "big") << 1
    return (number ^ (0x87 if number >> 128 else 0)) & ((1 << 128) - 1)


def siv_seal(key: bytes, plaintext: bytes, *associated: bytes) -> bytes:
    """Return the plaintext encrypted so that equal input gives equal output, 16 bytes longer.

    Args:
        key: 32, 48 or 64 bytes, half for the tag and half for the encryption.
        plaintext: At least one byte.
        associated: A list of strings; ``("ab", "c")`` and ``("a", "bc")`` are different.
    """
    return AESSIV(key).encrypt(plaintext, list(associated))


def siv_open(key: bytes, sealed: bytes, *associated: bytes) -> bytes:
    """Return the plaintext of what ``siv_seal`` returned.

    Raises:
        KeyUnavailable: Other key, other associated strings, or a changed byte.
    """
    try:
        return AESSIV(key).decrypt(sealed, list(associated))
    except (InvalidTag, ValueError):
        raise KeyUnavailable("a sealed value cannot be opened") from None


def keyed_digest(key: bytes, *parts: bytes) -> bytes:
    """Return HMAC-SHA256 of the parts, each preceded by its length in 8 bytes."""
    return hmac.digest(key, b"".join(len(part).to_bytes(8, "big") + part for part in parts), "sha256")


def is_equal(one: bytes, other: bytes) -> bool:
    """Compare digests in a time that does not depend on where they differ."""
    return hmac.compare_digest(one, other)


def derive(key: bytes, info: bytes, length: int = KEY_BYTES, salt: bytes = b"") -> Secret:
    """Return a key of ``length`` bytes, at most 8,160, for the one use that ``info`` names.

    Source: RFC 5869.
    """
    if length > 255 * 32:
        raise ValueError("HKDF-SHA256 yields at most 8160 bytes")
    root = hmac.digest(salt or bytes(32), key, "sha256")
    out, block, counter = b"", b"", 0
    while len(out) < length:
        counter += 1
        block = hmac.digest(root, block + info + bytes((counter,)), "sha256")
        out += block
    return Secret(out[:length])
