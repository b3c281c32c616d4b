# SPDX-License-Identifier: Apache-2.0
"""Retention deletes parts by segment, keeps what a replay needs, and asks the law and holds first."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest

from gateway.domain.entry import Changed, Entry, Numbered, Part
from gateway.domain.errors import NotDeleted
from gateway.flows.retention import DAY_US, Due, Keeping, Least, Retention, Rooms, check_keeping, least_of
from gateway.record.format.files import DiskFiles
from gateway.record.format.layout import segments
from gateway.record.format.parts import StoredPart
from gateway.record.proof.parts_scan import HOLD_ADDED, HOLD_LIFTED, holds_in_force, stored_parts
from gateway.record.proof.verify import verify_logs
from gateway.record.writing.rewriting import Rewriting
from tests.fakes.log import NAME, START_US, enter, opened, part, release

NOW_US = START_US + 1_000 * DAY_US


class Law(msgspec.Struct, frozen=True):
    """What a regime says."""

    id: str
    logs_months: int | None = None
    logs_cite: str = ""


class Recorder:
    """Keeps entries, with what the files held when they came."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Keep it."""
        del part
        self.entries.append(entry)
        return 0


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Segments of four entries: numbers first, then releases; 10 days from one entry to the next."""
    directory = tmp_path / "log" / "door-0"
    one = opened(directory, most_bytes=1_200, clock=lambda: START_US)
    enter(one, Numbered(people=1, identity="crm.customer_id"), Part(numbered=b"x" * 36), START_US)
    for place in range(20):
        enter(one, release(f"d{place}"), part(place), START_US + place * 10 * DAY_US)
    one.close(START_US + 200 * DAY_US)
    return directory


def retention(log: Path, recorder: Recorder, keeping: Keeping, now_us: int, seen: int = 10_000) -> Retention:
    def rewrite(slot: str, number: int, change: Callable[[StoredPart], StoredPart | None]) -> int:
        work = Rewriting(DiskFiles(), log.parent / slot, number, change)
        work.run()
        return work.n_gone

    async def renew(slot: str, first: int) -> None:
        recorder.entries.append(Changed(by="index", what="renewed", target=slot, facts={"first": first}))

    async def read() -> Mapping[str, int]:
        return {NAME: seen}

    rooms = Rooms(
        logs=log.parent,
        prefix="demo/node-1/",
        recorder=recorder,
        clock=lambda: now_us,
        rewrite=rewrite,
        copies=lambda slot: [log.parent / slot],
        renew=renew,
        seen=read,
    )
    return Retention(rooms, keeping, None)


def places(log: Path) -> list[int]:
    return [stored.seq for number in segments(log) for stored in stored_parts(log, number)]


def test_whole_segments_lose_their_parts_when_their_last_entry_is_old_enough(log: Path) -> None:
    """It is entered first, with how many of which segment; the log verifies, and the index follows."""
    recorder = Recorder()
    work = retention(log, recorder, Keeping(parts_days=100, restore_days=100), START_US + 200 * DAY_US)
    due = asyncio.run(work.due())
    assert due
    assert all(one.ends.last_us < START_US + 100 * DAY_US for one in due)
    n_gone = asyncio.run(work.delete(due, "gateway"))

    assert n_gone == sum(one.n_parts for one in due)
    assert places(log)[0] == due[-1].ends.last + 1
    told = [one for one in recorder.entries if isinstance(one, Changed) and one.what == "parts-deleted"]
    assert [(one.target, one.facts["segment"], one.facts["parts"]) for one in told] == [
        ("door-0", one.ends.number, one.n_parts) for one in due
    ]
    assert isinstance(recorder.entries[-1], Changed)
    assert recorder.entries[-1].facts == {"first": 0}
    assert verify_logs(log.parent).is_right
    assert asyncio.run(work.due()) == []


def test_what_a_restore_needs_stays_longer(log: Path) -> None:
    """Until no copy is put back that is older, and never before the database has seen it."""
    for keeping, seen, kept in (
        (Keeping(parts_days=100, restore_days=400), 10_000, [1]),
        (Keeping(parts_days=100, restore_days=100), 1, [1]),
        (Keeping(parts_days=100, restore_days=100), 2, []),
    ):
        work = retention(log, Recorder(), keeping, START_US + 350 * DAY_US, seen)
        due = asyncio.run(work.due())
        asyncio.run(work.delete(due, "gateway"))
        assert places(log) == kept
    assert verify_logs(log.parent).is_right


def test_nothing_goes_while_a_hold_is_on(log: Path) -> None:
    """It is read from the entries themselves."""
    again = opened(log)
    enter(again, Changed(by="local:root", what=HOLD_ADDED, target="lh_1", facts={"because": "case 7"}))
    again.close(START_US)
    assert [(one.id, one.because) for one in holds_in_force(log.parent)] == [("lh_1", "case 7")]
    work = retention(log, Recorder(), Keeping(parts_days=100, restore_days=100), NOW_US)
    with pytest.raises(NotDeleted, match="lh_1"):
        asyncio.run(work.due())

    again = opened(log)
    enter(again, Changed(by="local:root", what=HOLD_LIFTED, target="lh_1"))
    again.close(START_US)
    assert holds_in_force(log.parent) == []
    assert asyncio.run(work.due())


def test_a_time_below_the_least_of_a_regime_is_refused_with_its_citation() -> None:
    """The longest of them counts; one that says nothing asks for nothing."""
    least = least_of([Law("gdpr"), Law("pipl", 6, "Art. 21"), Law("other", 2, "Art. 1")])
    assert least == Least(days=186, months=6, regime="pipl", cite="Art. 21")
    with pytest.raises(NotDeleted, match=r"pipl asks for at least 6 months \(Art\. 21\)"):
        check_keeping(Keeping(parts_days=185, restore_days=400), least)
    check_keeping(Keeping(parts_days=186, restore_days=400), least)
    assert least_of([Law("gdpr")]) is None
    check_keeping(Keeping(parts_days=32, restore_days=400), None)


def test_a_hold_that_is_added_meanwhile_holds(log: Path) -> None:
    """By another process, after what is due was found: what went before it is told to the index, nothing more goes."""
    recorder = Recorder()
    work = retention(log, recorder, Keeping(parts_days=100, restore_days=100), START_US + 200 * DAY_US)
    due = asyncio.run(work.due())
    assert len(due) > 1
    before = places(log)

    def add_hold(_due: Due) -> None:
        other = opened(log.parent / "cli", "demo/node-1/cli")
        enter(other, Changed(by="local:root", what=HOLD_ADDED, target="lh_2", facts={"because": "case 8"}))
        other.close(START_US)

    with pytest.raises(NotDeleted, match="lh_2"):
        asyncio.run(work.delete(due, "gateway", add_hold))
    assert places(log) == before[due[0].n_parts :]
    assert isinstance(recorder.entries[-1], Changed)
    assert (recorder.entries[-1].what, recorder.entries[-1].facts) == ("renewed", {"first": due[0].ends.first})
