# SPDX-License-Identifier: Apache-2.0
"""Deleting parts of the log in one installation: on every disk, in the database and in the index."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path

import msgspec

from gateway.app.clock import now_us
from gateway.app.index.building import opened_index, renew
from gateway.app.index.indexing import written_alone
from gateway.app.installation import Rooms
from gateway.app.rule_files import read_folder, rules_of
from gateway.domain.errors import NotDeleted
from gateway.flows import forgetting, retention
from gateway.flows.policy_change import IN_FORCE
from gateway.record.format.amending import without
from gateway.record.format.files import DiskFiles, replace_file
from gateway.record.format.layout import slots
from gateway.record.format.parts import StoredPart
from gateway.record.proof.parts_scan import stored_parts
from gateway.record.writing.copying import PAIRED
from gateway.record.writing.rewriting import Rewriting
from gateway.record.writing.sinks import ALONE, SECOND, Alone
from gateway.settings.loading import Settings
from gateway.store.forgetting import INDEX_TABLES
from gateway.store.forgetting import Forgetting as ForgettingTables
from gateway.store.marks import Marks

JOURNAL = "forgetting"
INDEX_PATIENCE_S = 60.0
EVERY_US = 3600 * 1_000_000
"""How often the worker looks for parts that were kept long enough."""


def copies_of(settings: Settings, slot: str) -> list[Path]:
    """Return the directories that hold the parts of a slot and count now, the first disk's first.

    Raises:
        NotDeleted: A disk is not there, and nobody can tell what it holds.
    """
    first = settings.state / "log" / slot
    if settings.log.second is None:
        return [first]
    second = settings.state / settings.log.second / slot
    if (second / ALONE).exists():
        raise NotDeleted(f"the first disk of the log {slot} is behind the second: wait until they are equal again")
    if (second / PAIRED).exists():
        return [first, second]
    if _lost_by(first) == SECOND or not (first / PAIRED).exists():
        # What it holds is made equal to the first when it is back.
        return [first]
    raise NotDeleted(f"{second} is not there, so what it holds would stay: mount its disk first")


async def retention_of(rooms: Rooms) -> retention.Retention:
    """Return what deletes old parts of an installation; reads the rules.

    Raises:
        RulesError / SettingsError: The rules cannot be read, so nobody knows what the law asks for.
    """
    settings = rooms.settings
    keeping = retention.Keeping(parts_days=settings.log.keep_parts_days, restore_days=settings.log.restore_days)
    least = await asyncio.to_thread(_regimes_least, rooms, await rooms.meta.read(IN_FORCE))
    return retention.Retention(retention_rooms(rooms), keeping, least)


def _regimes_least(rooms: Rooms, in_force: str | None) -> retention.Least | None:
    """Return the longest time for logs that a regime asks for, of the folder's or of the rules in force.

    Whoever edits the folder lets nothing be deleted earlier before that is in force, which is entered.
    """
    of_folder = rules_of(read_folder(rooms.settings.policies_dir))
    laws = list(of_folder.regimes.values())
    if in_force is not None and in_force != of_folder.digest:
        laws += rules_of(rooms.archive.read(in_force)).regimes.values()
    return retention.least_of(laws)


def retention_rooms(rooms: Rooms) -> retention.Rooms:
    """Return what retention works with."""
    settings = rooms.settings

    async def seen() -> Mapping[str, int]:
        return (await Marks(rooms.store).read()).places

    return retention.Rooms(
        logs=settings.state / "log",
        prefix=f"{settings.installation}/{settings.node}/",
        recorder=rooms.log,
        clock=now_us,
        rewrite=lambda slot, number, change: rewritten(settings, slot, number, change),
        copies=lambda slot: copies_of(settings, slot),
        renew=lambda slot, first: _renew(settings, slot, first),
        seen=seen,
    )


def forgetting_of(rooms: Rooms) -> forgetting.Forgetting:
    """Return what takes a person out of everything that may be deleted."""
    settings = rooms.settings
    logs = settings.state / "log"

    def check() -> None:
        for slot in slots(logs):
            copies_of(settings, slot)
        retention.check_holds(logs)

    return forgetting.Forgetting(
        forgetting.Rooms(
            logs=logs,
            prefix=f"{settings.installation}/{settings.node}/",
            own=rooms.log.name,
            recorder=rooms.log,
            people=rooms.people,
            tables=ForgettingTables(rooms.store),
            journal=Journal(logs / JOURNAL),
            rewrite=lambda slot, number, change: rewritten(settings, slot, number, change),
            rewrite_in=_rewritten,
            level=lambda slot, number, people: levelled(copies_of(settings, slot), number, people),
            renew=lambda slot, first: _renew(settings, slot, first),
            scrub=lambda: _scrub(settings),
            check=check,
        )
    )


def retaining(rooms: Rooms) -> Callable[[], Awaitable[None]]:
    """Return the worker's chore: parts that were kept long enough go, looked at once an hour."""
    looked_us = 0

    async def retain() -> None:
        nonlocal looked_us
        if now_us() - looked_us < EVERY_US:
            return
        looked_us = now_us()
        try:
            work = await retention_of(rooms)
            if due := await work.due():
                await work.delete(due, "gateway")
        except OSError as error:
            raise NotDeleted(f"parts cannot be looked through: {error.strerror}") from error

    return retain


