# SPDX-License-Identifier: Apache-2.0
"""Parts files are written anew while a log grows, and no part falls between."""

import errno
import threading
from pathlib import Path

import pytest
from typing_extensions import override

from gateway.record.format.files import DiskFiles
from gateway.record.format.layout import LineFile, parts_path
from gateway.record.format.parts import StoredPart, parse_part
from gateway.record.proof.verify import verify_log
from gateway.record.writing.rewriting import Rewriting
from tests.fakes.log import START_US, FaultyDisk, enter, opened, part, release


def places(log: Path, number: int = 0) -> list[int]:
    return [parse_part(line).seq for line in LineFile(parts_path(log, number)).lines()]


def even_goes(stored: StoredPart) -> StoredPart | None:
    return None if stored.seq % 2 == 0 else stored


def test_the_parts_that_stay_are_those_that_they_were(tmp_path: Path) -> None:
    """To the byte; the log verifies, and counts the others as deleted."""
    log = opened(tmp_path / "door-0")
    for place in range(9):
        enter(log, release(f"d{place}"), part(place))
    before = parts_path(tmp_path / "door-0", 0).read_bytes().splitlines()
    work = Rewriting(DiskFiles(), tmp_path / "door-0", 0, even_goes)
    work.run()
    log.close(START_US)

    assert (work.n_gone, places(tmp_path / "door-0")) == (4, [1, 3, 5, 7, 9])
    assert parts_path(tmp_path / "door-0", 0).read_bytes().splitlines() == before[::2]
    verdict = verify_log(tmp_path / "door-0")
    assert (verdict.problems, verdict.n_parts, verdict.n_parts_missing) == ((), 5, 4)


def test_nothing_is_written_where_nothing_goes(tmp_path: Path) -> None:
    """The file is the same file."""
    log = opened(tmp_path / "door-0")
    enter(log, release("d0"), part(1))
    inode = parts_path(tmp_path / "door-0", 0).stat().st_ino
    Rewriting(DiskFiles(), tmp_path / "door-0", 0, lambda stored: stored).run()
    Rewriting(DiskFiles(), tmp_path / "door-0", 7, even_goes).run()
    assert parts_path(tmp_path / "door-0", 0).stat().st_ino == inode
    log.close(START_US)


def test_a_log_that_grows_meanwhile_loses_no_part(tmp_path: Path) -> None:
    """Writer and deleter go on side by side; every odd entry has its part in the end."""
    log = opened(tmp_path / "door-0")
    stop = threading.Event()

    def delete() -> None:
        while not stop.is_set():
            Rewriting(DiskFiles(), tmp_path / "door-0", 0, even_goes).run()

    deleting = threading.Thread(target=delete)
    deleting.start()
    for place in range(1, 400):
        assert enter(log, release(f"d{place}"), part(place)) == place
    stop.set()
    deleting.join()
    Rewriting(DiskFiles(), tmp_path / "door-0", 0, even_goes).run()
    log.close(START_US)

    assert places(tmp_path / "door-0") == list(range(1, 400, 2))
    assert verify_log(tmp_path / "door-0").problems == ()


@pytest.mark.parametrize("operation", ["open_fresh", "write", "sync", "rename"])
def test_a_disk_that_refuses_leaves_the_file_as_it_was(tmp_path: Path, operation: str) -> None:
    """And nothing beside it."""
    log = opened(tmp_path / "door-0")
    enter(log, release("d0"), part(1))
    enter(log, release("d1"), part(1))
    before = parts_path(tmp_path / "door-0", 0).read_bytes()
    disk = FaultyDisk()
    disk.fail = {operation: errno.EIO}
    with pytest.raises(OSError, match="error"):
        Rewriting(disk, tmp_path / "door-0", 0, even_goes).run()
    assert parts_path(tmp_path / "door-0", 0).read_bytes() == before
    assert not list((tmp_path / "door-0" / "parts").glob("*.new"))
    log.close(START_US)


def test_a_write_that_fails_after_parts_went_cuts_the_new_file(tmp_path: Path) -> None:
    """Lengths of the old one say nothing of it."""
    disk = FaultyDisk()
    log = opened(tmp_path / "door-0", files=disk)
    for place in range(4):
        enter(log, release(f"d{place}"), part(place))
    Rewriting(DiskFiles(), tmp_path / "door-0", 0, even_goes).run()
    for _ in range(2):
        disk.fail = {"sync": errno.EIO}
        with pytest.raises(Exception, match="refused"):
            enter(log, release("lost"), part(9))
        disk.fail = {}
        enter(log, release("d9"), part(9))
    log.close(START_US)

    assert verify_log(tmp_path / "door-0").problems == ()
    assert places(tmp_path / "door-0") == [1, 3]


def test_a_malformed_line_stays_for_the_verifier(tmp_path: Path) -> None:
    """Whatever else goes."""
    log = opened(tmp_path / "door-0")
    enter(log, release("d0"), part(1))
    enter(log, release("d1"), part(1))
    log.close(START_US)
    path = parts_path(tmp_path / "door-0", 0)
    path.write_bytes(b"nonsense\n" + path.read_bytes())
    Rewriting(DiskFiles(), tmp_path / "door-0", 0, even_goes).run()
    assert path.read_bytes().startswith(b"nonsense\n")
    assert len(path.read_bytes().splitlines()) == 2


def test_an_opening_does_not_bring_back_what_is_taken_out_meanwhile(tmp_path: Path) -> None:
    """It writes the parts of the newest segment anew after a crash, from what it read: both wait for each other."""
    directory = tmp_path / "door-0"
    log = opened(directory)
    for place in range(9):
        enter(log, release(f"d{place}"), part(place))
    log.close(None)
    deleting = threading.Thread(target=Rewriting(DiskFiles(), directory, 0, even_goes).run)

    class Meanwhile(FaultyDisk):
        """A disk on which somebody deletes parts between the reading and the writing of them."""

        @override
        def open_fresh(self, path: Path) -> int:
            if path.parent.name == "parts" and deleting.ident is None:
                deleting.start()
                # Where nothing holds it up, it comes to its end here.
                deleting.join(0.5)
            return super().open_fresh(path)

    log = opened(directory, files=Meanwhile())
    deleting.join()
    log.close(START_US)

    assert places(directory) == [1, 3, 5, 7, 9]
    assert verify_log(directory).problems == ()
