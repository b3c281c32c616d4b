# SPDX-License-Identifier: Apache-2.0
"""Moving sealed segments of the log to other storage; what is left verifies from their seals on.

RULES

1. Only whole, sealed segments from the front of a log are moved, never its newest, and only what the database has
   certainly seen: a start reads what came later.
2. A segment is copied with its parts and its seal, made durable there, and verified there by itself; only then it
   is entered that it goes, and it goes from every disk. Its seal stays.
3. Nothing is moved while a hold is on: holds are read from the entries that are here.
4. What was moved leaves the index with its log, which is read into it anew from its first segment that is here.
"""

import asyncio
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec

from gateway.app.clock import now_us
from gateway.app.evidence.parts_deleting import INDEX_PATIENCE_S, copies_of, retention_rooms
from gateway.app.index.building import opened_index
from gateway.app.index.indexing import written_alone
from gateway.app.installation import Rooms
from gateway.domain.entry import Changed
from gateway.domain.errors import NotDeleted, SettingsError, StateUnavailable
from gateway.flows.retention import DAY_US, check_holds
from gateway.record.format.checkpoint import CheckpointInvalid, VerifierKey, parse_verifier_key
from gateway.record.format.files import DiskFiles, copy_whole
from gateway.record.format.layout import PUBLIC_KEY, parts_path, segment_path, segments, slots
from gateway.record.format.seal import seal_name
from gateway.record.proof.hashes import FOLDER, kept_size
from gateway.record.proof.parts_scan import ARCHIVED, Ends, ends_of
from gateway.record.proof.proving import Prover
from gateway.record.proof.seal_check import verify_segment
from gateway.record.writing.copying import is_same
from gateway.settings.loading import Settings


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A segment that was moved."""

    slot: str
    ends: Ends


async def due_for_archive(rooms: Rooms, days: int) -> list[Moved]:
    """Return the sealed segments that would be moved; nothing is.

    Raises:
        NotDeleted: A hold is on.
    """
    held = retention_rooms(rooms)
    await asyncio.to_thread(check_holds, held.logs)
    seen = await held.seen()
    return await asyncio.to_thread(_older, held.logs, held.prefix, seen, now_us() - days * DAY_US)


async def archive_older(rooms: Rooms, target: Path, days: int, by: str) -> list[Moved]:
    """Move the sealed segments whose last entry is so many days old; return them.

    Raises:
        NotDeleted: A hold is on, or a segment or its copy is not right; what was moved before is told in the log.
        LogUnavailable: It could not be entered.
    """
    held, found = retention_rooms(rooms), await due_for_archive(rooms, days)
    lasts = {one.slot: one.ends.last for one in found}
    for slot, last in lasts.items():
        await asyncio.to_thread(_keep_hashes, held.logs / slot, last)
    gone: set[str] = set()
    try:
        for one in found:
            await asyncio.to_thread(_copied, held.logs / one.slot, one.ends.number, target / one.slot)
            facts: dict[str, str | int] = {
                "segment": one.ends.number,
                "first": one.ends.first,
                "last": one.ends.last,
                "folder": str(target),
            }
            await rooms.log.append(Changed(by=by, what=ARCHIVED, target=one.slot, facts=facts))
            gone.add(one.slot)
            for directory in copies_of(rooms.settings, one.slot):
                await asyncio.to_thread(_removed, directory, one.ends.number)
    finally:
        if gone:
            await _read_anew(rooms.settings, gone)
    return found


async def _read_anew(settings: Settings, slots: Collection[str]) -> None:
    """Take logs out of the index, so that it is what follows from the files that are left; the worker reads those."""
    alone = written_alone(settings.state, patience_s=INDEX_PATIENCE_S)
    still = "the segments are moved, but the index of the log holds them still ({}): run `gateway log index rebuild`"
    # Waited for on a thread: the worker itself may be the one that writes the index.
    if not await asyncio.to_thread(alone.__enter__):
        alone.__exit__(None, None, None)
        raise NotDeleted(still.format("another process builds it"))
    try:
        async with opened_index(settings) as index:
            for slot in sorted(slots):
                await index.forget(slot)
    except (SettingsError, StateUnavailable) as error:
        raise NotDeleted(still.format(error)) from error
    finally:
        alone.__exit__(None, None, None)


def _keep_hashes(directory: Path, last: int) -> None:
    """Keep the hashes of what goes durably: proofs of entries that are elsewhere are made from those that stay."""
    Prover(directory).keep()
    if kept_size(directory) <= last:
        raise NotDeleted(f"the hashes of {directory} could not be kept; begin again")
    files, folder = DiskFiles(), directory / FOLDER
    for path in sorted(folder.iterdir()):
        descriptor = files.open_to_append(path)
        try:
            files.sync(descriptor)
        finally:
            files.close(descriptor)
    files.sync_directory(folder)


def _older(logs: Path, prefix: str, seen: Mapping[str, int], before_us: int) -> list[Moved]:
    found = []
    for slot in slots(logs):
        for number in segments(logs / slot)[:-1]:
            ends = ends_of(logs / slot, number)
            is_sealed = (logs / slot / seal_name(number)).exists()
            if ends is None or not is_sealed or ends.last_us >= before_us or ends.last >= seen.get(prefix + slot, 0):
                break
            found.append(Moved(slot=slot, ends=ends))
    return found


def _copied(directory: Path, number: int, target: Path) -> None:
    files = DiskFiles()
    _insist_on_own_place(directory, number, target)
    (target / "parts").mkdir(mode=0o700, parents=True, exist_ok=True)
    (target / "seals").mkdir(mode=0o700, exist_ok=True)
    for name in (PUBLIC_KEY, seal_name(number)):
        copy_whole(files, directory / name, target / name)
    if parts_path(directory, number).exists():
        copy_whole(files, parts_path(directory, number), parts_path(target, number))
    copy_whole(files, segment_path(directory, number), segment_path(target, number))
    key = parse_verifier_key((directory / PUBLIC_KEY).read_text(encoding="utf-8").strip())
    _check(segment_path(target, number), (directory / seal_name(number)).read_text(encoding="utf-8"), key)


def _insist_on_own_place(directory: Path, number: int, target: Path) -> None:
    """Refuse to write over what was moved there before: it may be the only copy."""
    lines = segment_path(target, number)
    is_of_another = (target / PUBLIC_KEY).exists() and not is_same(directory / PUBLIC_KEY, target / PUBLIC_KEY)
    if is_of_another or (lines.exists() and not is_same(segment_path(directory, number), lines)):
        raise NotDeleted(f"{target} holds other segments already: move to a folder of this installation's own")


def _check(lines: Path, note: str, key: VerifierKey) -> None:
    try:
        verdict = verify_segment(lines, note, key)
    except CheckpointInvalid as error:
        raise NotDeleted(f"{lines}: {error}; nothing of it was moved") from error
    if not verdict.is_right:
        raise NotDeleted(f"{lines}: {verdict.problems[0]}; nothing of it was moved")


def _removed(directory: Path, number: int) -> None:
    files = DiskFiles()
    # Lines last: parts whose lines are gone are damage, lines without parts are not.
    files.remove(parts_path(directory, number))
    files.sync_directory(directory / "parts")
    files.remove(segment_path(directory, number))
    files.sync_directory(directory)
