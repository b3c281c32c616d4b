# SPDX-License-Identifier: Apache-2.0
"""Two long lists laid side by side in little memory: both are dealt into piles on disk by a key, and met pile by pile.

The pile of a key is chosen by a digest under a random key, so nobody who chooses keys can make one pile long. What
is written is removed at the end.
"""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import BinaryIO, Self

N_PILES = 64
KEY_BYTES = 16
_SIDES = ("one", "other")


class Piles:
    """Records of two sides, each of one length, by their first 16 bytes; use it as a context manager."""

    def __init__(self, one_bytes: int, other_bytes: int) -> None:
        """Begin with nothing; the lengths are those of the records of either side."""
        self._lengths = (one_bytes, other_bytes)
        self._salt = secrets.token_bytes(16)
        self._open = ExitStack()
        self._files: list[list[BinaryIO]] = []

    def __enter__(self) -> Self:
        folder = Path(self._open.enter_context(TemporaryDirectory(prefix="gateway-piles-")))
        for side in _SIDES:
            paths = [folder / f"{side}-{number}" for number in range(N_PILES)]
            self._files.append([self._open.enter_context(path.open("w+b")) for path in paths])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.close()

    def add(self, side: int, record: bytes) -> None:
        """Put a record of side 0 or 1 on the pile of its key."""
        if len(record) != self._lengths[side]:
            raise ValueError(f"a record of {len(record)} bytes, expected {self._lengths[side]}")
        digest = blake2b(record[:KEY_BYTES], key=self._salt, digest_size=1).digest()
        self._files[side][digest[0] % N_PILES].write(record)

    def met(self) -> Iterator[tuple[list[bytes], list[bytes]]]:
        """Yield the records of both sides, pile by pile: what has one key is in one pile."""
        for one, other in zip(*self._files, strict=True):
            yield _records(one, self._lengths[0]), _records(other, self._lengths[1])


def _records(file: BinaryIO, length: int) -> list[bytes]:
    file.seek(0)
    content = file.read()
    return [content[place : place + length] for place in range(0, len(content), length)]
