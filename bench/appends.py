# SPDX-License-Identifier: Apache-2.0
"""Part ``appends``: entries made durable by so many callers at once, beside a bare loop of append and fdatasync.

The bare loop writes the same bytes, those of as many entries and parts as there are callers, with one fdatasync for
each group, and does nothing else. Ours encodes, hashes, chains, signs and syncs lines and parts apart.
"""

import asyncio
import os
import tempfile
import time
from pathlib import Path

import uvloop

from bench.report import Figure, figure, marked
from bench.sequencer import NAME, PART, release
from gateway.keys.signing import SigningKey
from gateway.record.writing.sequencer import Sequencer

CALLERS = (1, 4, 64)
ENTRIES = {1: 400, 4: 1_600, 64: 6_400}
TARGET = 0.4
"""Of the bare loop, at 4 and 64 callers."""


def measure(disk: Path, memory: Path, *, rounds: int, scale: int) -> list[Figure]:
    """Return the figures on both kinds of place; rounds of the bare loop and of ours take turns."""
    found: list[Figure] = []
    for word, place in (("disk", disk), ("memory", memory)):
        for n_callers in CALLERS:
            n_entries = ENTRIES[n_callers] * scale
            bare, ours = [], []
            for _ in range(rounds):
                ours_s, n_bytes = _ours(place, n_entries, n_callers)
                ours.append(n_entries / ours_s)
                bare.append(n_entries / _bare(place, n_entries, n_callers, n_bytes // n_entries))
            target = TARGET if n_callers > 1 and word == "disk" else None
            ratios = [one / two for one, two in zip(ours, bare, strict=True)]
            name = f"{word}, {n_callers} caller{'s' * (n_callers > 1)}"
            some = [
                figure("appends", f"{name}: bare loop", "entries/s", bare),
                figure("appends", f"{name}: ours", "entries/s", ours),
                figure("appends", f"{name}: ours ÷ bare", "", ratios, target=target),
            ]
            found += marked(some, bare)
    return found


def _bare(place: Path, n_entries: int, group: int, n_bytes: int) -> float:
    with tempfile.TemporaryDirectory(prefix="gateway-bench-", dir=place) as folder:
        descriptor = os.open(Path(folder) / "bare", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        content = bytes(n_bytes * group)
        started_s = time.perf_counter()
        for _ in range(n_entries // group):
            os.write(descriptor, content)
            os.fdatasync(descriptor)
        took_s = time.perf_counter() - started_s
        os.close(descriptor)
    return took_s


def _ours(place: Path, n_entries: int, n_callers: int) -> tuple[float, int]:
    """Return the seconds that ours takes, and the bytes that it wrote."""
    with tempfile.TemporaryDirectory(prefix="gateway-bench-", dir=place) as folder:
        slot = Path(folder) / "door-0"
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as the gateway runs it
            took_s = runner.run(_appended(slot, n_entries, n_callers))
        return took_s, sum(path.stat().st_size for path in slot.rglob("*") if path.is_file())


async def _appended(slot: Path, n_entries: int, n_callers: int) -> float:
    key = SigningKey.generate()
    async with Sequencer(slot, name=NAME, signer=key, clock=lambda: time.time_ns() // 1_000, version="bench") as log:

        async def call(first: int) -> None:
            for number in range(first, n_entries, n_callers):
                await log.append(release(number), PART)

        started_s = time.perf_counter()
        await asyncio.gather(*(call(first) for first in range(n_callers)))
        return time.perf_counter() - started_s
