# SPDX-License-Identifier: Apache-2.0
"""Part ``log``: entering, verifying and searching a log of many entries.

Searches here read the segments; those that the index answers are in ``evidence``.
"""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.report import Figure, figure, marked, spin_s
from bench.sequencer import PART, sequenced
from gateway.domain.log_query import LogQuery
from gateway.record.proof.verify import verify_log
from gateway.record.reading.search import search

CALLERS = 512


def measure(place: Path, sizes: Sequence[int]) -> list[Figure]:
    """Return the figures for logs of so many entries."""
    found: list[Figure] = []
    reference = [spin_s()]
    for n_entries in sizes:
        found += _of(place, n_entries)
        reference.append(spin_s())
    return marked(found, reference)


def _of(place: Path, n_entries: int) -> list[Figure]:
    word = f"{n_entries:,} entries"
    with tempfile.TemporaryDirectory(prefix="gateway-bench-", dir=place) as folder:
        slot = Path(folder) / "door-0"
        started_s = time.perf_counter()
        sequenced(n_entries, CALLERS, PART)(Path(folder))
        entered_s = time.perf_counter() - started_s
        started_s = time.perf_counter()
        verdict = verify_log(slot)
        verified_s = time.perf_counter() - started_s
        assert verdict.is_right, verdict.problems
        n_bytes = sum(path.stat().st_size for path in slot.rglob("*") if path.is_file())
        newest_s = _searched(slot, LogQuery(kind="release"), 20)
        call_s = _searched(slot, LogQuery(call="d000000000005"), 20)
    return [
        figure("log", f"{word}: entered by {CALLERS} callers", "entries/s", [n_entries / entered_s]),
        figure("log", f"{word}: length on disk of an entry with its part", "bytes", [n_bytes / n_entries]),
        figure("log", f"{word}: verified", "s", [verified_s]),
        figure("log", f"{word}: verified", "entries/s", [n_entries / verified_s]),
        figure("log", f"{word}: the newest 20 found", "s", [newest_s]),
        figure("log", f"{word}: one of the first calls found by its id", "s", [call_s]),
    ]


def _searched(slot: Path, query: LogQuery, most: int) -> float:
    started_s = time.perf_counter()
    found = search([slot], query, limit=most)
    assert found
    return time.perf_counter() - started_s
