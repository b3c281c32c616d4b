# SPDX-License-Identifier: Apache-2.0
"""Copies of the gateway's own state, and putting them back into an installation that stands still.

RULES

1. The state itself first, then the keys of people: every value in the first copy finds its key in the
   second, unless the person was shredded in between.
2. The beat is counted up behind the copies, so whoever puts one back is told that it is older than the log;
   one that is put back by us says so itself, however its making ended.
3. Where the settings say so, the copy of the keys is sealed under a key for the day on which it ends,
   ``backup-keys/<day>``. When that day is over the key is deleted, and nobody opens the copy, wherever it lies.
4. Before anything is put back everything is looked at: the copies, their ends, and that the log can be
   replayed from them. Then each base is replaced in one step, and the next opening replays the log.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec

from gateway.app.clock import now_us
from gateway.app.installation import Rooms
from gateway.app.keeping import mark_now
from gateway.app.restoring import one_opening, rehearsed, stopped
from gateway.domain.entry import Changed
from gateway.domain.errors import GatewayError, LogDamaged, StateBehind
from gateway.keys import envelope
from gateway.keys.keyring import Keyring, KeyState
from gateway.record.format.layout import slots
from gateway.record.proof.verify import verify_logs
from gateway.record.reading.tail import size_of
from gateway.settings.loading import Settings
from gateway.store.backup import BackupUnusable, Header, Turn, Wanted, as_it_is, check_whole, dump, header_of
from gateway.store.backup import n_rows as rows_of
from gateway.store.engine import open_store
from gateway.store.marks import Marked, Marks
from gateway.store.meta import BACKED_UP, BACKED_UP_LONGEST, BACKED_UP_UNTIL, Meta
from gateway.store.putting_back import put_back

LABEL = "backup"
DAY_US = 24 * 3600 * 1_000_000
MOST_KEY_DAYS = 30
"""Days after which no copy of the keys of people counts any more (DESIGN 9.11)."""
KEYS_LABEL = "backup-keys/"
"""Before the UTC day on which copies of the keys of people end: the label of the key that they are sealed under."""

Progress = Callable[[int], None]


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """A copy that was made, or put back."""

    base: str
    file: str
    rows: int
    bytes: int
    sha256: str
    created_us: int
    expires_us: int | None


class Signer:
    """Digests of headers under the installation's key for them."""

    def __init__(self, keyring: Keyring) -> None:
        """Make the key if there is none."""
        keyring.ensure(LABEL)
        self._key = keyring.version(LABEL, 1).secret

    def __call__(self, header: bytes) -> str:
        """Return the digest of a header."""
        return envelope.keyed_digest(self._key, header).hex()


async def n_rows(settings: Settings, bases: tuple[str, ...]) -> int:
    """Return about how many rows copies would have."""
    counts = [await asyncio.to_thread(rows_of, _place(settings), base) for base in bases]
    return sum(counts)


async def back_up(rooms: Rooms, files: dict[str, Path], *, key_days: int, by: str, progress: Progress) -> list[Copied]:
    """Copy bases into new files, and enter that.

    Args:
        rooms: Of the installation, which may go on serving.
        files: By base (``main``, ``keys``) where to.
        key_days: Days for which the copy of the keys counts.
        by: Who asked.
        progress: Called with the number of rows that were copied more.

    Raises:
        OSError: A file is there already, or cannot be written.
    """
    settings, digest, now = rooms.settings, Signer(rooms.keyring), rooms.clock()
    places = (await Marks(rooms.store).read()).places
    await end_copies(rooms, by)
    made = []
    for base in (one for one in ("main", "keys") if one in files):
        expires_us = now + key_days * DAY_US if base == "keys" else None
        label = KEYS_LABEL + _day(expires_us) if expires_us is not None and settings.backups.seal_keys else ""
        wanted = Wanted(
            base=base,
            installation=settings.installation,
            created_us=now,
            expires_us=expires_us,
            places=places if base == "main" else {},
            sealed=label,
        )
        seal = partial(rooms.keyring.seal, label) if label else as_it_is
        header = await asyncio.to_thread(dump, _place(settings), wanted, files[base], digest, progress, seal)
        made.append(_copied(header, files[base]))
        await _note(rooms.meta, header)
    await mark_now(Marks(rooms.store), rooms.log)
    for one in made:
        facts: dict[str, str | int] = {"sha256": one.sha256, "rows": one.rows, "bytes": one.bytes}
        if one.expires_us is not None:
            facts["expires_us"] = one.expires_us
        await rooms.log.append(Changed(by=by, what="database-backed-up", target=one.base, facts=facts))
    return made


async def end_copies(rooms: Rooms, by: str = "gateway") -> int:
    """Delete the keys of copies whose day is over, and return how many; the entry comes first."""
    today, n_ended = _day(rooms.clock()), 0
    for label in [one for one in rooms.keyring.labels() if one.startswith(KEYS_LABEL)]:
        if label.removeprefix(KEYS_LABEL) >= today:
            continue
        for one in rooms.keyring.versions(label):
            if one.state is not KeyState.SHREDDED:
                facts: dict[str, str | int] = {"version": one.version}
                await rooms.log.append(Changed(by=by, what="key-shredded", target=label, facts=facts))
                rooms.keyring.shred(label, one.version)
                n_ended += 1
    return n_ended


def unsealing(keyring: Keyring, header: Header) -> Turn:
    """Return what opens the frames of a copy."""
    return partial(keyring.open, header.sealed) if header.sealed else as_it_is


