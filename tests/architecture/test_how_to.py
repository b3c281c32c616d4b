# SPDX-License-Identifier: Apache-2.0
"""The how-to pages are run as a reader would run them: one after the other, in one shell, with curl.

Blocks marked ``sh`` are run; blocks with a title are written as files into the installation before the
next one is run; ``output`` is what the ``sh`` block before must have printed, where ``…`` stands for
anything. The test puts free ports in the place of the pages' own, and codes in the place of theirs.
"""

import asyncio
import base64
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from gateway.app.serving.serve import bound_socket
from gateway.identify.totp import code_at

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
PAGES = (
    "own-store.md",
    "sign-in.md",
    "search.md",
    "choices.md",
    "spreadsheets.md",
    "budgets.md",
    "scope-a-breach.md",
    "trace-a-leak.md",
    "who-used-my-record.md",
    "backup.md",
    "erase-a-person.md",
)
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
CODES = {"123456": "ana-totp.txt", "234567": "officer-1-totp.txt", "345678": "officer-2-totp.txt"}
"""Codes that the pages show, and whose authenticator they stand for."""
PATIENCE_S = 240

MEMBERS = (
    ("m-1", "Member One", "member.one@example.com", "1984-05-06", "DE", "gold", 120),
    ("m-2", "Ben Costa", "ben.costa@example.org", "1990-11-30", "PT", "silver", 40),
    ("m-3", "Chloe Roux", "chloe.roux@example.com", None, "FR", "silver", 12),
    ("m-4", "Dan Petit", "dan.petit@example.net", "2012-01-15", "FR", "gold", 95),
)
FIELDS = ("id", "name", "email", "birth_date", "country", "tier", "points")


class Block(msgspec.Struct, frozen=True):
    """One fenced block of a page."""

    language: str
    title: str
    content: str


def blocks() -> list[Block]:
    return [Block(*found) for page in PAGES for found in BLOCK.findall((HOW_TO / page).read_text("utf-8"))]


def members(request: Request) -> JSONResponse:
    """The loyalty programme's own API; it tells everything to whoever asks."""
    asked = dict(request.query_params)
    skip, most = int(asked.pop("offset", "0")), int(asked.pop("limit", "50"))
    rows = [dict(zip(FIELDS, member, strict=True)) | {"remarks": "wrote from +49 1512 3456789"} for member in MEMBERS]
    found = [row for row in rows if all(str(row[name]) == value for name, value in asked.items())]
    return JSONResponse({"members": found[skip : skip + most], "count": len(found)})


async def search(request: Request) -> JSONResponse:
    """The same in a body."""
    asked = await request.json()
    page, where = asked.get("page", {}), asked.get("where", {})
    rows = [dict(zip(FIELDS, member, strict=True)) for member in MEMBERS]
    found = [row for row in rows if row["tier"] in where.get("tier", [row["tier"]])]
    skip = page.get("offset", 0)
    return JSONResponse({"members": found[skip : skip + page["limit"]], "count": len(found)})


async def batch(request: Request) -> JSONResponse:
    """Members by their ids."""
    ids = (await request.json())["ids"]
    return JSONResponse([dict(zip(FIELDS, member, strict=True)) for member in MEMBERS if member[0] in ids])


@pytest.fixture
async def api_port() -> AsyncIterator[int]:
    """Port of the running API."""
    listening = bound_socket("127.0.0.1", 0)
    posted = [
        Route("/api/members/search", search, methods=["POST"]),
        Route("/api/members/batch", batch, methods=["POST"]),
    ]
    app = Starlette(routes=[*posted, Route("/api/members", members)])
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
    async with asyncio.TaskGroup() as group:
        group.create_task(server._serve(sockets=[listening]))
        yield listening.getsockname()[1]
        server.should_exit = True
    listening.close()


def free_port() -> int:
    with bound_socket("127.0.0.1", 0) as listening:
        return int(listening.getsockname()[1])


def script_of(found: list[Block], port: int, api_port: int) -> str:
    """Return the pages as one script that prints a line before each block and waits for the gateway to answer."""
    lines = ["set -eu", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"]
    for number, block in enumerate(found):
        content = block.content.replace("9000", str(api_port)).replace("8080", str(port))
        for shown, whose in CODES.items():
            content = content.replace(shown, f'$(python3 "$CODE_OF" {whose})')
        if block.title:
            lines.append(f"cat > \"$GATEWAY_STATE/{block.title}\" <<'END_OF_FILE'\n{content}END_OF_FILE")
        elif block.language == "sh":
            lines += [f"echo '--- {number} ---'", content]
            if "gateway serve" in content:
                ready = f"http://127.0.0.1:{port}/-/readyz"
                lines.append(f"for _ in $(seq 300); do curl -sf {ready} >/dev/null && break; sleep 0.1; done")
    return "\n".join(lines)


def as_pattern(output: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, output.split("…"))), re.DOTALL)


def test_the_code_of_a_secret_is_that_of_our_own_reading() -> None:
    """The little program below stands for an authenticator app; RFC 6238 appendix B, the last six digits."""
    scope: dict[str, object] = {}
    exec(CODE_OF.split("if __name__", maxsplit=1)[0], scope)  # noqa: S102 - the program below
    secret = base64.b32encode(b"12345678901234567890").decode()
    assert scope["code"](secret, 59) == "287082" == code_at(b"12345678901234567890", 1)  # type: ignore[operator]


CODE_OF = """
import base64, hmac, pathlib, struct, sys, time

def code(secret, now):
    mac = hmac.digest(base64.b32decode(secret), struct.pack(">Q", int(now) // 30), "sha1")
    start = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[start:start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"

if __name__ == "__main__":
    print(code(pathlib.Path(sys.argv[1]).read_text().strip(), time.time()))
"""


@pytest.mark.skipif(shutil.which("curl") is None, reason="the pages use curl, which is not installed")
async def test_the_pages_do_what_they_say(tmp_path: Path, api_port: int) -> None:
    """Every command succeeds, and prints what the page shows."""
    found = blocks()
    (tmp_path / "code_of.py").write_text(CODE_OF)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "CODE_OF": str(tmp_path / "code_of.py"),
        "GATEWAY_PASSWORDS__MEMORY_KIB": "64",
        "GATEWAY_LOG__LEAST_FREE_BYTES": "0",
        "GATEWAY_LOG__LEAST_FREE_PERCENT": "0",
        "COLUMNS": "200",
    }
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", script_of(found, free_port(), api_port),
        cwd=tmp_path, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(PATIENCE_S):
        stdout, stderr = await process.communicate()
    # A terminal shows the line breaks of CSV as any others.
    shown = stdout.decode().replace("\r\n", "\n")
    printed = dict(re.findall(r"^--- (\d+) ---\n(.*?)(?=^--- \d+ ---$|\Z)", shown, re.MULTILINE | re.DOTALL))
    assert process.returncode == 0, f"{stdout.decode()}\n{stderr.decode()}"
    for number, block in enumerate(found):
        if block.language == "output":
            said = printed[str(max(n for n in range(number) if found[n].language == "sh"))]
            assert as_pattern(block.content.strip()).search(said), f"expected\n{block.content}\nfound\n{said}"
