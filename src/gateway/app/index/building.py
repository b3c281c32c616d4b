# SPDX-License-Identifier: Apache-2.0
"""What commands do with the index of the log: look how far it is, build it anew, hold it against the files."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from gateway.app.clock import now_us, ticks_s
from gateway.app.index.indexing import MOST_AT_ONCE, LogFiles, fill, index_place, written_alone
from gateway.domain.errors import LogDamaged, StateUnavailable
from gateway.domain.log_index import SPAN, IndexEntry, LogPosition
from gateway.flows.index_check import Compared, Comparison
from gateway.record.reading.spans import SpanGathering
from gateway.settings.loading import Settings
from gateway.store.engine import open_index, remove_index
from gateway.store.log.index import LogIndex

PATIENCE_S = 60.0
"""How long a command waits for whoever writes the index now; a batch takes a second."""


class SlotState(msgspec.Struct, frozen=True, kw_only=True):
    """How far one log is indexed.

    Attributes:
        indexed / entries: Entries in the index, and whole entries in the files.
        behind_s: Age of the oldest entry that is not in the index; 0 if all are.
        trouble: Why the files cannot be read, or are not those that were indexed; empty if nothing is wrong.
    """

    slot: str
    indexed: int
    entries: int
    behind_s: float
    trouble: str = ""


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """What a building anew came to.

    Attributes:
        troubles: By log, why it was not read to its end.
    """

    entries: int
    seconds: float
    troubles: dict[str, str]


@asynccontextmanager
async def opened_index(settings: Settings, *, upgrade: bool = True) -> AsyncIterator[LogIndex]:
    """Open the index of an installation and close it in the end.

    Args:
        settings: Of the installation.
        upgrade: Off for what must not change anything; it then insists that the tables are there.

    Raises:
        SettingsError: It cannot be opened.
    """
    index = LogIndex(await open_index(index_place(settings), upgrade=upgrade))
    try:
        yield index
    finally:
        await index.close()


async def states(index: LogIndex, logs: Path) -> list[SlotState]:
    """Return how far each log is indexed, by slot; logs that are no longer there too.

    Raises:
        StateUnavailable: The index does not answer.
    """
    positions, files = await index.positions(), LogFiles(logs)
    known = sorted({*files.slots(), *positions})
    return [await asyncio.to_thread(_state, files, positions.get(slot, LogPosition(slot=slot))) for slot in known]


def _state(files: LogFiles, held: LogPosition) -> SlotState:
    trouble, n_entries, behind_s = "", 0, 0.0
    try:
        n_entries = files.size(held.slot)
        reader = files.reader(held)
        reader.check()
        batch = reader.read(1)
        if batch is not None:
            behind_s = max(0.0, (now_us() - batch.entries[0].row.at_us) / 1e6)
    except FileNotFoundError:
        trouble = f"{held.slot} is in the index, and there is no such log"
    except LogDamaged as error:
        trouble = str(error)
    return SlotState(slot=held.slot, indexed=held.size, entries=n_entries, behind_s=behind_s, trouble=trouble)


def n_entries_in(logs: Path) -> int:
    """Return the number of whole entries of all logs that can be counted."""
    files, n_entries = LogFiles(logs), 0
    for slot in files.slots():
        try:
            n_entries += files.size(slot)
        except LogDamaged:
            continue
    return n_entries


async def rebuild(settings: Settings, entered: Callable[[int], None]) -> Built:
    """Build the index anew from the files of the log; searches see it grow meanwhile.

    Raises:
        SettingsError: It cannot be opened.
        StateUnavailable: It cannot take entries, or somebody else writes it and does not end.
    """
    began_s, n_entries = ticks_s(), 0

    def count(n_more: int) -> None:
        nonlocal n_entries
        n_entries += n_more
        entered(n_more)

    with written_alone(settings.state, patience_s=PATIENCE_S) as is_ours:
        if not is_ours:
            raise StateUnavailable("another process builds the index of the log")
        async with _emptied(settings) as index:
            await index.drop_indexes()
            try:
                troubles = await fill(index, settings.state / "log", count)
            finally:
                await index.make_indexes()
    return Built(entries=n_entries, seconds=ticks_s() - began_s, troubles=troubles)


@asynccontextmanager
async def _emptied(settings: Settings) -> AsyncIterator[LogIndex]:
    """Open the index with nothing in it, whatever state it is in."""
    try:
        index = LogIndex(await open_index(index_place(settings)))
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it is derived and made anew
        await remove_index(index_place(settings))
        index = LogIndex(await open_index(index_place(settings)))
    try:
        await index.clear()
        yield index
    finally:
        await index.close()


async def check(index: LogIndex, logs: Path, compared: Callable[[int], None] = lambda _n: None) -> Compared:
    """Hold an index against the files.

    Raises:
        StateUnavailable: The index does not answer.
    """
    return await Comparison(index.held, LogFiles(logs), most=MOST_AT_ONCE).run(compared)


async def renew(index: LogIndex, logs: Path, slot: str, first: int = 0) -> None:
    """Bring the index up to parts of a log that were deleted from its files.

    To be called under ``written_alone``, after the files were put in place and before the deletion is
    told as done: addresses, numbers of people and postings of the deleted parts leave the index.

    Args:
        index: Of the log.
        logs: ``STATE/log``.
        slot: Name of the log's folder.
        first: The first entry whose part was deleted; parts behind it moved.

    Raises:
        LogDamaged: The files cannot be read.
        StateUnavailable: The index cannot take it now.
    """
    held = (await index.positions()).get(slot)
    if held is None:
        return
    reader = LogFiles(logs).reader_at(slot, first - first % SPAN)
    while (missing := held.size - reader.position.size) > 0:
        span = reader.position.size // SPAN
        gathering, entries = SpanGathering(slot, span), list[IndexEntry]()
        end = min((span + 1) * SPAN, held.size)
        while reader.position.size < end:
            batch = await asyncio.to_thread(reader.read, min(missing, end - reader.position.size))
            if batch is None:
                raise LogDamaged(f"{slot} is shorter than its index: run `gateway log index rebuild`")
            if batch.unknown:
                batch = reader.completed(batch, await index.first_of(slot, batch.unknown))
            gathering.add(batch.entries)
            entries += batch.entries
        is_whole = end == (span + 1) * SPAN
        await index.renew(entries, gathering.people() if is_whole else None)
    await index.drop_unused_places()
