# SPDX-License-Identifier: Apache-2.0
"""What is at rest, whose it is and what was erased; and the second person's word for bringing it back."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from gateway.domain import catalog
from gateway.domain.approval import Approval, Bound
from gateway.domain.catalog import FieldSpec
from gateway.domain.errors import StateUnavailable
from gateway.domain.identifier import Identifier
from gateway.domain.names import (
    DatasetName,
    DecisionId,
    FieldName,
    JoinDomain,
    PersonNumber,
)
from gateway.domain.revealed import Found
from gateway.domain.turning import ColumnState, Turn


class Tombstones(Protocol):
    """Who was erased, by digests of what they were known by."""

    async def any(self) -> bool:
        """Tell whether anybody may have been."""

    async def matching(self, people: Sequence[Sequence[Identifier]]) -> Sequence[tuple[str, ...]]:
        """Return for each of these people the tombstones that they are known by; one question, however many."""

    async def closest(self, identifiers: Sequence[Identifier]) -> tuple[str, ...]:
        """Return those tombstones that somebody is known by in the most ways."""

    async def lift(self, ids: Iterable[str], at_us: int) -> int:
        """Lift tombstones; return how many of them stood."""


class NoTombstones:
    """Nobody was ever erased."""

    async def any(self) -> bool:
        """Tell that nobody was."""
        return False

    async def matching(self, people: Sequence[Sequence[Identifier]]) -> Sequence[tuple[str, ...]]:
        """Find nobody."""
        return [()] * len(people)

    async def closest(self, identifiers: Sequence[Identifier]) -> tuple[str, ...]:
        """Find nobody."""
        del identifiers
        return ()

    async def lift(self, ids: Iterable[str], at_us: int) -> int:
        """Lift nothing."""
        del ids, at_us
        return 0


class Vault(Protocol):
    """Values in whose place stores hold tokens of 16 random bytes."""

    async def tokens(
        self, domain: JoinDomain, values: Sequence[str], people: Sequence[PersonNumber | None]
    ) -> list[bytes]:
        """Return the token of each value; new ones, and a copy for each person, are durable at the return."""

    async def find(self, domain: JoinDomain, values: Sequence[str]) -> list[bytes | None]:
        """Return the token of each value if it has one; none gets one by being asked for."""

    async def opened(self, domain: JoinDomain, tokens: Iterable[bytes]) -> dict[bytes, str]:
        """Return the value of each token that stands for one."""

    async def read(
        self, domain: JoinDomain, tokens: Sequence[bytes], people: Sequence[PersonNumber | None]
    ) -> dict[bytes, str]:
        """Return the value of each token that stands for one; the person in whose row it is has a copy then."""

    async def adopt(self, domain: JoinDomain, tokens: Sequence[bytes], people: Sequence[PersonNumber]) -> None:
        """Let each person have a copy of what a token stands for; nobody's copy is then gone."""


class NoVault:
    """Knows no token and takes no value."""

    async def tokens(
        self, domain: JoinDomain, values: Sequence[str], people: Sequence[PersonNumber | None]
    ) -> list[bytes]:
        """Take nothing."""
        del values, people
        raise StateUnavailable(f"there is no vault for {domain}")

    async def find(self, domain: JoinDomain, values: Sequence[str]) -> list[bytes | None]:
        """Find nothing."""
        del domain
        return [None] * len(values)

    async def opened(self, domain: JoinDomain, tokens: Iterable[bytes]) -> dict[bytes, str]:
        """Open nothing."""
        del domain, tokens
        return {}

    async def read(
        self, domain: JoinDomain, tokens: Sequence[bytes], people: Sequence[PersonNumber | None]
    ) -> dict[bytes, str]:
        """Open nothing."""
        del domain, tokens, people
        return {}

    async def adopt(self, domain: JoinDomain, tokens: Sequence[bytes], people: Sequence[PersonNumber]) -> None:
        """Leave all as it is."""


class Behind(Protocol):
    """What stands behind surrogates, and whose it is."""

    async def found(self, collection: catalog.Collection, field: FieldSpec, forms: Sequence[bytes]) -> Sequence[Found]:
        """Return it for each inner form, in order; an empty form is looked for like any other, and finds nothing."""


class Approvals(Protocol):
    """Words of second persons."""

    async def ask(self, bound: Bound, n_surrogates: int, now_us: int) -> Approval | None:
        """Return what there is for exactly this and not spent, or a new one that waits; ``None`` if too many wait."""

    async def spend(self, approval: Approval, by: DecisionId, now_us: int) -> bool:
        """Let it be used up, durably and once; tell whether this was the time."""


class Reveals(msgspec.Struct, frozen=True, kw_only=True):
    """What a reveal needs beside the rest."""

    behind: Behind
    approvals: Approvals


class Columns(Protocol):
    """What is known of columns that are turned over."""

    def of(self, dataset: DatasetName, field: FieldName) -> ColumnState:
        """Return what is known of one, as of the last good poll."""


class WholeColumns:
    """Every column that is at rest holds surrogates alone, under the key in force."""

    def of(self, dataset: DatasetName, field: FieldName) -> ColumnState:
        """Return that it does."""
        del dataset, field
        return ColumnState(Turn.DONE, NEWEST)


NEWEST = 1 << 30
"""No version of a key is as high; so no older one than the key in force is looked for."""
