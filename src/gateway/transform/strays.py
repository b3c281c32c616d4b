# SPDX-License-Identifier: Apache-2.0
"""What a store holds at rest where no field says so: it never leaves, and null leaves in its place.

Rules that forget a column are not put in force, but a store can also be filled past the gateway, and put back. A cell
counts as a stray if it is, whole and in any case, of the shape of what a store is to hold. Text that has such a shape
somewhere in it stays as it is: nobody can write that through the gateway.
"""

import re
from collections.abc import Sequence
from typing import cast

from gateway.transform.inner import Cell

_SHAPE = r"a[sv][1-9][0-9]{0,8}_[0-9a-f]{32}"
_SOMEWHERE = re.compile(_SHAPE, re.IGNORECASE | re.ASCII)
_STRAY = re.compile(rf"\s*{_SHAPE}[0-9a-f]*\s*", re.IGNORECASE | re.ASCII)


def without_strays(column: Sequence[Cell]) -> Sequence[Cell]:
    """Return a column with null in the place of each stray; the same one where it holds none."""
    # Looked at as one text: cell by cell it would cost as much as encoding the rows.
    text = _joined(column)
    if "_" not in text or not _SOMEWHERE.search(text):
        return column
    if not any(map(_is_stray, column)):
        return column
    return [None if _is_stray(cell) else cell for cell in column]


def _joined(column: Sequence[Cell]) -> str:
    try:
        return "\n".join(cast("Sequence[str]", column))
    except TypeError:
        return "\n".join([cell for cell in column if isinstance(cell, str)])


def _is_stray(cell: Cell) -> bool:
    return isinstance(cell, str) and _STRAY.fullmatch(cell) is not None
