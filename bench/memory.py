# SPDX-License-Identifier: Apache-2.0
"""Part ``memory``: what one long answer leaves behind in the memory of the gateway."""

import http.client
import tempfile
import threading
import time
from pathlib import Path

from bench import world
from bench.backend import ROW_BYTES
from bench.processes import SERVER_CORES, Running, store
from bench.report import Figure, figure, marked, spin_s

MIB = 1024 * 1024


def measure(place: Path, *, megabytes: int) -> list[Figure]:
    """Return by how much memory grew over an answer of so many megabytes of the store, and at its most."""
    reference = [spin_s()]
    n_rows = megabytes * 1_000_000 // ROW_BYTES
    with tempfile.TemporaryDirectory(prefix="gateway-bench-", dir=place) as folder, store(n_export=n_rows) as backend:
        settings = world.made(Path(folder) / "state", backend.port)
        world.enrol(settings)
        with world.gateway(settings.state, cores=SERVER_CORES) as running:
            headers = world.headers(settings)
            _read(running.port, f"{world.PATH}?limit=1000", headers)
            before = running.rss_bytes()
            seen = _Watched(running)
            started_s = time.perf_counter()
            n_bytes = _read(running.port, world.EXPORT, headers)
            took_s = time.perf_counter() - started_s
            most, after = seen.end(), running.rss_bytes()
    reference.append(spin_s())
    word = f"{megabytes:,} MB of the store"
    found = [
        figure("memory", f"{word}: growth at the most", "MiB", [(most - before) / MIB]),
        figure("memory", f"{word}: growth that stays", "MiB", [(after - before) / MIB]),
        figure("memory", f"{word}: rows", "rows/s", [n_rows / took_s]),
        figure("memory", f"{word}: told to the caller", "MB", [n_bytes / 1e6]),
    ]
    return marked(found, reference)


def _read(port: int, path: str, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    assert answer.status == 200, answer.read(1_000)
    n_bytes = 0
    while piece := answer.read(MIB):
        n_bytes += len(piece)
    connection.close()
    return n_bytes


class _Watched:
    """Looks at the memory of a process now and then, in a thread of its own."""

    def __init__(self, running: Running) -> None:
        self._running, self._most, self._ended = running, 0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(0.05):
            self._most = max(self._most, self._running.rss_bytes())

    def end(self) -> int:
        """Return the most that was seen."""
        self._ended.set()
        self._thread.join()
        return self._most
