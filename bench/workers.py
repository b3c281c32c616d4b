# SPDX-License-Identifier: Apache-2.0
"""Part ``workers``: two doors beside one, on all cores, with the store and the load on the same cores.

Two doors cannot have both cores where store and load need some of them. So beside the plain ratio stands the one by
processor time: how many calls two doors answer in a second of processor time each, beside one door.
"""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench import calls, world
from bench.processes import ALL_CORES, loaded, request, store
from bench.report import Figure, figure, marked

CONNECTIONS = 32
N_ROWS = 10
TARGET = 1.6


def measure(place: Path, *, rounds: int, seconds: float) -> list[Figure]:
    """Return the figures of one door and of two, in turn."""
    with ExitStack() as opened:
        backend = opened.enter_context(store(ALL_CORES))
        servers = []
        for n_doors in (1, 2):
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="gateway-bench-", dir=place)))
            settings = world.made(folder / "state", backend.port)
            world.enrol(settings)
            running = opened.enter_context(world.gateway(settings.state, "--workers", str(n_doors), cores=ALL_CORES))
            servers.append(calls.Server(running=running, headers=world.headers(settings)))
            loaded(running.port, request(f"{world.PATH}?limit=1000", servers[-1].headers), connections=4, seconds=2.0)
        each: list[list[tuple[float, float, float]]] = [[], []]
        for _ in range(rounds):
            for server, some in zip(servers, each, strict=True):
                some.append(_once(server, backend.cpu_s, seconds))
    one, two = each
    word = f"{N_ROWS} rows"
    plain = [b[0] / a[0] for a, b in zip(one, two, strict=True)]
    # A door has one core at most, so two have twice what one has of it.
    accounted = [2 * b[1] / a[1] for a, b in zip(one, two, strict=True)]
    found = [
        figure("workers", f"{word}, 1 door", "calls/s", [some[0] for some in one]),
        figure("workers", f"{word}, 2 doors", "calls/s", [some[0] for some in two]),
        figure("workers", f"{word}, 1 door", "calls/cpu-s", [some[1] for some in one]),
        figure("workers", f"{word}, 2 doors", "calls/cpu-s", [some[1] for some in two]),
        figure("workers", f"{word}, 2 doors: share of the cores of load and store", "", [some[2] for some in two]),
        figure("workers", f"{word}, 2 doors ÷ 1, plain", "", plain),
        figure("workers", f"{word}, 2 doors ÷ 1, share of the load accounted for", "", accounted, target=TARGET),
    ]
    return marked(found, [some[1] for some in one])


def _once(server: calls.Server, store_cpu_s: Callable[[], float], seconds: float) -> tuple[float, float, float]:
    """Return calls a second, calls a second of the doors' processor time, and the share of load and store."""
    call = request(f"{world.PATH}?limit={N_ROWS}", server.headers)
    before_s, store_before_s = server.running.cpu_s(), store_cpu_s()
    told = loaded(server.running.port, call, connections=CONNECTIONS, seconds=seconds, cores=ALL_CORES)
    used_s, store_used_s = server.running.cpu_s() - before_s, store_cpu_s() - store_before_s
    others = (told["load_cpu_s"] + store_used_s) / told["seconds"] / 2
    return told["calls"] / told["seconds"], told["calls"] / max(used_s, 0.01), others
