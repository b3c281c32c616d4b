# SPDX-License-Identifier: Apache-2.0
"""The page on rehearsing is run as a reader would run it, on the installation that the page on one's own store makes.

What it shows of gateway.yaml loads, and what it shows of nginx is what a story runs before a live store.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

from gateway.app.making import make_installation
from gateway.settings.loading import Settings
from tests.architecture.test_how_to import BLOCK, HOW_TO, Block, as_pattern

PAGE = (HOW_TO / "rehearse.md").read_text("utf-8")
BLOCKS = [Block(*found) for found in BLOCK.findall(PAGE)]
OWN_STORE = [Block(*found) for found in BLOCK.findall((HOW_TO / "own-store.md").read_text("utf-8"))]


def own_store(state: Path) -> None:
    """Make the installation of the page before, from its own files."""
    make_installation(state, {"installation": "loyalty"})
    for folder in ("datasets", "tests"):
        for file in (state / "policies" / folder).glob("*.yaml"):
            file.unlink()
    for block in OWN_STORE:
        if block.title:
            (state / block.title).write_text(block.content)


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    """Every command prints what the page shows."""
    own_store(tmp_path / "state")
    lines = ["set -eu"]
    for number, block in enumerate(BLOCKS):
        if block.language == "sh":
            lines += [f"echo '--- {number} ---'", block.content]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "GATEWAY_STATE": str(tmp_path / "state"),
        "COLUMNS": "200",
    }
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    printed = dict(re.findall(r"^--- (\d+) ---\n(.*?)(?=^--- \d+ ---$|\Z)", done.stdout, re.MULTILINE | re.DOTALL))
    for number, block in enumerate(BLOCKS):
        if block.language == "output":
            said = printed[str(max(n for n in range(number) if BLOCKS[n].language == "sh"))]
            assert as_pattern(block.content.strip()).search(said), f"expected\n{block.content}\nfound\n{said}"


def test_the_store_that_is_passed_on_to_is_a_setting(tmp_path: Path) -> None:
    """As the page writes it."""
    said = next(block.content for block in BLOCKS if "enforced: false" in block.content)
    settings = Settings.model_validate({"state": tmp_path, **yaml.safe_load(said)})
    assert not settings.stores["loyalty"].enforced


def test_the_mirror_of_the_page_is_the_one_that_was_tried() -> None:
    """Its directives are those of the story in which nginx sends copies."""
    story = (Path(__file__).parents[1] / "story" / "test_rehearse.py").read_text("utf-8")
    shown = next(block.content for block in BLOCKS if block.language == "nginx")
    directives = re.findall(r"^ +(mirror|internal|proxy_set_header [^;]+);", shown, re.MULTILINE)
    assert directives
    assert [one for one in directives if one not in story] == []
    assert "$request_uri;" in shown
    assert "MIRROR$request_uri;" in story
