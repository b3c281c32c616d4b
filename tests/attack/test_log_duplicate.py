# SPDX-License-Identifier: Apache-2.0
"""Attack: an entry or a part is told twice."""

from pathlib import Path

import pytest

from gateway.record.proof.verify import verify_logs
from tests.fakes.log import lines, put_lines, written


@pytest.mark.parametrize("place", range(6))
def test_a_duplicated_entry_is_found_and_the_copy_is_named(tmp_path: Path, place: int) -> None:
    """Right behind the original."""
    written(tmp_path / "door-0", 6)
    content = lines(tmp_path / "door-0")
    put_lines(tmp_path / "door-0", [*content[: place + 1], *content[place:]])

    assert verify_logs(tmp_path).logs[0].first_bad == place + 1


def test_a_duplicated_part_is_found(tmp_path: Path) -> None:
    """The same line once more."""
    written(tmp_path / "door-0", 6)
    parts = tmp_path / "door-0" / "parts" / "000000.ndjson"
    content = parts.read_bytes().splitlines(keepends=True)
    parts.write_bytes(b"".join([content[0], *content]))

    assert not verify_logs(tmp_path).is_right


def test_a_duplicated_segment_is_found(tmp_path: Path) -> None:
    """Copied behind the last one."""
    slot = tmp_path / "door-0"
    written(slot, 6)
    (slot / "000001.ndjson").write_bytes((slot / "000000.ndjson").read_bytes())

    assert verify_logs(tmp_path).logs[0].first_bad == 6
