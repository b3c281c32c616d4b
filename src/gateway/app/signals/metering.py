# SPDX-License-Identifier: Apache-2.0
"""Joins the rooms of a process to its meters: what hears the log, what times a call, what watchers see."""

from collections.abc import Mapping

import msgspec
from typing_extensions import override

from gateway.app.clock import ticks_s
from gateway.app.current import CURRENT, Span
from gateway.app.signals.exposition import told
from gateway.app.signals.meters import Meters
from gateway.app.signals.metrics import STORE_TIME
from gateway.app.signals.page import N_REGIONS, Page, Region
from gateway.app.slots import DOORS, WORKER_SLOT
from gateway.domain.errors import SettingsError
from gateway.domain.names import DecisionId, StoreName
from gateway.doors.http.call import new_decision_id
from gateway.flows.access.flow import AccessFlow
from gateway.flows.access.ports.doorway import Arrival, Out
from gateway.settings.sections import MetricsSettings


class Signals(msgspec.Struct, frozen=True, kw_only=True):
    """What a process counts into, and what all processes counted."""

    meters: Meters
    regions: Mapping[str, Region]

    def text(self) -> str:
        """Return the metrics of the whole gateway."""
        return told(self.regions)

    def store_took(self, store: StoreName, seconds: float) -> None:
        """Count how long a store took."""
        self.meters.observe(STORE_TIME, seconds, store)


def signals_of(page: Page, slot: str) -> Signals:
    """Return the signals of the process of a slot; it holds the slot, so nobody else counts there."""
    regions = {_slot(number): page.region(number) for number in range(N_REGIONS)}
    return Signals(meters=Meters(regions[slot]), regions=regions)


def _slot(number: int) -> str:
    return f"{DOORS}{number - 1}" if number else WORKER_SLOT


class MeteredFlow(AccessFlow):
    """The access flow, with a note of the call that is under way for whoever counts or remarks."""

    @override
    async def run(self, arrival: Arrival, out: Out) -> None:
        CURRENT.set(Span(arrival.decision_id, ticks_s()))
        await super().run(arrival, out)


def noted_decision_id() -> DecisionId:
    """Return a new decision id, and let it be the one of the present call."""
    found = new_decision_id()
    CURRENT.set(Span(found, ticks_s()))
    return found


def watchers_token(settings: MetricsSettings) -> bytes | None:
    """Return what watchers show, if anything.

    Raises:
        SettingsError: The file cannot be read, is open to everyone, or holds too little.
    """
    path = settings.token_file
    if path is None:
        return None
    try:
        if path.stat().st_mode & 0o007:
            raise SettingsError(f"metrics.token_file: {path} is open to everyone: chmod 600 {path}")
        token = path.read_bytes().strip()
    except OSError as error:
        raise SettingsError(f"metrics.token_file: {error.strerror}") from None
    if len(token) < 16 or not token.isascii() or b" " in token:
        raise SettingsError("metrics.token_file: expected one word of ASCII, 16 characters or more")
    return token
