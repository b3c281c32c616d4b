# SPDX-License-Identifier: Apache-2.0
"""Part ``start``: from nothing to ready with 10,000 grants, and what a reload of them does to calls under way."""

import http.client
import json
import os
import signal
import statistics
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from bench import world
from bench.processes import OTHER_CORES, SERVER_CORES, Running, python, request, store
from bench.report import Figure, figure, marked, spin_s
from gateway.settings.loading import Settings

N_GRANTS = 10_000
READY_S = 2.0
MOVED = 2.0
CONNECTIONS = 4
BEFORE_S, AFTER_S = 4.0, 5.0


def measure(place: Path, *, rounds: int) -> list[Figure]:
    """Return the figures."""
    reference, ready_s, before_ms, during_ms = [spin_s()], [], [], []
    with tempfile.TemporaryDirectory(prefix="gateway-bench-", dir=place) as folder, store(OTHER_CORES) as backend:
        settings = world.made(Path(folder) / "state", backend.port, n_grants=N_GRANTS)
        world.enrol(settings)
        for place_of in range(rounds):
            started_s = time.perf_counter()
            with world.gateway(settings.state, cores=SERVER_CORES) as running:
                _await_ready(running)
                ready_s.append(time.perf_counter() - started_s)
                before, during = _reloaded(running, settings, place_of)
                before_ms.append(before)
                during_ms.append(during)
            reference.append(spin_s())
    word = f"{N_GRANTS:,} grants"
    moved = [two / one for one, two in zip(before_ms, during_ms, strict=True)]
    found = [
        figure("start", f"{word}: from nothing to ready", "s", ready_s, target=READY_S, at_most=True),
        figure("start", f"{word}: 99th percentile before a reload", "ms", before_ms),
        figure("start", f"{word}: 99th percentile of the worst second around it", "ms", during_ms),
        figure("start", f"{word}: by how much a reload moved it", "", moved, target=MOVED, at_most=True),
    ]
    return marked(found, reference)


def _await_ready(running: Running) -> None:
    for _ in range(3_000):
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=5)
            connection.request("GET", "/-/readyz")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.005)
    raise SystemExit("the gateway did not become ready")


def _reloaded(running: Running, settings: Settings, place: int) -> tuple[float, float]:
    """Return the 99th percentile of a second before, and of the worst second when a reload was asked for."""
    call = request(f"{world.PATH}?limit=10", world.headers(settings))
    seconds = str(BEFORE_S + AFTER_S)
    command = ["taskset", "-c", OTHER_CORES, *python("-m", "bench.load", str(running.port), str(CONNECTIONS), seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as load:
        assert load.stdin is not None
        assert load.stdout is not None
        load.stdin.write(call)
        load.stdin.close()
        # One more role, so that there is something new to put in force.
        grants = settings.policies_dir / "grants.csv"
        grants.write_text(grants.read_text(encoding="utf-8") + _one_more(place), encoding="utf-8")
        time.sleep(BEFORE_S)
        os.kill(running.pid, signal.SIGHUP)
        told = json.loads(load.stdout.read())
    assert not told["bad"], told
    seconds_ms = told["slices_ms"]
    # The load takes a moment to start, so the reload falls into the second before BEFORE_S or the one behind it.
    # The first second is left out: connections are made, and memories fill.
    asked = int(BEFORE_S) - 1
    return statistics.median(seconds_ms[1:asked]), max(seconds_ms[asked : asked + 3])


def _one_more(place: int) -> str:
    return f"p, late-{place}, bench, user.behavior, analytics, read, reveal, yes, allow, , \n"
