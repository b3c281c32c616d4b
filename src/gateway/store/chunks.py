# SPDX-License-Identifier: Apache-2.0
"""Cuts long lists into pieces that fit in one statement."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")

VARIABLES = 1_000
"""Values in one IN list; SQLite takes 32,766, and the text of longer lists costs more than it saves."""


def chunks(items: Sequence[Item], size: int = VARIABLES) -> Iterator[Sequence[Item]]:
    """Yield the items in order, ``size`` at a time and the rest."""
    for first in range(0, len(items), size):
        yield items[first : first + size]
