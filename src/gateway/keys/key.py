# SPDX-License-Identifier: Apache-2.0
"""A key in memory, and how it is unwrapped: bound to its label and version, so that no key serves as another."""

from typing import NoReturn

from typing_extensions import override

from gateway.domain.errors import KeyUnavailable
from gateway.keys.envelope import Secret
from gateway.keys.keyfile import KeyEntry
from gateway.keys.providers import Kek

OTHER_KEK = "the key-encryption key of this process is not the one that the keyring is wrapped under"


class Key:
    """One version of a key, unwrapped. It is neither printed nor pickled nor compared."""

    __slots__ = ("label", "secret", "version")

    def __init__(self, label: str, version: int, secret: bytes) -> None:
        self.label = label
        self.version = version
        self.secret = Secret(secret)

    @override
    def __repr__(self) -> str:
        return f"<Key {self.label} version {self.version}>"

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are not pickled")


def wrap_label(label: str, version: int) -> str:
    """Return what a wrapped key is bound to."""
    return f"{label}#{version}"


def unwrapped(kek: Kek, entry: KeyEntry) -> bytes:
    """Return the secret of a version.

    Raises:
        KeyUnavailable: It was shredded, or is wrapped under something else.
    """
    if entry.wrapped is None:
        raise KeyUnavailable(f"key {entry.label} version {entry.version} was shredded")
    try:
        return kek.unwrap(entry.wrapped, wrap_label(entry.label, entry.version))
    except KeyUnavailable:
        # Of all its causes the one that somebody can do something about is told.
        raise KeyUnavailable(f"key {entry.label} version {entry.version} cannot be opened: {OTHER_KEK}") from None
