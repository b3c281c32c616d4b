# SPDX-License-Identifier: Apache-2.0
"""Attack: entries or their parts change places."""

from itertools import combinations
from pathlib import Path

import pytest

from gateway.record.proof.verify import verify_logs
from tests.fakes.log import lines, put_lines, written


@pytest.mark.parametrize(("one", "other"), list(combinations(range(6), 2)))
def test_swapped_entries_are_found_and_the_first_is_named(tmp_path: Path, one: int, other: int) -> None:
    """Neighbours and others."""
    written(tmp_path / "door-0", 6)
    content = lines(tmp_path / "door-0")
    content[one], content[other] = content[other], content[one]
    put_lines(tmp_path / "door-0", content)

    assert verify_logs(tmp_path).logs[0].first_bad == one


def test_swapped_parts_are_found(tmp_path: Path) -> None:
    """With their numbers swapped too, so that the order looks right."""
    written(tmp_path / "door-0", 6)
    parts = tmp_path / "door-0" / "parts" / "000000.ndjson"
    content = parts.read_bytes().splitlines(keepends=True)
    first = content[1].replace(b'"seq":2', b'"seq":1')
    second = content[0].replace(b'"seq":1', b'"seq":2')
    for swapped in ([content[1], content[0], *content[2:]], [first, second, *content[2:]]):
        parts.write_bytes(b"".join(swapped))
        assert not verify_logs(tmp_path).is_right


def test_swapped_segments_are_found(tmp_path: Path) -> None:
    """Files renamed onto each other."""
    slot = tmp_path / "door-0"
    written(slot, 10, most_bytes=1_500)
    (slot / "000000.ndjson").rename(slot / "x")
    (slot / "000001.ndjson").rename(slot / "000000.ndjson")
    (slot / "x").rename(slot / "000001.ndjson")

    assert verify_logs(tmp_path).logs[0].first_bad == 0
