# SPDX-License-Identifier: Apache-2.0
"""Slots of the log: what they are called, under which key each signs, and how one is opened."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import gateway
from gateway.app.clock import now_us
from gateway.app.keeping import ToldLog
from gateway.app.keyring import open_keyring
from gateway.domain.errors import SettingsError
from gateway.keys import envelope
from gateway.keys.keyring import Keyring
from gateway.keys.signing import SigningKey
from gateway.record.writing.limits import Limits
from gateway.record.writing.pairing import Second
from gateway.settings.loading import Settings

CLI_SLOT = "cli"
WORKER_SLOT = "worker"
DOORS = "door-"
DOOR_SLOT = f"{DOORS}0"
"""The first door's, and that of a gateway that is one process."""

LOCK_WAIT_S = {CLI_SLOT: 10.0}
"""By slot, how long one waits for another process to let it go; a second command waits for the first."""

DOOR_LOCK_WAIT_S = 1.0
"""A door that the kernel is still taking down with its supervisor lets its slot go within this time."""


def door_slot(number: int) -> str:
    """Return the slot of a door, counted from 0."""
    return f"{DOORS}{number}"


def log_name(settings: Settings, slot: str) -> str:
    """Return the name of a log, which is the origin of its checkpoints."""
    return f"{settings.installation}/{settings.node}/{slot}"


def log_signer(keyring: Keyring, slot: str) -> SigningKey:
    """Return the signing key of a slot; every log has its own."""
    return SigningKey(envelope.derive(keyring.ensure(f"log/{slot}").secret, b"Ed25519 key that signs checkpoints"))


def check_private(state: Path) -> None:
    """Refuse a state folder that others can look into.

    Raises:
        SettingsError: With the command that mends it.
    """
    if not state.is_dir():
        raise SettingsError(f"{state} does not exist; `gateway init {state}` makes an installation there")
    mode = state.stat().st_mode & 0o777
    if mode & 0o077:
        raise SettingsError(f"{state} is open to others (mode {mode:03o}); run: chmod 700 {state}")


@asynccontextmanager
async def open_log(settings: Settings, slot: str, *, lock_wait_s: float | None = None) -> AsyncIterator[ToldLog]:
    """Open the log of a slot alone, for what needs neither database nor rules.

    Args:
        settings: Of the installation.
        slot: Whose log.
        lock_wait_s: How long to wait for another process to let it go, if not as long as the slot's own would.

    Raises:
        SettingsError: Something in the configuration cannot be used.
        LogUnavailable: Another process holds the slot, or the disk refuses.
        LogDamaged: The log contradicts itself.
    """
    check_private(settings.state)
    async with sequencer_of(settings, open_keyring(settings), slot, lock_wait_s) as log:
        yield log


def sequencer_of(settings: Settings, keyring: Keyring, slot: str, lock_wait_s: float | None = None) -> ToldLog:
    """Return the log of a slot, not open yet; ``lock_wait_s`` in the place of the slot's own wait."""
    limits = Limits(
        segment_bytes=settings.log.segment_bytes,
        segment_age_s=settings.log.segment_hours * 3600,
        free_bytes=settings.log.least_free_bytes,
        free_share=settings.log.least_free_percent / 100,
        lock_wait_s=LOCK_WAIT_S.get(slot, DOOR_LOCK_WAIT_S) if lock_wait_s is None else lock_wait_s,
    )
    return ToldLog(
        settings.state / "log" / slot,
        name=log_name(settings, slot),
        signer=log_signer(keyring, slot),
        clock=now_us,
        version=gateway.__version__,
        limits=limits,
        second=second_of(settings, slot),
    )


def second_of(settings: Settings, slot: str) -> Second | None:
    """Return where a slot is written to as well, if there is a second disk."""
    if settings.log.second is None:
        return None
    return Second(directory=settings.state / settings.log.second / slot, rule=settings.log.second_rule)
