# SPDX-License-Identifier: Apache-2.0
"""A sink: one directory that a log is written to. A log has one, or two on different disks.

Rules:
1. A write is undone as a whole: what the newest one left behind is cut off before anything else is written.
2. While that cannot be done, nothing is written.
3. A segment is only ever gone on with where it is as long as the log knows it to be.
4. The folder above is never made: a disk that is not mounted must not be written beside.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

from gateway.domain.errors import LogUnavailable
from gateway.record.format.files import Files, replace_file
from gateway.record.format.layout import segment_path
from gateway.record.writing.segment import Segment, SlotLock


class Sink:
    """A directory that a log grows in. Every call can raise ``OSError``; one thread at a time."""

    def __init__(self, files: Files, directory: Path) -> None:
        """Open nothing yet."""
        self.files, self.directory = files, directory
        self._lock: SlotLock | None = None
        self._segment: Segment | None = None
        self._damaged: Segment | None = None
        self._before = (0, 0)

    def take(self, *, patience_s: float = 0.0) -> None:
        """Make the directory if need be, and take its lock anew.

        Raises:
            LogUnavailable: Another process holds it.
        """
        self.close()
        if not self.directory.parent.is_dir():
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.directory.parent))
        self.directory.mkdir(mode=0o700, exist_ok=True)
        (self.directory / "parts").mkdir(mode=0o700, exist_ok=True)
        self._lock = SlotLock(self.directory, patience_s=patience_s)

    def retake(self) -> None:
        """Take a directory that may have been away.

        Raises:
            OSError: It is still away, or another process has it.
        """
        try:
            self.take()
        except LogUnavailable as error:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY)) from error

    def write(self, number: int, at_bytes: int, lines: bytes, parts: bytes) -> None:
        """Make lines and their parts durable at the end of a segment that is so long.

        Raises:
            OSError: They are not; ``take_back`` comes next.
        """
        self.mend()
        segment = self._segment_of(number, at_bytes)
        self._before = (segment.n_bytes, segment.n_part_bytes)
        segment.write(lines, parts)

    def take_back(self) -> None:
        """Cut off whatever the newest write left, whether it failed or not.

        Raises:
            OSError: The disk does not let us yet; every later write begins with it.
        """
        if self._segment is not None:
            self._segment.n_bytes, self._segment.n_part_bytes = self._before
            self._damaged, self._segment = self._segment, None
        self.mend()

    def mend(self) -> None:
        """Cut a segment that failed.

        Raises:
            OSError: The disk does not let us yet.
        """
        if self._damaged is not None:
            self._damaged.repair()
            self._damaged = None

    def put(self, name: str, content: bytes) -> None:
        """Put a small file durably in the place of what is there."""
        path = self.directory / name
        if path.parent != self.directory and not path.parent.is_dir():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            self.files.sync_directory(self.directory)
        replace_file(self.files, path, content)

    def remove(self, name: str) -> None:
        """Remove a file durably, if it is there: also one that was removed before, by a call that failed half way."""
        path = self.directory / name
        self.files.remove(path)
        if path.parent.is_dir():
            self.files.sync_directory(path.parent)

    def protect(self, number: int) -> None:
        """Let the lines of a segment be written to no more; that keeps mistakes off, and nobody else."""
        with suppress(OSError):
            segment_path(self.directory, number).chmod(0o400)

    def forget(self) -> None:
        """Close what is open and keep nothing in mind, because the files become others."""
        if self._segment is not None:
            self._segment.close()
        self._segment = self._damaged = None

    def close(self) -> None:
        """Give everything back, the lock last."""
        self.forget()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _segment_of(self, number: int, at_bytes: int) -> Segment:
        if self._segment is not None and self._segment.number != number:
            self._segment.close()
            self._segment = None
        if self._segment is None:
            found = Segment(self.files, self.directory, number)
            if found.n_bytes != at_bytes:
                found.close()
                raise OSError(errno.EIO, f"segment {number:06} is not as long as the log knows it to be")
            self._segment = found
            self._before = (found.n_bytes, found.n_part_bytes)
        return self._segment
