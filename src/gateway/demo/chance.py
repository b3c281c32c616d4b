# SPDX-License-Identifier: Apache-2.0
"""Chance that repeats: the same seed gives the same draws on every Python from 3.11 on.

Of ``random.Random`` only ``random()`` keeps its sequence from version to version; ``randrange``,
``choice`` and ``shuffle`` do not, so everything here is made from ``random()`` alone.

Source: Python library reference, "Notes on Reproducibility" of the module ``random``.
"""

from collections.abc import Sequence
from random import Random  # noqa: TID251 - sample people come from a fixed seed and protect nothing
from typing import Generic, TypeVar

T = TypeVar("T")


class Chance:
    """A seeded source of draws."""

    def __init__(self, seed: int) -> None:
        """Start the sequence that belongs to the seed."""
        self._random = Random(seed).random

    def below(self, n: int) -> int:
        """Draw a whole number from 0 up to, but not including, ``n``."""
        return int(self._random() * n)

    def between(self, least: int, most: int) -> int:
        """Draw a whole number from ``least`` to ``most``, both included."""
        return least + int(self._random() * (most - least + 1))

    def pick(self, choices: Sequence[T]) -> T:
        """Draw one of the choices."""
        return choices[int(self._random() * len(choices))]

    def happens(self, percent: float) -> bool:
        """Draw yes in so many of a hundred cases."""
        return self._random() * 100 < percent

    def digits(self, n: int) -> str:
        """Draw a text of ``n`` decimal digits, at most 15."""
        return f"{self.below(10**n):0{n}d}"

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Draw an order of the items.

        Source: R. Durstenfeld, Algorithm 235: Random permutation, 1964.
        """
        order = list(items)
        for last in range(len(order) - 1, 0, -1):
            other = self.below(last + 1)
            order[last], order[other] = order[other], order[last]
        return order


class Deck(Generic[T]):
    """Deals its cards in a drawn order, then all of them again in another.

    Shares are exact that way: of every full deck each card comes once, whatever the seed.
    """

    def __init__(self, chance: Chance, cards: Sequence[T]) -> None:
        """Keep the cards; the first deal shuffles them."""
        self._chance = chance
        self._cards = cards
        self._left: list[T] = []

    def deal(self) -> T:
        """Take the next card."""
        if not self._left:
            self._left = self._chance.shuffled(self._cards)
        return self._left.pop()
