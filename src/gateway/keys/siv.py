# SPDX-License-Identifier: Apache-2.0
"""AES-SIV with its key set up once, for the many short values of one surrogate key.

Equal plaintext gives equal output, as with ``envelope.siv_seal``; setting the key up costs four times
what sealing one value costs, so whoever seals by the thousand keeps one of these.

Source: RFC 5297.
"""

from collections.abc import Callable, Iterable
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from typing_extensions import override

from gateway.domain.errors import KeyUnavailable


class Siv:
    """Seals and opens under one key of 32, 48 or 64 bytes, without associated data; never pickled."""

    __slots__ = ("_cipher", "seal")

    seal: Callable[[bytes], bytes]

    def __init__(self, key: bytes) -> None:
        cipher = AESSIV(key)
        self._cipher = cipher

        def seal(plaintext: bytes) -> bytes:
            return cipher.encrypt(plaintext, None)

        self.seal = seal

    def seal_each(self, plaintexts: Iterable[bytes]) -> list[bytes]:
        """Return what ``seal`` does of each."""
        encrypt = self._cipher.encrypt
        return [encrypt(one, None) for one in plaintexts]

    def open(self, sealed: bytes) -> bytes:
        """Return the plaintext of what ``seal`` returned.

        Raises:
            KeyUnavailable: Other key, or a changed byte.
        """
        try:
            return self._cipher.decrypt(sealed, None)
        except (InvalidTag, ValueError):
            raise KeyUnavailable("a sealed value cannot be opened") from None

    def open_each(self, sealed: Iterable[bytes]) -> list[bytes | None]:
        """Return the plaintext of each, ``None`` where ``open`` would raise."""
        decrypt, found = self._cipher.decrypt, list[bytes | None]()
        for one in sealed:
            try:
                found.append(decrypt(one, None))
            except (InvalidTag, ValueError):
                found.append(None)
        return found

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are not pickled")
