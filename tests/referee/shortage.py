# SPDX-License-Identifier: Apache-2.0
"""Ways of letting a real disk refuse writes to a gateway, and of letting it take them again.

Each is a refusal by the kernel, none is in the gateway's own code:

- ``small disk``: the state folder lies on a file system of a few MiB that is filled up (ENOSPC). It is mounted in a
  mount namespace of its own, by root or in a user namespace, so nothing of the machine is changed.
- ``size limit``: the processes may write no file beyond 0 bytes (RLIMIT_FSIZE, EFBIG). Works for any user.
"""

import asyncio
import contextlib
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from tests.referee import rig

DISK_MIB = 24
ROOT_FLAGS, USER_FLAGS = ("-m",), ("-m", "-U", "-r")


class SmallDisk:
    """A small file system that only its own namespace sees; ``folder`` is the way to it from here."""

    def __init__(self, holder: "subprocess.Popen[bytes]", place: Path, flags: Sequence[str]) -> None:
        """Keep who holds the namespace."""
        self._holder, self._place, self._flags = holder, place, flags

    @property
    def folder(self) -> Path:
        """The file system, as seen from outside of its namespace."""
        return Path(f"/proc/{self._holder.pid}/root") / self._place.relative_to("/")

    def inside(self, command: Sequence[str]) -> list[str]:
        """Return a command that runs in the namespace, in the same process."""
        user = ("-U", "--preserve-credentials") if "-U" in self._flags else ()
        return ["nsenter", "-t", str(self._holder.pid), "-m", *user, *command]

    def fill(self, left_bytes: int = 0) -> None:
        """Write until no more than so many bytes are free."""
        disk = os.statvfs(self.folder)
        with (self.folder / "ballast").open("ab", buffering=0) as file, contextlib.suppress(OSError):
            n_bytes = max(0, disk.f_bavail * disk.f_frsize - left_bytes)
            while n_bytes > 0:
                n_bytes -= file.write(bytes(min(n_bytes, 65_536)))
            # The last page too, where nothing is to be left.
            while left_bytes == 0 and file.write(bytes(512)):
                pass

    def free(self) -> None:
        """Give the room back."""
        (self.folder / "ballast").unlink()


@contextmanager
def small_disk(place: Path, mib: int = DISK_MIB) -> Iterator[SmallDisk | None]:
    """Yield a small file system on a folder, or ``None`` where this system lets nobody mount one."""
    place.mkdir()
    for flags in (ROOT_FLAGS, USER_FLAGS):
        script = f'mount -t tmpfs -o size={mib}m,mode=700 tmpfs "{place}" && echo mounted && exec cat >/dev/null'
        holder = subprocess.Popen(
            ["unshare", *flags, "sh", "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        with holder:
            assert holder.stdout is not None
            if holder.stdout.readline() == b"mounted\n":
                yield SmallDisk(holder, place, flags)
                holder.kill()
                return
    yield None


class Shortage:
    """A gateway whose disk can be taken away; ``state`` is its state folder, as seen from here."""

    def __init__(self, running: rig.Running, state: Path, disk: SmallDisk | None) -> None:
        """Keep what is needed to take and give."""
        self.running, self.state, self._disk = running, state, disk

    def begin(self, left_bytes: int = 0) -> None:
        """Let the disk refuse writes; or, of a small disk, leave so many bytes."""
        if self._disk is not None:
            self._disk.fill(left_bytes)
        else:
            self._limit(0)

    def end(self) -> None:
        """Let the disk take writes again."""
        if self._disk is not None:
            self._disk.free()
        else:
            self._limit(resource.RLIM_INFINITY)

    def _limit(self, n_bytes: int) -> None:
        pid = self.running.process.pid
        for one in (pid, *rig.children(pid)):
            resource.prlimit(one, resource.RLIMIT_FSIZE, (n_bytes, resource.RLIM_INFINITY))


@asynccontextmanager
async def on_short_disk(made: rig.Rig, kind: str, *options: str) -> AsyncIterator[Shortage]:
    """Run the gateway on a disk that can be taken away from it."""
    with contextlib.ExitStack() as stack:
        disk = stack.enter_context(small_disk(made.folder / "small")) if kind == "small disk" else None
        if disk is None:
            async with rig.gateway(made, *options) as running:
                yield Shortage(running, made.state, None)
            return
        state = disk.folder / "state"
        await asyncio.to_thread(shutil.copytree, made.state, state)
        seen_inside = str(made.folder / "small" / "state")
        command = disk.inside([sys.executable, "-m", "gateway", "serve", "--state", seen_inside, *options])
        async with rig.gateway_by(made, command) as running:
            yield Shortage(running, state, disk)
