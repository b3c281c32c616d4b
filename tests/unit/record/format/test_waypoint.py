# SPDX-License-Identifier: Apache-2.0
"""A waypoint saves reading and decides nothing: what it leads to is borne out by the checkpoint, or passed over."""

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from gateway.domain.entry import Closed, End, LogSeen, Opened
from gateway.domain.errors import LogDamaged
from gateway.record.format.files import DiskFiles
from gateway.record.format.waypoint import FILE, Waypoint, read_waypoint
from gateway.record.proof.verify import verify_log
from gateway.record.reading.reader import records
from gateway.record.writing import slot as module
from gateway.record.writing.opening import Found, open_slot
from tests.fakes.log import (
    NAME,
    START_US,
    changed,
    checkpoint_of,
    enter,
    key_of,
    lines,
    opened,
    part,
    put_lines,
    release,
    written,
)

EVERY = 20


@pytest.fixture
def slot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log of 25 entries that crashed, with a waypoint behind 20 of them at least."""
    monkeypatch.setattr(module, "EVERY", EVERY)
    slot = tmp_path / "log" / "door-0"
    log = opened(slot)
    enter(log, release("d-open", last=False), part(1))
    enter(log, LogSeen(origin="demo/node-1/cli", checkpoint="a note"))
    log._seen["demo/node-1/cli"] = "a note"
    for place in range(18):
        enter(log, release(f"d-{place}"), part(place))
    log.sign()
    for place in range(4):
        enter(log, release(f"e-{place}"), part(place))
    log.sign()
    log.close(None)
    return slot


def found_in(slot: Path) -> Found:
    """Return what an opening finds, and let the log go without an entry."""
    log, found = open_slot(slot, NAME, key_of(NAME), DiskFiles())
    log.close(None)
    return found


def test_an_opening_reads_what_follows_the_waypoint(slot: Path) -> None:
    """And finds the same as one that reads everything: the size, the calls that are open, what was seen."""
    shorter = found_in(slot)
    (slot / FILE).unlink()
    whole = found_in(slot)

    assert (shorter.marked, whole.marked) == (21, 0)
    assert msgspec.structs.replace(shorter, marked=0) == whole
    assert (whole.size, whole.unended, whole.seen) == (25, ("d-open",), {"demo/node-1/cli": "a note"})


def test_a_log_goes_on_from_a_waypoint(slot: Path) -> None:
    """Its chain and its tree are those of a log that was read whole; the call that was open is ended."""
    written(slot, 40)
    found = found_in(slot)

    assert verify_log(slot).problems == ()
    assert found.marked > 21
    assert End(call="d-open", how="unknown") in [record.line.body for record in records(slot)]  # type: ignore[arg-type]


def test_a_log_that_ends_at_its_waypoint_goes_on(slot: Path) -> None:
    """Nothing follows it; the root of its peaks is that of the checkpoint."""
    other = slot.parent / "door-1"
    log = opened(other, "demo/node-1/door-1")
    for place in range(EVERY):
        enter(log, release(f"d-{place}"), part(place))
    log.sign()
    log.close(None)
    assert read_waypoint(other) is not None
    opened(other, "demo/node-1/door-1").close(START_US)

    assert [type(record.line.body) for record in records(other)][-2:] == [Opened, Closed]
    assert verify_log(other).problems == ()


@pytest.mark.parametrize(
    "forge",
    [
        lambda good: msgspec.structs.replace(good, peaks=(*good.peaks[:-1], "00" * 32)),
        lambda good: msgspec.structs.replace(good, peaks=good.peaks[1:]),
        lambda good: msgspec.structs.replace(good, size=good.size - 1),
        lambda good: msgspec.structs.replace(good, prev="00" * 32),
        lambda good: msgspec.structs.replace(good, prev="é"),
        lambda good: msgspec.structs.replace(good, offset=good.offset - 1),
        lambda good: msgspec.structs.replace(good, offset=1 << 40),
        lambda good: msgspec.structs.replace(good, segment=7),
        lambda good: msgspec.structs.replace(good, size=1 << 40, peaks=("00" * 32,)),
    ],
)
def test_a_forged_waypoint_is_passed_over(slot: Path, forge: Callable[[Waypoint], Waypoint]) -> None:
    """All of the log is read, and it goes on as it should."""
    good = read_waypoint(slot)
    assert good is not None
    (slot / FILE).write_bytes(msgspec.json.encode(forge(good)))

    assert found_in(slot).marked == 0
    written(slot, 5)
    assert verify_log(slot).problems == ()


@pytest.mark.parametrize("content", [b"", b"{}", b"nonsense", b"\xff"])
def test_a_waypoint_that_cannot_be_read_is_passed_over(slot: Path, content: bytes) -> None:
    """As if there were none."""
    (slot / FILE).write_bytes(content)
    assert found_in(slot).marked == 0


def test_a_change_behind_the_waypoint_is_found_by_the_opening(slot: Path) -> None:
    """It is read as ever."""
    content = lines(slot)
    put_lines(slot, [*content[:23], changed(content[23], at_us=1), *content[24:]])
    with pytest.raises(LogDamaged):
        found_in(slot)


def test_a_change_before_the_waypoint_is_found_by_verifying(slot: Path) -> None:
    """An opening does not read it; a verifier reads everything, with no more than the log and its checkpoint."""
    content = lines(slot)
    put_lines(slot, [*content[:5], content[5].replace(b'"d-2"', b'"d-9"'), *content[6:]])

    assert found_in(slot).marked == 21
    assert not verify_log(slot).is_right


def test_a_log_put_back_to_an_older_copy_is_refused_with_its_waypoint(slot: Path) -> None:
    """Its sibling saw more, under its own signature."""
    shutil.copytree(slot, slot.parent.parent / "copy")
    written(slot, 5)
    cli = opened(slot.parent / "cli", "demo/node-1/cli")
    enter(cli, LogSeen(origin=NAME, checkpoint=checkpoint_of(slot)))
    cli.close(None)
    shutil.rmtree(slot)
    shutil.copytree(slot.parent.parent / "copy", slot)

    with pytest.raises(LogDamaged, match="it was lost or put back") as told:
        found_in(slot)
    assert f"the log {NAME} has" in str(told.value)
    assert f"put {slot} back" in str(told.value)
