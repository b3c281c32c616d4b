# SPDX-License-Identifier: Apache-2.0
"""Keys of join domains in memory, for whoever makes surrogates."""

from hashlib import sha256

import msgspec

from gateway.domain.errors import KeyUnavailable


class FakeKey(msgspec.Struct, frozen=True):
    """One version of a key."""

    version: int
    secret: bytes


class FakeSurrogateKeys:
    """Gives every label a key that follows from label and version; versions rotate and are shredded."""

    def __init__(self) -> None:
        self._version = 1
        self._shredded: set[int] = set()
        self._made: dict[tuple[str, int], FakeKey] = {}

    def current(self, label: str, /) -> FakeKey:
        """Return the newest version of a label."""
        return self.version(label, self._version)

    def version(self, label: str, version: int, /) -> FakeKey:
        """Return one version of a label, unless it was shredded or never made."""
        if version > self._version or version in self._shredded:
            raise KeyUnavailable("no such key")
        secret = sha256(f"{label}#{version}".encode()).digest()
        return self._made.setdefault((label, version), FakeKey(version, secret))

    def rotate(self) -> None:
        """Make a new version of every label."""
        self._version += 1

    def shred(self, version: int) -> None:
        """Lose a version of every label."""
        self._shredded.add(version)
