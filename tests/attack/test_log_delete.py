# SPDX-License-Identifier: Apache-2.0
"""Attack: entries are taken out of the log."""

from pathlib import Path

import pytest

from gateway.record.proof.verify import verify_logs
from tests.fakes.log import lines, put_lines, written

N_ENTRIES = 10


@pytest.mark.parametrize("place", range(N_ENTRIES))
def test_a_deleted_entry_is_found_and_named(tmp_path: Path, place: int) -> None:
    """Wherever it stood."""
    written(tmp_path / "door-0", N_ENTRIES)
    content = lines(tmp_path / "door-0")
    put_lines(tmp_path / "door-0", content[:place] + content[place + 1 :])

    verdict = verify_logs(tmp_path)

    assert (verdict.is_right, verdict.logs[0].first_bad) == (False, place)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_deleted_segment_is_found(tmp_path: Path, number: int) -> None:
    """The first, one in the middle, the last."""
    written(tmp_path / "door-0", N_ENTRIES, most_bytes=1_200)
    numbers = sorted(int(path.stem) for path in (tmp_path / "door-0").glob("*.ndjson"))
    assert len(numbers) == 3
    (tmp_path / "door-0" / f"{number:06}.ndjson").unlink()

    assert not verify_logs(tmp_path).is_right


def test_an_entry_deleted_with_its_part_is_found(tmp_path: Path) -> None:
    """A part may go; its entry may not."""
    written(tmp_path / "door-0", N_ENTRIES)
    parts = tmp_path / "door-0" / "parts" / "000000.ndjson"
    parts.write_bytes(b"".join(parts.read_bytes().splitlines(keepends=True)[1:]))
    assert verify_logs(tmp_path).is_right

    content = lines(tmp_path / "door-0")
    put_lines(tmp_path / "door-0", [content[0], *content[2:]])

    assert verify_logs(tmp_path).logs[0].first_bad == 1
