# SPDX-License-Identifier: Apache-2.0
"""One log sees the newest checkpoints of the others, and passes over what is none."""

from pathlib import Path

from gateway.domain.entry import LogSeen, Refused
from gateway.domain.names import DecisionId
from gateway.record.writing.siblings import newest_checkpoints, newest_sightings
from tests.fakes.log import NAME, START_US, checkpoint_of, enter, lines, opened, put_lines, written


def test_every_other_log_is_seen(tmp_path: Path) -> None:
    """With its whole note, not itself."""
    other = "demo/node-1/cli"
    written(tmp_path / "door-0", 3)
    written(tmp_path / "cli", 4, other)

    assert newest_checkpoints(tmp_path, NAME) == [(other, checkpoint_of(tmp_path / "cli"))]


def test_what_is_no_checkpoint_is_passed_over(tmp_path: Path) -> None:
    """No file, no text, no note."""
    for name, content in (("a", None), ("b", b"\xff"), ("c", b"note")):
        (tmp_path / name).mkdir()
        if content is not None:
            (tmp_path / name / "checkpoint").write_bytes(content)

    assert newest_checkpoints(tmp_path, NAME) == []


def test_the_newest_sighting_of_each_log_is_found(tmp_path: Path) -> None:
    """In the newest segment or the one before; of this log, not of another."""
    for slot, most_bytes in (("cli", 1_500), ("door-1", 1 << 20)):
        log = opened(tmp_path / slot, f"demo/node-1/{slot}", most_bytes=most_bytes)
        for note in ("old", "new"):
            enter(log, LogSeen(origin=NAME, checkpoint=note))
        enter(log, LogSeen(origin=NAME + "1", checkpoint="of another"))
        log.close(START_US)
    written(tmp_path / "door-2", 3, "demo/node-1/door-2")

    assert newest_sightings(tmp_path, NAME) == [("cli", "new"), ("door-1", "new")]
    assert newest_sightings(tmp_path / "absent", NAME) == []


def test_a_text_that_looks_like_a_sighting_is_none(tmp_path: Path) -> None:
    """Whatever a caller sends, its quotes are escaped."""
    log = opened(tmp_path / "cli", "demo/node-1/cli")
    forged = f'"body":{{"kind":"log-seen","origin":"{NAME}","checkpoint":"forged"}}'
    enter(log, Refused(call=DecisionId(forged), reason=forged, status=400))
    log.close(START_US)

    assert newest_sightings(tmp_path, NAME) == []


def test_a_sighting_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    """A torn line, or one that was damaged."""
    log = opened(tmp_path / "cli", "demo/node-1/cli")
    enter(log, LogSeen(origin=NAME, checkpoint="x"))
    log.close(None)
    whole = lines(tmp_path / "cli")
    for content in ([whole[0], whole[1][:-1]], [whole[0], whole[1].replace(b'"x"', b'"x')]):
        put_lines(tmp_path / "cli", content)
        assert newest_sightings(tmp_path, NAME) == []
