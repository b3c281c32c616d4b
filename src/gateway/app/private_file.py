# SPDX-License-Identifier: Apache-2.0
"""A file that only its owner may read, and that is there as a whole or not at all."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from gateway.keys.files import sync_directory


@contextmanager
def private_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a file to write to that takes the path's place, durably, when the block ends in order.

    After an error nothing is left behind, and what stood there stays. A link is replaced, and never written through.

    Raises:
        OSError: It cannot be written, or what stands there is no file, such as ``/dev/null``: nothing may take its place.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "only a file can be replaced by one", str(path))
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        sync_directory(path.parent)
    finally:
        fresh.unlink(missing_ok=True)
