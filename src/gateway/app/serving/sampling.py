# SPDX-License-Identifier: Apache-2.0
"""What a process tells of itself once a second: gauges, which nothing on the road of a call has to keep up."""

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import suppress

from gateway.app.clock import ticks_s
from gateway.app.installation import Rooms
from gateway.app.signals import metrics
from gateway.app.signals.meters import Meters
from gateway.domain.errors import GatewayError
from gateway.doors.http.connections import Connections
from gateway.forward.breaker import BreakerState
from gateway.forward.http import HttpStores
from gateway.record.format.layout import CHECKPOINT, slot_of
from gateway.store.meta import BACKED_UP

EVERY_S = 1.0
N_SECONDS_BETWEEN_QUESTIONS = 30
"""How often the database is asked for what changes slowly."""

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_US = 1_000_000
_BREAKER = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}


class Sampler:
    """Looks at one process every second."""

    def __init__(self, meters: Meters, rooms: Rooms) -> None:
        """Begin; what a door or the worker knows beside its rooms is added by ``as_door`` or ``as_worker``."""
        self._meters, self._rooms = meters, rooms
        self._log = rooms.settings.state / "log" / slot_of(rooms.log.name)
        self._failures = 0
        self._rules = ""
        self._looks: list[Callable[[], None]] = [self._process, self._log_state, self._database]
        self._questions: list[Callable[[], object]] = []
        meters.put(metrics.STARTED_AT, rooms.clock() / _US)

    def as_door(self, stores: HttpStores, connections: Connections) -> "Sampler":
        """Look at what a door has beside its rooms."""
        most = {name: one.connections for name, one in self._rooms.settings.stores.items()}
        self._meters.put(metrics.CONNECTIONS_MOST, self._rooms.settings.limits.connections)

        def look() -> None:
            self._meters.put(metrics.CONNECTIONS, connections.n_open)
            self._stores(stores, most)
            self._decisions()

        self._looks.append(look)
        return self

    def as_worker(self) -> "Sampler":
        """Look at what is there once, however many doors there are."""
        self._looks.append(self._disk)
        return self

    def sample(self) -> None:
        """Look once."""
        for look in self._looks:
            look()

    async def run(self, stop: asyncio.Event) -> None:
        """Look every second until told to stop."""
        n = 0
        while not stop.is_set():
            self.sample()
            if self._disk in self._looks and n % N_SECONDS_BETWEEN_QUESTIONS == 0:
                with suppress(GatewayError):
                    await self.ask()
            n += 1
            due_s = ticks_s() + EVERY_S
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EVERY_S)
            self._meters.put(metrics.LATE, max(0.0, ticks_s() - due_s))

    async def ask(self) -> None:
        """Ask the database when it was copied and what time it has.

        Raises:
            StateUnavailable: It does not answer.
        """
        meta, clock = self._rooms.meta, self._rooms.clock
        for base in ("main", "keys"):
            told = await meta.read(BACKED_UP + base)
            if told is not None:
                self._meters.put(metrics.BACKUP_AT, int(told) / _US, base)
        before_us = clock()
        server_us = await meta.server_us()
        if server_us is not None:
            self._meters.put(metrics.CLOCK_SKEW, (server_us - (before_us + clock()) / 2) / _US)

    def _process(self) -> None:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - once a second, and a Path costs as much again
            self._meters.put(metrics.MEMORY, int(file.read().split()[1]) * _PAGE_BYTES)
        used = os.times()
        self._meters.put(metrics.CPU, used.user + used.system)

    def _log_state(self) -> None:
        log, meters = self._rooms.log, self._meters
        meters.put(metrics.LOG_SIZE, log.size)
        meters.put(metrics.LOG_TAIL, log.n_unsigned)
        meters.put(metrics.LOG_WELL, float(log.trouble is None))
        meters.put(metrics.SINKS_LOST, float(bool(log.lost)))
        with suppress(OSError):
            meters.put(metrics.CHECKPOINT_AT, (self._log / CHECKPOINT).stat().st_mtime)

    def _database(self) -> None:
        main, keys = self._rooms.store.main, self._rooms.store.keys
        self._meters.put(metrics.DATABASE_IN_USE, main.n_in_use + keys.n_in_use)
        failures = main.n_failures + keys.n_failures
        self._meters.add(metrics.DATABASE_FAILURES, failures - self._failures)
        self._failures = failures

    def _disk(self) -> None:
        with suppress(OSError):
            disk = os.statvfs(self._log)
            size, limits = disk.f_blocks * disk.f_frsize, self._rooms.settings.log
            self._meters.put(metrics.DISK_FREE, disk.f_bavail * disk.f_frsize)
            self._meters.put(metrics.DISK_SIZE, size)
            least = max(limits.least_free_bytes, size * limits.least_free_percent / 100)
            self._meters.put(metrics.DISK_LEAST, least)

    def _stores(self, stores: HttpStores, most: Mapping[str, int]) -> None:
        under_way = stores.under_way()
        for name, health in stores.health().items():
            self._meters.put(metrics.BREAKER, _BREAKER[health.state], name)
            self._meters.put(metrics.STORE_CALLS, under_way[name], name)
            self._meters.put(metrics.STORE_MOST, most[name], name)

    def _decisions(self) -> None:
        rooms = self._rooms
        self._meters.put(metrics.HELD, rooms.holds.n_held())
        if rooms.changes.good_us is not None:
            self._meters.put(metrics.FEED_AT, rooms.changes.good_us / _US)
        digest = rooms.policy.decider.rules.digest
        if digest != self._rules:
            self._rules = digest
            self._meters.put(metrics.RULES_AT, rooms.clock() / _US)
