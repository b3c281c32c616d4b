# SPDX-License-Identifier: Apache-2.0
"""Many callers, one writer: an append returns once its entry is durable, or says that it is not."""

import asyncio
import errno
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.domain.entry import Changed, End, LogSeen, Refused, Release
from gateway.domain.errors import LogDamaged, LogUnavailable
from gateway.domain.names import DecisionId
from gateway.record.format.checkpoint import open_checkpoint, parse_verifier_key
from gateway.record.format.files import Files
from gateway.record.proof.verify import verify_log, verify_logs
from gateway.record.reading.reader import records
from gateway.record.writing.limits import Limits
from gateway.record.writing.pairing import Second
from gateway.record.writing.sequencer import Sequencer
from tests.fakes.log import NAME, FaultyDisk, Ticking, checkpoint_of, key_of, part, release, verifier_key, written


def sequencer(log: Path, *, files: Files | None = None, name: str = NAME, limits: Limits | None = None) -> Sequencer:
    return Sequencer(log, name=name, signer=key_of(name), clock=Ticking(), version="test", files=files, limits=limits)


def signed_size(log: Path) -> int:
    return open_checkpoint(checkpoint_of(log), parse_verifier_key(verifier_key())).size


def ends(log: Path) -> list[End]:
    return [record.line.body for record in records(log) if isinstance(record.line.body, End)]


def calls(log: Path) -> list[str]:
    bodies = [record.line.body for record in records(log)]
    return [str(body.call) for body in bodies if isinstance(body, Release | End)]


async def until(is_so: Callable[[], bool]) -> None:
    """Let the loop run until something is so; a test that waits for ever is stopped after 10 s."""
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 - what is waited for happens in the code under test
            await asyncio.sleep(0.001)


class Gate:
    """Holds the disk's thread at its next sync until it is opened."""

    def __init__(self, disk: FaultyDisk) -> None:
        self._opened = threading.Event()
        self.reached = threading.Event()
        disk.before_sync = self._wait

    def _wait(self) -> None:
        self.reached.set()
        self._opened.wait(10)

    def open(self) -> None:
        """Let it go on."""
        self._opened.set()


async def test_an_append_returns_the_place_of_its_entry(tmp_path: Path) -> None:
    """The opening has place 0."""
    async with sequencer(tmp_path / "door-0") as log:
        assert await log.append(release("d1"), part(1)) == 1
        assert await log.append(release("d2")) == 2

    verdict = verify_log(tmp_path / "door-0")
    assert (verdict.problems, verdict.n_signed, verdict.n_tail, verdict.n_parts) == ((), 4, 0, 1)


async def test_an_append_returns_only_after_the_sync(tmp_path: Path) -> None:
    """While the disk is at it, the caller waits."""
    disk = FaultyDisk()
    async with sequencer(tmp_path / "door-0", files=disk) as log:
        gate = Gate(disk)
        appending = asyncio.ensure_future(log.append(release("d1")))
        await until(gate.reached.is_set)
        assert not appending.done()

        gate.open()
        assert await appending == 1


async def test_callers_that_wait_share_one_sync(tmp_path: Path) -> None:
    """One hundred behind the first: two syncs for their lines and parts together."""
    disk = FaultyDisk()
    async with sequencer(tmp_path / "door-0", files=disk) as log:
        gate = Gate(disk)
        first = asyncio.ensure_future(log.append(release("d0")))
        await until(gate.reached.is_set)
        others = [asyncio.ensure_future(log.append(release(f"d{n}"), part(n))) for n in range(1, 101)]
        await until(lambda: len(log._queue) == 100)
        before = disk.n_syncs
        gate.open()
        places = await asyncio.gather(first, *others)

        assert places == list(range(1, 102))
        assert disk.n_syncs - before == 3


async def test_an_idle_log_is_signed_within_a_second(tmp_path: Path) -> None:
    """Nobody appends a second entry."""
    async with sequencer(tmp_path / "door-0", limits=Limits(publish_after_s=0.02)) as log:
        await log.append(release("d1"))
        await until(lambda: signed_size(tmp_path / "door-0") == 2)
    assert Limits().publish_after_s < 1


