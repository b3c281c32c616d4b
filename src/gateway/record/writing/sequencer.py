# SPDX-License-Identifier: Apache-2.0
"""The sequencer: many callers append to one log, and each goes on only when its entry is durable.

Rules:
1. One writer. Whatever waits when the disk is free goes in with one fdatasync (group commit), in the
   order in which it was handed over. No artificial delay: the disk's own time gathers the next batch.
2. The disk has one thread of its own, so nothing else that blocks can hold the log up.
3. A checkpoint follows within a second or 256 entries, whichever is first, also when nobody appends.
   While a due checkpoint cannot be written, nothing is appended.
4. Every opening enters ``opened`` and an ``end: unknown`` for each call that a crash left open; an
   orderly close enters ``closed`` and signs. Once a minute the newest checkpoint of every other log
   beside this one is entered, so that a lost or shortened log is named by its siblings.
5. Whoever is told ``LogUnavailable`` releases nothing. An entry whose caller gave up while the disk had
   it may still be in the log; it then authorised what was never sent, and an end says so. Ends that
   cannot be entered are kept and entered first when the disk takes entries again.
6. A disk that failed is tried again with every entry, and once a second while there is none, so the
   log is back by itself. One of two sinks that was lost is made equal in the same rhythm, while the other goes on.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from gateway.domain.entry import Entry, LogSeen, Part
from gateway.domain.errors import LogUnavailable
from gateway.record.format.checkpoint import Signer
from gateway.record.format.files import DiskFiles, Files
from gateway.record.writing.drafts import draft
from gateway.record.writing.limits import Limits
from gateway.record.writing.opening import Found, begin, open_slot
from gateway.record.writing.pairing import Second
from gateway.record.writing.siblings import newest_checkpoints, now_and_then
from gateway.record.writing.slot import MOST_UNSIGNED, SlotLog
from gateway.record.writing.waiting import Item, Waiting

__all__ = ["Clock", "Limits", "Sequencer"]

SINK_LOST, SINK_BACK = "log-sink-lost", "log-sink-back"
Clock = Callable[[], int]
T = TypeVar("T")


class Sequencer:
    """The log of one slot, open for appending inside ``async with``.

    Attributes:
        found: What the log held when it was opened; set by then.
    """

    found: Found
    _log: SlotLog
    _loop: asyncio.AbstractEventLoop

    def __init__(
        self,
        directory: Path,
        *,
        name: str,
        signer: Signer,
        clock: Clock,
        version: str,
        files: Files | None = None,
        limits: Limits | None = None,
        second: Second | None = None,
    ) -> None:
        """Keep what the log is opened with.

        Args:
            directory: ``STATE/log/<slot>``; other logs are looked for beside it.
            name: ``<installation>/<node>/<slot>``.
            signer: The log's own Ed25519 key.
            clock: UTC microseconds, for the entries' times only.
            version: Version of the gateway, told in ``opened``.
            files: The disk; the real one unless a test puts faults under it.
            limits: Figures.
            second: The same slot on another disk, if there is one.
        """
        self._directory = directory
        self._name = name
        self._signer = signer
        self._clock = clock
        self._version = version
        self._files = files or DiskFiles()
        self._limits = limits or Limits()
        self._second = second
        self._queue = Waiting()
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._is_open = False
        self._busy_since_s: float | None = None
        self._publish_at_s: float | None = None
        self._look_again_at_s: float | None = None
        self._follow_at_s: float | None = None
        self._is_overdue = False
        self._room_asked_s = float("-inf")
        self._has_room = True
        self._trouble: str | None = None
        self._untold: deque[tuple[float, asyncio.Future[int], Item]] = deque()
        """Callers in the order in which they came, each with the time at which it is told in any case."""
        self._patience: asyncio.TimerHandle | None = None

    @property
    def trouble(self) -> str | None:
        """Why the last write failed or does not end, for the readiness answer; ``None`` while all is well."""
        return "the disk of the log is silent" if self._is_silent() else self._trouble

    @property
    def lost(self) -> str:
        """Which of two sinks takes nothing at present, and why; empty while all is well or there is but one."""
        return self._log.lost

    async def __aenter__(self) -> Self:
        """Open the log: take the lock, read it, enter its opening and the calls that a crash cut off.

        Raises:
            LogDamaged: The log contradicts itself.
            LogUnavailable: Another process holds it, or the disk refuses.
        """
        self._loop = asyncio.get_running_loop()
        self._disk = ThreadPoolExecutor(1, thread_name_prefix=f"log-{self._directory.name}")
        opening = self._disk.submit(self._open)
        try:
            self._log, self.found = await asyncio.wrap_future(opening)
        except BaseException:
            self._disk.shutdown(wait=True)
            # Whoever was cancelled while the log opened must not leave it locked.
            if not opening.cancelled() and opening.exception() is None:
                opening.result()[0].close(None)
            raise
        self._follow_at_s = 0.0 if self._log.lost else None
        self._tasks = asyncio.TaskGroup()
        await self._tasks.__aenter__()
        self._tasks.create_task(self._write())
        self._tasks.create_task(now_and_then(self.witness, self._limits.witness_every_s, self._closing))
        self._is_open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what waits, enter the close, sign, and let the slot go."""
        self._is_open = False
        self._closing.set()
        self._wake.set()
        try:
            # The group is not told of an error of the caller's: it would cancel the writer.
            await self._tasks.__aexit__(None, None, None)
            await self._on_disk(lambda: self._log.close(self._clock()))
        finally:
            if self._patience is not None:
                self._patience.cancel()
            # Waits for a write that a cancelled task left on the disk; then nothing holds the log but us.
            self._disk.shutdown(wait=True)
            self._log.close(None)

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Return the entry's place in the log once it and its part are durable.

        Raises:
            LogUnavailable: It is not known to be durable, so nothing that it authorises may leave.
        """
        one = draft(entry, part, self._clock())
        try:
            self._refuse_if_unable()
        except LogUnavailable:
            self._queue.owe(entry)
            raise
        durable: asyncio.Future[int] = self._loop.create_future()
        item = self._queue.add(entry, one, durable)
        self._wake.set()
        self._untold.append((self._loop.time() + self._limits.patience_s, durable, item))
        if self._patience is None:
            self._patience = self._loop.call_at(self._untold[0][0], self._lose_patience)
        try:
            return await durable
        except TimeoutError:
            raise LogUnavailable(f"the disk of the log was silent for {self._limits.patience_s} s") from None

    def _lose_patience(self) -> None:
        """Tell whoever waited too long; one timer for the caller that waits longest, and not one for each."""
        now_s = self._loop.time()
        while self._untold and self._untold[0][0] <= now_s:
            _, durable, item = self._untold.popleft()
            if not durable.done():
                durable.set_exception(TimeoutError())
                self._queue.give_up(item)
        self._forget_told()
        self._patience = self._loop.call_at(self._untold[0][0], self._lose_patience) if self._untold else None

    def _forget_told(self) -> None:
        while self._untold and self._untold[0][1].done():
            self._untold.popleft()

    def room_left(self) -> bool:
        """Tell whether the disk has room for data calls; looked at no more than once a second."""
        now_s = self._loop.time()
        if now_s - self._room_asked_s >= 1:
            self._room_asked_s = now_s
            self._has_room = self._is_roomy()
        return self._has_room

    async def witness(self) -> int:
        """Enter the newest checkpoint of every other log beside this one that changed; return how many.

        Raises:
            LogUnavailable: One of them could not be entered.
        """
        newest = await asyncio.to_thread(newest_checkpoints, self._directory.parent, self._name)
        changed = [(origin, note) for origin, note in newest if self.found.seen.get(origin) != note]
        for origin, note in changed:
            await self.append(LogSeen(origin=origin, checkpoint=note))
            self.found.seen[origin] = note
        return len(changed)

    def _open(self) -> tuple[SlotLog, Found]:
        log, found = open_slot(
            self._directory,
            self._name,
            self._signer,
            self._files,
            most_bytes=self._limits.segment_bytes,
            most_age_us=round(self._limits.segment_age_s * 1_000_000),
            lock_wait_s=self._limits.lock_wait_s,
            second=self._second,
        )
        begin(log, found, version=self._version, public_key=self._signer.public_key, clock=self._clock)
        return log, found

    async def _on_disk(self, work: Callable[[], T]) -> T:
        """Do work on the disk's own thread."""
        self._busy_since_s = self._loop.time()
        try:
            return await self._loop.run_in_executor(self._disk, work)
        finally:
            self._busy_since_s = None

    def _refuse_if_unable(self) -> None:
        if not self._is_open:
            raise LogUnavailable("the log is not open")
        if len(self._queue) >= self._limits.most_waiting:
            raise LogUnavailable("too many entries wait for the disk of the log")
        if self._is_silent():
            raise LogUnavailable("the disk of the log is silent")

    def _is_silent(self) -> bool:
        return self._busy_since_s is not None and self._loop.time() - self._busy_since_s > self._limits.stall_s

    async def _write(self) -> None:
        """Publish when it is due and commit whatever waits, until the log closes."""
        try:
            while self._has_work() or not self._closing.is_set():
                await self._wait_for_work()
                if self._is_publishing_due():
                    await self._publish()
                elif self._is_looking_due():
                    await self._look_again()
                if self._log.lost and not self._closing.is_set():
                    await self._follow_up()
                if self._is_overdue:
                    self._queue.refuse_all(self._trouble or "the checkpoint is overdue")
                elif self._has_work():
                    await self._commit()
        finally:
            self._is_open = False
            self._queue.refuse_all("the log was closed")

    def _has_work(self) -> bool:
        """Tell whether a caller waits, or an end is owed to a disk that is well."""
        return bool(self._queue) or (self._queue.owes and self._trouble is None)

    async def _wait_for_work(self) -> None:
        if self._has_work() or self._closing.is_set():
            return
        self._wake.clear()
        moments_s = (self._publish_at_s, self._look_again_at_s, self._follow_at_s)
        due_s = [at_s for at_s in moments_s if at_s is not None]
        due = self._loop.call_at(min(due_s), self._wake.set) if due_s else None
        await self._wake.wait()
        if due is not None:
            due.cancel()

    def _is_publishing_due(self) -> bool:
        """Tell whether the oldest unsigned entry is old enough; what failed is tried with every entry."""
        at_s = self._publish_at_s
        return at_s is not None and (self._loop.time() >= at_s or (self._is_overdue and bool(self._queue)))

    async def _publish(self) -> None:
        try:
            await self._on_disk(self._log.sign)
        except LogUnavailable as error:
            self._is_overdue = True
            self._fail(str(error))
            self._publish_at_s = self._loop.time() + self._limits.publish_after_s
        else:
            self._be_well()
            self._tell_news()

    def _is_looking_due(self) -> bool:
        return self._look_again_at_s is not None and not self._queue and self._loop.time() >= self._look_again_at_s

    async def _look_again(self) -> None:
        """Try a disk that failed, by publishing anew what is published."""
        try:
            await self._on_disk(self._log.mend)
        except LogUnavailable as error:
            self._fail(str(error))
        else:
            self._be_well()

    async def _follow_up(self) -> None:
        """Once in a while, bring a lost sink nearer to counting again, and say so once it does."""
        now_s = self._loop.time()
        if self._follow_at_s is not None and now_s < self._follow_at_s:
            return
        self._follow_at_s = now_s + self._limits.look_again_s
        which = self._log.lost.split(" ")[1]
        with contextlib.suppress(LogUnavailable):
            if await self._on_disk(self._log.follow_up):
                self._follow_at_s = None
                self._queue.owe_change(SINK_BACK, which, {"entries": self._log.size})

    def _tell_news(self) -> None:
        """Let the log say itself that one of its sinks was lost."""
        for one in self._log.news():
            self._queue.owe_change(SINK_LOST, one.lost, {"entries": one.size, "why": one.why})

    def _fail(self, why: str) -> None:
        self._trouble, self._look_again_at_s = why, self._loop.time() + self._limits.look_again_s

    def _be_well(self) -> None:
        """Note that everything so far is published."""
        self._is_overdue, self._trouble = False, None
        self._publish_at_s = self._look_again_at_s = None

    async def _commit(self) -> None:
        """Write the next batch and tell its callers."""
        batch = self._queue.taken(MOST_UNSIGNED, self._clock())
        drafts = [item.one for item in batch]
        try:
            first = await self._on_disk(lambda: self._log.append(drafts))
        except BaseException as error:
            why = str(error) if isinstance(error, LogUnavailable) else "the log failed"
            self._fail(why)
            self._queue.refuse(batch, why)
            if not isinstance(error, LogUnavailable):
                raise
            return
        self._trouble = self._look_again_at_s = None
        self._tell_news()
        if self._publish_at_s is None or self._log.n_unsigned == len(batch):
            self._publish_at_s = self._loop.time() + self._limits.publish_after_s
        self._queue.enter(batch, first)
        self._forget_told()

    def _is_roomy(self) -> bool:
        if self._second is None:
            return self._has_room_at(self._files, self._directory)
        rooms = (
            self._has_room_at(self._files, self._directory),
            self._has_room_at(self._second.files or self._files, self._second.directory),
        )
        return all(rooms) if self._second.rule == "both" else any(rooms)

    def _has_room_at(self, files: Files, directory: Path) -> bool:
        try:
            free, whole = files.free_bytes(directory)
        except OSError:
            return False
        return self._limits.leave_room(free, whole)
