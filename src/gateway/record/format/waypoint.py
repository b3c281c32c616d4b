# SPDX-License-Identifier: Apache-2.0
"""A waypoint: how far a log had been read, so that the next opening need not begin at its first entry.

It lies beside the log and proves nothing. It holds the peaks of the tree over the entries before it; an
opening goes on from there, and the root that it comes to must be the one under the log's own signed
checkpoint, which no other peaks and no other entries come to. A waypoint that is not borne out is passed
over, and the log is read from its first entry. What the entries before it say now, `verify` reads.
"""

from pathlib import Path

import msgspec

from gateway.record.format.layout import segment_path
from gateway.record.format.merkle import HASH_BYTES, Tree, leaf_hash

FILE = "waypoint"
EVERY = 10_000
"""Entries from one waypoint to the next; reading so many takes some 50 ms."""

LONGEST_LINE = 4 << 20


class Waypoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The state of reading after ``size`` entries.

    Attributes:
        segment / offset: Where the next line begins.
        prev: Leaf of the entry before it, hexadecimal.
        peaks: Roots of the full subtrees over the entries, highest first, hexadecimal.
        unended: Calls that were open.
        seen: Newest checkpoint of every other log, by origin.
    """

    size: int
    segment: int
    offset: int
    prev: str
    peaks: tuple[str, ...]
    unended: tuple[str, ...]
    seen: dict[str, str]

    def tree(self) -> Tree:
        """Return the tree over the entries before."""
        return Tree.over(self.size, map(bytes.fromhex, self.peaks))


def read_waypoint(directory: Path) -> Waypoint | None:
    """Return the waypoint of a slot, if there is one that can be gone on from."""
    try:
        found = msgspec.json.decode((directory / FILE).read_bytes(), type=Waypoint)
        found.tree()
        return found if _follows(directory, found) else None
    except (OSError, ValueError):
        return None


def _follows(directory: Path, found: Waypoint) -> bool:
    """Tell whether the line before the place is the entry that the next one has to name."""
    with segment_path(directory, found.segment).open("rb") as file:
        first = max(0, found.offset - LONGEST_LINE)
        file.seek(first)
        before = file.read(found.offset - first)
    is_there = found.size > 0 and len(found.prev) == 2 * HASH_BYTES and before.endswith(b"\n")
    return is_there and leaf_hash(before[:-1].rpartition(b"\n")[2]).hex() == found.prev