async def test_every_256_entries_are_signed_without_waiting(tmp_path: Path) -> None:
    """Though the time for it is far off."""
    async with sequencer(tmp_path / "door-0", limits=Limits(publish_after_s=1_000)) as log:
        await asyncio.gather(*(log.append(release(f"d{n}")) for n in range(1_000)))

        assert signed_size(tmp_path / "door-0") >= 1_001 - 256


async def test_a_failed_batch_is_told_to_its_callers_and_later_ones_succeed(tmp_path: Path) -> None:
    """The trouble is named while it lasts."""
    disk = FaultyDisk()
    async with sequencer(tmp_path / "door-0", files=disk) as log:
        disk.fail = {"sync": errno.EIO}
        failed = await asyncio.gather(*(log.append(release("lost")) for _ in range(5)), return_exceptions=True)
        assert {type(one) for one in failed} == {LogUnavailable}
        troubles = [log.trouble]

        disk.fail = {}
        assert await log.append(release("d1")) == 1
        assert [*troubles, log.trouble] == ["the disk of the log refused: Input/output error", None]

    assert verify_log(tmp_path / "door-0").problems == ()
    assert not any("lost" in record.text() for record in records(tmp_path / "door-0"))


async def test_while_a_due_checkpoint_cannot_be_written_nothing_is_appended(tmp_path: Path) -> None:
    """Entries that nobody signs within a second would be unprotected longer than promised."""
    disk = FaultyDisk()
    async with sequencer(tmp_path / "door-0", files=disk, limits=Limits(publish_after_s=0.01)) as log:
        disk.fail = {"rename": errno.EROFS}
        await log.append(release("d1"))
        await until(lambda: log.trouble is not None)
        with pytest.raises(LogUnavailable, match="checkpoint"):
            await log.append(release("refused"))

        disk.fail = {}
        assert await log.append(release("d2")) == 2

    assert verify_log(tmp_path / "door-0").problems == ()


async def test_a_silent_disk_ends_the_patience_of_who_waits_and_turns_newcomers_away(tmp_path: Path) -> None:
    """The entry that the disk had becomes durable all the same; an end says that nothing of it was sent."""
    disk = FaultyDisk()
    limits = Limits(patience_s=0.05, stall_s=0.02, publish_after_s=1_000)
    async with sequencer(tmp_path / "door-0", files=disk, limits=limits) as log:
        gate = Gate(disk)
        with pytest.raises(LogUnavailable, match="silent for"):
            await log.append(release("d1"))
        with pytest.raises(LogUnavailable, match="is silent"):
            await log.append(release("d2"))
        troubles = [log.trouble]
        gate.open()
        await until(lambda: log.trouble is None)
        assert await log.append(release("d3")) in (2, 3)

    assert verify_log(tmp_path / "door-0").problems == ()
    assert troubles == ["the disk of the log is silent"]
    assert ends(tmp_path / "door-0") == [End(call=DecisionId("d1"), how="failed", bytes=0, reason="log-unavailable")]
    assert sorted(calls(tmp_path / "door-0")) == ["d1", "d1", "d3"]


async def test_what_still_waits_when_patience_ends_is_taken_back(tmp_path: Path) -> None:
    """It never enters the log, so no end is owed for it."""
    disk = FaultyDisk()
    limits = Limits(patience_s=0.05, stall_s=1_000, publish_after_s=1_000)
    async with sequencer(tmp_path / "door-0", files=disk, limits=limits) as log:
        gate = Gate(disk)
        first = asyncio.ensure_future(log.append(End(call=DecisionId("d0"), how="cut")))
        await until(gate.reached.is_set)
        with pytest.raises(LogUnavailable):
            await log.append(release("d1"))
        gate.open()
        await asyncio.gather(first, return_exceptions=True)
        await log.append(release("d2"))

    assert calls(tmp_path / "door-0") == ["d0", "d2"]


async def test_an_end_that_is_refused_is_entered_when_the_disk_is_back(tmp_path: Path) -> None:
    """Also when nobody has anything else to enter; the trouble is over by itself."""
    disk = FaultyDisk()
    end = End(call=DecisionId("d1"), how="cut", bytes=7, reason="log-unavailable")
    limits = Limits(look_again_s=0.01, publish_after_s=0.01)
    async with sequencer(tmp_path / "door-0", files=disk, limits=limits) as log:
        await log.append(release("d1", last=False))
        disk.fail = {"write": errno.ENOSPC}
        with pytest.raises(LogUnavailable):
            await log.append(end)
        assert log.trouble is not None
        disk.fail = {}
        await until(lambda: log.trouble is None)
        await until(lambda: ends(tmp_path / "door-0") == [end])
    assert verify_log(tmp_path / "door-0").problems == ()


