# SPDX-License-Identifier: Apache-2.0
"""Attack: seals of segments are forged, or right ones put where they do not belong, or segments changed under a right one."""

import shutil
from pathlib import Path

import pytest

from gateway.domain.errors import LogDamaged
from gateway.record.format.checkpoint import CheckpointInvalid, VerifierKey, parse_verifier_key
from gateway.record.format.seal import open_seal, read_seal
from gateway.record.proof.seal_check import verify_segment
from gateway.record.proof.verify import verify_log
from tests.fakes.log import NAME, checkpoint_of, enter, key_of, opened, part, release, verifier_key, written

KEY = parse_verifier_key(verifier_key())


@pytest.fixture
def log(tmp_path: Path) -> Path:
    written(tmp_path / "door-0", 40, most_bytes=2_000)
    assert (tmp_path / "door-0" / "seals" / "000003").exists()
    return tmp_path / "door-0"


def seal(log: Path, number: int) -> Path:
    return log / "seals" / f"{number:06}"


def fork(log: Path) -> Path:
    """Return another history under the same key, of the same length."""
    directory = log.parent / "fork" / "door-0"
    one = opened(directory, most_bytes=2_000)
    for place in range(30):
        enter(one, release(f"f{place}"), part(place))
    one.close(1)
    return directory


def test_a_seal_of_another_segment_is_found(log: Path) -> None:
    """Also where all are moved on by one, and the gateway does not go on from one."""
    for number in (2, 1):
        shutil.copy(seal(log, number), seal(log, number + 1))
    assert "the seal of segment 000003 is of another segment" in verify_log(log).problems
    with pytest.raises(CheckpointInvalid, match="of another segment"):
        read_seal(log, 2, KEY)
    newest = max(int(path.stem) for path in log.glob("*.ndjson"))
    shutil.copy(seal(log, 0), seal(log, newest))
    with pytest.raises(LogDamaged, match="of another segment"):
        opened(log)


def test_a_seal_of_another_log_or_key_is_found(log: Path, tmp_path: Path) -> None:
    """Of the same segment and size."""
    other = tmp_path / "other" / "door-1"
    written(other, 40, "demo/node-1/door-1", most_bytes=2_000)
    stolen = tmp_path / "stolen" / "door-0"
    written(stolen, 40, key=key_of("thief"), most_bytes=2_000)
    for forged, why in ((other, "of another log"), (stolen, "not signed with the log's key")):
        shutil.copy(seal(forged, 1), seal(log, 1))
        assert any(why in problem for problem in verify_log(log).problems)


def test_a_seal_of_another_history_under_the_right_key_is_found(log: Path) -> None:
    """It is right in itself, and so is its segment; together they are still not this log."""
    other = fork(log)
    shutil.copy(seal(other, 1), seal(log, 1))
    assert not verify_log(log).is_right
    for name in ("000001.ndjson", "parts/000001.ndjson"):
        (log / name).unlink()
        shutil.copy(other / name, log / name)
    assert verify_segment(log / "000001.ndjson", seal(log, 1).read_text(), KEY).is_right
    assert not verify_log(log).is_right


def test_a_segment_from_elsewhere_is_found_under_a_right_seal(log: Path) -> None:
    """The one before, the one of another history, and the right one with its lines in another order."""
    note = seal(log, 1).read_text()
    assert verify_segment(log / "000001.ndjson", note, KEY).is_right
    whole = (log / "000001.ndjson").read_bytes()
    lines = whole.splitlines(keepends=True)
    for content in (
        (log / "000000.ndjson").read_bytes(),
        (fork(log) / "000001.ndjson").read_bytes(),
        b"".join(reversed(lines)),
        b"".join([*lines, lines[-1]]),
        whole + b'{"log":"',
        whole.removesuffix(b"\n"),
        b"",
    ):
        (log / "else.ndjson").write_bytes(content)
        assert not verify_segment(log / "else.ndjson", note, KEY).is_right


def test_a_checkpoint_is_no_seal_and_a_seal_without_its_words_is_none(log: Path) -> None:
    """Nor is one under the key of another name."""
    with pytest.raises(CheckpointInvalid):
        open_seal(checkpoint_of(log), KEY)
    note = seal(log, 1).read_text()
    with pytest.raises(CheckpointInvalid):
        open_seal(note, VerifierKey("demo/node-1/door-1", key_of(NAME).public_key))
    for line in note.split("\n\n")[0].split("\n"):
        with pytest.raises(CheckpointInvalid):
            open_seal(note.replace(f"{line}\n", "", 1), KEY)
