# SPDX-License-Identifier: Apache-2.0
"""docs/reference/what-is-kept.md: every table that there is, what of a person is in it, and nothing that there is not."""

import re
from pathlib import Path

from gateway.store.log_schema import INDEX
from gateway.store.migrate import NOTED
from gateway.store.schema import KEYS, MAIN

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "what-is-kept.md").read_text("utf-8")
ROW = re.compile(r"^\| `([^`]+)` \| (.+) \|$", re.MULTILINE)
BASES = {
    "Tables of the state": {*MAIN.tables, NOTED},
    "Keys of people": {*KEYS.tables},
    "The index of the log": {*INDEX.tables},
}


def section(heading: str) -> str:
    """Return what stands below a heading."""
    return PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]


def test_every_table_is_on_the_page_and_no_other() -> None:
    """A new table is a new place for personal data; who adds one says what of a person is in it."""
    for heading, tables in BASES.items():
        named = [name for name, _ in ROW.findall(section(heading))]
        assert sorted(named) == sorted(tables), heading


def test_every_row_says_what_under_which_key_how_long_and_what_erasing_does() -> None:
    """Four things, none of them empty."""
    for name, cells in ROW.findall(PAGE):
        told = [cell.strip() for cell in cells.split(" | ")]
        assert len(told) == 4, name
        assert all(told), name
