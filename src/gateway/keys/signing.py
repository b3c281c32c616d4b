# SPDX-License-Identifier: Apache-2.0
"""Ed25519 keys that sign: checkpoints of the log, and whatever else must be provable to others.

A key is 32 private bytes. They leave this file only where the caller asks for them by name, and no
repr shows them. Source: RFC 8032.
"""

from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from typing_extensions import override

KEY_BYTES = 32
SIGNATURE_BYTES = 64


class SigningKey:
    """An Ed25519 key pair."""

    __slots__ = ("_private", "public_key")

    def __init__(self, private: bytes) -> None:
        """Take the 32 private bytes.

        Raises:
            ValueError: There are not exactly 32 of them.
        """
        if len(private) != KEY_BYTES:
            raise ValueError(f"an Ed25519 key has {KEY_BYTES} private bytes, got {len(private)}")
        self._private = Ed25519PrivateKey.from_private_bytes(private)
        self.public_key: bytes = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @classmethod
    def generate(cls) -> Self:
        """Make a new key from the system's source of chance."""
        fresh = Ed25519PrivateKey.generate()
        return cls(fresh.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))

    @override
    def __repr__(self) -> str:
        return f"SigningKey(public_key={self.public_key.hex()})"

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message, 64 bytes."""
        return self._private.sign(message)

    def private_bytes(self) -> bytes:
        """Return the 32 private bytes, to be wrapped at once."""
        return self._private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())

    def private_pem(self) -> bytes:
        """Return the private key as PKCS #8 in PEM, unencrypted, for libraries that sign with it."""
        return self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def public_pem(self) -> bytes:
        """Return the public key as SubjectPublicKeyInfo in PEM."""
        return self._private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def is_signed_by(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Tell whether the signature of the message was made by the holder of a public key."""
    if len(public_key) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
