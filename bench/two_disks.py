# SPDX-License-Identifier: Apache-2.0
"""What a second disk costs: entries a second with one sink and with two, under either rule, in alternating rounds.

    python -m bench.two_disks [--json] [--entries N] [FOLDER [FOLDER]]

The folders lie on the disks to measure; without them both are in the temporary folder, on one disk, which is the
worst case: both sinks wait for the same device.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench.sequencer import NAME, PART, release
from gateway.keys.signing import SigningKey
from gateway.record.writing.pairing import Second
from gateway.record.writing.sequencer import Sequencer
from gateway.record.writing.sinks import Rule

CALLERS = (1, 64, 512)
ROUNDS = 5


async def appended(first: Path, second: Path | None, rule: Rule, n_entries: int, n_callers: int) -> float:
    """Append entries with parts from so many callers at once, and return how many a second were durable."""
    sink = None if second is None else Second(directory=second / "door-0", rule=rule)
    clock = lambda: time.time_ns() // 1_000  # noqa: E731
    key = SigningKey.generate()
    async with Sequencer(first / "door-0", name=NAME, signer=key, clock=clock, version="bench", second=sink) as log:
        began_s = time.perf_counter()

        async def call(begin: int) -> None:
            for n in range(begin, n_entries, n_callers):
                await log.append(release(n), PART)

        await asyncio.gather(*(call(begin) for begin in range(n_callers)))
        return n_entries / (time.perf_counter() - began_s)


def measured(places: tuple[Path, Path], n_entries: int) -> dict[str, float]:
    """Return the median rate of each way, measured in turns."""
    ways: dict[str, tuple[bool, Rule]] = {
        "one disk": (False, "both"),
        "two disks, both": (True, "both"),
        "two disks, either": (True, "either"),
    }
    found: dict[str, list[float]] = {}
    for n_callers in CALLERS:
        n = n_entries if n_callers > 1 else n_entries // 8
        for _ in range(ROUNDS):
            for name, (is_two, rule) in ways.items():
                with (
                    tempfile.TemporaryDirectory(prefix="gateway-bench-", dir=places[0]) as first,
                    tempfile.TemporaryDirectory(prefix="gateway-bench-", dir=places[1]) as second,
                ):
                    other = Path(second) if is_two else None
                    rate = asyncio.run(appended(Path(first), other, rule, n, n_callers))
                found.setdefault(f"{name}, {n_callers} callers", []).append(rate)
    return {name: statistics.median(rates) for name, rates in found.items()}


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--json", action="store_true")
    options.add_argument("--entries", type=int, default=20_000)
    options.add_argument("folders", type=Path, nargs="*", default=[], help="on the disks to measure, at most two")
    chosen = options.parse_args()
    folders = [*chosen.folders, *[Path(tempfile.gettempdir())] * 2][:2]
    found = measured((folders[0], folders[1]), chosen.entries)
    if chosen.json:
        json.dump({name: round(rate) for name, rate in found.items()}, sys.stdout, indent=2)
        print()
        return
    for name, rate in found.items():
        print(f"{name:<32} {rate:>12,.0f} entries/s")


if __name__ == "__main__":
    main()
