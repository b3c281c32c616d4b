# SPDX-License-Identifier: Apache-2.0
"""A key-encryption key that is kept elsewhere, as by a key management service: it wraps there, and never leaves."""

from gateway.domain.errors import KeyUnavailable
from gateway.keys.envelope import new_key, open_sealed, seal


class RemoteKek:
    """Satisfies ``keys.providers.Kek``; what it hands out names the version of the key that wrapped it.

    Attributes:
        asked: What was asked, in order.
        is_down: It does not answer.
    """

    def __init__(self) -> None:
        self._versions = [new_key()]
        self.asked: list[str] = []
        self.is_down = False

    def rotate(self) -> None:
        """Wrap under another key from now on; those of before still open."""
        self._versions.append(new_key())

    def wrap(self, secret: bytes, label: str) -> bytes:
        """Return the secret wrapped, longer than a held key would make it."""
        self._answer(f"wrap {label}")
        version = len(self._versions) - 1
        return b"remote:%d:" % version + seal(self._versions[version], secret, b"remote\x00" + label.encode())

    def unwrap(self, wrapped: bytes, label: str) -> bytes:
        """Return the secret again."""
        self._answer(f"unwrap {label}")
        name, version, sealed = wrapped.split(b":", 2)
        if name != b"remote":
            raise KeyUnavailable("it was wrapped by another key")
        return open_sealed(self._versions[int(version)], sealed, b"remote\x00" + label.encode())

    def _answer(self, what: str) -> None:
        self.asked.append(what)
        if self.is_down:
            raise KeyUnavailable("the key management service does not answer")
