# SPDX-License-Identifier: Apache-2.0
"""Holders of the key-encryption key (KEK), under which every other key is kept wrapped.

A holder wraps and unwraps; it never gives the KEK away. The KEK of an installation comes from one
place: the variable GATEWAY_KEK, the file that GATEWAY_KEK_FILE names, or the installation's own file.
A file must be ours and closed to everyone else, and is refused otherwise. The installation's own file is
read again where what it held does not open a key any more, so a process follows a change of the KEK.
"""

import base64
import binascii
import os
from pathlib import Path
from typing import NoReturn, Protocol

from typing_extensions import override

from gateway.domain.errors import KeyUnavailable, SettingsError
from gateway.keys.envelope import KEY_BYTES, Secret, is_equal, new_key, open_sealed, seal
from gateway.keys.files import put_in_place, sync_directory, write_private

VARIABLE = "GATEWAY_KEK"
LARGEST_FILE_BYTES = 4096
MOST_READS = 5
"""Of a file that is being replaced: what was read may be what was overwritten."""


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
        secret = _decoded(text)
        # A traceback that shows variables is not to show what may be most of a KEK.
        del text
        return cls(_whole(secret, origin))

    def wrap(self, secret: bytes, label: str) -> bytes:
        """Return the secret sealed and bound to the label."""
        return seal(self._secret, secret, label.encode())

    def unwrap(self, wrapped: bytes, label: str) -> bytes:
        """Return the secret again.

        Raises:
            KeyUnavailable: Another KEK or label, or a changed byte.
        """
        return Secret(open_sealed(self._secret, wrapped, label.encode()))

    def is_same(self, other: "HeldKek") -> bool:
        """Tell whether two holders keep one KEK."""
        return is_equal(self._secret, other._secret)  # noqa: SLF001 - of its own class

    def save(self, path: Path) -> None:
        """Write the KEK into a file that is not there, closed to everyone else.

        Raises:
            SettingsError: The file exists or cannot be made.
        """
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SettingsError(f"the key file {path} cannot be made: {error.strerror}") from error
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)  # whatever the umask took away
            file.write(self._text())
            file.flush()
            os.fsync(descriptor)
        sync_directory(path.parent)

    def put(self, path: Path) -> None:
        """Write the KEK into a file in one step, in the place of what the file held."""
        making = path.with_name(path.name + ".making")
        write_private(making, self._text())
        put_in_place(making, path)

    def _text(self) -> bytes:
        return base64.b64encode(self._secret) + b"\n"

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("a KEK is not pickled")


class FileKek(HeldKek):
    """The KEK that a file of ours holds as base64.

    Raises:
        SettingsError: The file is missing, not ours, open to others, or holds something else.
    """

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        super().__init__(_read(path))
        self._path = path

    @classmethod
    def create(cls, path: Path) -> "FileKek":
        """Make a new KEK in a new file; an existing file is never touched.

        Raises:
            SettingsError: The file exists or cannot be made.
        """
        HeldKek(new_key()).save(path)
        return cls(path)

    @override
    def unwrap(self, wrapped: bytes, label: str) -> bytes:
        """Return the secret again, under what the file holds by now.

        Raises:
            KeyUnavailable: Another KEK or label, or a changed byte.
        """
        try:
            return super().unwrap(wrapped, label)
        except KeyUnavailable:
            if not self._is_another():
                raise
        return super().unwrap(wrapped, label)

    def _is_another(self) -> bool:
        """Read the file again; tell whether it holds another KEK by now."""
        try:
            found = _read(self._path)
        except SettingsError:
            return False
        before, self._secret = self._secret, found
        return not is_equal(before, found)


def _read(path: Path) -> Secret:
    """Return the KEK of a file, which may be replaced at this very moment."""
    secret = Secret()
    for _ in range(MOST_READS):
        text, is_newest = _read_private(path)
        secret = _decoded(text)
        # As above.
        del text
        if is_newest:
            break
    return _whole(secret, str(path))


def _decoded(text: str) -> Secret:
    """Return what base64 says; nothing for what is none."""
    try:
        return Secret(base64.b64decode(text.strip(), validate=True))
    except (binascii.Error, ValueError):
        return Secret()


def _whole(secret: Secret, origin: str) -> Secret:
    if len(secret) != KEY_BYTES:
        raise SettingsError(f"{origin} must hold {KEY_BYTES} bytes in base64")
    return secret


def _read_private(path: Path) -> tuple[str, bool]:
    """Read a small file after looking at who may read it, and tell whether it still has its name.

    The look is at the file that is open.
    """
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
        text = file.read(LARGEST_FILE_BYTES).decode("ascii", errors="replace")
    try:
        return text, path.stat().st_ino == state.st_ino
    except OSError:
        return text, False