async def test_while_a_disk_fails_it_is_tried_again_without_a_caller(tmp_path: Path) -> None:
    """A door that is taken out of service for its readiness gets no calls that could show that all is well."""
    disk = FaultyDisk()
    async with sequencer(tmp_path / "door-0", files=disk, limits=Limits(look_again_s=0.01)) as log:
        disk.fail = {"sync": errno.EIO, "cut": errno.EIO}
        with pytest.raises(LogUnavailable):
            await log.append(release("d1"))
        await until(lambda: log.trouble == "the segment that failed cannot be cut yet")
        disk.fail = {"open_fresh": errno.EROFS}
        await until(lambda: str(log.trouble).startswith("the checkpoint could not be written"))
        disk.fail = {}
        await until(lambda: log.trouble is None)
        assert await log.append(release("d2")) == 1
    assert verify_log(tmp_path / "door-0").problems == ()


async def test_no_more_than_so_many_entries_wait(tmp_path: Path) -> None:
    """The queue is bounded; beyond it callers are refused at once."""
    disk = FaultyDisk()
    async with sequencer(tmp_path / "door-0", files=disk, limits=Limits(most_waiting=1)) as log:
        gate = Gate(disk)
        first = asyncio.ensure_future(log.append(release("d1")))
        await until(gate.reached.is_set)
        second = asyncio.ensure_future(log.append(release("d2")))
        await until(lambda: len(log._queue) == 1)
        with pytest.raises(LogUnavailable, match="too many"):
            await log.append(release("d3"))
        gate.open()
        assert list(await asyncio.gather(first, second)) == [1, 2]


async def test_a_caller_that_goes_away_harms_nobody(tmp_path: Path) -> None:
    """Its entry is written all the same, and those behind it get their places."""
    disk = FaultyDisk()
    async with sequencer(tmp_path / "door-0", files=disk) as log:
        gate = Gate(disk)
        first = asyncio.ensure_future(log.append(release("d1")))
        await until(gate.reached.is_set)
        gone = asyncio.ensure_future(log.append(release("d2")))
        third = asyncio.ensure_future(log.append(release("d3")))
        await until(lambda: len(log._queue) == 2)
        gone.cancel()
        gate.open()

        assert list(await asyncio.gather(first, third)) == [1, 3]


async def test_a_closed_log_takes_nothing(tmp_path: Path) -> None:
    """Neither before nor after its life."""
    log = sequencer(tmp_path / "door-0")
    with pytest.raises(LogUnavailable, match="not open"):
        await log.append(release("early"))
    async with log:
        pass
    with pytest.raises(LogUnavailable, match="not open"):
        await log.append(release("late"))


async def test_what_waits_at_the_close_is_written_before_it(tmp_path: Path) -> None:
    """The last entry is the close, also when the caller's own work fails."""
    waiting: list[asyncio.Future[int]] = []

    async def fail() -> None:
        async with sequencer(tmp_path / "door-0") as log:
            waiting.extend(asyncio.ensure_future(log.append(release(f"d{n}"))) for n in range(10))
            await asyncio.sleep(0)
            raise ValueError("the caller's own")

    with pytest.raises(ValueError, match="own"):
        await fail()

    assert [await one for one in waiting] == list(range(1, 11))
    assert [record.line.body.__struct_config__.tag for record in records(tmp_path / "door-0")][-1] == "closed"
    assert verify_log(tmp_path / "door-0").n_tail == 0


async def test_a_cancelled_close_lets_the_slot_go(tmp_path: Path) -> None:
    """After the write that is on the disk; the next opening finds a whole log."""
    disk = FaultyDisk()

    async def live() -> None:
        async with sequencer(tmp_path / "door-0", files=disk) as log:
            disk.before_sync = gate._wait
            await log.append(release("d1"))

    gate = Gate(disk)
    gate.open()
    gate = Gate(disk)
    disk.before_sync = lambda: None
    living = asyncio.ensure_future(live())
    await until(gate.reached.is_set)
    living.cancel()
    await asyncio.sleep(0)
    living.cancel()
    gate.open()
    with pytest.raises(asyncio.CancelledError):
        await living

    async with sequencer(tmp_path / "door-0"):
        pass
    assert verify_log(tmp_path / "door-0").problems == ()


