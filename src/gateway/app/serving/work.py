# SPDX-License-Identifier: Apache-2.0
"""The worker process: what must be done once, however many doors there are, and what no caller waits for.

It enters into a slot of its own, which like every log names the newest checkpoints of the others each
minute, so a log that is lost or shortened is named even where no door is busy.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from gateway.app.backups import end_copies
from gateway.app.evidence.parts_deleting import retaining
from gateway.app.evidence.witnessing import watch_logs, witnessed
from gateway.app.index.indexing import KeptIndex
from gateway.app.installation import Rooms, open_installation
from gateway.app.rewrapping import rewrapping_of
from gateway.app.serving.children import signals_let_in
from gateway.app.serving.sampling import Sampler
from gateway.app.signals import metrics
from gateway.app.signals.hearing import Hearing
from gateway.app.signals.metering import Signals, signals_of
from gateway.app.signals.page import Page
from gateway.app.slots import DOORS, WORKER_SLOT, door_slot, open_log
from gateway.domain.errors import LogUnavailable
from gateway.record.format.layout import segment_path, segments, slots
from gateway.settings.loading import Settings
from gateway.store.overwriting import Overwriting
from gateway.workers.housekeeping import keep_house
from gateway.workers.indexer import keep_index
from gateway.workers.rewrapper import keep_rewrapped

KEEP_SESSIONS_US = 24 * 3600 * 1_000_000
"""An ended session is kept for a day, so that the reuse of its bearers is still told from an unknown one."""

LAST_BYTES = 4096
"""More than the line of a close has."""


def chores(rooms: Rooms) -> list[Callable[[], Awaitable[object]]]:
    """Return what is thrown away: challenges, sessions and counts that ended and that nothing asks for any more.

    And keys of people who were erased, where they could not be overwritten at once.
    """
    return [
        lambda: rooms.tries.purge(rooms.clock()),
        lambda: rooms.sessions.purge(rooms.clock(), keep_us=KEEP_SESSIONS_US),
        lambda: rooms.budgets.purge(rooms.clock()),
        lambda: end_copies(rooms),
        Overwriting(rooms.store).settle,
    ]


async def work(settings: Settings, tell_ready: Callable[[], None], page: Page, *, n_doors: int, again: bool) -> None:
    """Do the chores until SIGTERM or SIGINT.

    Args:
        settings: Of the installation.
        tell_ready: Called once the worker is at work.
        page: What every process of the gateway counts on.
        n_doors: Number of doors; the logs of doors beyond it are closed.
        again: The gateway is running already.
    """
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    ending = (signal.SIGTERM, signal.SIGINT)
    async with (
        witnessed(settings, WORKER_SLOT, and_others=True, again=again),
        open_installation(settings, WORKER_SLOT, with_rules=False) as rooms,
    ):
        for number in ending:
            loop.add_signal_handler(number, stop.set)
        # What only doors act upon must not end it.
        for number in (signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, signal.SIG_IGN)
        try:
            with signals_let_in():
                tell_ready()
                more = (rooms.keeper.tick, lambda: close_forgotten(settings, n_doors), retaining(rooms))
                signals = signals_of(page, WORKER_SLOT)
                async with asyncio.TaskGroup() as group:
                    watching = group.create_task(_watch(rooms, signals, stop))
                    indexing = group.create_task(index_logs(rooms, signals, stop))
                    proving = group.create_task(watch_logs(settings, stop, signals.meters))
                    rewrapping = group.create_task(seal_anew(rooms, signals, stop))
                    await keep_house([*chores(rooms), *more], stop)
                    del watching, indexing, proving, rewrapping
        finally:
            for number in ending:
                loop.remove_signal_handler(number)


async def _watch(rooms: Rooms, signals: Signals, stop: asyncio.Event) -> None:
    """Tell of the worker, and of what is there once, until told to stop."""
    rooms.log.heard = Hearing(signals.meters, lambda _facts, _blocks, _withheld: {})
    await Sampler(signals.meters, rooms).as_worker().run(stop)


async def index_logs(rooms: Rooms, signals: Signals, stop: asyncio.Event) -> None:
    """Keep the index of the log up, and tell how far it is, until told to stop."""
    meters, kept = signals.meters, KeptIndex(rooms.settings, rooms.clock, stop)

    def told() -> None:
        meters.put(metrics.INDEX_BEHIND, kept.n_behind)
        if kept.whole_us is not None:
            meters.put(metrics.INDEX_AT, kept.whole_us / 1_000_000)

    try:
        await keep_index(kept, stop, told)
    finally:
        await kept.close()


async def seal_anew(rooms: Rooms, signals: Signals, stop: asyncio.Event) -> None:
    """Seal anew what is under retired versions of keys, and tell how far it is, until told to stop."""
    meters, work = signals.meters, rewrapping_of(rooms)

    def told() -> None:
        meters.put(metrics.REWRAP_BEHIND, work.n_behind)
        if work.whole_us is not None:
            meters.put(metrics.REWRAP_AT, work.whole_us / 1_000_000)

    work.heard = told
    await keep_rewrapped(work, stop)


async def close_forgotten(settings: Settings, n_doors: int) -> None:
    """Close the logs of doors that were killed and are not started again, since there are fewer doors now.

    Only an opening enters the ends of calls that a crash cut off.
    """
    for slot in await asyncio.to_thread(_forgotten, settings, n_doors):
        # One that stands in for a restart holds its log.
        with suppress(LogUnavailable):
            async with open_log(settings, slot, lock_wait_s=0.0):
                pass


def _forgotten(settings: Settings, n_doors: int) -> list[str]:
    """Return the slots of doors beyond the number of doors whose last entry is no close."""
    logs, kept = settings.state / "log", {door_slot(number) for number in range(n_doors)}
    doors = [slot for slot in slots(logs) if slot.startswith(DOORS) and slot not in kept]
    return [slot for slot in doors if not _is_closed(logs / slot)]


def _is_closed(log: Path) -> bool:
    """Tell whether a log ends with a close, by the last bytes of its newest segment."""
    numbers = segments(log)
    if not numbers:
        return True
    with segment_path(log, numbers[-1]).open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - LAST_BYTES))
        return b'"body":{"kind":"closed"' in file.read().rstrip(b"\n").rpartition(b"\n")[2]
