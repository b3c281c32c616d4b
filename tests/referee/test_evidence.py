# SPDX-License-Identifier: Apache-2.0
"""What the index of the log answers is exactly what a reading of all files says, by other means (``bench.brute``).

Verified and built indexes, pages of search, whom incidents reached, accesses to persons. How fast stands in the table of
the referee and in docs/reference/capacity.md; no test fails by it.
"""

from pathlib import Path

import pytest

from bench import evidence
from bench.report import Figure
from tests.referee.numbers import EVIDENCE, EVIDENCE_GROWTH
from tests.referee.report import summary


async def test_answers_of_the_index_are_those_of_the_files(place: str, tmp_path: Path) -> None:
    """Of one log that is longer than a span, on both engines; a difference of one person or row fails."""
    folder = tmp_path / "evidence"
    folder.mkdir()
    n_entries = EVIDENCE.of(referee=False)
    async with evidence.world_in(folder, n_entries, slots=("door-0",), n_people=6_000, n_questions=40) as (world, _):
        figures = await evidence.on(place, "an engine", world)

    assert len(figures) > 5
    assert sum(len(one.people) for one in world.reached) > 6_000
    assert all(world.accesses.values())


def shown(figures: list[Figure]) -> None:
    """Put figures into the table."""
    for one in figures:
        line = (
            ""
            if one.holds is None
            else f" ({'≤' if one.at_most else '≥'} {one.target:g}: {'holds' if one.holds else 'FALLS SHORT'})"
        )
        summary(one.name, f"{one.value:,.3f} {one.unit}{line}")


@pytest.mark.referee
def test_answers_over_a_million_entries_are_exact(tmp_path: Path) -> None:
    """On both engines, with their figures."""
    shown(evidence.measure(tmp_path, (EVIDENCE.of(referee=True),)))


@pytest.mark.referee
def test_answers_over_ten_million_entries_are_exact(tmp_path: Path) -> None:
    """Growth: some 20 GB of disk and most of an hour."""
    shown(evidence.measure(tmp_path, (EVIDENCE_GROWTH.of(referee=True),)))
