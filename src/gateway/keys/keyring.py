# SPDX-License-Identifier: Apache-2.0
"""The keys of an installation by label and version, wrapped under its KEK in ``keyring.json``.

Rules:

- A label names one use (``people/lookup``, ``bearer``, ``surrogate/<join domain>``); versions count from 1.
- At most one version of a label is ``active``: what is new is made with it. ``retired`` versions still
  open what was made with them. A ``shredded`` version is gone for good; only its place is kept.
- A label that lost its active version gets no new one by itself: ``rotate`` is a decision.
- Every change is made on the newest file, under a lock that all processes take, and is durable when
  the call returns. Other processes see it at their next ``reload``, and a version that they miss at once.
- What the file held before is overwritten with zeros. Older bytes can outlive that on flash and on file
  systems that copy on write; they are wrapped, and end with the KEK.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import NoReturn

import msgspec
from typing_extensions import override

from gateway.domain.errors import KeyUnavailable, SettingsError
from gateway.keys.envelope import Secret, new_key, open_sealed, seal
from gateway.keys.providers import Kek, sync_directory

FILE = "keyring.json"
LOCK = "keyring.lock"
VERSION_BYTES = 4


class KeyState(StrEnum):
    """What a version of a key may still be used for."""

    ACTIVE = "active"
    RETIRED = "retired"
    SHREDDED = "shredded"


class KeyEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of a key as the file holds it; ``wrapped`` is null once it is shredded."""

    label: str
    version: int
    state: KeyState
    created_us: int
    wrapped: bytes | None


class KeyFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file, in the order in which its keys were made."""

    format: int = 1
    keys: tuple[KeyEntry, ...] = ()


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


class Keyring:
    """The keyring in one directory; keys are unwrapped when first asked for and kept in memory.

    Raises:
        SettingsError: The directory is missing, or the file is there and cannot be read.
    """

    def __init__(self, directory: Path, kek: Kek, clock: Callable[[], int]) -> None:
        if not directory.is_dir():
            raise SettingsError(f"the directory of keys {directory} does not exist")
        self._path = directory / FILE
        self._lock_path = directory / LOCK
        self._kek = kek
        self._clock = clock
        self._entries: dict[str, list[KeyEntry]] = {}
        self._unwrapped: dict[tuple[str, int], Key] = {}
        self._seen: tuple[int, int, int] | None = None
        self.reload()

    def ensure(self, label: str) -> Key:
        """Return the active version of a label, making version 1 where the label is new.

        Raises:
            KeyUnavailable: The label is there, without an active version.
        """
        if label not in self._entries:
            with self._change() as entries:
                if not any(entry.label == label for entry in entries):
                    entries.append(self._made(label, 1))
        return self.current(label)

    def current(self, label: str) -> Key:
        """Return the active version of a label, or raise ``KeyUnavailable``."""
        for entry in reversed(self._entries.get(label, ())):
            if entry.state is KeyState.ACTIVE:
                return self._key(entry)
        raise KeyUnavailable(f"key {label} has no active version")

    def version(self, label: str, version: int) -> Key:
        """Return one version of a label, active or retired.

        Raises:
            KeyUnavailable: It does not exist or was shredded.
        """
        if not any(entry.version == version for entry in self._entries.get(label, ())):
            # Another process may have made it a moment ago; a look at the file's name and time tells.
            self.reload()
        entries = self._entries.get(label, [])
        return self._key(entries[_place(entries, label, version)])

    def versions(self, label: str) -> tuple[KeyEntry, ...]:
        """Return what the file says of each version of a label, oldest first."""
        return tuple(self._entries.get(label, ()))

    def labels(self) -> tuple[str, ...]:
        """Return every label, in the order in which they were made."""
        return tuple(self._entries)

    def rotate(self, label: str) -> Key:
        """Retire the active version of a label and return a new one.

        Raises:
            KeyUnavailable: The label is not there.
        """
        with self._change() as entries:
            last = max((entry.version for entry in entries if entry.label == label), default=0)
            if last == 0:
                raise KeyUnavailable(f"there is no key {label}")
            for place, entry in enumerate(entries):
                if entry.label == label and entry.state is KeyState.ACTIVE:
                    entries[place] = msgspec.structs.replace(entry, state=KeyState.RETIRED)
            entries.append(self._made(label, last + 1))
        return self.current(label)

    def retire(self, label: str, version: int) -> None:
        """Let a version open what it sealed, and make nothing new.

        Raises:
            KeyUnavailable: It does not exist or was shredded.
        """
        with self._change() as entries:
            place = _place(entries, label, version)
            if entries[place].state is KeyState.SHREDDED:
                raise KeyUnavailable(f"key {label} version {version} was shredded")
            entries[place] = msgspec.structs.replace(entries[place], state=KeyState.RETIRED)

    def shred(self, label: str, version: int) -> None:
        """Delete the wrapped bytes of a version for good; to do so again changes nothing.

        Raises:
            KeyUnavailable: It does not exist.
        """
        with self._change() as entries:
            place = _place(entries, label, version)
            entries[place] = msgspec.structs.replace(entries[place], state=KeyState.SHREDDED, wrapped=None)

    def seal(self, label: str, plaintext: bytes, associated: bytes = b"") -> bytes:
        """Return the plaintext sealed under the label's active key, bound to label and associated bytes."""
        key = self.ensure(label)
        return key.version.to_bytes(VERSION_BYTES, "big") + seal(key.secret, plaintext, _bound(label, associated))

    def open(self, label: str, sealed: bytes, associated: bytes = b"") -> bytes:
        """Return the plaintext of what ``seal`` returned, whichever version sealed it.

        Raises:
            KeyUnavailable: The version is gone, or label, associated bytes or any byte differ.
        """
        key = self.version(label, int.from_bytes(sealed[:VERSION_BYTES], "big"))
        return open_sealed(key.secret, sealed[VERSION_BYTES:], _bound(label, associated))

    def reload(self) -> bool:
        """Read the file again if it changed, and forget keys that are no longer there; tell if it did."""
        if self._signature() == self._seen:
            return False
        with self._locked(fcntl.LOCK_SH):
            return self._read()

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("a keyring is not pickled")

    def _made(self, label: str, version: int) -> KeyEntry:
        wrapped = self._kek.wrap(new_key(), _wrap_label(label, version))
        return KeyEntry(label=label, version=version, state=KeyState.ACTIVE, created_us=self._clock(), wrapped=wrapped)

    def _key(self, entry: KeyEntry) -> Key:
        if entry.wrapped is None:
            raise KeyUnavailable(f"key {entry.label} version {entry.version} was shredded")
        name = (entry.label, entry.version)
        if name not in self._unwrapped:
            secret = self._kek.unwrap(entry.wrapped, _wrap_label(*name))
            self._unwrapped[name] = Key(*name, secret)
        return self._unwrapped[name]

    @contextmanager
    def _change(self) -> Iterator[list[KeyEntry]]:
        """Give the newest entries to be changed, and write them when the block ends well."""
        with self._locked(fcntl.LOCK_EX):
            self._read()
            entries = [entry for versions in self._entries.values() for entry in versions]
            yield entries
            self._write(KeyFile(keys=tuple(entries)))
            self._read()

    @contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        try:
            descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SettingsError(f"the keyring {self._path} cannot be locked: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, kind)
            yield
        finally:
            os.close(descriptor)

    def _signature(self) -> tuple[int, int, int] | None:
        try:
            state = self._path.stat()
        except FileNotFoundError:
            return None
        return (state.st_ino, state.st_mtime_ns, state.st_size)

    def _read(self) -> bool:
        if (seen := self._signature()) == self._seen:
            return False
        self._entries = _by_label(_decoded(self._path))
        kept = {
            (entry.label, entry.version) for entries in self._entries.values() for entry in entries if entry.wrapped
        }
        self._unwrapped = {name: key for name, key in self._unwrapped.items() if name in kept}
        self._seen = seen
        return True

    def _write(self, file: KeyFile) -> None:
        """Replace the file in one step, then overwrite what it was; readers hold the lock, so none sees that."""
        fresh = self._path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n")
            out.flush()
            os.fsync(descriptor)
        before = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC) if self._path.exists() else None
        fresh.replace(self._path)
        sync_directory(self._path.parent)
        if before is not None:
            os.pwrite(before, bytes(os.fstat(before).st_size), 0)
            os.fsync(before)
            os.close(before)


def _decoded(path: Path) -> KeyFile:
    try:
        file = msgspec.json.decode(path.read_bytes(), type=KeyFile)
    except (OSError, msgspec.MsgspecError) as error:
        raise SettingsError(f"the keyring {path} cannot be read: {error}") from error
    if file.format != 1:
        raise SettingsError(f"the keyring {path} has format {file.format}; this program reads 1")
    return file


def _by_label(file: KeyFile) -> dict[str, list[KeyEntry]]:
    entries: dict[str, list[KeyEntry]] = {}
    for entry in file.keys:
        entries.setdefault(entry.label, []).append(entry)
    return entries


def _place(entries: list[KeyEntry], label: str, version: int) -> int:
    for place, entry in enumerate(entries):
        if (entry.label, entry.version) == (label, version):
            return place
    raise KeyUnavailable(f"there is no key {label} version {version}")


def _wrap_label(label: str, version: int) -> str:
    return f"{label}#{version}"


def _bound(label: str, associated: bytes) -> bytes:
    return len(label).to_bytes(2, "big") + label.encode() + associated
