# SPDX-License-Identifier: Apache-2.0
"""Attack: after a person was forgotten, somebody puts parts back that hold the person, from a copy of the disk.

Each was right once, so its digest is that of its entry; only the entries that came later tell.
"""

from pathlib import Path

import msgspec
import pytest

from gateway.domain.entry import Amended, Changed
from gateway.record.format.files import DiskFiles
from gateway.record.format.layout import parts_path
from gateway.record.format.parts import StoredPart
from gateway.record.proof.parts_scan import FORGOTTEN, parts_without
from gateway.record.proof.verify import verify_log, verify_logs
from gateway.record.writing.rewriting import Rewriting
from tests.fakes.log import NAME, START_US, enter, opened, part, release


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return tmp_path / "log"


def forgotten(logs: Path, person: int) -> bytes:
    """Forget a person, and return the parts as they were before."""
    directory = logs / "door-0"
    before = parts_path(directory, 0).read_bytes()
    log = opened(directory)
    instead: dict[int, StoredPart] = {}
    for taken in parts_without(directory, 0, frozenset({person})):
        after = taken.after
        place = enter(log, Amended(origin=NAME, place=after.seq, taken=taken.people, digest=after.own_digest))
        instead[after.seq] = msgspec.structs.replace(after, amended=f"{NAME}:{place}")
    Rewriting(DiskFiles(), directory, 0, lambda stored: instead.get(stored.seq, stored)).run()
    enter(log, Changed(by="local:root", what=FORGOTTEN, target="parts"))
    log.close(START_US)
    return before


@pytest.mark.parametrize("place", [1, 3, 5])
def test_a_single_original_is_named(logs: Path, place: int) -> None:
    """Among the others, which stand as they were amended."""
    log = opened(logs / "door-0")
    for number in range(5):
        enter(log, release(f"d{number}"), part(1, number + 20))
    log.close(START_US)
    before = forgotten(logs, 1).splitlines(keepends=True)
    assert verify_logs(logs).is_right

    path = parts_path(logs / "door-0", 0)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[place - 1] = before[place - 1]
    path.write_bytes(b"".join(lines))
    verdict = verify_logs(logs).logs[0]
    assert verdict.first_bad == place
    assert f"the part of entry {place} should be gone" in verdict.problems[0]
    assert verify_log(logs / "door-0").first_bad == place


def test_what_stood_there_before_a_second_person_was_forgotten_is_named(logs: Path) -> None:
    """It was amended rightly for the first, and holds the second."""
    log = opened(logs / "door-0")
    enter(log, release("d0"), part(1, 2, 3))
    log.close(START_US)
    forgotten(logs, 1)
    between = forgotten(logs, 2)
    assert verify_logs(logs).is_right

    parts_path(logs / "door-0", 0).write_bytes(between)
    assert verify_logs(logs).logs[0].first_bad == 1
