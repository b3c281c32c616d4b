# SPDX-License-Identifier: Apache-2.0
"""docs/how-to/infer.md is run as it stands, on an installation as own-store.md makes it, before a real API."""

import asyncio
import os
import re
import sys
from pathlib import Path

import yaml

from tests.fakes.own_pages import BLOCK, HOW_TO, settings_for
from tests.fakes.undeclared_stores import customers, undeclared

PAGE = "infer.md"


async def test_the_page_does_what_it_shows(tmp_path: Path) -> None:
    """Every command ends well, and prints what stands below it."""
    found = BLOCK.findall((HOW_TO / PAGE).read_text("utf-8"))
    state = tmp_path / "state"
    script = ["set -eu"]
    for number, (language, _, content) in enumerate(found):
        if language == "sh":
            script += [f"echo '--- {number} ---'", content]
    environment = {
        **os.environ,
        "GATEWAY_STATE": str(state),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    async with undeclared({"/api/members": customers()}) as (_, url):
        settings = settings_for(PAGE, int(url.rpartition(":")[2]), state)
        own = state / "gateway.yaml"
        content = yaml.safe_load(own.read_text("utf-8"))
        content["stores"] = {name: {"base_url": one.base_url} for name, one in settings.stores.items()}
        own.write_text(yaml.safe_dump(content), "utf-8")
        process = await asyncio.create_subprocess_exec(
            "bash",
            "-c",
            "\n".join(script),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(120):
            stdout, stderr = await process.communicate()
    shown = stdout.decode()
    assert process.returncode == 0, f"{shown}\n{stderr.decode()}"
    printed = dict(re.findall(r"^--- (\d+) ---\n(.*?)(?=^--- \d+ ---$|\Z)", shown + "\n", re.MULTILINE | re.DOTALL))
    for number, (language, _, content) in enumerate(found):
        if language == "output":
            said, at = printed[str(number - 1)], 0
            for line in content.splitlines():
                match = re.compile(r"[^\n]*".join(map(re.escape, re.split(r" ?… ?", line)))).search(said, at)
                assert match, f"expected\n{line}\nfound\n{said[at:]}"
                at = match.end()
