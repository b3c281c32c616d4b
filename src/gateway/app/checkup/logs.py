# SPDX-License-Identifier: Apache-2.0
"""The log: whether every entry of every slot verifies, how new its checkpoints are, and how long its disk lasts."""

import asyncio
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from gateway.app.checkup.findings import Finding, Patient, note, ok, problem, warning
from gateway.app.checkup.second_log import findings_of_second
from gateway.app.index.building import opened_index, states
from gateway.app.slots import WORKER_SLOT
from gateway.domain.errors import GatewayError, KeyUnavailable, LogBehind, LogDamaged, SettingsError
from gateway.record.format.layout import CHECKPOINT, slots
from gateway.record.proof.verify import LogVerdict, verify_logs
from gateway.store.engine import INDEX_FILE

DAY_S = 24 * 3600
WINDOW_S = 7 * DAY_S
OLD_CHECKPOINT_S = 600
"""A process that runs enters something each minute, so its checkpoint is a minute old at most."""
LEAST_WINDOW_S = 3600
OLD_INDEX_S = 30
"""The worker brings the index up twice a second."""
PUT_BACK = "put the newest copy of that log in its place: docs/how-to/backup.md, `When it is refused`"
"""Where a log is missing or shorter than others saw it: verifying again would only say so again."""


async def log(patient: Patient) -> Iterable[Finding]:
    """Verify every log."""
    folder = patient.settings.state / "log"
    if not slots(folder):
        fix = "put STATE/log back from its backup; without it the database must not be used"
        return [problem("log", f"{folder} holds no log", fix)]
    verdict = await asyncio.to_thread(verify_logs, folder)
    found = [problem("log", one, PUT_BACK) for one in verdict.problems]
    for one in verdict.logs:
        found += _of_one(one)
    return [*found, *_checkpoints(patient, folder), *await asyncio.to_thread(findings_of_second, patient)]


def mend_for(error: GatewayError) -> str:
    """Return what mends an error for which nothing could be entered in the log."""
    match error:
        case LogBehind():
            return PUT_BACK
        case LogDamaged():
            return "gateway log verify names the entry; keep a copy of STATE/log as it is"
        case KeyUnavailable():
            return "give the key-encryption key that this keyring was made with: keys/kek, or GATEWAY_KEK_FILE"
        case SettingsError():
            return "mend first what is said of keys, secrets and permissions"
        case _:
            return "let the other command end, or make room on the disk of STATE/log; then look again"


def _of_one(verdict: LogVerdict) -> Iterator[Finding]:
    told = f"{verdict.slot}: signed {verdict.n_signed}, tail {verdict.n_tail}"
    for one in verdict.problems:
        fix = f"keep a copy of STATE/log/{verdict.slot} as it is, then compare with a backup: gateway log verify --dir COPY"
        yield problem("log", f"{verdict.slot}: {one}", fix)
    if not verdict.problems:
        yield ok("log", told)
    for one in verdict.notes:
        yield note("log", f"{verdict.slot}: {one}")


def _checkpoints(patient: Patient, folder: Path) -> Iterator[Finding]:
    for slot in slots(folder):
        age_s = patient.now_us / 1_000_000 - _written_s(folder / slot / CHECKPOINT, patient)
        if _is_held(folder / slot) and slot != "cli" and age_s > OLD_CHECKPOINT_S:
            yield warning(
                "checkpoint",
                f"{slot} runs, and its newest checkpoint is {round(age_s / 60)} minutes old",
                "look at stderr of the gateway and at its disk; then restart it with SIGUSR1",
            )


def _written_s(path: Path, patient: Patient) -> float:
    return path.stat().st_mtime if path.exists() else patient.now_us / 1_000_000


def _is_held(directory: Path) -> bool:
    """Tell whether a process holds a slot, without taking it."""
    try:
        inode = (directory / "lock").stat()
    except OSError:
        return False
    held = f"{os.major(inode.st_dev):02x}:{os.minor(inode.st_dev):02x}:{inode.st_ino} "
    return held in Path("/proc/locks").read_text("ascii")


async def index(patient: Patient) -> Iterable[Finding]:
    """Look how far the index of the log is; it is derived, so nothing of it is a problem for callers."""
    folder, found = patient.settings.state / "log", []
    if patient.settings.database is None and not (patient.settings.state / INDEX_FILE).exists():
        return [note("index", "there is none yet; the worker builds it, or: gateway log index rebuild")]
    async with opened_index(patient.settings, upgrade=False) as opened:
        logs = await states(opened, folder)
    for one in logs:
        if one.trouble:
            fix = "gateway log verify; if the files are right: gateway log index rebuild"
            found.append(warning("index", f"{one.slot}: {one.trouble}", fix))
    n_behind = sum(max(0, one.entries - one.indexed) for one in logs)
    old_s = max((one.behind_s for one in logs), default=0.0)
    told = f"the index has {sum(one.indexed for one in logs)} of {sum(one.entries for one in logs)} entries"
    if old_s > OLD_INDEX_S and any(_is_held(folder / one.slot) for one in logs if one.slot == WORKER_SLOT):
        told = f"{told}, and the oldest of the others was entered {round(old_s)} s ago though the worker runs"
        return [*found, warning("index", told, "look at stderr of the gateway; then gateway log index rebuild")]
    return [*found, note("index", told) if n_behind else ok("index", told)]


async def disk(patient: Patient) -> Iterable[Finding]:
    """Look at the room that the log has, and how long it lasts at the rate of the last days."""
    settings, folder = patient.settings, patient.settings.state / "log"
    room = os.statvfs(folder)
    size, free = room.f_blocks * room.f_frsize, room.f_bavail * room.f_frsize
    least = max(settings.log.least_free_bytes, size * settings.log.least_free_percent / 100)
    told = f"{free / 1e9:.1f} GB are free; below {least / 1e9:.1f} GB data calls are refused"
    fix = "free space or give STATE/log a larger disk; log.least_free_bytes and log.least_free_percent say when to stop"
    if free < least:
        return [problem("disk", told, fix)]
    rate = await asyncio.to_thread(_bytes_a_day, folder, patient.now_us / 1_000_000)
    if rate is None or rate < 1:
        return [ok("disk", told)]
    lasts = (free - least) / rate
    sentence = f"{told}; at {rate / 1e6:.1f} MB a day that is in {min(lasts, 99_999):.0f} days"
    if lasts < settings.doctor.disk_days:
        return [warning("disk", sentence, fix)]
    return [ok("disk", sentence)]


def _bytes_a_day(folder: Path, now_s: float) -> float | None:
    """Return how fast the log grew in the last days; ``None`` if it is too new to tell.

    Whole segments count that were written to in that time, so it is rather too much than too little.
    """
    files = [path.stat() for path in folder.glob("*/*.ndjson")] + [
        path.stat() for path in folder.glob("*/parts/*.ndjson")
    ]
    began_s = min((path.stat().st_mtime for path in folder.glob("*/log.pub")), default=now_s)
    window_s = min(WINDOW_S, now_s - began_s)
    if window_s < LEAST_WINDOW_S:
        return None
    grown = sum(one.st_size for one in files if one.st_mtime >= now_s - window_s)
    return grown / window_s * DAY_S
