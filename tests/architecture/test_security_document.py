# SPDX-License-Identifier: Apache-2.0
"""SECURITY.md: every threat names tests that exist, and every promise is told."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text("utf-8")
NAMED = re.compile(r"`(tests/[a-z0-9_/]+\.py)::(test_[a-z0-9_]+)`")


def section(heading: str) -> str:
    return PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]


def defined_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_named_test_exists() -> None:
    """A test that is renamed must be renamed there too."""
    missing = [
        f"{file}::{name}"
        for file, name in NAMED.findall(PAGE)
        if not (ROOT / file).is_file() or name not in defined_in(ROOT / file)
    ]
    assert missing == []


def test_every_threat_names_a_test() -> None:
    """A control that nothing would notice the loss of is no control."""
    rows = [line for line in section("Threats").splitlines() if line.startswith("| ") and "| asset |" not in line]
    assert len(rows) >= 20
    assert [row for row in rows if not NAMED.search(row.rpartition(" | ")[2])] == []


def test_every_promise_is_told() -> None:
    """P1 to P8, each with what holds today."""
    assert re.findall(r"^\| (P[0-9]) \| [^|]+ \| [^|]+ \|$", PAGE, re.MULTILINE) == [f"P{n}" for n in range(1, 9)]


def test_every_attack_is_named() -> None:
    """Each file of attacks stands behind a row."""
    named = {Path(file).name for file, _ in NAMED.findall(PAGE)}
    there = {path.name for path in (ROOT / "tests" / "attack").glob("test_*.py")}
    assert sorted(there - named) == []
