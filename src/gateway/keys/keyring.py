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
- Nobody whose KEK does not open the file changes it: a keyring is never wrapped under two KEKs at once.
- The KEK is changed in two steps, each one replacement of the file: ``begin_change`` wraps every key under
  a random bridge that the KEK before and the one to come both open, ``end_change`` wraps every key under
  one of the two alone. Between them either KEK opens everything and may add to it.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import msgspec
from typing_extensions import override

from gateway.domain.errors import KeyUnavailable, SettingsError
from gateway.keys import bridge as bridges
from gateway.keys import keyfile
from gateway.keys.envelope import Secret, new_key, open_sealed, opener, seal
from gateway.keys.key import OTHER_KEK, Key, unwrapped, wrap_label
from gateway.keys.keyfile import KeyEntry, KeyFile, KeyState
from gateway.keys.providers import Kek

__all__ = ["FILE", "Key", "KeyEntry", "KeyState", "Keyring"]

FILE = "keyring.json"
LOCK = "keyring.lock"
VERSION_BYTES = 4


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
        self._bridge: bridges.Bridge | None = None
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
        """Return the plaintext sealed under the label's active key, bound to label and associated bytes.

        The file is looked at each time, so that nothing is sealed under a version that is retired already.
        """
        self.reload()
        key = self.ensure(label)
        return key.version.to_bytes(VERSION_BYTES, "big") + seal(key.secret, plaintext, _bound(label, associated))

    def open(self, label: str, sealed: bytes, associated: bytes = b"") -> bytes:
        """Return the plaintext of what ``seal`` returned, whichever version sealed it; it does not print.

        Raises:
            KeyUnavailable: The version is gone, or label, associated bytes or any byte differ.
        """
        key = self.version(label, int.from_bytes(sealed[:VERSION_BYTES], "big"))
        # Mostly a key or an authenticator's secret: a traceback that shows variables must not show it.
        return Secret(open_sealed(key.secret, sealed[VERSION_BYTES:], _bound(label, associated)))

    def opener(self, label: str) -> Callable[[bytes, bytes], bytes]:
        """Return what ``open`` does of one label, each key set up once: for one piece of work, in one thread."""
        ready: dict[bytes, Callable[[bytes, bytes], bytes]] = {}

        def open_one(sealed: bytes, associated: bytes) -> bytes:
            version = sealed[:VERSION_BYTES]
            if version not in ready:
                ready[version] = opener(self.version(label, int.from_bytes(version, "big")).secret)
            return Secret(ready[version](sealed[VERSION_BYTES:], _bound(label, associated)))

        return open_one

    def reload(self) -> bool:
        """Read the file again if it changed, and forget keys that are no longer there; tell if it did."""
        if self._signature() == self._seen:
            return False
        with self._locked(fcntl.LOCK_SH):
            return self._read()

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("a keyring is not pickled")

    @property
    def is_changing(self) -> bool:
        """Tell whether a change of the KEK was begun and has not ended."""
        return self._bridge is not None

    def is_to_come(self, kek: Kek) -> bool:
        """Tell whether a KEK is the one that a change which was begun is to end with."""
        return self._bridge is not None and bridges.held(self._bridge, kek, (1,)) is not None

    def begin_change(self, new: Kek) -> None:
        """Let every key be opened by the present KEK and by a new one.

        Raises:
            KeyUnavailable: A change to another KEK was begun and has not ended, or a key cannot be opened.
        """
        with self._locked(fcntl.LOCK_EX):
            self._read()
            if self._bridge is not None:
                if bridges.held(self._bridge, new) is None:
                    raise KeyUnavailable("a change to another key-encryption key was begun and has not ended")
                return
            self._write_anew(*bridges.made(self._kek, new))

    def end_change(self, kek: Kek) -> None:
        """Wrap every key under one of the two KEKs of a change alone; the other opens nothing any more.

        Raises:
            KeyUnavailable: No change was begun, or this is neither of its two KEKs.
        """
        with self._locked(fcntl.LOCK_EX):
            self._read()
            if self._bridge is None or bridges.held(self._bridge, kek) is None:
                raise KeyUnavailable("this key-encryption key is none of those of a change that was begun")
            self._write_anew(kek, None)

    def _write_anew(self, kek: Kek, bridge: bridges.Bridge | None) -> None:
        """Replace the file by one whose keys are wrapped under another holder."""
        entries = [one for versions in self._entries.values() for one in versions]
        anew = bridges.wrapped_anew(entries, self._holder(), kek)
        keyfile.write(self._path, bridges.file_of(anew, bridge))
        self._read()

    def _holder(self) -> Kek:
        """Return what the keys of the file are wrapped under: the KEK, or the bridge while the KEK is changed."""
        if self._bridge is None:
            return self._kek
        if (held := bridges.held(self._bridge, self._kek)) is None:
            raise KeyUnavailable(OTHER_KEK)
        return held

    def _made(self, label: str, version: int) -> KeyEntry:
        wrapped = self._holder().wrap(new_key(), wrap_label(label, version))
        return KeyEntry(label=label, version=version, state=KeyState.ACTIVE, created_us=self._clock(), wrapped=wrapped)

    def _key(self, entry: KeyEntry) -> Key:
        if entry.wrapped is None:
            raise KeyUnavailable(f"key {entry.label} version {entry.version} was shredded")
        # Held here: another thread may let go of the keys in memory meanwhile.
        name, held = (entry.label, entry.version), self._unwrapped
        if (key := held.get(name)) is None:
            key = held[name] = Key(*name, self._secret(entry))
        return key

    def _secret(self, entry: KeyEntry) -> bytes:
        try:
            return unwrapped(self._holder(), entry)
        except KeyUnavailable:
            # Another process may have changed the KEK since the file was read.
            if not self.reload():
                raise
        entries = self._entries.get(entry.label, [])
        return unwrapped(self._holder(), entries[_place(entries, entry.label, entry.version)])

    @contextmanager
    def _change(self) -> Iterator[list[KeyEntry]]:
        """Give the newest entries to be changed, and write them when the block ends well."""
        with self._locked(fcntl.LOCK_EX):
            self._read()
            entries = [entry for versions in self._entries.values() for entry in versions]
            if (first := next((entry for entry in entries if entry.wrapped is not None), None)) is not None:
                unwrapped(self._holder(), first)
            yield entries
            keyfile.write(self._path, bridges.file_of(entries, self._bridge))
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
        file = keyfile.read(self._path)
        self._entries = _by_label(file)
        self._bridge = None if file.bridge is msgspec.UNSET else file.bridge
        kept = {
            (entry.label, entry.version) for entries in self._entries.values() for entry in entries if entry.wrapped
        }
        self._unwrapped = {name: key for name, key in self._unwrapped.items() if name in kept}
        self._seen = seen
        return True


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


def _bound(label: str, associated: bytes) -> bytes:
    return len(label).to_bytes(2, "big") + label.encode() + associated
