# SPDX-License-Identifier: Apache-2.0
"""Attack: an entry of the log is edited by somebody who can write the files but not sign."""

from pathlib import Path

import pytest

from gateway.record.format.merkle import leaf_hash
from gateway.record.proof.verify import verify_logs
from tests.fakes.log import changed, lines, put_lines, written

N_ENTRIES = 10


@pytest.mark.parametrize("place", range(N_ENTRIES))
def test_an_edited_entry_is_found_and_named(tmp_path: Path, place: int) -> None:
    """From the opening to the close."""
    written(tmp_path / "door-0", N_ENTRIES)
    content = lines(tmp_path / "door-0")
    content[place] = changed(content[place], at_us=1)
    put_lines(tmp_path / "door-0", content)

    verdict = verify_logs(tmp_path)

    assert (verdict.is_right, verdict.logs[0].first_bad) == (False, place)


@pytest.mark.parametrize("place", range(N_ENTRIES - 1))
def test_an_edit_with_all_later_hashes_made_right_is_found(tmp_path: Path, place: int) -> None:
    """The chain holds again, but the signed root does not."""
    written(tmp_path / "door-0", N_ENTRIES)
    content = lines(tmp_path / "door-0")
    content[place] = changed(content[place], at_us=1)
    for later in range(place + 1, N_ENTRIES):
        content[later] = changed(content[later], prev=leaf_hash(content[later - 1][:-1]).hex())
    put_lines(tmp_path / "door-0", content)

    verdict = verify_logs(tmp_path)

    assert "differs from its checkpoint" in verdict.logs[0].problems[0]


def test_an_edited_part_is_found_and_named(tmp_path: Path) -> None:
    """A person's number exchanged for another."""
    written(tmp_path / "door-0", N_ENTRIES)
    parts = tmp_path / "door-0" / "parts" / "000000.ndjson"
    content = parts.read_bytes().splitlines(keepends=True)
    content[2] = content[2].replace(b'"met":[3,4]', b'"met":[3,5]')
    assert content != parts.read_bytes().splitlines(keepends=True)
    parts.write_bytes(b"".join(content))

    (verdict,) = verify_logs(tmp_path).logs

    assert (verdict.first_bad, verdict.problems) == (4, ("the part of entry 4 was changed",))
