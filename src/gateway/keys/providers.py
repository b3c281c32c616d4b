# SPDX-License-Identifier: Apache-2.0
"""Holders of the key-encryption key (KEK), under which every other key is kept wrapped.

A holder wraps and unwraps; it never gives the KEK away. The KEK of an installation comes from one
place: the variable GATEWAY_KEK, the file that GATEWAY_KEK_FILE names, or the installation's own file.
A file must be ours and closed to everyone else, and is refused otherwise.
"""

import base64
import binascii
import os
from pathlib import Path
from typing import NoReturn, Protocol

from typing_extensions import override

from gateway.domain.errors import SettingsError
from gateway.keys.envelope import KEY_BYTES, Secret, new_key, open_sealed, seal

VARIABLE = "GATEWAY_KEK"
LARGEST_FILE_BYTES = 4096


class Kek(Protocol):
    """Wraps keys under one that it keeps; the label must be the same when they are unwrapped."""

    def wrap(self, secret: bytes, label: str) -> bytes:
        """Return the secret encrypted and bound to the label."""
        ...

    def unwrap(self, wrapped: bytes, label: str) -> bytes:
        """Return the secret again, or raise ``KeyUnavailable``."""
        ...


class HeldKek:
    """A KEK of 32 bytes in the memory of this process."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        self._secret = Secret(secret)

    @classmethod
    def from_text(cls, text: str, origin: str) -> "HeldKek":
        """Return the holder of a KEK written as base64.

        Args:
            text: 32 bytes in base64; white space around it is allowed.
            origin: Where the text came from, for the message of an error.

        Raises:
            SettingsError: The text is not that.
        """
        return cls(_decoded(text, origin))

    def wrap(self, secret: bytes, label: str) -> bytes:
        """Return the secret sealed and bound to the label."""
        return seal(self._secret, secret, label.encode())

    def unwrap(self, wrapped: bytes, label: str) -> bytes:
        """Return the secret again.

        Raises:
            KeyUnavailable: Another KEK or label, or a changed byte.
        """
        return Secret(open_sealed(self._secret, wrapped, label.encode()))

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("a KEK is not pickled")


class FileKek(HeldKek):
    """The KEK that a file of ours holds as base64.

    Raises:
        SettingsError: The file is missing, not ours, open to others, or holds something else.
    """

    __slots__ = ()

    def __init__(self, path: Path) -> None:
        super().__init__(_decoded(_read_private(path), str(path)))

    @classmethod
    def create(cls, path: Path) -> "FileKek":
        """Make a new KEK in a new file; an existing file is never touched.

        Raises:
            SettingsError: The file exists or cannot be made.
        """
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SettingsError(f"the key file {path} cannot be made: {error.strerror}") from error
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)  # whatever the umask took away
            file.write(base64.b64encode(new_key()) + b"\n")
            file.flush()
            os.fsync(descriptor)
        sync_directory(path.parent)
        return cls(path)


def sync_directory(directory: Path) -> None:
    """Make names that were made or replaced in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _decoded(text: str, origin: str) -> Secret:
    try:
        secret = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES:
        # From None: the chained message could quote the text.
        raise SettingsError(f"{origin} must hold {KEY_BYTES} bytes in base64") from None
    return Secret(secret)


def _read_private(path: Path) -> str:
    """Read a small file after looking at who may read it; the look is at the file that is open."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise SettingsError(f"the key file {path} cannot be read: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        state = os.fstat(descriptor)
        if state.st_uid != os.geteuid():
            raise SettingsError(f"the key file {path} belongs to another user: chown it to the gateway's own")
        if state.st_mode & 0o077:
            raise SettingsError(f"the key file {path} is open to other users: chmod 600 {path}")
        return file.read(LARGEST_FILE_BYTES).decode("ascii", errors="replace")
