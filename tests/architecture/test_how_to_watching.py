# SPDX-License-Identifier: Apache-2.0
"""The page on watching is run as its reader would: its commands answer what it says, its settings are settings."""

import asyncio
import os
import re
import shlex
import sys
from pathlib import Path

import pytest
import yaml

from gateway.app.installation import open_installation
from gateway.app.making import enrol_at_once, make_installation
from gateway.app.slots import CLI_SLOT
from gateway.settings.loading import Settings
from tests.fakes.processes import gateway_served

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "watching.md").read_text("utf-8")
BLOCK = re.compile(r"^```(sh|output)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
pytestmark = pytest.mark.alone


async def run(script: str, settings: Settings, port: int) -> str:
    """Return what a block prints, against this installation."""
    script = script.replace("127.0.0.1:8080", f"127.0.0.1:{port}")
    script = script.replace("/var/lib/gateway", shlex.quote(str(settings.state)))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    process = await asyncio.create_subprocess_exec(
        "bash", "-e", "-c", script, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode == 0, (script, out, err)
    return out.decode()


async def test_what_the_page_shows_is_what_comes(tmp_path: Path) -> None:
    """Each command, and what stands behind it."""
    content = {
        "listen": {"port": 0},
        "passwords": {"memory_kib": 64, "time_cost": 1},
        "log": {"least_free_bytes": 0, "least_free_percent": 0},
    }
    settings = make_installation(tmp_path / "state", content)
    async with open_installation(settings, CLI_SLOT) as rooms:
        await enrol_at_once(
            rooms, "admin", "a lighthouse keeper reads slowly", roles=("admin",), recipient="own", by="local:test"
        )
    printed = ""
    async with gateway_served(settings) as served:
        for kind, text in BLOCK.findall(PAGE):
            if kind == "sh":
                printed = await run(text, settings, served.port)
            else:
                pattern = re.escape(text.strip()).replace("…", ".*")
                assert re.fullmatch(pattern, printed.strip(), re.DOTALL), printed
    assert "problems" in printed


@pytest.mark.parametrize(
    "text", re.findall(r"^```yaml\n((?:metrics|remarks):.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
)
def test_settings_of_the_page_are_settings(text: str, tmp_path: Path) -> None:
    """As they stand."""
    assert Settings(state=tmp_path, **yaml.safe_load(text)).state == tmp_path
