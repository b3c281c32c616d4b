# SPDX-License-Identifier: Apache-2.0
"""The few file operations that a log rests on, behind a Protocol so that tests can let them fail.

Nothing is ever written in place: a file grows at its end, is cut, or is replaced as a whole.
"""

import os
from pathlib import Path
from typing import Protocol

_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_FRESH = os.O_WRONLY | os.O_TRUNC | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_CHUNK_BYTES = 1 << 20


class Files(Protocol):
    """Operations on the disk; each raises ``OSError`` when the disk does."""

    def open_to_append(self, path: Path) -> int:
        """Open a file for writing at its end, making it if need be, and return its descriptor."""
        ...

    def open_fresh(self, path: Path) -> int:
        """Open a file for writing, empty, and return its descriptor."""
        ...

    def write(self, descriptor: int, content: bytes | memoryview) -> int:
        """Write what fits and return how many bytes did."""
        ...

    def sync(self, descriptor: int) -> None:
        """Return when all that was written is durable (fdatasync)."""
        ...

    def cut(self, descriptor: int, n_bytes: int) -> None:
        """Cut a file to a length."""
        ...

    def close(self, descriptor: int) -> None:
        """Give a descriptor back."""
        ...

    def rename(self, source: Path, target: Path) -> None:
        """Put a file in another's place in one step."""
        ...

    def remove(self, path: Path) -> None:
        """Remove a file, if it is there."""
        ...

    def sync_directory(self, path: Path) -> None:
        """Return when the names in a directory are durable."""
        ...

    def free_bytes(self, path: Path) -> tuple[int, int]:
        """Return how many bytes are free for us on the disk, and how many it has."""
        ...


class DiskFiles:
    """The real disk."""

    def open_to_append(self, path: Path) -> int:
        """Open a file for writing at its end, readable by its owner alone."""
        return os.open(path, _APPEND, 0o600)

    def open_fresh(self, path: Path) -> int:
        """Open a file for writing, empty, readable by its owner alone."""
        return os.open(path, _FRESH, 0o600)

    def write(self, descriptor: int, content: bytes | memoryview) -> int:
        """Write what fits and return how many bytes did."""
        return os.write(descriptor, content)

    def sync(self, descriptor: int) -> None:
        """Return when all that was written is durable."""
        os.fdatasync(descriptor)

    def cut(self, descriptor: int, n_bytes: int) -> None:
        """Cut a file to a length."""
        os.ftruncate(descriptor, n_bytes)

    def close(self, descriptor: int) -> None:
        """Give a descriptor back."""
        os.close(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """Put a file in another's place in one step."""
        source.replace(target)

    def remove(self, path: Path) -> None:
        """Remove a file, if it is there."""
        path.unlink(missing_ok=True)

    def sync_directory(self, path: Path) -> None:
        """Return when the names in a directory are durable."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def free_bytes(self, path: Path) -> tuple[int, int]:
        """Return how many bytes are free for us on the disk, and how many it has."""
        disk = os.statvfs(path)
        return disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize


def write_whole(files: Files, descriptor: int, content: bytes) -> None:
    """Write all of the content, however many writes it takes."""
    rest = memoryview(content)
    while rest:
        rest = rest[files.write(descriptor, rest) :]


def replace_file(files: Files, path: Path, content: bytes) -> None:
    """Put a file with this content durably in the place of what is there; never half of it."""
    fresh = path.with_name(path.name + ".new")
    descriptor = files.open_fresh(fresh)
    try:
        write_whole(files, descriptor, content)
        files.sync(descriptor)
    finally:
        files.close(descriptor)
    files.rename(fresh, path)
    files.sync_directory(path.parent)


def cut_file(files: Files, path: Path, n_bytes: int) -> None:
    """Cut a file durably, over a descriptor of its own."""
    descriptor = files.open_to_append(path)
    try:
        files.cut(descriptor, n_bytes)
        files.sync(descriptor)
    finally:
        files.close(descriptor)


def copy_whole(files: Files, source: Path, target: Path) -> None:
    """Put a copy of a file durably in the place of what is there; never half of it."""
    fresh = target.with_name(target.name + ".new")
    descriptor = files.open_fresh(fresh)
    try:
        with source.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                write_whole(files, descriptor, chunk)
        files.sync(descriptor)
    finally:
        files.close(descriptor)
    files.rename(fresh, target)
    files.sync_directory(target.parent)
