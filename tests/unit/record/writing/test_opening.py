# SPDX-License-Identifier: Apache-2.0
"""Opening makes a log or reads all of it, and refuses one that contradicts itself."""

import errno
from pathlib import Path

import pytest

from gateway.domain.entry import End, Intent, LogSeen, Refused
from gateway.domain.errors import LogDamaged, LogUnavailable
from gateway.domain.names import DecisionId
from gateway.record.format.checkpoint import Checkpoint, signed
from gateway.record.format.files import DiskFiles
from gateway.record.format.merkle import EMPTY_ROOT
from gateway.record.proof.verify import verify_log
from gateway.record.reading.reader import records
from gateway.record.writing.opening import Found, open_slot
from tests.fakes.log import (
    NAME,
    START_US,
    FaultyDisk,
    changed,
    checkpoint_of,
    enter,
    key_of,
    lines,
    opened,
    part,
    put_lines,
    release,
    verifier_key,
    written,
)


@pytest.fixture
def slot(tmp_path: Path) -> Path:
    return tmp_path / "log" / "door-0"


def found_in(slot: Path) -> Found:
    log, found = open_slot(slot, NAME, key_of(NAME), DiskFiles())
    log.close(None)
    return found


def crashed(slot: Path, *calls: str) -> None:
    """Leave a log whose process died after some first blocks."""
    log = opened(slot)
    for call in calls:
        enter(log, release(call, last=False), part(1))
    log.sign()
    log.close(None)


def test_a_new_log_has_its_key_and_an_empty_checkpoint_before_its_first_entry(slot: Path) -> None:
    """So a missing checkpoint is always damage."""
    log, found = open_slot(slot, NAME, key_of(NAME), DiskFiles())
    log.close(None)

    assert (found.size, (slot / "log.pub").read_text()) == (0, verifier_key() + "\n")
    assert checkpoint_of(slot).startswith(f"{NAME}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n")


def test_the_slot_is_for_its_owner_alone(slot: Path) -> None:
    """Directories 700, files 600."""
    written(slot, 5)

    assert {path.stat().st_mode & 0o777 for path in (slot, slot / "parts")} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in slot.rglob("*") if path.is_file()} == {0o600}


def test_a_log_goes_on_where_it_ended(slot: Path) -> None:
    """With one chain over both lives."""
    written(slot, 5)
    written(slot, 7)

    assert verify_log(slot).problems == ()
    assert [record.line.body.__struct_config__.tag for record in records(slot)].count("opened") == 2
    assert verify_log(slot).n_signed == 12


def test_calls_that_a_crash_left_open_are_ended_as_unknown_once(slot: Path) -> None:
    """A call with its last block, an end or a refusal is not among them; a write that was only intended is."""
    log = opened(slot)
    enter(log, release("open", last=False))
    enter(log, release("whole", last=False))
    enter(log, release("whole", n=1))
    enter(log, release("cut", last=False))
    enter(log, End(call=DecisionId("cut"), how="cut"))
    enter(log, release("refused", last=False))
    enter(log, Refused(call=DecisionId("refused"), reason="held", status=403))
    for call in ("written", "declined", "sent"):
        enter(log, Intent(call=DecisionId(call), records=1))
    enter(log, release("written"))
    enter(log, Refused(call=DecisionId("declined"), reason="store-conflict", status=409))
    log.close(None)

    opened(slot).close(START_US)
    opened(slot).close(START_US)

    ends = [record.line.body for record in records(slot) if isinstance(record.line.body, End)]
    assert [(end.call, end.how) for end in ends] == [("cut", "cut"), ("open", "unknown"), ("sent", "unknown")]


def test_more_open_calls_than_a_checkpoint_covers_are_all_ended(slot: Path) -> None:
    """In several batches."""
    log = opened(slot)
    for place in range(300):
        enter(log, release(f"d{place}", last=False))
    log.close(None)
    opened(slot).close(START_US)

    assert verify_log(slot).problems == ()
    assert found_in(slot).unended == ()


def test_what_was_seen_of_other_logs_is_found_again(slot: Path) -> None:
    """The newest of each."""
    log = opened(slot)
    for note in ("old", "new"):
        enter(log, LogSeen(origin="demo/node-1/cli", checkpoint=note))
    log.close(START_US)

    assert found_in(slot).seen == {"demo/node-1/cli": "new"}


@pytest.mark.parametrize("cut", [1, 10, 200])
def test_a_torn_last_line_is_cut(slot: Path, cut: int) -> None:
    """It was never acknowledged; its part goes with it."""
    crashed(slot, "d1")
    log = opened(slot)
    enter(log, release("torn", last=False), part(9))
    log.close(None)
    whole = (slot / "000000.ndjson").read_bytes()
    (slot / "000000.ndjson").write_bytes(whole[:-cut])

    found = found_in(slot)

    torn_bytes = len(whole) - cut - len(b"".join(lines(slot)))
    assert (found.size, found.torn_bytes) == (4, torn_bytes)
    assert (slot / "000000.ndjson").read_bytes() == whole[: whole.rindex(b"\n", 0, -1) + 1]
    assert b'"seq":4' not in (slot / "parts" / "000000.ndjson").read_bytes()


