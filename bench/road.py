# SPDX-License-Identifier: Apache-2.0
"""What the gateway costs on the road: calls and rows a second through it, beside the store straight.

Run: ``PYTHONPATH=. python bench/road.py [--json] [--seconds N]``. Store, gateway and load run on this
machine, each in a process of its own; on two cores they share them, so read the ratios. The log is on
the disk of the temporary folder, with every entry synced before its block leaves.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PAGE = ["/crm/customers?limit=1", "/crm/customers?limit=100", "/crm/customers?limit=1000"]


async def load(host: str, port: int, path: str, headers: dict[str, str], *, callers: int, seconds: float) -> float:
    """Return calls a second of so many callers on kept-alive connections."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n"
    done, end = 0, time.perf_counter() + seconds

    async def caller() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection(host, port)
        while time.perf_counter() < end:
            writer.write(request.encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            done += 1
        writer.close()

    start = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return done / (time.perf_counter() - start)


def measure(seconds: float) -> list[dict[str, object]]:
    """Start a demo, load it straight and through, and return the figures."""
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder:
        state = Path(folder) / "demo"
        gateway = [sys.executable, "-m", "gateway", "demo", "--state", str(state)]
        process = subprocess.Popen(
            [*gateway, "--port", "0", "--json", "--n", "2000"], stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            rows: list[dict[str, object]] = []
            for path in PAGE:
                bearer = subprocess.run(
                    [*gateway, "--bearer", "analyst"], capture_output=True, text=True, check=True
                ).stdout
                headers = {
                    "Authorization": f"Bearer {bearer.strip()}",
                    "Data-Purpose": "analytics.reporting.campaign_insights",
                }
                for callers in (1, 16):
                    straight, through = (
                        asyncio.run(load("127.0.0.1", _port(told[which]), path, more, callers=callers, seconds=seconds))
                        for which, more in (("store_url", {}), ("base_url", headers))
                    )
                    rows.append(
                        {
                            "path": path,
                            "callers": callers,
                            "straight_calls_s": round(straight, 1),
                            "through_calls_s": round(through, 1),
                            "ratio": round(through / straight, 3),
                        }
                    )
            return rows
        finally:
            process.terminate()
            process.wait(timeout=20)


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=3.0)
    chosen = parser.parse_args()
    rows = measure(chosen.seconds)
    if chosen.json:
        print(json.dumps(rows))
        return
    print(f"{'path':<28} {'callers':>8} {'straight/s':>12} {'through/s':>12} {'ratio':>8}")
    for row in rows:
        print(
            f"{row['path']:<28} {row['callers']:>8} {row['straight_calls_s']:>12} {row['through_calls_s']:>12} {row['ratio']:>8}"
        )


if __name__ == "__main__":
    main()
