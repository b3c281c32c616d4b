# SPDX-License-Identifier: Apache-2.0
"""The hashes of a log's subtrees, kept beside it, so that a proof needs some kilobytes of a log of any size.

RULES

1. Derived and never trusted: ``hashes/0`` holds the leaf hashes one after the other, ``hashes/8`` the roots over each 256
   of them, ``hashes/16`` over each 65,536, and so on; ``hashes/place`` says over how many leaves they are, and where
   the next line begins. A proof made from them is held against the log's signed checkpoint before it is given
   out; where it does not fit, they are thrown away and made anew from the lines, once.
2. They are written up to a size whose root was held against a signed checkpoint, by whoever has the lock of the
   folder just then. What could not be written is kept in memory; an append waits for nobody here.

Source: the tiles of C2SP tlog-tiles (256 hashes a tile), in one file a level.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from gateway.domain.errors import LogDamaged
from gateway.record.format.layout import LineFile, segment_path, segments
from gateway.record.format.merkle import EMPTY_ROOT, HASH_BYTES, leaf_hash, node_hash

FOLDER = "hashes"
HEIGHT = 8
"""Levels of the tree from one file to the next."""
LEVELS = tuple(range(0, 64, HEIGHT))


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Over how many leaves the files are, and where the line of the next one begins."""

    size: int = 0
    segment: int = 0
    offset: int = 0


