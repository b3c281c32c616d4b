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
import fcntl
import os
import time
from pathlib import Path

from gateway.domain.errors import LogUnavailable
from gateway.record.files import Files, cut_file, write_whole
from gateway.record.layout import LOCK, parts_path, segment_path

_LOOK_EVERY_S = 0.02


class SlotLock:
    """Exclusive hold of a slot; it ends with the process at the latest."""

    def __init__(self, directory: Path, *, patience_s: float = 0.0) -> None:
        """Take the lock, waiting for it if it is held.

        Raises:
            LogUnavailable: Another process holds it still when patience ends.
        """
        self._descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        for _ in range(int(patience_s / _LOOK_EVERY_S)):
            if self._is_taken():
                return
            time.sleep(_LOOK_EVERY_S)
        if not self._is_taken():
            os.close(self._descriptor)
            raise LogUnavailable(
                f"another process holds the log {directory}: the gateway runs on this installation already"
            )

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
        try:
            self._parts = files.open_to_append(parts_path(directory, number))
            self._lines = files.open_to_append(segment_path(directory, number))
            files.sync_directory(directory / "parts")
            files.sync_directory(directory)
            self.n_bytes = segment_path(directory, number).stat().st_size
            self.n_part_bytes = parts_path(directory, number).stat().st_size
        except OSError:
            self.close()
            raise

    def write(self, lines: bytes, parts: bytes) -> None:
        """Make the lines and their parts durable.

        Raises:
            OSError: They are not; call ``repair`` and use this segment no more.
        """
        if parts:
            write_whole(self._files, self._parts, parts)
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
        cut_file(self._files, parts, self.n_part_bytes)
        return self.number + 1