class Journal:
    """Numbers of people whose forgetting is not done, in a file beside the logs."""

    def __init__(self, path: Path) -> None:
        """Keep its place."""
        self._path = path

    def read(self) -> frozenset[int]:
        """Return them; none where nothing was broken off."""
        with suppress(FileNotFoundError):
            return frozenset(msgspec.json.decode(self._path.read_bytes(), type=list[int]))
        return frozenset()

    def write(self, people: AbstractSet[int]) -> None:
        """Keep them durably; none removes the file."""
        files = DiskFiles()
        replace_file(files, self._path, msgspec.json.encode(sorted(people)))
        if not people:
            files.remove(self._path)
            files.sync_directory(self._path.parent)


def rewritten(settings: Settings, slot: str, number: int, change: Callable[[StoredPart], StoredPart | None]) -> int:
    """Write the parts of a segment anew on every disk, and return in how many of the first something changed.

    Raises:
        NotDeleted: A disk does not let us; to begin again is right.
    """
    n_changed = 0
    for directory in copies_of(settings, slot):
        n_changed = max(n_changed, _rewritten(directory, number, change))
    return n_changed


def levelled(copies: Sequence[Path], number: int, people: AbstractSet[int]) -> int:
    """Make the parts of these people on other disks those of the first, and return how many were not.

    Raises:
        NotDeleted: A disk does not let us.
    """
    n_changed = 0
    for other in copies[1:]:
        if not any(without(stored.part(), people)[1] for stored in stored_parts(other, number)):
            continue
        held = {stored.seq: stored for stored in stored_parts(copies[0], number) if stored.amended}

        def change(stored: StoredPart, held: Mapping[int, StoredPart] = held) -> StoredPart | None:
            return held.get(stored.seq) if without(stored.part(), people)[1] else stored

        n_changed += _rewritten(other, number, change)
    return n_changed


def _rewritten(directory: Path, number: int, change: Callable[[StoredPart], StoredPart | None]) -> int:
    work = Rewriting(DiskFiles(), directory, number, change)
    try:
        work.run()
    except OSError as error:
        raise NotDeleted(f"the parts of {directory} cannot be written anew: {error.strerror}; begin again") from error
    return work.n_gone + work.n_changed


def _lost_by(first: Path) -> str:
    with suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode((first / ALONE).read_bytes(), type=Alone).lost
    return ""


async def _renew(settings: Settings, slot: str, first: int) -> None:
    """Bring the index up to parts that went."""
    alone = written_alone(settings.state, patience_s=INDEX_PATIENCE_S)
    # Waited for on a thread: the worker itself may be the one that writes the index.
    is_ours = await asyncio.to_thread(alone.__enter__)
    try:
        if not is_ours:
            raise NotDeleted("somebody builds the index of the log now; begin again when that is done")
        async with opened_index(settings) as index:
            await renew(index, settings.state / "log", slot, first)
    finally:
        alone.__exit__(None, None, None)


async def _scrub(settings: Settings) -> None:
    async with opened_index(settings) as index:
        await index.base.scrub(INDEX_TABLES)
