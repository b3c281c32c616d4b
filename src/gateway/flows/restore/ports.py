# SPDX-License-Identifier: Apache-2.0
"""What a replay is handed: the database that is behind, what counts budgets, and the keyring."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from gateway.domain.budget import BudgetKey
from gateway.domain.entry import Entry, Facts, Part
from gateway.domain.replay import BlockReleased, Replayed, Settled, Since


class Marked(Protocol):
    """What a database knows of its logs."""

    @property
    def beat(self) -> int | None:
        """Return the beat; ``None`` for a database that never met a log."""

    @property
    def places(self) -> Mapping[str, int]:
        """Return by name of log how many entries are certainly in the database."""

    @property
    def is_put_back(self) -> bool:
        """Tell whether a copy was put in the place of the database, and no replay came to its end since."""


class Marks(Protocol):
    """Where a database keeps that."""

    async def read(self) -> Marked:
        """Return every mark and the beat."""

    async def settle(self, beat: int, places: Mapping[str, int]) -> None:
        """Let these be the marks."""


class State(Protocol):
    """The database, as a replay writes it."""

    async def apply(self, happened: Sequence[Replayed]) -> Mapping[str, int]:
        """Apply what happened, in order and in one transaction; return how much of what was news."""

    async def forget_unreadable(self) -> int:
        """Drop sealed values whose key is gone; return how many."""


class Settler(Protocol):
    """The last step."""

    async def settle(self, since: Since, beat: int, places: Mapping[str, int]) -> Settled:
        """Make accounts, clients, sign-ins and marks as new as the log, all at once."""


class Budgets(Protocol):
    """What was released, counted."""

    async def replay_all(self, blocks: Sequence[BlockReleased]) -> int:
        """Count blocks that the database may not know of, each once; return how many it did not."""


class Keys(Protocol):
    """The keyring, which no backup of the database holds."""

    def retire_again(self, label: str, version: int) -> bool:
        """Let a version that the log says is retired be so; tell whether it was not."""

    def shred_again(self, label: str, version: int) -> bool:
        """Let a version that the log says is shredded be so; tell whether it was not."""


class KeyOf(Protocol):
    """Which budget a call counted against."""

    def __call__(self, facts: Facts) -> BudgetKey | None:
        """Return the key of a call's facts; ``None`` where its purpose has no budget."""


class Recorder(Protocol):
    """The log of this process."""

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Return once the entry is durable."""
