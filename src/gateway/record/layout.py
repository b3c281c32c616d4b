# SPDX-License-Identifier: Apache-2.0
"""Where a log lies on disk: ``STATE/log/<slot>/{000000.ndjson, parts/000000.ndjson, checkpoint, log.pub, lock}``.

Segments are numbered without a gap; the parts of a segment's entries lie in the file of the same
number. All that a reader or verifier needs is in the slot's directory.
"""

import re
from collections.abc import Iterator
from pathlib import Path

CHECKPOINT = "checkpoint"
PUBLIC_KEY = "log.pub"
LOCK = "lock"
CHUNK_BYTES = 1 << 20
_SEGMENT = re.compile(r"[0-9]{6}\.ndjson\Z", re.ASCII)
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
        """Yield the lines from the offset to the end of the file as it is now, without line feeds."""
        self.rest = b""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            file.seek(self.offset)
            while chunk := file.read(CHUNK_BYTES):
                *whole, self.rest = (self.rest + chunk).split(b"\n")
                for line in whole:
                    self.offset += len(line) + 1
                    yield line

    def has_grown(self) -> bool:
        """Tell whether the file holds more than was read of it."""
        try:
            return self.path.stat().st_size > self.offset + len(self.rest)
        except FileNotFoundError:
            return False
