# SPDX-License-Identifier: Apache-2.0
"""Where a log lies on disk: ``STATE/log/<slot>/{000000.ndjson, parts/000000.ndjson, checkpoint, log.pub, lock}``.

Segments are numbered without a gap; the parts of a segment's entries lie in the file of the same
number. All that a reader or verifier needs is in the slot's directory.
"""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from gateway.domain.errors import LogDamaged

CHECKPOINT = "checkpoint"
PUBLIC_KEY = "log.pub"
LOCK = "lock"
CHUNK_BYTES = 1 << 20
MOST_LINE_BYTES = 1 << 28
"""Far more than the longest part, which is that of an import of choices."""
MOST_NOTE_BYTES = 1 << 20
_SEGMENT = re.compile(r"[0-9]{6}\.ndjson\Z", re.ASCII)
_FOLDERS, _NOTES = ("parts", "seals", "stamps"), (CHECKPOINT, PUBLIC_KEY, "witnessed")
_NAME = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+/[A-Za-z0-9._-]+\Z", re.ASCII)


def is_log_name(name: str) -> bool:
    """Tell whether this can name a log: ``<installation>/<node>/<slot>``."""
    return len(name) <= 200 and _NAME.match(name) is not None


def slot_of(name: str) -> str:
    """Return the slot of a log's name: its last part, and the name of its directory."""
    return name.rpartition("/")[2]


def segment_path(directory: Path, number: int) -> Path:
    """Return the file of a segment's lines."""
    return directory / f"{number:06}.ndjson"


def parts_path(directory: Path, number: int) -> Path:
    """Return the file of a segment's parts."""
    return directory / "parts" / f"{number:06}.ndjson"


def segments(directory: Path) -> list[int]:
    """Return the numbers of the segments of a slot, in order."""
    return sorted(int(path.stem) for path in directory.iterdir() if _SEGMENT.match(path.name))


def slots(logs: Path) -> list[str]:
    """Return the slots under ``STATE/log``, by name; a directory is a slot whatever is left in it."""
    return sorted(path.name for path in logs.iterdir() if path.is_dir()) if logs.is_dir() else []


def unfit(directory: Path) -> list[str]:
    """Return, in sentences, what no log consists of: links, pipes and devices in place of files, and notes without an end.

    Whoever examines a log that somebody handed over must not be led elsewhere by it, wait for ever, or be filled up.
    """
    modes = {name: _found(directory / name) for name in _FOLDERS}
    wrong = [
        f"{name} is no folder" for name, found in modes.items() if found is not None and not stat.S_ISDIR(found.st_mode)
    ]
    inside = (
        [] if wrong else [path for name in _FOLDERS if modes[name] is not None for path in (directory / name).iterdir()]
    )
    there = directory.iterdir() if directory.is_dir() else ()
    lines = [path for path in there if _SEGMENT.match(path.name)]
    for path in (*(directory / name for name in _NOTES), *lines, *inside):
        found, name = _found(path), path.relative_to(directory).as_posix()
        if found is None or path.suffix == ".new":
            continue
        if not stat.S_ISREG(found.st_mode):
            wrong.append(f"{name} is no plain file but a link, a folder, a pipe or a device")
        elif path.suffix != ".ndjson" and found.st_size > MOST_NOTE_BYTES:
            wrong.append(f"{name} is longer than it can be")
    return wrong


def _found(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


class LineFile:
    """Whole lines of a file that may be growing.

    Attributes:
        offset: Where the next line that was not given out begins.
        rest: Bytes after the last line feed, once a reading came to the end.
    """

    __slots__ = ("offset", "path", "rest")

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        self.rest = b""

    def lines(self) -> Iterator[bytes]:
        """Yield the lines from the offset to the end of the file as it is now, without line feeds.

        Raises:
            LogDamaged: A line is longer than any that was ever written.
        """
        self.rest = b""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            file.seek(self.offset)
            # Joined when its end is seen: joined chunk by chunk, a long line would cost its length squared.
            held, n_bytes = [b""], 0
            while chunk := file.read(CHUNK_BYTES):
                held.append(chunk)
                n_bytes += len(chunk)
                if b"\n" in chunk:
                    *whole, self.rest = b"".join(held).split(b"\n")
                    held, n_bytes = [self.rest], len(self.rest)
                    for line in whole:
                        self.offset += len(line) + 1
                        yield line
                elif n_bytes > MOST_LINE_BYTES:
                    raise LogDamaged(f"{self.path.name} holds a line that is longer than any entry or part")
            self.rest = b"".join(held)

    def has_grown(self) -> bool:
        """Tell whether the file holds more than was read of it."""
        try:
            return self.path.stat().st_size > self.offset + len(self.rest)
        except FileNotFoundError:
            return False
