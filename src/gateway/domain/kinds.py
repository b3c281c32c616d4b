# SPDX-License-Identifier: Apache-2.0
"""Counting kinds in bounded memory: so many are kept apart, and what comes beyond is counted under a coarser kind."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

Kind = TypeVar("Kind", bound=Hashable)

MOST_KINDS = 2_000
"""Kept apart at most; beyond it nobody reads the list."""


class Kinds(Generic[Kind]):
    """How often each kind came."""

    def __init__(self, coarser: Callable[[Kind], Kind], most: int = MOST_KINDS) -> None:
        """Begin with nothing.

        Args:
            coarser: Returns the kind that stands for one that is not kept apart; of these there must be few.
            most: Kinds kept apart.
        """
        self._coarser, self._most = coarser, most
        self._counts: Counter[Kind] = Counter()

    def kept(self, kind: Kind) -> Kind:
        """Return under what a kind is counted."""
        return kind if kind in self._counts or len(self._counts) < self._most else self._coarser(kind)

    def add(self, kind: Kind) -> None:
        """Count one of a kind that ``kept`` returned."""
        self._counts[kind] += 1

    def most_common(self) -> Iterator[tuple[Kind, int]]:
        """Yield every kind with its count, the most frequent first."""
        yield from self._counts.most_common()
