# SPDX-License-Identifier: Apache-2.0
"""Stamps are kept in pairs, and only a whole pair about this log counts."""

from pathlib import Path

import pytest

from gateway.record.format.checkpoint import CheckpointInvalid, parse_verifier_key
from gateway.record.format.stamps import Stamp, keep_stamp, newest_stamp
from tests.fakes.log import NAME, checkpoint_of, key_of, verifier_key, written

KEY = parse_verifier_key(verifier_key())


@pytest.fixture
def slot(tmp_path: Path) -> Path:
    written(tmp_path / "door-0", 5)
    return tmp_path / "door-0"


def test_the_stamp_over_the_most_entries_is_the_newest(slot: Path) -> None:
    """However old the others are; half a pair is none."""
    assert newest_stamp(slot, KEY) is None
    first = Stamp(5, checkpoint_of(slot).encode(), b"one")
    keep_stamp(slot, first)
    written(slot, 7)
    second = Stamp(12, checkpoint_of(slot).encode(), b"two")
    path = keep_stamp(slot, second)

    assert path == slot / "stamps" / "000000000012.tsr"
    assert newest_stamp(slot, KEY) == second
    path.with_suffix(".checkpoint").unlink()
    assert newest_stamp(slot, KEY) == first


@pytest.mark.parametrize("note", [b"hello", b"\xff"])
def test_what_is_no_checkpoint_of_the_log_is_refused(slot: Path, note: bytes) -> None:
    """Nor is another log's."""
    keep_stamp(slot, Stamp(5, note, b"one"))
    with pytest.raises(CheckpointInvalid):
        newest_stamp(slot, KEY)
    keep_stamp(slot, Stamp(5, checkpoint_of(slot).encode(), b"one"))
    with pytest.raises(CheckpointInvalid):
        newest_stamp(slot, parse_verifier_key(verifier_key(NAME, key_of("other"))))
