# SPDX-License-Identifier: Apache-2.0
"""Attack: an entry is put into the log that nobody wrote."""

from pathlib import Path

import pytest

from gateway.record.format.merkle import leaf_hash
from gateway.record.format.parts import StoredPart, parse_part
from gateway.record.proof.verify import verify_logs
from tests.fakes.log import changed, lines, put_lines, written

N_ENTRIES = 10


@pytest.mark.parametrize("place", range(1, N_ENTRIES))
def test_a_forged_entry_is_found_and_named(tmp_path: Path, place: int) -> None:
    """It names its place and the hash before it correctly."""
    written(tmp_path / "door-0", N_ENTRIES)
    content = lines(tmp_path / "door-0")
    forged = changed(content[place], at_us=1)
    put_lines(tmp_path / "door-0", [*content[:place], forged, *content[place:]])

    verdict = verify_logs(tmp_path)

    assert not verdict.is_right
    assert verdict.logs[0].first_bad in ((place,) if place < N_ENTRIES - 1 else (place, place + 1))


def test_entries_forged_behind_a_closed_log_are_unsigned_and_seen(tmp_path: Path) -> None:
    """Whoever cannot sign can only lengthen the tail, and the tail is told apart."""
    written(tmp_path / "door-0", N_ENTRIES)
    content = lines(tmp_path / "door-0")
    forged = changed(content[-1], seq=N_ENTRIES, prev=leaf_hash(content[-1][:-1]).hex())
    put_lines(tmp_path / "door-0", [*content, forged])

    (verdict,) = verify_logs(tmp_path).logs

    assert (verdict.n_signed, verdict.n_tail) == (N_ENTRIES, 1)


@pytest.mark.parametrize("seq", [3, 99])
def test_a_forged_part_is_found(tmp_path: Path, seq: int) -> None:
    """For an entry that has none, or for one that is not there."""
    written(tmp_path / "door-0", N_ENTRIES)
    parts = tmp_path / "door-0" / "parts" / "000000.ndjson"
    content = parts.read_bytes().splitlines(keepends=True)
    forged = StoredPart(seq, bytes(16), b'{"met":[7]}').line()
    place = next((place for place, line in enumerate(content) if parse_part(line[:-1]).seq > seq), len(content))
    parts.write_bytes(b"".join([*content[:place], forged, *content[place:]]))

    assert not verify_logs(tmp_path).is_right
