# SPDX-License-Identifier: Apache-2.0
"""What is sealed under retired versions of keys is sealed anew, and a version is shredded once nothing needs it.

RULES

1. After a rotation every row under another version than the one in force is sealed under that one, in batches
   with pauses, while everything else goes on. A run is entered before its first batch, and what came of it after
   its last; one that was broken off goes on by beginning again, and nothing is lost in between.
2. A process may seal under a version for a moment after it was retired. So the worker looks again some seconds
   after each change of the keyring, and every hour; and nothing is shredded that was in force ``SETTLE_US`` ago.
3. What cannot be opened any more is left as it is and told: its version is shredded, or lacks in the keyring.
4. Rows alone can be counted. What stores, callers or files hold under a version nobody can count here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from gateway.domain.entry import Changed, Entry, Part

BATCH = 256
"""Rows a batch: some 15 ms of sealing, and a transaction of some 5 ms."""

PAUSE_S = 0.02
SETTLE_US = 30_000_000
"""Longer than any process holds a value that it sealed and has not committed: twice what a writer waits for SQLite."""

AGAIN_US = (0, 5_000_000, SETTLE_US)
"""After a change of the keyring, when the worker looks."""

EVERY_US = 3600 * 1_000_000
BEGUN, DONE = "key-rewrap-begun", "key-rewrapped"


class Version(Protocol):
    """What the keyring says of one version."""

    @property
    def version(self) -> int:
        """Return its number."""

    @property
    def state(self) -> str:
        """Return ``active``, ``retired`` or ``shredded``."""

    @property
    def created_us(self) -> int:
        """Return when it was made."""


class Keyring(Protocol):
    """The keyring, as this story reads it."""

    def labels(self) -> tuple[str, ...]:
        """Return every label."""

    def versions(self, label: str) -> Sequence[Version]:
        """Return every version of a label, oldest first."""

    def reload(self) -> bool:
        """Follow what others changed."""


class Stepped(Protocol):
    """What came of a batch."""

    @property
    def n_done(self) -> int:
        """Return how many rows were sealed anew."""

    @property
    def n_unreadable(self) -> int:
        """Return how many could not be opened."""

    @property
    def after(self) -> tuple[Any, ...] | None:
        """Return behind which row to go on."""


class Rows(Protocol):
    """The rows of a label."""

    async def by_version(self) -> Mapping[int, int]:
        """Return how many rows are under which version."""

    async def rewrap(self, version: int, after: tuple[Any, ...] | None, most: int) -> Stepped:
        """Seal a batch anew under the version in force."""


class Recorder(Protocol):
    """The log of this process."""

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Return once the entry is durable."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a label and what needs it.

    Attributes:
        state: As the keyring says; ``missing`` for a version that rows name and the keyring lacks.
        rows: How many rows are under it; ``None`` where no row of the database is under this label.
        since_us: When it was made; 0 for one that lacks.
    """

    label: str
    version: int
    state: str
    rows: int | None
    since_us: int = 0