async def test_an_opening_that_is_cancelled_lets_the_slot_go(tmp_path: Path) -> None:
    """Once the disk's thread is through."""
    disk = FaultyDisk()
    gate = Gate(disk)
    opening = asyncio.ensure_future(sequencer(tmp_path / "door-0", files=disk).__aenter__())
    await until(gate.reached.is_set)
    opening.cancel()
    gate.open()
    with pytest.raises(asyncio.CancelledError):
        await opening

    async with sequencer(tmp_path / "door-0"):
        pass
    assert verify_log(tmp_path / "door-0").problems == ()


async def test_a_damaged_log_is_not_opened(tmp_path: Path) -> None:
    """The error comes out of the opening."""
    written(tmp_path / "door-0", 5)
    (tmp_path / "door-0" / "checkpoint").unlink()

    with pytest.raises(LogDamaged):
        await sequencer(tmp_path / "door-0").__aenter__()


async def test_a_second_process_may_wait_for_the_slot(tmp_path: Path) -> None:
    """As commands do that follow each other closely."""
    limits = Limits(lock_wait_s=5)
    async with sequencer(tmp_path / "door-0") as first:
        second = asyncio.ensure_future(sequencer(tmp_path / "door-0", limits=limits).__aenter__())
        await first.append(release("d1"))
    log = await second
    await log.append(release("d2"))
    await log.__aexit__(None, None, None)

    assert verify_log(tmp_path / "door-0").n_signed == 6


async def test_room_is_short_below_either_bound(tmp_path: Path) -> None:
    """One GiB, five per cent, or a disk that does not answer; entries are taken all the same."""
    disk = FaultyDisk()
    async with sequencer(tmp_path / "door-0", files=disk) as log:

        def told(free: int, whole: int) -> bool:
            disk.free, log._room_asked_s = (free, whole), float("-inf")
            return log.room_left()

        assert told(1 << 30, 1 << 31)
        assert not told((1 << 30) - 1, 1 << 31)
        assert not told(49 << 30, 1_000 << 30)
        assert not log.room_left()
        disk.fail = {"free": errno.EIO}
        assert not told(1 << 40, 1 << 40)
        assert await log.append(release("d1")) == 1


async def test_room_is_looked_at_once_a_second(tmp_path: Path) -> None:
    """In between the last answer stands."""
    disk = FaultyDisk()
    async with sequencer(tmp_path / "door-0", files=disk) as log:
        assert log.room_left()
        disk.free = (0, 1)
        assert log.room_left()


async def test_logs_enter_the_checkpoints_of_each_other(tmp_path: Path) -> None:
    """Once each, until they change; also by themselves, and after a new start."""
    other = "demo/node-1/cli"
    written(tmp_path / "cli", 3, other)
    async with sequencer(tmp_path / "door-0") as log:
        assert (await log.witness(), await log.witness()) == (1, 0)
        written(tmp_path / "cli", 3, other)
        assert await log.witness() == 1
    async with sequencer(tmp_path / "door-0", limits=Limits(witness_every_s=0.01)) as log:
        assert await log.witness() == 0
        written(tmp_path / "cli", 3, other)
        await until(lambda: log.found.seen[other] == checkpoint_of(tmp_path / "cli"))

    seen = [record.line.body for record in records(tmp_path / "door-0") if isinstance(record.line.body, LogSeen)]
    assert [(one.origin, len(one.checkpoint.splitlines())) for one in seen] == [(other, 5)] * 3
    assert verify_logs(tmp_path).is_right


async def test_a_witness_that_cannot_enter_tries_again(tmp_path: Path) -> None:
    """The round of a minute goes on over a failing disk."""
    disk = FaultyDisk()
    written(tmp_path / "cli", 3, "demo/node-1/cli")
    async with sequencer(tmp_path / "door-0", files=disk, limits=Limits(witness_every_s=0.01)) as log:
        disk.fail = {"sync": errno.EIO}
        await until(lambda: log.trouble is not None)
        disk.fail = {}
        await until(lambda: bool(log.found.seen))


