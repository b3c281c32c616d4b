# SPDX-License-Identifier: Apache-2.0
"""Parts files that are written anew, without or with others in the place of some parts, while a process adds to them.

Rules:
1. A parts file is only ever replaced as a whole, by one that is durable; a reader sees the old one or the new.
2. Whoever replaces one holds the lock of the parts over the last step: to read what was added meanwhile and
   to put the new file in place. Whoever adds holds it from the look whether its file is still the one in
   place until its bytes are written. So no part falls between the two.
3. The bytes of the parts that stay are those that they were.
4. One at a time writes files of a slot anew, or copies them there; also an opening, or a person who was just
   taken out would be back with what the opening had read before.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from gateway.record.format.files import Files, write_whole
from gateway.record.format.layout import LineFile, parts_path
from gateway.record.format.parts import PartInvalid, StoredPart, parse_part

LOCK, TURN = "lock", "turn"
_CHUNK_BYTES = 1 << 20
Change = Callable[[StoredPart], StoredPart | None]
"""Returns a part as it is to stand from now on; ``None`` if it goes."""


class PartsLock:
    """The right to add to the parts of a slot, or to replace a file of them; held for moments."""

    def __init__(self, directory: Path, name: str = LOCK) -> None:
        """Open the lock of a slot's parts."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(directory / "parts" / name, flags, 0o600)

    def __enter__(self) -> Self:
        """Take it, waiting for whoever has it."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let it go."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._descriptor)


@contextmanager
def parts_held(directory: Path) -> Iterator[None]:
    """Hold the parts of a slot still, waiting for whoever is at them: nobody adds to them or writes a file of them anew."""
    turn, lock = PartsLock(directory, TURN), PartsLock(directory)
    try:
        with turn, lock:
            yield
    finally:
        lock.close()
        turn.close()


class Rewriting:
    """One parts file on its way to being another.

    Attributes:
        n_gone / n_changed: Parts that were left out, and those in whose place others stand.
    """

    def __init__(self, files: Files, directory: Path, number: int, change: Change) -> None:
        """Take the parts of a segment in ``STATE/log/<slot>``, or in the same on the second disk."""
        self._files, self._directory, self._change = files, directory, change
        self._path = parts_path(directory, number)
        self._file = LineFile(self._path)
        self.n_gone = self.n_changed = 0

    def run(self) -> None:
        """Write the file anew, if anything in it changes.

        Raises:
            OSError: The file is as it was.
        """
        if not self._path.exists():
            return
        turn, lock = PartsLock(self._directory, TURN), PartsLock(self._directory)
        try:
            with turn:
                self._put_in_place(lock)
        finally:
            lock.close()
            turn.close()

    def _put_in_place(self, lock: PartsLock) -> None:
        fresh = self._path.with_name(self._path.name + ".new")
        descriptor = self._files.open_fresh(fresh)
        try:
            self._copy(descriptor)
            with lock:
                self._copy(descriptor)
                write_whole(self._files, descriptor, self._file.rest)
                if self.n_gone or self.n_changed:
                    self._files.sync(descriptor)
                    self._files.rename(fresh, self._path)
                    self._files.sync_directory(self._path.parent)
        finally:
            self._files.close(descriptor)
            with suppress(OSError):
                self._files.remove(fresh)

    def _copy(self, descriptor: int) -> None:
        """Copy the whole lines of the file from where it was left, but for the parts that change."""
        kept: list[bytes] = []
        n_bytes = 0
        for line in self._file.lines():
            held = self._changed(line)
            kept.append(held)
            n_bytes += len(held)
            if n_bytes >= _CHUNK_BYTES:
                write_whole(self._files, descriptor, b"".join(kept))
                kept, n_bytes = [], 0
        write_whole(self._files, descriptor, b"".join(kept))

    def _changed(self, line: bytes) -> bytes:
        """Return a line as it stands from now on, with its line feed; a malformed one is for ``verify`` to name."""
        try:
            before = parse_part(line)
        except PartInvalid:
            return line + b"\n"
        after = self._change(before)
        if after is None:
            self.n_gone += 1
            return b""
        if after is before:
            return line + b"\n"
        self.n_changed += 1
        return after.line()
