# SPDX-License-Identifier: Apache-2.0
"""Rule files in which a purpose has other budgets, and what the log says was released."""

import re
from collections.abc import Iterable
from pathlib import Path

from pyroaring import BitMap

from gateway.domain.entry import Release
from gateway.record.reading.reader import records

_BUDGETS = re.compile(r"    budgets:\n(?:      - .*\n)+")


def budgeted(folder: Path, purpose: str, *budgets: str) -> None:
    """Put budgets such as ``people: 50, hours: 24`` in the place of a purpose's own; none takes them away."""
    path = folder / "purposes.yaml"
    before, key, after = path.read_text("utf-8").partition(f"  - key: {purpose}\n")
    assert key, f"there is no purpose {purpose}"
    own, line, others = after.partition("\n  - key: ")
    lines = "".join(f"      - {{{budget}}}\n" for budget in budgets)
    own = _BUDGETS.sub("", own + "\n")
    own = own.replace("    owner:", f"    budgets:\n{lines}    owner:", 1) if budgets else own
    path.write_text(before + key + own.removesuffix("\n") + line + others, "utf-8")


def released(logs: Path) -> tuple[BitMap, int]:
    """Return the people and the number of rows of every release entry of every log."""
    people, n_rows = BitMap(), 0
    for body, part in _releases(logs):
        n_rows += body.rows
        people |= BitMap.deserialize(part) if part else BitMap()
    return people, n_rows


def _releases(logs: Path) -> Iterable[tuple[Release, bytes]]:
    for slot in sorted(path.parent for path in logs.glob("*/log.pub")):
        for record in records(slot):
            if isinstance(record.line.body, Release):
                yield record.line.body, record.part.people if record.part is not None else b""
