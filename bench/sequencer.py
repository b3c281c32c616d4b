# SPDX-License-Identifier: Apache-2.0
"""How fast entries become durable, against what the disk itself can do in the same run, and how fast they verify.

The reference writes the same bytes plainly: one write and one fdatasync an entry, and one of each for a
group of entries. Figures are entries a second, the median of the rounds.

    python bench/sequencer.py [--json] [--entries N] [--dir DIR]
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pyroaring import BitMap

from gateway.domain.entry import Facts, Part, Release
from gateway.domain.names import DecisionId
from gateway.keys.signing import SigningKey
from gateway.record.proof.verify import verify_log
from gateway.record.writing.sequencer import Sequencer

CALLERS = (1, 64, 512)
ROUNDS = 3
NAME = "bench/node/door-0"
PART = Part(ip="192.0.2.7", user_agent="bench/1", people=BitMap(range(0, 4_000, 40)).serialize())


def release(place: int) -> Release:
    """Return an entry of the usual length, with its facts."""
    facts = Facts(
        account="a:7f3c9a10",
        client="newsletter-app",
        recipient="own",
        purpose="marketing.communications.email",
        reference="spring-24",
        dataset="crm.customers",
        operation="read",
        method="GET",
        route="/crm/customers",
        fields={"reveal": ("id", "country"), "mask": ("phone",), "surrogate": ("email",)},
        filters=("country eq", "sort -age"),
        rules="9f86d081884c7d65",
        grants=("g:1f2e3d4c5b6a",),
        assurance=3,
    )
    return Release(call=DecisionId(f"d{place:012}"), n=0, rows=100, bytes=18_000, people=100, last=True, facts=facts)


def measure(n_entries: int, work: Callable[[Path], None], place: Path) -> float:
    """Return the median of the rounds, in entries a second."""
    rates = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(prefix="gateway-bench-", dir=place) as fresh:
            started_s = time.perf_counter()
            work(Path(fresh))
            rates.append(n_entries / (time.perf_counter() - started_s))
    return statistics.median(rates)


def plain(n_entries: int, group: int, n_bytes: int) -> Callable[[Path], None]:
    """Return work that writes entries of a length plainly, a group with each fdatasync."""

    def work(place: Path) -> None:
        descriptor = os.open(place / "plain", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        for _ in range(n_entries // group):
            os.write(descriptor, bytes(n_bytes * group))
            os.fdatasync(descriptor)
        os.close(descriptor)

    return work


def sequenced(n_entries: int, n_callers: int, part: Part | None) -> Callable[[Path], None]:
    """Return work that appends entries from so many callers at once."""

    async def run(place: Path) -> None:
        key = SigningKey.generate()
        clock = lambda: time.time_ns() // 1_000  # noqa: E731
        async with Sequencer(place / "door-0", name=NAME, signer=key, clock=clock, version="bench") as log:

            async def call(first: int) -> None:
                for n in range(first, n_entries, n_callers):
                    await log.append(release(n), part)

            await asyncio.gather(*(call(first) for first in range(n_callers)))

    return lambda place: asyncio.run(run(place))


def verified(n_entries: int, place: Path) -> float:
    """Return how many entries with parts are verified in a second."""
    with tempfile.TemporaryDirectory(prefix="gateway-bench-", dir=place) as fresh:
        sequenced(n_entries, 512, PART)(Path(fresh))
        started_s = time.perf_counter()
        verdict = verify_log(Path(fresh) / "door-0")
        took_s = time.perf_counter() - started_s
    if not verdict.is_right:
        raise SystemExit(f"the log of the bench does not verify: {verdict.problems}")
    return verdict.n_signed / took_s


def figures(n_entries: int, place: Path) -> dict[str, float]:
    """Measure everything and return it by name."""
    found = {}
    for n_callers in CALLERS:
        n = n_entries if n_callers > 1 else n_entries // 8
        group = min(n_callers, 256)
        found[f"plain write+fdatasync, {group} a group"] = measure(n, plain(n, group, 750), place)
        found[f"sequencer, {n_callers} callers"] = measure(n, sequenced(n, n_callers, None), place)
        found[f"sequencer, {n_callers} callers, with parts"] = measure(n, sequenced(n, n_callers, PART), place)
    found["verification"] = verified(5 * n_entries, place)
    return found


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--json", action="store_true")
    options.add_argument("--entries", type=int, default=20_000)
    options.add_argument("--dir", type=Path, default=None, help="directory on the disk to measure")
    chosen = options.parse_args()
    found = figures(chosen.entries, chosen.dir or Path(tempfile.gettempdir()))
    if chosen.json:
        json.dump({name: round(rate) for name, rate in found.items()}, sys.stdout, indent=2)
        print()
        return
    for name, rate in found.items():
        print(f"{name:<40} {rate:>12,.0f} entries/s")


if __name__ == "__main__":
    main()