class Rewrapped(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run."""

    n_done: int = 0
    n_unreadable: int = 0


class Rewrapping:
    """Seals rows anew, and says what needs which version."""

    def __init__(
        self,
        keyring: Keyring,
        rows: Callable[[str], Rows | None],
        recorder: Recorder,
        clock: Callable[[], int],
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Keep what it works with.

        Args:
            rows: Returns the rows of a label; ``None`` where no row is sealed under it.
        """
        self._keyring, self._rows, self._recorder = keyring, rows, recorder
        self._clock, self._pause = clock, pause
        self._seen: object = None
        self._due: list[int] = []
        self._behind: dict[str, int] = {}
        self.whole_us: int | None = None
        """When a look last found every row under the version in force, or made it so."""
        self.heard: Callable[[], None] = lambda: None
        """Called whenever ``n_behind`` or ``whole_us`` may be another."""

    @property
    def n_behind(self) -> int:
        """Return how many rows were under retired versions as of the last look, less those that were sealed anew since."""
        return sum(self._behind.values())

    async def held(self, label: str) -> list[Held]:
        """Return every version of a label and what needs it, oldest first."""
        rows = self._rows(label)
        counts = None if rows is None else dict(await rows.by_version())
        found = [
            Held(
                label=label,
                version=one.version,
                state=str(one.state),
                rows=None if counts is None else counts.pop(one.version, 0),
                since_us=one.created_us,
            )
            for one in self._keyring.versions(label)
        ]
        lacking = [Held(label=label, version=n, state="missing", rows=of) for n, of in sorted((counts or {}).items())]
        return found + lacking

    async def status(self) -> list[Held]:
        """Return every version of every label and what needs it."""
        return [one for label in self._keyring.labels() for one in await self.held(label)]

    async def waiting(self, label: str) -> int:
        """Return how many rows of a label are under another version than the one in force."""
        return sum(one.rows or 0 for one in await self.held(label) if one.state == "retired")

    async def run(
        self,
        label: str,
        *,
        by: str,
        told: Callable[[int], None] = lambda _rows: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Rewrapped:
        """Seal every row of a label anew that is under a retired version.

        Args:
            label: Of the keys.
            by: Who asked.
            told: Called with the number of rows that were done more.
            stop: Asked between batches; what is done is done.

        Raises:
            StateUnavailable / LogUnavailable: It cannot go on now; what is done is done.
        """
        rows, active = self._rows(label), self.active(label)
        n_waiting = 0 if rows is None or active is None else await self.waiting(label)
        self._behind[label] = n_waiting
        self.heard()
        if rows is None or active is None or not n_waiting:
            return Rewrapped()
        facts: dict[str, str | int] = {"version": active, "rows": n_waiting}
        await self._recorder.append(Changed(by=by, what=BEGUN, target=label, facts=facts))
        n_done = n_unreadable = 0
        after: tuple[Any, ...] | None = None
        while not stop():
            step = await rows.rewrap(active, after, BATCH)
            n_done, n_unreadable, after = n_done + step.n_done, n_unreadable + step.n_unreadable, step.after
            told(step.n_done)
            self._behind[label] = max(0, self._behind[label] - step.n_done)
            self.heard()
            if after is None:
                break
            await self._pause(PAUSE_S)
        facts = {"version": active, "rows": n_done, "unreadable": n_unreadable}
        await self._recorder.append(Changed(by=by, what=DONE, target=label, facts=facts))
        return Rewrapped(n_done=n_done, n_unreadable=n_unreadable)

    async def tick(self, stop: Callable[[], bool] = lambda: False) -> bool:
        """Seal anew what waits, if it is time to look; tell whether it looked.

        Raises:
            StateUnavailable / LogUnavailable / SettingsError: It cannot be done now; the next call tries again.
        """
        self._keyring.reload()
        now_us, seen = self._clock(), self._versions()
        if seen != self._seen:
            self._seen, self._due = seen, [now_us + after_us for after_us in AGAIN_US]
        if self._due and min(self._due) > now_us:
            return False
        for label in [label for label, versions in seen if any(state == "retired" for _, state in versions)]:
            await self.run(label, by="gateway", stop=stop)
        if not self.n_behind:
            self.whole_us = now_us
        self.heard()
        self._due = [due_us for due_us in self._due if due_us > now_us] or [now_us + EVERY_US]
        return True

    def settles_us(self, label: str) -> int:
        """Return when the newest version has been in force for so long that nothing is sealed under another."""
        return max((one.created_us for one in self._keyring.versions(label)), default=0) + SETTLE_US

    def active(self, label: str) -> int | None:
        """Return the version in force, if one is."""
        return next((one.version for one in self._keyring.versions(label) if one.state == "active"), None)

    def _versions(self) -> tuple[tuple[str, tuple[tuple[int, str], ...]], ...]:
        ring = self._keyring
        return tuple(
            (one, tuple((each.version, str(each.state)) for each in ring.versions(one))) for one in ring.labels()
        )
