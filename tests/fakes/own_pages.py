# SPDX-License-Identifier: Apache-2.0
"""A how-to page about a store that is not ours, run as it stands: its files make the rules, its commands the calls.

Blocks with a title are files of an installation; those that a page does not have are of own-store.md, on which
it builds. Blocks marked ``sh`` are run in one shell, which has bearers in variables; ``output`` is what the
block before printed, where ``…`` stands for anything.
"""

import asyncio
import os
import re
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import yaml

from gateway.app.making import enrol_at_once, make_installation
from gateway.settings.loading import Settings
from gateway.settings.sections import PasswordSettings, StoreSettings
from tests.story.conftest import World, opened

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
ANALYST, NEWSLETTER = "analyst", "newsletter"
STARTS_WITHIN_S = 30.0


def files_of(page: str) -> dict[str, str]:
    """Return the files that a page tells to write."""
    return {title: content for _, title, content in BLOCK.findall((HOW_TO / page).read_text("utf-8")) if title}


def settings_for(page: str, store_port: int, folder: Path) -> Settings:
    """Return the settings of an installation made as own-store.md and the page say, before a store on a port."""
    made = make_installation(
        folder, {"installation": "loyalty", "log": {"least_free_bytes": 0, "least_free_percent": 0}}
    )
    policies = folder / "policies"
    for old in (*policies.glob("datasets/*.yaml"), *policies.glob("tests/*.yaml")):
        old.unlink()
    files = {**files_of("own-store.md"), **files_of(page)}
    stores = yaml.safe_load(files.pop("gateway.yaml"))["stores"]
    for name, content in files.items():
        (folder / name).write_text(content, "utf-8")
    at = {
        name: StoreSettings(base_url=re.sub(r":\d+", f":{store_port}", one["base_url"]), read_s=5)
        for name, one in stores.items()
    }
    update: dict[str, object] = {"stores": at, "passwords": PasswordSettings(memory_kib=64, time_cost=1)}
    return Settings.model_validate({**made.model_dump(), **update})


@asynccontextmanager
async def gateway_before(page: str, store_port: int, folder: Path) -> AsyncIterator[World]:
    """Yield a gateway on a real socket, by the rules of a page, before a store."""
    async with opened_with(settings_for(page, store_port, folder / "state"), store_port, folder) as world:
        yield world


@asynccontextmanager
async def opened_with(settings: Settings, store_port: int, folder: Path) -> AsyncIterator[World]:
    """Yield a gateway with an analyst and a newsletter."""
    async with opened(settings, store_port, [], folder / "wire.log") as world:
        for role in (ANALYST, NEWSLETTER):
            await enrol_at_once(
                world.rooms, role, f"{role} correct horse battery", roles=(role,), recipient="own", by="local:test"
            )
        yield world


async def run_page(page: str, world: World) -> None:
    """Run the commands of a page; fail if one fails, or prints something else than the page shows."""
    found = [block for block in BLOCK.findall((HOW_TO / page).read_text("utf-8")) if block[0] in ("sh", "output")]
    script = ["set -eu"]
    for number, (language, _, content) in enumerate(found):
        if language == "sh":
            script += [f"echo '--- {number} ---'", content.replace("8080", str(world.port))]
    environment = {**os.environ, "ANALYST": await world.bearer(ANALYST), "NEWSLETTER": await world.bearer(NEWSLETTER)}
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", "\n".join(script),
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        stdout, stderr = await process.communicate()
    shown = stdout.decode().replace("\r\n", "\n")
    assert process.returncode == 0, f"{shown}\n{stderr.decode()}"
    printed = dict(re.findall(r"^--- (\d+) ---\n(.*?)(?=^--- \d+ ---$|\Z)", shown + "\n", re.MULTILINE | re.DOTALL))
    for number, (language, _, content) in enumerate(found):
        if language == "output":
            said = printed[str(number - 1)]
            pattern = ".*".join(map(re.escape, content.strip().split("…")))
            assert re.search(pattern, said, re.DOTALL), f"expected\n{content}\nfound\n{said}"


async def all_pages(world: World, path: str, most: int = 30) -> list[list[dict[str, object]]]:
    """Return the rows of every page, from the first on, by the links that the gateway tells."""
    pages: list[list[dict[str, object]]] = []
    for _ in range(most):
        reply = await world.get(path, ANALYST)
        assert reply.status == 200, reply.body
        told = reply.json
        pages.append(told if isinstance(told, list) else next(each for each in told.values() if isinstance(each, list)))
        link = re.fullmatch(r'<([^>]+)>; rel="next"', reply.headers.get("link", ""))
        assert reply.headers["data-page"] == ("more" if link else "last")
        if link is None:
            return pages
        path = link[1]
    raise AssertionError(f"no end after {most} pages")


def free_port() -> int:
    """Return a port of the loopback on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def started(command: Sequence[str], port: int, folder: Path) -> Iterator[int]:
    """Run a server until the block ends; yield its port once it takes connections."""
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_until_it_listens(process, port)
            yield port
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    until_s = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until_s:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the server did not start in time")