def test_parts_that_are_ahead_of_their_entries_are_cut(slot: Path) -> None:
    """As a crash between the two leaves them; the places are given to other entries."""
    crashed(slot, "d1")
    parts = slot / "parts" / "000000.ndjson"
    before = parts.read_bytes()
    parts.write_bytes(before + before.replace(b'"seq":1', b'"seq":2') + b'{"seq":3')

    opened(slot).close(START_US)

    assert parts.read_bytes() == before
    assert verify_log(slot).problems == ()


def test_after_a_crash_the_last_segment_is_new_on_the_disk(slot: Path) -> None:
    """Its pages may have been marked clean by a failed sync; after an orderly end it is left alone."""
    crashed(slot, "d1")
    inode = (slot / "000000.ndjson").stat().st_ino
    opened(slot).close(START_US)
    rewritten = (slot / "000000.ndjson").stat().st_ino
    opened(slot).close(START_US)

    assert inode != rewritten == (slot / "000000.ndjson").stat().st_ino


def test_a_held_log_is_refused(slot: Path) -> None:
    """One writer at a time."""
    log = opened(slot)
    with pytest.raises(LogUnavailable, match="another process"):
        opened(slot)
    log.close(START_US)


def test_a_name_that_would_break_a_note_is_refused(slot: Path) -> None:
    """Three plain parts."""
    with pytest.raises(LogUnavailable, match="named"):
        open_slot(slot, "a b", key_of(NAME), DiskFiles())


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda slot: put_lines(slot, lines(slot)[:3]), "has 3 entries, its checkpoint 8"),
        (lambda slot: put_lines(slot, lines(slot)[1:]), "entry 0 is missing"),
        (lambda slot: put_lines(slot, [b"x\n"]), "entry 0 cannot be read"),
        (
            lambda slot: put_lines(slot, [*lines(slot)[:-1], changed(lines(slot)[-1], at_us=1)]),
            "differs from its checkpoint",
        ),
        (lambda slot: (slot / "000000.ndjson").unlink(), "has 0 entries, its checkpoint 8"),
        (lambda slot: (slot / "checkpoint").unlink(), "no file checkpoint"),
        (lambda slot: (slot / "log.pub").unlink(), "no file log.pub"),
        (lambda slot: (slot / "log.pub").write_text(verifier_key(key=key_of("x"))), "log.pub does not hold"),
        (lambda slot: (slot / "checkpoint").write_text("x"), "note"),
        (lambda slot: (slot / "checkpoint").write_bytes(b"\xff"), "not text"),
    ],
)
def test_a_damaged_log_is_refused_and_let_go(slot: Path, damage: object, sentence: str) -> None:
    """Nothing is appended to a log that contradicts itself."""
    written(slot, 8)
    assert callable(damage)
    damage(slot)
    before = sorted((path.name, path.read_bytes()) for path in slot.rglob("*") if path.is_file())

    for _ in range(2):
        with pytest.raises(LogDamaged, match=sentence):
            opened(slot)

    assert before == sorted((path.name, path.read_bytes()) for path in slot.rglob("*") if path.is_file())


def test_a_lost_key_beside_a_checkpoint_is_damage_even_without_entries(slot: Path) -> None:
    """A log is not made anew over what is left of another."""
    open_slot(slot, NAME, key_of(NAME), DiskFiles())[0].close(None)
    (slot / "log.pub").unlink()

    with pytest.raises(LogDamaged, match="not its public key"):
        opened(slot)


def test_another_key_is_refused(slot: Path) -> None:
    """A log keeps its key."""
    written(slot, 3)
    with pytest.raises(LogDamaged, match="key"):
        opened(slot, key=key_of("other"))


def test_a_disk_that_refuses_at_opening_makes_the_log_unavailable(slot: Path) -> None:
    """Also when only the first entry fails; afterwards all is well."""
    disk = FaultyDisk()
    for operation in ("open_fresh", "open", "sync"):
        disk.fail = {operation: errno.ENOSPC}
        with pytest.raises(LogUnavailable, match="space"):
            opened(slot, files=disk)
    (slot.parent / "file").touch()
    with pytest.raises(LogUnavailable, match="directory"):
        opened(slot.parent / "file" / "door-0")

    disk.fail = {}
    opened(slot, files=disk).close(START_US)
    assert verify_log(slot).problems == ()


def test_what_another_log_saw_under_another_key_does_not_stop_an_opening(slot: Path) -> None:
    """It proves nothing of this log, and whoever could write it could stop every start."""
    written(slot, 5)
    forged = signed(Checkpoint(origin=NAME, size=1_000, root=EMPTY_ROOT), key_of("other"))
    cli = opened(slot.parent / "cli", "demo/node-1/cli")
    for note in ("no note", forged):
        enter(cli, LogSeen(origin=NAME, checkpoint=note))
        opened(slot).close(START_US)
    cli.close(START_US)