async def test_an_entry_is_taken_as_it_was_when_it_was_handed_over(tmp_path: Path) -> None:
    """Though its caller changes a dictionary in it afterwards."""
    disk = FaultyDisk()
    async with sequencer(tmp_path / "door-0", files=disk) as log:
        gate = Gate(disk)
        first = asyncio.ensure_future(log.append(release("d1")))
        await until(gate.reached.is_set)
        entry = Changed(by="local:root", what="account-added", target="a:1", facts={"roles": "analyst"})
        second = asyncio.ensure_future(log.append(entry))
        await until(lambda: len(log._queue) == 1)
        entry.facts["roles"] = "admin"
        gate.open()
        await asyncio.gather(first, second)

    kept = [one.line.body for one in records(tmp_path / "door-0") if isinstance(one.line.body, Changed)]
    assert [one.facts for one in kept] == [{"roles": "analyst"}]


async def test_an_entry_that_cannot_be_written_down_harms_no_other(tmp_path: Path) -> None:
    """It is refused before it waits with the others."""
    async with sequencer(tmp_path / "door-0") as log:
        bad = Refused(call=DecisionId("\udcff"), reason="malformed", status=400)
        results = await asyncio.gather(log.append(release("d1")), log.append(bad), return_exceptions=True)

        assert results[0] == 1
        assert isinstance(results[1], LogUnavailable)


async def test_a_writer_that_breaks_refuses_everyone(tmp_path: Path) -> None:
    """An error of ours is no reason to let a caller go on."""
    disk = FaultyDisk()

    def explode() -> None:
        raise RuntimeError("ours")

    async def live() -> None:
        async with sequencer(tmp_path / "door-0", files=disk) as log:
            disk.before_sync = explode
            with pytest.raises(LogUnavailable, match="failed"):
                await log.append(release("d1"))
            disk.before_sync = lambda: None
            with pytest.raises(LogUnavailable, match="not open"):
                await log.append(release("d2"))

    with pytest.raises(BaseExceptionGroup):
        await live()


async def test_a_lost_disk_is_told_in_the_log_and_made_equal_by_itself(tmp_path: Path) -> None:
    """While appends go on; the log says since when, and when both count again."""
    (tmp_path / "other").mkdir()
    first, second, disk = tmp_path / "door-0", tmp_path / "other" / "door-0", FaultyDisk()
    limits = Limits(look_again_s=0.01, segment_bytes=4_000)
    pair = Second(directory=second, rule="either", files=disk)
    log = Sequencer(first, name=NAME, signer=key_of(NAME), clock=Ticking(), version="test", limits=limits, second=pair)
    async with log:
        await log.append(release("d0"), part(1))
        disk.fail = {"sync": errno.EIO}
        await log.append(release("d1"), part(2))
        assert log.lost.startswith("the second of two")
        assert log.trouble is None
        for place in range(30):
            await log.append(release(f"m{place}"), part(place))
        disk.fail = {}
        async with asyncio.timeout(20):
            while log.lost:  # noqa: ASYNC110 - it is the log that is waited for
                await asyncio.sleep(0.01)
        await log.append(release("d2"), part(3))

    told = [(one.line.body.what, one.line.body.target) for one in records(first) if isinstance(one.line.body, Changed)]
    assert told == [("log-sink-lost", "second"), ("log-sink-back", "second")]
    assert calls(first) == calls(second)
    assert verify_log(second).problems == ()


async def test_under_both_a_disk_that_refuses_is_the_trouble_of_the_log(tmp_path: Path) -> None:
    """It says which; when it is back the log is back by itself."""
    (tmp_path / "other").mkdir()
    first, second, disk = tmp_path / "door-0", tmp_path / "other" / "door-0", FaultyDisk()
    pair = Second(directory=second, files=disk)
    limits = Limits(look_again_s=0.01)
    log = Sequencer(first, name=NAME, signer=key_of(NAME), clock=Ticking(), version="test", limits=limits, second=pair)
    async with log:
        disk.fail = {"sync": errno.EIO}
        with pytest.raises(LogUnavailable, match="second of two"):
            await log.append(release("d0"), part(1))
        disk.fail = {}
        async with asyncio.timeout(20):
            while log.trouble:  # noqa: ASYNC110 - it is the log that is waited for
                await asyncio.sleep(0.01)
        await log.append(release("d1"), part(1))
        disk.free = (1, 1 << 41)
        assert not log._is_roomy()
    assert calls(first) == calls(second) == ["d1"]
