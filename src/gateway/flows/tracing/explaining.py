# SPDX-License-Identifier: Apache-2.0
"""Which decisions explain a list best: those that together released most of its people, the best first; pure.

RULES

1. The next decision is the one that explains most rows that none before it does; of equals the one that released
   fewest rows in all, for it fits the list best, and of those the newest.
2. When nothing is left to explain, decisions follow by how many rows they explain by themselves: the same list
   may have been fetched twice, and the log cannot tell which of the two leaked.
"""

import heapq
from collections.abc import Mapping, Sequence

import msgspec
from pyroaring import BitMap

from gateway.flows.tracing.values import Explains


class Candidate(msgspec.Struct, kw_only=True):
    """A decision that released people of the list.

    Attributes:
        people: Those people, as the numbers that stand for them today.
        released: Rows that left by it, of whomever.
    """

    decision: str
    account: str
    client: str
    purpose: str
    dataset: str
    reference: str
    first_us: int
    last_us: int
    released: int
    people: BitMap


class Weights:
    """How many rows of the list are about each person."""

    def __init__(self, people: BitMap, more: Mapping[int, int]) -> None:
        """Begin.

        Args:
            people: Everybody in the list.
            more: Of those who have several rows, how many beyond the first.
        """
        self._people, self._more, self._several = people, more, BitMap(more)

    def of(self, people: BitMap) -> int:
        """Return how many rows are about people of the list."""
        return len(people) + sum(self._more[one] for one in people & self._several)


def explained(candidates: Sequence[Candidate], weights: Weights, most: int) -> tuple[tuple[Explains, ...], BitMap]:
    """Return the best decisions, at most so many, and everybody whom any decision released.

    Args:
        candidates: Every decision that released somebody of the list.
        weights: Of the list.
        most: Decisions that are told.
    """
    rows = [weights.of(one.people) for one in candidates]
    order = [(-rows[place], one.released, -one.last_us, place) for place, one in enumerate(candidates)]
    heapq.heapify(order)
    left = BitMap.union(BitMap(), *(one.people for one in candidates))
    everybody, found, chosen = BitMap(left), list[Explains](), set[int]()
    while order and len(found) < most and left:
        gain, released, newest, place = heapq.heappop(order)
        one = candidates[place]
        now = weights.of(one.people & left)
        if now < -gain:
            # What others explain meanwhile counts no more; what cannot be better than the next goes behind it.
            heapq.heappush(order, (-now, released, newest, place))
            continue
        found.append(_told(one, rows[place], now))
        chosen.add(place)
        left -= one.people
    others = sorted(
        (place for place in range(len(candidates)) if place not in chosen),
        key=lambda place: (-rows[place], candidates[place].released, -candidates[place].last_us),
    )
    found += [_told(candidates[place], rows[place], 0) for place in others[: most - len(found)] if not left]
    return tuple(found), everybody


def _told(one: Candidate, rows: int, more: int) -> Explains:
    return Explains(
        decision=one.decision,
        account=one.account,
        client=one.client,
        purpose=one.purpose,
        dataset=one.dataset,
        reference=one.reference,
        first_us=one.first_us,
        last_us=one.last_us,
        rows=rows,
        more=more,
        released=one.released,
    )
