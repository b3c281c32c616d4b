# SPDX-License-Identifier: Apache-2.0
"""Figures of the bench, and whether the machine held still while they were taken."""

import statistics
import time
from collections.abc import Iterable, Sequence

import msgspec

NOISY = 1.5
"""A run whose own reference moved by more than this marks itself noisy."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure: the median of its rounds and what it moved between.

    Attributes:
        part: Part of the bench.
        target: What it must reach, if anything: at least, or with ``at_most`` at most.
        noisy: The reference of its part moved by more than ``NOISY``.
    """

    part: str
    name: str
    unit: str
    value: float
    least: float
    most: float
    rounds: int
    target: float | None = None
    at_most: bool = False
    noisy: bool = False

    @property
    def holds(self) -> bool | None:
        """Tell whether the target is reached; ``None`` where there is none."""
        if self.target is None:
            return None
        return self.value <= self.target if self.at_most else self.value >= self.target


def figure(
    part: str,
    name: str,
    unit: str,
    rounds: Sequence[float],
    *,
    target: float | None = None,
    at_most: bool = False,
) -> Figure:
    """Return the figure of some rounds."""
    return Figure(
        part=part,
        name=name,
        unit=unit,
        value=statistics.median(rounds),
        least=min(rounds),
        most=max(rounds),
        rounds=len(rounds),
        target=target,
        at_most=at_most,
    )


def marked(figures: Iterable[Figure], reference: Sequence[float]) -> list[Figure]:
    """Return the figures with the mark of noise if the reference of their run moved too much."""
    noisy = max(reference) > NOISY * min(reference)
    return [msgspec.structs.replace(one, noisy=noisy) for one in figures]


def spin_s() -> float:
    """Return how long a fixed piece of work takes: the reference where nothing else is one."""
    started_s = time.perf_counter()
    found = 0
    for number in range(2_000_000):
        found += number & 3
    assert found
    return time.perf_counter() - started_s


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as text."""
    lines = [f"{'part':<9} {'figure':<58} {'median':>12} {'least':>12} {'most':>12}  {'unit':<10} target"]
    for one in figures:
        sign = "≤" if one.at_most else "≥"
        word = {None: "", True: " holds", False: " FALLS SHORT"}[one.holds]
        target = "" if one.target is None else f"{sign} {one.target:g}{word}"
        noise = "  (noisy)" if one.noisy else ""
        lines.append(
            f"{one.part:<9} {one.name:<58} {one.value:>12,.3f} {one.least:>12,.3f} {one.most:>12,.3f}  "
            f"{one.unit:<10} {target}{noise}"
        )
    return "\n".join(lines)
