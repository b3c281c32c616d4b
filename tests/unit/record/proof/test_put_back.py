# SPDX-License-Identifier: Apache-2.0
"""Parts that should be gone: what entries say of them, before and after a forgetting came to its end."""

from pathlib import Path

import msgspec
import pytest

from gateway.domain.entry import Amended, Changed
from gateway.record.format.files import DiskFiles
from gateway.record.format.layout import parts_path
from gateway.record.format.parts import StoredPart
from gateway.record.proof.parts_scan import FORGOTTEN, parts_without
from gateway.record.proof.verify import LogVerdict, verify_log, verify_logs
from gateway.record.writing.rewriting import Rewriting
from tests.fakes.log import NAME, START_US, enter, opened, part, release

CLI = "demo/node-1/cli"


class Forgetting:
    """Takes people out of the parts of one log, and says so in another, step by step."""

    def __init__(self, folder: Path) -> None:
        self.door, self.cli = folder / "door-0", folder / "cli"
        door = opened(self.door)
        for place in range(4):
            enter(door, release(f"d{place}"), part(1, 2, place + 20))
        door.close(START_US)
        self.log = opened(self.cli, CLI)
        self.instead: dict[int, StoredPart] = {}

    def enter(self, person: int) -> None:
        """Say what is to stand in the place of the parts of a person."""
        for taken in parts_without(self.door, 0, frozenset({person})):
            after = taken.after
            place = enter(self.log, Amended(origin=NAME, place=after.seq, taken=taken.people, digest=after.own_digest))
            self.instead[after.seq] = msgspec.structs.replace(after, amended=f"{CLI}:{place}")

    def put(self) -> None:
        """Put it there."""
        Rewriting(DiskFiles(), self.door, 0, lambda stored: self.instead.get(stored.seq, stored)).run()

    def end(self) -> None:
        """Say that it is done."""
        enter(self.log, Changed(by="local:root", what=FORGOTTEN, target="parts"))

    def forget(self, person: int) -> bytes:
        """Do all of it, and return the parts as they were before."""
        before = parts_path(self.door, 0).read_bytes()
        self.enter(person)
        self.put()
        self.end()
        return before

    def verdict(self) -> LogVerdict:
        """Verify all, and return what was found of the log of the parts."""
        self.log.sign()
        return verify_logs(self.door.parent).logs[1]


@pytest.fixture
def forgetting(tmp_path: Path) -> Forgetting:
    return Forgetting(tmp_path)


def test_one_that_was_broken_off_is_noted_until_the_next_comes_to_its_end(forgetting: Forgetting) -> None:
    """Entries speak of what is to come; a crash is no forgery."""
    forgetting.enter(1)
    assert forgetting.verdict().problems == ()
    assert "4 parts are still to be amended" in forgetting.verdict().notes[0]

    forgetting.forget(1)
    assert (forgetting.verdict().problems, forgetting.verdict().notes) == ((), ())


def test_what_was_amended_twice_stands_as_it_was_amended_last(forgetting: Forgetting) -> None:
    """And what stood there in between is an older one."""
    forgetting.forget(1)
    between = forgetting.forget(2)
    assert forgetting.verdict().problems == ()

    parts_path(forgetting.door, 0).write_bytes(between)
    assert forgetting.verdict().first_bad == 1


def test_a_part_that_retention_deleted_since_is_no_part_that_was_put_back(forgetting: Forgetting) -> None:
    """Nothing stands there."""
    forgetting.forget(1)
    parts_path(forgetting.door, 0).write_bytes(b"")
    assert (forgetting.verdict().problems, forgetting.verdict().notes) == ((), ())


def test_of_a_log_alone_nothing_is_said_that_only_another_could_say(forgetting: Forgetting) -> None:
    """The entries are in a log that is not here."""
    before = forgetting.forget(1)
    parts_path(forgetting.door, 0).write_bytes(before)
    assert verify_log(forgetting.door).problems == ()