class Hashes:
    """The subtree hashes of one slot as one process knows them; not for several threads at once."""

    def __init__(self, directory: Path) -> None:
        """Take ``STATE/log/<slot>``, or a copy of it; nothing is read yet."""
        self._directory = directory
        self._folder = directory / FOLDER
        self._kept = Place()
        self._next = Place()
        self._tail = bytearray()
        self._known: dict[tuple[int, int], bytes] = {}

    def __len__(self) -> int:
        return self._next.size

    def reach(self, size: int) -> None:
        """Read on until so many leaves are known.

        Raises:
            LogDamaged: The log does not reach so far.
        """
        if size > len(self):
            self._take_what_is_kept()
        if size > len(self):
            for leaf in self._leaves(size - len(self)):
                self._tail += leaf
        if size > len(self):
            raise LogDamaged(f"the log has {len(self)} entries, {size} were expected; run `gateway log verify`")

    def leaf(self, index: int) -> bytes:
        """Return the hash of one leaf that is known."""
        return self._read(0, index, 1)

    def root(self, start: int, stop: int) -> bytes:
        """Return the root over the leaves from ``start`` up to, but not including, ``stop``.

        ``start`` is a multiple of every subtree's width in it, as it is in proofs.
        """
        if stop <= start:
            return EMPTY_ROOT
        peaks = []
        while start < stop:
            height = (stop - start).bit_length() - 1
            if start:
                height = min(height, (start & -start).bit_length() - 1)
            peaks.append(self._whole(height, start >> height))
            start += 1 << height
        root = peaks.pop()
        while peaks:
            root = node_hash(peaks.pop(), root)
        return root

    def forget(self) -> None:
        """Throw everything away, also on the disk; it is made anew from the log when it is asked for.

        Where the first segments were moved elsewhere it could not be, so nothing is.
        """
        if 0 not in segments(self._directory):
            return
        with contextlib.suppress(OSError):
            (self._folder / "place").unlink(missing_ok=True)
        self._kept = self._next = Place()
        self._tail.clear()
        self._known.clear()

    def keep(self) -> bool:
        """Write what is known; tell whether it was. The root over all of it was held against a signed checkpoint.

        Another process that writes now, or a folder that cannot be written to, is no error.
        """
        if len(self) == self._kept.size:
            return True
        try:
            with _locked(self._folder) as is_ours:
                if not is_ours or _read_place(self._folder) != self._kept:
                    return False
                self._write()
        except OSError:
            return False
        return True

    def _write(self) -> None:
        for level in LEVELS:
            first, last = self._kept.size >> level, self._next.size >> level
            if level and not last:
                break
            content = bytes(self._tail) if not level else b"".join(self._whole(level, at) for at in range(first, last))
            _append_at(self._folder / str(level), first * HASH_BYTES, content)
        _put(self._folder / "place", msgspec.json.encode(self._next))
        self._kept = self._next
        self._tail.clear()
        self._known.clear()

    def _take_what_is_kept(self) -> None:
        """Leave to the disk what another process has written there, so that memory holds only what is newer."""
        kept = _read_place(self._folder)
        if kept.size <= self._kept.size:
            return
        del self._tail[: (kept.size - self._kept.size) * HASH_BYTES]
        self._kept = kept
        self._known.clear()
        if kept.size > self._next.size:
            self._next = kept

    def _leaves(self, n: int) -> Iterator[bytes]:
        """Yield the next leaf hashes, at most so many, and move the place on."""
        numbers = segments(self._directory)
        if numbers and numbers[0] > self._next.segment + bool(self._next.size):
            raise LogDamaged(
                f"segments before {numbers[0]:06} are elsewhere and their hashes are not kept: put them back to make proofs"
            )
        for number in numbers:
            if number < self._next.segment or not n:
                continue
            file = LineFile(
                segment_path(self._directory, number), self._next.offset if number == self._next.segment else 0
            )
            for line in file.lines():
                yield leaf_hash(line)
                self._next = Place(size=self._next.size + 1, segment=number, offset=file.offset)
                n -= 1
                if not n:
                    return

    def _whole(self, height: int, index: int) -> bytes:
        """Return the root of a whole subtree: ``2**height`` leaves from ``index << height``."""
        level = height - height % HEIGHT
        if (index + 1) << (height - level) <= self._kept.size >> level or not level:
            return _folded(self._read(level, index << (height - level), 1 << (height - level)))
        found = self._known.get((height, index))
        if found is None:
            found = node_hash(self._whole(height - 1, 2 * index), self._whole(height - 1, 2 * index + 1))
            if height == level:
                self._known[height, index] = found
        return found

    def _read(self, level: int, first: int, n: int) -> bytes:
        """Return hashes of a level, one after the other: from its file, and leaves behind it from memory."""
        n_kept = self._kept.size >> level
        n_from_file = max(0, min(n, n_kept - first))
        content = b""
        if n_from_file:
            with contextlib.suppress(OSError), (self._folder / str(level)).open("rb") as file:
                content = os.pread(file.fileno(), n_from_file * HASH_BYTES, first * HASH_BYTES)
            # What is missing fits no checkpoint, so the proof fails and everything is made anew.
            content = content.ljust(n_from_file * HASH_BYTES, b"\0")
        if n > n_from_file:
            start = (first + n_from_file - n_kept) * HASH_BYTES
            content += bytes(self._tail[start : start + (n - n_from_file) * HASH_BYTES])
        return content


def kept_size(directory: Path) -> int:
    """Return over how many leaves the hashes of a slot are that lie on the disk."""
    return _read_place(directory / FOLDER).size


def _folded(hashes: bytes) -> bytes:
    """Return the root over hashes side by side; there are a power of two of them."""
    row = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


def _read_place(folder: Path) -> Place:
    """Return how far the files go; nowhere if that cannot be read."""
    try:
        return msgspec.json.decode((folder / "place").read_bytes(), type=Place)
    except (OSError, ValueError):
        return Place()


def _put(path: Path, content: bytes) -> None:
    """Put a file in the place of another. Nothing is synced: what a power cut spoils fits no checkpoint."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(content)
    fresh.chmod(0o600)
    fresh.replace(path)


def _append_at(path: Path, n_bytes: int, content: bytes) -> None:
    """Put content behind so many bytes of a file; what was there behind them was never counted."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.truncate(n_bytes)
        file.seek(n_bytes)
        file.write(content)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Hold the right to write, if nobody else does just now; yields whether it is held."""
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)
