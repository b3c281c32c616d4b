# SPDX-License-Identifier: Apache-2.0
"""``python -m bench [PART …] [--quick] [--json FILE]``: measure, print a table, write a line of JSON for each figure.

What each part does and how it is measured stands in bench/README.md.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench import appends, calls, evidence, logs, memory, plans, starting, surrogates, workers
from bench.report import Figure, table

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it


def measures(disk: Path, *, quick: bool) -> dict[str, Callable[[], list[Figure]]]:
    """Return what measures each part."""
    in_memory = MEMORY if MEMORY.is_dir() else disk
    rounds, seconds = (3, 0.7) if quick else (5, 1.5)
    return {
        "calls": lambda: calls.measure(disk, in_memory, rounds=rounds, seconds=seconds, with_lua=True),
        "surrogates": lambda: surrogates.measure(in_memory, rounds=rounds, seconds=seconds),
        "plans": lambda: plans.measure(rounds=5 if quick else 20, most=10_000 if quick else 100_000),
        "appends": lambda: appends.measure(disk, in_memory, rounds=3 if quick else 5, scale=1 if quick else 4),
        "log": lambda: logs.measure(disk, (20_000,) if quick else (100_000, 1_000_000)),
        "evidence": lambda: evidence.measure(disk, (100_000,) if quick else (1_000_000,)),
        "memory": lambda: memory.measure(in_memory, megabytes=100 if quick else 1_000),
        "workers": lambda: workers.measure(in_memory, rounds=3 if quick else 5, seconds=seconds),
        "start": lambda: starting.measure(in_memory, rounds=1 if quick else 3),
    }


def main() -> None:
    """Measure the parts that are asked for, all if none is."""
    options = argparse.ArgumentParser(prog="python -m bench", description="Measure the gateway.")
    options.add_argument(
        "parts",
        nargs="*",
        help="calls surrogates plans appends log evidence memory workers start; all if none is named",
    )
    options.add_argument("--quick", action="store_true", help="smaller and shorter, for a first look")
    options.add_argument("--json", type=Path, help="file that gets a line of JSON for each figure")
    options.add_argument("--disk", type=Path, default=Path(tempfile.gettempdir()), help="folder on the disk to measure")
    chosen = options.parse_args()
    known = measures(chosen.disk, quick=chosen.quick)
    if unknown := set(chosen.parts) - known.keys():
        options.error(f"no such part: {', '.join(sorted(unknown))}")
    found: list[Figure] = []
    for part in chosen.parts or known:
        started_s = time.monotonic()
        found += known[part]()
        print(f"{part}: {time.monotonic() - started_s:.0f} s", file=sys.stderr, flush=True)
    if chosen.json:
        chosen.json.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in found))
    print(f"{os.cpu_count()} processors, load of the machine {os.getloadavg()[0]:.1f} at the end")
    print(table(found))
    if any(one.noisy for one in found):
        print("Figures marked noisy: the reference of their part moved by more than 1.5; run again when it is quiet.")


if __name__ == "__main__":
    main()
