# SPDX-License-Identifier: Apache-2.0
"""Any amount of rows goes through each format in constant memory, over a real process and real sockets."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.app.installation import open_installation
from gateway.app.making import enrol_at_once, issue_locally, make_installation
from gateway.domain.entry import Release
from gateway.record.reading.reader import records
from gateway.settings.loading import Settings
from tests.fakes.streaming_store import StreamingStore
from tests.referee.numbers import GROWTH_BYTES, MEGABYTES
from tests.referee.report import summary

pytestmark = pytest.mark.alone

PURPOSE = "analytics.reporting.campaign_insights"
JSON, LINES, CSV, PEOPLE = "application/json", "application/x-ndjson", "text/csv", "text/csv;formulas=escaped"
WAYS = (
    ("array", JSON), ("object", JSON), ("ndjson", LINES), ("csv", CSV),
    ("csv", JSON), ("ndjson", CSV), ("array", LINES), ("object", PEOPLE),
)  # fmt: skip
"""What the store sends and what the caller gets: each format in, each form out."""
SOME_WAYS = (("array", LINES), ("ndjson", PEOPLE), ("csv", JSON))
ROUTE = """\
            - method: GET
              path: /crm/big/{kind}
              operation: read
              answer: {shape}
              parameters: {{fields: fields}}
"""
SHAPES = {kind: f"{{kind: {kind}}}" for kind in ("array", "ndjson", "csv")} | {"object": "{kind: object, rows: items}"}


@pytest.fixture
async def store() -> AsyncIterator[StreamingStore]:
    """A store that sends as much as it is told."""
    async with StreamingStore() as made:
        yield made


@pytest.fixture
async def settings(tmp_path: Path, store: StreamingStore) -> Settings:
    """An installation with a route for each kind, on a port that it chooses itself."""
    content = {
        "installation": "big",
        "listen": {"port": 0},
        "stores": {"crm": {"base_url": f"http://127.0.0.1:{store.port}/crm"}},
        "passwords": {"memory_kib": 64, "time_cost": 1},
        "log": {"least_free_bytes": 0, "least_free_percent": 0},
    }
    made = make_installation(tmp_path / "state", content)
    dataset = made.policies_dir / "datasets" / "crm.yaml"
    before, mark, behind = dataset.read_text().partition("      - name: contacts\n")
    routes = "routes:\n" + "".join(ROUTE.format(kind=kind, shape=shape) for kind, shape in SHAPES.items())
    dataset.write_text(before + mark + behind.replace("routes:\n", routes, 1))
    async with open_installation(made, "cli") as rooms:
        await enrol_at_once(
            rooms, "analyst", "analyst correct horse battery", roles=("analyst",), recipient="own", by="local:test"
        )
    return made


@pytest.fixture
async def serving(settings: Settings) -> AsyncIterator[tuple[int, int]]:
    """Id of the serving process and its port."""
    command = (sys.executable, "-m", "gateway", "serve", "--state", str(settings.state))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            line = (await process.stdout.readline()).decode()
        yield process.pid, int(line.rsplit(":", 1)[1])
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def most_bytes(pid: int) -> dict[int, int]:
    """Return the most memory that each process of a tree ever had, by its id."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    most = next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:"))
    children = [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
    return {pid: most} | {own: n for child in children for own, n in most_bytes(child).items()}


async def taken(port: int, kind: str, accept: str, bearer: str) -> tuple[int, bool]:
    """Return how many bytes came of an answer that is read and dropped, and whether it came to its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    call = (
        f"GET /crm/big/{kind}?fields=customer_id,outcome,duration_s HTTP/1.1\r\nHost: gateway.example\r\n"
        f"Authorization: Bearer {bearer}\r\nData-Purpose: {PURPOSE}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    )
    writer.write(call.encode())
    n_bytes, tail = 0, b""
    while piece := await reader.read(1 << 20):
        assert n_bytes or piece.startswith(b"HTTP/1.1 200 ")
        n_bytes, tail = n_bytes + len(piece), (tail + piece)[-5:]
    writer.close()
    return n_bytes, tail == b"0\r\n\r\n"


async def sent(
    settings: Settings, store: StreamingStore, serving: tuple[int, int], ways: Sequence[tuple[str, str]], n_bytes: int
) -> None:
    """Send so many bytes of rows each way, and compare memory and log with what was sent."""
    pid, port = serving
    idle, slot = most_bytes(pid), settings.state / "log" / "door-0"
    n_entries = 0
    for kind, accept in ways:
        async with open_installation(settings, "cli") as rooms:
            bearer = await issue_locally(rooms, "analyst", signed_in_ago_us=0, by="local:test")
        store.n_bytes, started_s = n_bytes, time.monotonic()
        n_told, is_whole = await taken(port, kind, accept, bearer or "")
        took_s = time.monotonic() - started_s
        released = [one.line.body for one in records(slot) if isinstance(one.line.body, Release)][n_entries:]
        n_entries += len(released)
        grown = max(most - idle.get(own, 0) for own, most in most_bytes(pid).items())
        assert is_whole
        assert sum(entry.rows for entry in released) == store.n_rows
        assert n_bytes * 0.8 < sum(entry.bytes for entry in released) < n_told
        assert [entry.last for entry in released] == [*[False] * (len(released) - 1), True]
        assert grown <= GROWTH_BYTES
        summary(
            f"{n_bytes // 1_000_000} MB of rows, {kind} as {accept}",
            f"{n_bytes / took_s / 1e6:.0f} MB/s, {store.n_rows / took_s:.0f} rows/s, at most +{grown >> 20} MiB over idle",
        )


async def test_memory_does_not_grow_with_an_answer(
    settings: Settings, store: StreamingStore, serving: tuple[int, int]
) -> None:
    """More than may be taken, in three ways; every row is in the log."""
    store.n_people = 4_500
    await sent(settings, store, serving, SOME_WAYS, MEGABYTES.of(referee=False) * 1_000_000)


@pytest.mark.referee
async def test_memory_does_not_grow_with_a_gigabyte_through_each_format(
    settings: Settings, store: StreamingStore, serving: tuple[int, int]
) -> None:
    """1 GB each way, of 45,000 people in turns."""
    await sent(settings, store, serving, WAYS, MEGABYTES.of(referee=True) * 1_000_000)