def over_us(expires_us: int) -> int:
    """Return when the day is over on which a copy of the keys ends: from then on its key is deleted."""
    return (expires_us // DAY_US + 1) * DAY_US


def _day(at_us: int) -> str:
    """Return the UTC day of a moment."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)).date().isoformat()


async def _note(meta: Meta, header: Header) -> None:
    """Note for those who watch when a base was copied, and until when the copy counts."""
    await meta.write(BACKED_UP + header.base, str(header.created_us))
    if header.expires_us is not None:
        await meta.write(BACKED_UP_UNTIL + header.base, str(header.expires_us))
        known = int(await meta.read(BACKED_UP_LONGEST) or 0)
        await meta.write(BACKED_UP_LONGEST, str(max(known, header.expires_us)))


def ended(folder: Path, keyring: Keyring) -> list[Path]:
    """Return the copies of keys of people in a folder that count no more and may be deleted."""
    digest, found = Signer(keyring), []
    for file in sorted(folder.glob("*.keys.gwb")):
        try:
            header = header_of(file, digest)
        except (BackupUnusable, OSError):
            continue
        if header.expires_us is not None and header.expires_us <= now_us():
            found.append(file)
    return found


async def restore(settings: Settings, keyring: Keyring, files: dict[str, Path], progress: Progress) -> list[Copied]:
    """Put copies back into an installation of which no process is ready; the next opening replays the log.

    Args:
        settings: Of the installation.
        keyring: Its keys.
        files: By base (``main``, ``keys``) where from.
        progress: Called with the number of rows that were put back more.

    Raises:
        BackupUnusable: A file is no copy of that base, is not whole, is another's, or is past its end.
        StateBehind: The log could not be replayed from it; nothing was put back.
        StateUnavailable: A gateway runs on the installation.
    """
    digest = Signer(keyring)
    async with one_opening(settings.state):
        with stopped(settings.state):
            headers = {base: _usable(file, base, settings, digest) for base, file in files.items()}
            for base, file in files.items():
                await asyncio.to_thread(check_whole, file, headers[base])
            known = [one.places for one in headers.values()] + [await _places_now(settings)]
            await asyncio.to_thread(_check_logs, settings, known)
            if "main" in headers:
                await _rehearse(settings, headers["main"])
            for base in (one for one in ("main", "keys") if one in files):
                turn = unsealing(keyring, headers[base])
                work = partial(put_back, files[base], headers[base], _place(settings), progress, unseal=turn)
                await asyncio.to_thread(work)
    return [_copied(headers[base], file) for base, file in files.items()]


def rows_in(files: dict[str, Path], keyring: Keyring) -> int:
    """Return how many rows copies hold.

    Raises:
        BackupUnusable: One of them is none.
    """
    digest = Signer(keyring)
    return sum(sum(header_of(file, digest).rows.values()) for file in files.values())


def _usable(file: Path, base: str, settings: Settings, digest: Signer) -> Header:
    header = header_of(file, digest)
    if header.base != base:
        raise BackupUnusable(f"{file} holds the base {header.base}; {base} is wanted")
    if header.installation != settings.installation:
        raise BackupUnusable(f"{file} is of the installation {header.installation}")
    if header.expires_us is not None and header.expires_us <= now_us():
        raise BackupUnusable(f"{file} is past its end: the keys of people in it count no more; use --without-keys")
    return header


async def _places_now(settings: Settings) -> Mapping[str, int]:
    """Return what the database that will be replaced knows of its logs, if it can still be read."""
    try:
        store = await open_store(_place(settings), upgrade=False)
    except GatewayError:
        return {}
    try:
        return (await Marks(store).read()).places
    except GatewayError:
        return {}
    finally:
        await store.close()


def _check_logs(settings: Settings, known: Sequence[Mapping[str, int]]) -> None:
    """Make sure that the log is there, right, and at least as long as anybody knows it to be."""
    logs = settings.state / "log"
    verdict = verify_logs(logs)
    problems = [*verdict.problems, *(f"{log.slot}: {one}" for log in verdict.logs for one in log.problems)]
    if problems:
        raise StateBehind(f"the log cannot be replayed, so nothing was put back: {'; '.join(problems[:3])}")
    prefix = f"{settings.installation}/{settings.node}/"
    sizes = {prefix + slot: size_of(logs / slot) for slot in slots(logs)}
    for name, place in (pair for places in known for pair in places.items()):
        if name.startswith(prefix) and sizes.get(name, 0) < place:
            raise StateBehind(
                f"the log {name} has {sizes.get(name, 0)} entries and {place} of them are known, so nothing was put back"
            )


async def _rehearse(settings: Settings, header: Header) -> None:
    """Make sure that a good database is not replaced by one that nobody could be ready with."""
    try:
        await rehearsed(settings, Marked(places=header.places, is_put_back=True))
    except (StateBehind, LogDamaged) as error:
        raise StateBehind(f"{error}; nothing was put back") from error


def _copied(header: Header, file: Path) -> Copied:
    return Copied(
        base=header.base,
        file=str(file),
        rows=sum(header.rows.values()),
        bytes=header.n_bytes,
        sha256=header.sha256,
        created_us=header.created_us,
        expires_us=header.expires_us,
    )


def _place(settings: Settings) -> str | Path:
    return settings.database.get_secret_value() if settings.database else settings.state
