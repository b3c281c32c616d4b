# SPDX-License-Identifier: Apache-2.0
"""What may leave of one field: a rung on the field's own chain, and whether its value may be linked.

A chain runs from ``drop`` to ``reveal``; each rung can be computed from the one above it, so going
down a chain only takes away. Link says whether the value may be told equal over rows and calls. The
two parts are independent, and every layer of the decision takes the smaller of each.

What leaves: the value of the rung; at ``drop`` with link, the surrogate; at ``drop`` without link,
nothing, and the key is absent.
"""

from enum import StrEnum
from typing import NewType

import msgspec

Rung = NewType("Rung", str)
ChainName = NewType("ChainName", str)

DROP = Rung("drop")
REVEAL = Rung("reveal")


class Family(StrEnum):
    """The five words that people read for what left of a field."""

    DROP = "drop"
    SURROGATE = "surrogate"
    MASK = "mask"
    GENERALISE = "generalise"
    REVEAL = "reveal"


class Treatment(msgspec.Struct, frozen=True):
    """A place on a chain, counted from 0 at ``drop``, and the link."""

    level: int
    link: bool

    def at_most(self, other: "Treatment") -> bool:
        """Tell whether neither part is above the other treatment's."""
        return self.level <= other.level and self.link <= other.link


NOTHING = Treatment(0, False)


def smaller(one: Treatment, other: Treatment) -> Treatment:
    """Return the smaller of each part."""
    if one.at_most(other):
        return one
    if other.at_most(one):
        return other
    return Treatment(min(one.level, other.level), one.link and other.link)


class Chain(msgspec.Struct, frozen=True):
    """Rungs from ``drop`` to ``reveal``, lowest first."""

    name: ChainName
    rungs: tuple[Rung, ...]

    @property
    def top(self) -> Treatment:
        """The treatment that takes nothing away."""
        return Treatment(len(self.rungs) - 1, True)

    def level_of(self, rung: str) -> int | None:
        """Return the place of a rung, or of the highest rung of a family; ``None`` if it has none.

        A rule may name a rung of the chain (``mask.phone_tail``) or a family (``mask``): the family
        means the highest rung of that family on this chain.
        """
        for level in range(len(self.rungs) - 1, -1, -1):
            if self.rungs[level] == rung or family_of(self.rungs[level]) == rung:
                return level
        return None

    def lowest_of(self, rung: str) -> int | None:
        """Return the place of a rung, or of the lowest rung of a family; ``None`` if it has none."""
        for level, own in enumerate(self.rungs):
            if own == rung or family_of(own) == rung:
                return level
        return None

    def cap(self, rung: str, *, link: bool) -> Treatment:
        """Return the ceiling that a rule's rung and link set on this chain; an unknown rung is drop."""
        return Treatment(self.level_of(rung) or 0, link)

    def family(self, treatment: Treatment) -> Family:
        """Return the word for what leaves under the treatment."""
        if treatment.level == 0:
            return Family.SURROGATE if treatment.link else Family.DROP
        return Family(family_of(self.rungs[treatment.level]))


def family_of(rung: Rung) -> str:
    """Return the part of a rung's name before its first dot: ``generalise.year`` is ``generalise``."""
    return rung.partition(".")[0]
