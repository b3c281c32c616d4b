# SPDX-License-Identifier: Apache-2.0
"""Parts ``calls`` and ``lua``: the whole way of a call, beside the same server without us and beside nginx + Lua.

All servers run at once on core 0 and are loaded in turn, round by round, by 16 connections from core 1, where the
store is too. Each figure is told twice: in calls a second, and in calls a second of the server's own processor
time, which others on the machine move less.
"""

import base64
import hmac
import json
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from bench import world
from bench.processes import SERVER_CORES, Running, loaded, program, python, request, store
from bench.report import Figure, figure, marked

CONNECTIONS = 16
SIZES = (1, 10, 1_000)
TO_RAW = {1: 0.7, 10: 0.7, 1_000: 0.25}
TO_LUA = {1: 0.5, 10: 0.8, 1_000: 6.0}
RAW, MEMORY, DISK, LUA = "pass-through", "gateway, log in memory", "gateway, log on disk", "nginx + Lua"
MODULES = Path("/usr/lib/nginx/modules/ngx_http_lua_module.so")
HERE = Path(__file__).parent / "nginx"


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """One server in one round."""

    calls_s: float
    calls_cpu_s: float
    """Calls in a second of the server's processor time."""
    load_share: float
    """Of a core, what the load itself used."""
    p99_ms: float


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """A server that is measured, and the headers that it wants."""

    running: Running
    headers: Mapping[str, str]


def once(server: Server, n_rows: int, seconds: float) -> Loaded:
    """Load a server for one round."""
    call = request(f"{world.PATH}?limit={n_rows}", server.headers)
    before_s = server.running.cpu_s()
    told = loaded(server.running.port, call, connections=CONNECTIONS, seconds=seconds)
    used_s = server.running.cpu_s() - before_s
    return Loaded(
        calls_s=told["calls"] / told["seconds"],
        calls_cpu_s=told["calls"] / max(used_s, 0.01),
        load_share=told["load_cpu_s"] / told["seconds"],
        p99_ms=told["p99_ms"],
    )


def measure(disk: Path, memory: Path, *, rounds: int, seconds: float, with_lua: bool) -> list[Figure]:
    """Return the figures of both parts."""
    with ExitStack() as opened:
        backend = opened.enter_context(store())
        folders = [
            Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="gateway-bench-", dir=place)))
            for place in (memory, disk)
        ]
        settings = [world.made(folder / "state", backend.port) for folder in folders]
        for one in settings:
            world.enrol(one)
        raw = program(python("-m", "bench.passthrough", f"http://127.0.0.1:{backend.port}"), cores=SERVER_CORES)
        running = {RAW: opened.enter_context(raw)}
        for name, one in zip((MEMORY, DISK), settings, strict=True):
            running[name] = opened.enter_context(world.gateway(one.state, cores=SERVER_CORES))
        lua_headers: dict[str, str] = {}
        if with_lua and MODULES.exists() and shutil.which("nginx"):
            running[LUA] = opened.enter_context(_nginx(folders[0], backend.port))
            lua_headers = _hs256()
        elif with_lua:
            print("skipped: nginx + Lua; apt-get install nginx libnginx-mod-http-lua lua-cjson", file=sys.stderr)
        found: list[Figure] = []
        for n_rows in SIZES:
            # A bearer lasts five minutes, so there is a new one for each size.
            headers = {MEMORY: world.headers(settings[0]), DISK: world.headers(settings[1]), LUA: lua_headers, RAW: {}}
            servers = {name: Server(running=one, headers=headers[name]) for name, one in running.items()}
            found += _of_size(servers, n_rows, rounds, seconds)
        return found


def _of_size(servers: Mapping[str, Server], n_rows: int, rounds: int, seconds: float) -> list[Figure]:
    for server in servers.values():
        once(server, 1_000, 1.0)  # everybody of the store has been met, and its surrogates made
    each: dict[str, list[Loaded]] = {name: [] for name in servers}
    for _ in range(rounds):
        for name, server in servers.items():
            each[name].append(once(server, n_rows, seconds))
    word = f"{n_rows} row{'s' * (n_rows > 1)}"
    found: list[Figure] = []
    for name, some in each.items():
        found += [
            figure("calls", f"{word}, {name}", "calls/s", [one.calls_s for one in some]),
            figure("calls", f"{word}, {name}: by processor time", "calls/cpu-s", [one.calls_cpu_s for one in some]),
            figure("calls", f"{word}, {name}: 99th percentile", "ms", [one.p99_ms for one in some]),
        ]
    loads = [one.load_share for some in each.values() for one in some]
    found.append(figure("calls", f"{word}: share of its core that the load used", "", loads))
    pairs = [(MEMORY, RAW, TO_RAW[n_rows]), (DISK, RAW, None), (MEMORY, LUA, TO_LUA[n_rows]), (DISK, LUA, None)]
    for name, other, target in pairs:
        if other in each:
            found += _ratios(word, (name, each[name]), (other, each[other]), target)
    return marked(found, [one.calls_cpu_s for one in each[RAW]])


def _ratios(
    word: str, ours: tuple[str, list[Loaded]], other: tuple[str, list[Loaded]], target: float | None
) -> list[Figure]:
    name = f"{word}, {ours[0]} ÷ {other[0]}"
    pairs = list(zip(ours[1], other[1], strict=True))
    return [
        figure("calls", name, "", [one.calls_s / two.calls_s for one, two in pairs], target=target),
        figure("calls", f"{name}: by processor time", "", [one.calls_cpu_s / two.calls_cpu_s for one, two in pairs]),
    ]


SECRET = "a secret of the bench that signs nothing else"  # noqa: S105 - made up


def _hs256() -> dict[str, str]:
    """Return the headers of the call for nginx, with a bearer that it verifies."""
    claims = {"sub": "a:bench", "scope": f"purpose:{world.PURPOSE}", "exp": int(time.time()) + 3_600}
    head, body = (_base64url(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "at+jwt"}, claims))
    mark = _base64url(hmac.digest(SECRET.encode(), f"{head}.{body}".encode(), "sha256"))
    return {"Authorization": f"Bearer {head}.{body}.{mark}", "Data-Purpose": world.PURPOSE, "Data-Reference": "bench"}


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@contextmanager
def _nginx(folder: Path, store_port: int) -> Iterator[Running]:
    """Run nginx with the job in Lua; its files lie in a folder of its own."""
    own = folder / "nginx"
    own.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    text = (HERE / "nginx.conf").read_text(encoding="utf-8")
    for mark, value in {"FOLDER": own, "HERE": HERE, "STORE": store_port, "PORT": port, "SECRET": SECRET}.items():
        text = text.replace(f"@{mark}@", str(value))
    (own / "nginx.conf").write_text(text, encoding="utf-8")
    command = ["nginx", "-p", str(own), "-c", str(own / "nginx.conf"), "-e", str(own / "error.log")]
    with program(command, cores=SERVER_CORES, port=port) as running:
        yield running
