# SPDX-License-Identifier: Apache-2.0
"""Attack: the first segments of a log are removed, as if they had been moved to other storage; their seals hold."""

from pathlib import Path

import pytest

from gateway.domain.entry import Changed
from gateway.record.proof.parts_scan import ARCHIVED
from gateway.record.proof.verify import Verdict, verify_log, verify_logs
from tests.fakes.log import START_US, enter, opened, written

CLI = "demo/node-1/cli"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Two logs of several segments each."""
    for slot in ("cli", "door-0"):
        written(tmp_path / slot, 40, f"demo/node-1/{slot}", most_bytes=2_000)
    assert verify_logs(tmp_path).is_right
    return tmp_path


def removed(directory: Path, n: int) -> None:
    for number in range(n):
        (directory / f"{number:06}.ndjson").unlink(missing_ok=True)
        (directory / "parts" / f"{number:06}.ndjson").unlink(missing_ok=True)


def told(logs: Path, slot: str, number: int) -> None:
    """Enter that a segment was moved."""
    log = opened(logs / "cli", CLI, most_bytes=2_000)
    enter(log, Changed(by="local:root", what=ARCHIVED, target=slot, facts={"segment": number, "first": 0, "last": 1}))
    log.close(START_US)


def problems(verdict: Verdict, slot: str) -> tuple[str, ...]:
    return next(one.problems for one in verdict.logs if one.slot == slot)


def test_segments_that_no_entry_says_were_moved_were_removed(logs: Path) -> None:
    """The verdict is wrong, and the first entry that is gone is named."""
    removed(logs / "door-0", 2)
    verdict = verify_logs(logs)

    assert problems(verdict, "door-0") == (
        "the segments before 000002 are not here, and no entry says that they were moved: they were removed",
    )
    assert next(one.first_bad for one in verdict.logs if one.slot == "door-0") == 0
    assert any("may be in a log" in note for note in verify_log(logs / "door-0").notes)


def test_an_entry_speaks_for_the_segments_up_to_its_own_alone(logs: Path) -> None:
    """One more is one too many; an entry about another log speaks for none."""
    told(logs, "door-0", 0)
    told(logs, "door-0", 1)
    told(logs, "worker", 7)
    removed(logs / "door-0", 2)
    assert verify_logs(logs).is_right

    removed(logs / "door-0", 3)
    assert problems(verify_logs(logs), "door-0") != ()


def test_entries_that_were_moved_themselves_cannot_be_missed(logs: Path) -> None:
    """Then it is said, and no more can be."""
    told(logs, "cli", 0)
    removed(logs / "cli", 1)
    removed(logs / "door-0", 1)
    verdict = verify_logs(logs)

    assert verdict.is_right
    notes = next(one.notes for one in verdict.logs if one.slot == "door-0")
    assert any("no entry says that they were moved" in note for note in notes)
