# SPDX-License-Identifier: Apache-2.0
"""What the room of people is handed: the keyring, sealing under a key in hand, and the log's ear for new numbers."""

from collections.abc import Callable, Sequence
from typing import Protocol

from gateway.domain.names import IdentityKind, PersonNumber


class VersionedKey(Protocol):
    """A key with its bytes."""

    @property
    def version(self) -> int:
        """Return the number of the version, counted from 1."""

    @property
    def secret(self) -> bytes:
        """Return the 32 bytes."""


class Keys(Protocol):
    """The keyring, as this room needs it."""

    def ensure(self, label: str) -> VersionedKey:
        """Return the active version of a label, made if the label is new."""

    def version(self, label: str, version: int) -> VersionedKey:
        """Return one version of a label."""

    def seal(self, label: str, plaintext: bytes, associated: bytes = b"") -> bytes:
        """Return the plaintext sealed under the label's active key."""

    def open(self, label: str, sealed: bytes, associated: bytes = b"") -> bytes:
        """Return the plaintext again, or raise ``KeyUnavailable``."""

    def opener(self, label: str) -> Callable[[bytes, bytes], bytes]:
        """Return what ``open`` does of one label, for many at a time in one thread."""


class Envelope(Protocol):
    """Sealing under a key in hand; ``gateway.keys.envelope`` is one."""

    def new_key(self) -> bytes:
        """Return 32 random bytes."""

    def seal(self, key: bytes, plaintext: bytes, associated: bytes = b"") -> bytes:
        """Return the plaintext sealed."""

    def open_sealed(self, key: bytes, sealed: bytes, associated: bytes = b"") -> bytes:
        """Return the plaintext again, or raise ``KeyUnavailable``."""

    def derive(self, key: bytes, info: bytes) -> bytes:
        """Return 32 bytes for one use of the key."""


class Announcer(Protocol):
    """Enters in the log which lookups got which numbers."""

    async def __call__(self, kind: IdentityKind, numbers: Sequence[tuple[bytes, PersonNumber]]) -> None:
        """Return once they are durable, or raise ``LogUnavailable``."""
