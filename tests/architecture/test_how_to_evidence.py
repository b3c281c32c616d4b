# SPDX-License-Identifier: Apache-2.0
"""The pages on exports and on reviewing access are run as their readers would run them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.app.making import make_installation
from gateway.app.slots import CLI_SLOT, open_log
from gateway.cli.desk.desk import run_to_end
from gateway.settings.loading import Settings
from tests.fakes import ocsf
from tests.fakes.entries import EVERY

PAGES = Path(__file__).parents[2] / "docs" / "how-to"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RULES_LOADED = {"GATEWAY_PASSWORDS__MEMORY_KIB": "64", "GATEWAY_PASSWORDS__TIME_COST": "1"}


def scripts(page: str) -> list[str]:
    """Return the scripts of a page."""
    return BLOCK.findall((PAGES / page).read_text("utf-8"))


async def _entered(settings: Settings) -> None:
    async with open_log(settings, CLI_SLOT) as log:
        for body, part in EVERY[1:-1]:
            await log.append(body, part)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """An installation with something in its log."""
    settings = make_installation(tmp_path / "state", {"log": {"least_free_bytes": 0, "least_free_percent": 0}})
    run_to_end(_entered(settings))
    return settings.state


def run(script: str, state: Path, folder: Path, *, code: int = 0) -> str:
    """Return what a script prints, in a folder."""
    script = script.replace("/var/lib/gateway", str(state)).replace("/var/lib/shipping", str(folder))
    environment = {
        **os.environ,
        **RULES_LOADED,
        "GATEWAY_STATE": str(state),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, (script, done.stdout, done.stderr)
    return done.stdout


def test_the_page_on_exports_is_run(state: Path, tmp_path: Path) -> None:
    """The first script writes events; the timer's, run twice, ships every entry once."""
    first, timer = scripts("export-to-a-siem.md")
    (tmp_path / "outbox").mkdir()
    run(first, state, tmp_path)
    events = [json.loads(line) for line in (tmp_path / "events.ndjson").read_bytes().splitlines()]
    for n in range(2):
        # Names of files are seconds; two runs of the test can be within one.
        run(timer.replace("$(date +%s)", str(n)), state, tmp_path)
    shipped = [
        json.loads(line)["metadata"]["uid"]
        for path in sorted((tmp_path / "outbox").iterdir())
        for line in path.read_bytes().splitlines()
    ]

    assert [ocsf.wrong_with(event) for event in events] == [[] for _ in events]
    assert len(shipped) == len(set(shipped))
    assert {event["metadata"]["uid"] for event in events} < set(shipped)


def test_the_page_on_reviews_is_run(state: Path, tmp_path: Path) -> None:
    """On a young installation nothing is proposed, so there is nothing to apply."""
    look, apply = scripts("review-access.md")
    grants = (state / "policies" / "grants.csv").read_bytes()
    told = run(look, state, tmp_path)
    first, patch, check = apply.splitlines()
    run(first, state, tmp_path)

    assert "Nothing smaller is proposed." in told
    assert (tmp_path / "smaller.diff").read_bytes() == b""
    assert (state / "policies" / "grants.csv").read_bytes() == grants
    assert patch.startswith("patch ")
    assert check == "gateway check --reload"
