# SPDX-License-Identifier: Apache-2.0
"""The page on reading the log is run as its readers would run it, and names what there is."""

import os
import re
import subprocess
import sys
from pathlib import Path

from gateway.app.making import make_installation
from gateway.app.slots import CLI_SLOT, open_log
from gateway.cli.desk.desk import run_to_end
from gateway.cli.log.query import QUALIFIERS
from gateway.decide.loader.load import load
from gateway.decide.loader.shipped import shipped_files
from gateway.domain.log_facets import FACETS
from gateway.domain.own_data import LOG_ENTRIES, LOG_FACETS, OWN_PATHS, OWN_STORE
from gateway.settings.loading import Settings
from gateway.transform.treat import check_chain
from tests.fakes.entries import EVERY

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "read-the-log.md").read_text("utf-8")
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


async def _entered(settings: Settings) -> None:
    async with open_log(settings, CLI_SLOT) as log:
        for body, part in EVERY[1:-1]:
            await log.append(body, part)


def test_the_page_is_run(tmp_path: Path) -> None:
    """Every script of it, in a new installation."""
    settings = make_installation(tmp_path / "state", {"log": {"least_free_bytes": 0, "least_free_percent": 0}})
    run_to_end(_entered(settings))
    environment = {
        **os.environ,
        "GATEWAY_STATE": str(settings.state),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    for script in BLOCK.findall(PAGE):
        done = subprocess.run(
            ["bash", "-e", "-c", script], env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, (script, done.stdout, done.stderr)


def test_the_page_names_every_qualifier_facet_and_path() -> None:
    """And none that there is not."""
    table = PAGE.partition("| qualifier |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([a-z]+):`", table)) == set(QUALIFIERS)
    listed = PAGE.partition("rows and bytes by ")[2].partition(", or by")[0]
    assert tuple(re.findall(r"`([a-z]+)`", listed)) == FACETS
    assert all(f"GET {path}" in PAGE for path in (LOG_ENTRIES, LOG_FACETS))


def test_what_is_shipped_declares_every_own_path() -> None:
    """With the parameters that the page tells."""
    routes = {
        route.template: route
        for route in load(shipped_files(), check_chain=check_chain).catalog.routes
        if route.store == OWN_STORE
    }

    assert set(routes) == set(OWN_PATHS)
    for path in (LOG_ENTRIES, LOG_FACETS):
        assert set(routes[path].parameters) >= set(QUALIFIERS) - {"store"} | {"decision_id"}
