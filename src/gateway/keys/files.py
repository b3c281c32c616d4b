# SPDX-License-Identifier: Apache-2.0
"""Small files that hold keys: private, durable, replaced in one step, and overwritten when they are replaced.

Older bytes can outlive the overwriting on flash and on file systems that copy on write.
"""

import os
from pathlib import Path


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, durable but for its name."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        os.fchmod(descriptor, 0o600)
        out.write(content)
        out.flush()
        os.fsync(descriptor)


def put_in_place(fresh: Path, path: Path) -> None:
    """Let a file that is durable take the name of another, whose bytes are overwritten with zeros then."""
    if path.exists():
        path.chmod(0o600)  # one that was mounted or made read-only is overwritten as well
    before = os.open(path, os.O_WRONLY | os.O_CLOEXEC) if path.exists() else None
    fresh.replace(path)
    sync_directory(path.parent)
    if before is not None:
        os.pwrite(before, bytes(os.fstat(before).st_size), 0)
        os.fsync(before)
        os.close(before)


def overwrite(path: Path) -> None:
    """Remove a file, whose bytes are overwritten with zeros before."""
    path.chmod(0o600)
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    os.pwrite(descriptor, bytes(os.fstat(descriptor).st_size), 0)
    os.fsync(descriptor)
    os.close(descriptor)
    path.unlink()
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make names that were made or replaced in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
