# SPDX-License-Identifier: Apache-2.0
"""The segment that a log grows in: a file of lines and a file of their parts, written together.

Rules:
1. Parts are durable before the lines that name them.
2. Lengths move only after fdatasync returned; whatever lies beyond them counts as not written.
3. After an error nothing more is written over the old descriptors: they are closed, the files are cut
   to the durable lengths over new ones, and a new segment takes over. Linux may mark the pages of a
   failed fdatasync clean, so trying again could report success for bytes that never reached the disk.
"""

import contextlib
import errno
import fcntl
import os
import time
from pathlib import Path

from gateway.domain.errors import LogHeld
from gateway.record.format.files import Files, cut_file, replace_file, write_whole
from gateway.record.format.layout import LOCK, parts_path, segment_path
from gateway.record.format.parts import kept_parts
from gateway.record.reading.tail import size_of
from gateway.record.writing.rewriting import PartsLock

_LOOK_EVERY_S = 0.02


class SlotLock:
    """Exclusive hold of a slot; it ends with the process at the latest."""

    def __init__(self, directory: Path, *, patience_s: float = 0.0) -> None:
        """Take the lock, waiting for it if it is held.

        Raises:
            LogHeld: Another process holds it still when patience ends.
        """
        self._descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        for _ in range(int(patience_s / _LOOK_EVERY_S)):
            if self._is_taken():
                return
            time.sleep(_LOOK_EVERY_S)
        if not self._is_taken():
            os.close(self._descriptor)
            raise LogHeld(f"another process holds the log {directory}: the gateway runs on this installation already")

    def _is_taken(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Let the slot go."""
        os.close(self._descriptor)


class Segment:
    """One segment, open for writing.

    Attributes:
        number: Its place among the segments.
        n_bytes: Durable length of the lines.
        n_part_bytes: Durable length of the parts.
    """

    def __init__(self, files: Files, directory: Path, number: int) -> None:
        """Open or make the segment's files, at their ends.

        Raises:
            OSError: The disk does not let us; no descriptor is left open.
        """
        self._files = files
        self._directory = directory
        self.number = number
        self._lines = -1
        self._parts = -1
        self._lock: PartsLock | None = None
        self._inode = 0
        try:
            self._open_parts()
            self._lines = files.open_to_append(segment_path(directory, number))
            self._lock = PartsLock(directory)
            files.sync_directory(directory / "parts")
            files.sync_directory(directory)
            self.n_bytes = segment_path(directory, number).stat().st_size
        except OSError:
            self.close()
            raise

    def write(self, lines: bytes, parts: bytes) -> None:
        """Make the lines and their parts durable.

        Raises:
            OSError: They are not; call ``repair`` and use this segment no more.
        """
        if parts:
            self._add_parts(parts)
            self._files.sync(self._parts)
        write_whole(self._files, self._lines, lines)
        self._files.sync(self._lines)
        self.n_bytes += len(lines)
        self.n_part_bytes += len(parts)

    def close(self) -> None:
        """Give the descriptors back; what they still held is not durable and not missed."""
        for descriptor in (self._lines, self._parts):
            if descriptor >= 0:
                with contextlib.suppress(OSError):
                    self._files.close(descriptor)
        self._lines = self._parts = -1
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def repair(self) -> int:
        """Cut the files to what is durable and return the number of the segment to go on with.

        A segment without any entry is removed and its number used again, so that a full disk does not
        leave an empty file for every try.

        Raises:
            OSError: The disk does not let us; the log cannot grow before this succeeds.
        """
        self.close()
        lines, parts = segment_path(self._directory, self.number), parts_path(self._directory, self.number)
        if not self.n_bytes:
            self._files.remove(lines)
            self._files.remove(parts)
            self._files.sync_directory(self._directory)
            return self.number
        cut_file(self._files, lines, self.n_bytes)
        lock = PartsLock(self._directory)
        try:
            with lock:
                self._cut_parts(parts)
        finally:
            lock.close()
        return self.number + 1

    def _add_parts(self, parts: bytes) -> None:
        """Add to the file that is in place now: parts of it may have been deleted since."""
        lock = self._lock
        if lock is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        with lock:
            if os.fstat(self._parts).st_nlink == 0:
                self._turn_to_new_parts()
            write_whole(self._files, self._parts, parts)

    def _turn_to_new_parts(self) -> None:
        self._files.close(self._parts)
        self._parts = -1
        self._open_parts()
        # Lengths of the file before say nothing of this one.
        self._inode = 0

    def _cut_parts(self, parts: Path) -> None:
        """Leave no part of an entry that is not there; by its place where the file is not the one it was."""
        if parts.stat().st_ino == self._inode:
            cut_file(self._files, parts, self.n_part_bytes)
        else:
            replace_file(self._files, parts, kept_parts(parts, size_of(self._directory)))

    def _open_parts(self) -> None:
        path = parts_path(self._directory, self.number)
        self._parts = self._files.open_to_append(path)
        found = os.fstat(self._parts)
        self._inode, self.n_part_bytes = found.st_ino, found.st_size
