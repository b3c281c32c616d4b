# SPDX-License-Identifier: Apache-2.0
"""Puts a disk that can fail under the log of every process that is started with this folder on PYTHONPATH.

``GATEWAY_TEST_FAULTS`` names a folder. A file ``faults`` in it says, in JSON, what the disk does from now on;
it is looked at before every operation:

    {"fail": {"write": 28, "sync": 5}, "short_bytes": 100, "pause_s": 0.01, "sync_s": 0.5}

``fail`` holds the error number by operation (``open write sync cut rename``); ``short_bytes`` is the most that
one write takes, ``pause_s`` the time after such a torn write, ``sync_s`` the time that each sync takes. What the
log did is written to ``journal``: process, operation, descriptor, name of the file, outcome.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.record.format.files import DiskFiles

_FOLDER = os.environ.get("GATEWAY_TEST_FAULTS")


class Disk:
    """The operations of the real disk, with faults before them."""

    def __init__(self, folder: Path) -> None:
        """Begin without a fault."""
        self._told = folder / "faults"
        self._journal = os.open(folder / "journal", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._names: dict[int, str] = {}
        self._seen_ns = -1
        self._faults: dict[str, Any] = {}

    def faults(self) -> dict[str, Any]:
        """Return what the disk does now."""
        try:
            told_ns = self._told.stat().st_mtime_ns
            if told_ns != self._seen_ns:
                self._faults, self._seen_ns = json.loads(self._told.read_text()), told_ns
        except (OSError, ValueError):
            # Not there yet, or just being replaced: what was told before still holds.
            pass
        return self._faults

    def before(self, operation: str, descriptor: int, name: str) -> None:
        """Fail if the operation is to fail."""
        number = self.faults().get("fail", {}).get(operation)
        if number is not None:
            self.note(operation, descriptor, name, os.strerror(number))
            raise OSError(number, os.strerror(number))

    def note(self, operation: str, descriptor: int, name: str, outcome: str) -> None:
        """Write down what was done."""
        line = json.dumps([os.getpid(), operation, descriptor, name, outcome])
        os.write(self._journal, line.encode() + b"\n")

    def install(self) -> None:
        """Put itself under the real disk."""
        real = {
            name: getattr(DiskFiles, name)
            for name in ("open_to_append", "open_fresh", "write", "sync", "cut", "close", "rename")
        }
        for name in ("open_to_append", "open_fresh"):
            setattr(DiskFiles, name, self._opening(real[name]))
        for name in ("sync", "cut", "close"):
            setattr(DiskFiles, name, self._using(name, real[name]))
        DiskFiles.write = self._writing(real["write"])  # type: ignore[method-assign]
        DiskFiles.rename = self._renaming(real["rename"])  # type: ignore[method-assign]

    def _opening(self, real: Callable[..., int]) -> Callable[..., int]:
        def opened(files: DiskFiles, path: Path) -> int:
            self.before("open", -1, path.name)
            descriptor = real(files, path)
            self._names[descriptor] = f"{path.parent.name}/{path.name}"
            self.note("open", descriptor, self._names[descriptor], "ok")
            return descriptor

        return opened

    def _using(self, operation: str, real: Callable[..., None]) -> Callable[..., None]:
        def used(files: DiskFiles, descriptor: int, *more: int) -> None:
            name = self._names.get(descriptor, "?")
            self.before(operation, descriptor, name)
            if operation == "sync":
                time.sleep(self.faults().get("sync_s", 0.0))
            real(files, descriptor, *more)
            self.note(operation, descriptor, name, "ok")

        return used

    def _writing(self, real: Callable[..., int]) -> Callable[..., int]:
        def written(files: DiskFiles, descriptor: int, content: bytes | memoryview) -> int:
            name = self._names.get(descriptor, "?")
            most = self.faults().get("short_bytes")
            if most is not None:
                # The first piece of a torn write gets through, and then comes the fault, if there is one.
                n_written = real(files, descriptor, content[:most])
                self.note("write", descriptor, name, f"{n_written} of {len(content)} bytes")
                time.sleep(self.faults().get("pause_s", 0.0))
                self.before("write", descriptor, name)
                return n_written
            self.before("write", descriptor, name)
            n_written = real(files, descriptor, content)
            self.note("write", descriptor, name, "ok")
            return n_written

        return written

    def _renaming(self, real: Callable[..., None]) -> Callable[..., None]:
        def renamed(files: DiskFiles, source: Path, target: Path) -> None:
            self.before("rename", -1, target.name)
            real(files, source, target)
            self.note("rename", -1, target.name, "ok")

        return renamed


if _FOLDER:
    Disk(Path(_FOLDER)).install()
