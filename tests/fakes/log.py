# SPDX-License-Identifier: Apache-2.0
"""Logs for tests: a disk that fails on demand, keys made from a name, and logs written in one call."""

import errno
import os
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec
from typing_extensions import override

from gateway.domain.entry import Changed, Entry, Facts, Part, Release
from gateway.domain.names import DecisionId
from gateway.keys.signing import SigningKey
from gateway.record.format.checkpoint import VerifierKey
from gateway.record.format.files import DiskFiles, Files
from gateway.record.writing.drafts import draft
from gateway.record.writing.opening import SEGMENT_BYTES, begin, open_slot
from gateway.record.writing.pairing import Second
from gateway.record.writing.slot import SlotLog

NAME = "demo/node-1/door-0"
START_US = 1_790_000_000_000_000


class Ticking:
    """A clock that moves one millisecond at every look."""

    def __init__(self, now_us: int = START_US) -> None:
        self.now_us = now_us

    def __call__(self) -> int:
        """Return the time."""
        self.now_us += 1_000
        return self.now_us


class FaultyDisk(DiskFiles):
    """The real disk until ``fail`` is set; then the named operations raise.

    Attributes:
        fail: For each operation, the error number that it raises.
        budget_bytes: Bytes that may still be written before the disk is full; ``None`` for any.
        before_sync: Called before every sync, such as to wait.
    """

    def __init__(self) -> None:
        self.fail: dict[str, int] = {}
        self.budget_bytes: int | None = None
        self.before_sync: Callable[[], None] = lambda: None
        self.n_syncs = 0
        self.free = (1 << 40, 1 << 41)

    def _maybe_fail(self, operation: str) -> None:
        if operation in self.fail:
            raise OSError(self.fail[operation], os.strerror(self.fail[operation]))

    @override
    def open_to_append(self, path: Path) -> int:
        self._maybe_fail("open")
        return super().open_to_append(path)

    @override
    def open_fresh(self, path: Path) -> int:
        self._maybe_fail("open_fresh")
        return super().open_fresh(path)

    @override
    def write(self, descriptor: int, content: bytes | memoryview) -> int:
        self._maybe_fail("write")
        if self.budget_bytes is None:
            return super().write(descriptor, content)
        if not self.budget_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        n_written = super().write(descriptor, content[: self.budget_bytes])
        self.budget_bytes -= n_written
        return n_written

    @override
    def sync(self, descriptor: int) -> None:
        self.before_sync()
        self._maybe_fail("sync")
        self.n_syncs += 1
        super().sync(descriptor)

    @override
    def cut(self, descriptor: int, n_bytes: int) -> None:
        self._maybe_fail("cut")
        super().cut(descriptor, n_bytes)

    @override
    def rename(self, source: Path, target: Path) -> None:
        self._maybe_fail("rename")
        super().rename(source, target)

    @override
    def free_bytes(self, path: Path) -> tuple[int, int]:
        self._maybe_fail("free")
        return self.free


def key_of(name: str) -> SigningKey:
    """Return a key that is always the same for a name."""
    return SigningKey(sha256(name.encode()).digest())


def verifier_key(name: str = NAME, key: SigningKey | None = None) -> str:
    """Return the verifier key of a test log."""
    return VerifierKey(name, (key or key_of(name)).public_key).text()


def opened(
    directory: Path,
    name: str = NAME,
    *,
    key: SigningKey | None = None,
    files: Files | None = None,
    clock: Callable[[], int] | None = None,
    most_bytes: int = SEGMENT_BYTES,
    second: Second | None = None,
) -> SlotLog:
    """Open a log and enter its opening."""
    signer = key or key_of(name)
    log, found = open_slot(directory, name, signer, files or DiskFiles(), most_bytes=most_bytes, second=second)
    begin(log, found, version="test", public_key=signer.public_key, clock=clock or Ticking())
    return log


def enter(log: SlotLog, entry: Entry, part: Part | None = None, at_us: int = START_US) -> int:
    """Append one entry."""
    return log.append([draft(entry, part, at_us)])


def release(call: str, n: int = 0, *, last: bool = True, account: str = "a:analyst") -> Release:
    """Return a release of three rows."""
    facts = Facts(
        account=account, client="newsletter-app", purpose="marketing.communications.email", dataset="crm.customers"
    )
    return Release(call=DecisionId(call), n=n, rows=3, bytes=120, people=3, last=last, facts=facts if n == 0 else None)


def part(*people: int) -> Part:
    """Return a part that names people."""
    return Part(ip="192.0.2.7", user_agent="test/1", met=people)


def written(
    directory: Path, n_entries: int, name: str = NAME, *, key: SigningKey | None = None, most_bytes: int = SEGMENT_BYTES
) -> None:
    """Write a closed log of ``n_entries`` (at least 2): an opening, releases with parts or changes without, a close."""
    log = opened(directory, name, key=key, most_bytes=most_bytes)
    for place in range(n_entries - 2):
        if place % 3 == 2:
            enter(log, Changed(by="local:root", what="choice-recorded", target=f"p{place}"))
        else:
            enter(log, release(f"d{place}"), part(place, place + 1))
    log.close(START_US)


def checkpoint_of(directory: Path) -> str:
    """Return the newest checkpoint of a log."""
    return (directory / "checkpoint").read_text()


def lines(directory: Path, number: int = 0) -> list[bytes]:
    """Return the lines of a segment with their line feeds."""
    return (directory / f"{number:06}.ndjson").read_bytes().splitlines(keepends=True)


def put_lines(directory: Path, content: Sequence[bytes], number: int = 0) -> None:
    """Put lines in the place of a segment's."""
    (directory / f"{number:06}.ndjson").write_bytes(b"".join(content))


def changed(line: bytes, **fields: object) -> bytes:
    """Return a line with some of its fields changed, and its line feed."""
    return msgspec.json.encode({**msgspec.json.decode(line), **fields}) + b"\n"
