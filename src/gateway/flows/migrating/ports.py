# SPDX-License-Identifier: Apache-2.0
"""What a migration is handed: the store, the log, numbers of people, the columns, and what is known of them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec
from typing_extensions import override

from gateway.domain.catalog import FieldSpec, Route
from gateway.domain.entry import Entry, Part
from gateway.domain.names import DatasetName, DecisionId, FieldName, IdentityKind, PersonNumber
from gateway.domain.turning import ColumnState, Turned
from gateway.transform.inner import Cell


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request to the store, on a declared route of it.

    Attributes:
        path: Below the store's base address, canonical.
        query: Names and values, not yet encoded.
        headers: Conditions that the route honours.
        n: Place of the request among those of its decision.
    """

    route: Route
    decision_id: DecisionId
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    writes: bool = False
    n: int = 0

    @override
    def __repr__(self) -> str:
        return f"<Asked {self.route.method} {self.route.template}>"


class StoreAnswer(Protocol):
    """An answer of a store whose head was judged."""

    @property
    def absent(self) -> bool:
        """Tell whether the store has no such record."""

    @property
    def status(self) -> int:
        """Return the status; of a write it may be a refusal."""

    @property
    def etag(self) -> str | None:
        """Return the store's entity tag in its own words."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body's bytes; raises if the body does not end as announced."""


class Target(Protocol):
    """The store."""

    def call(self, asked: Asked) -> AbstractAsyncContextManager[StoreAnswer]:
        """Ask; raises StoreUnreachable, StoreMisbehaved or Overloaded."""


class Recorder(Protocol):
    """The log."""

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Return once the entry is durable; raises LogUnavailable."""


class People(Protocol):
    """Numbers of people."""

    async def numbers(self, kind: IdentityKind, values: Sequence[str]) -> list[PersonNumber]:
        """Return the number of each identity; new ones are committed before the return."""


class Column(Protocol):
    """What knows one field's values and what the store is to hold in their place."""

    async def over(
        self,
        cells: Sequence[Cell],
        countries: Sequence[str | None],
        people: Sequence[PersonNumber | None],
        *,
        make: bool,
        accept: bool,
    ) -> Sequence[Turned]:
        """Return what each cell is, and what is to stand there once it is turned over; see ``SivColumn``."""

    async def back(self, cells: Sequence[Cell]) -> Sequence[Turned]:
        """Return what each cell is, and the value that is to stand there again."""


class Columns(Protocol):
    """What is known of columns, and told to every door."""

    async def read(self, dataset: DatasetName, field: FieldName) -> ColumnState:
        """Return what is known of one."""

    async def write(self, dataset: DatasetName, states: Mapping[FieldName, ColumnState]) -> None:
        """Keep it, and announce it to every other process."""


class Sealed(Protocol):
    """What is remembered of columns that may hold surrogates, so that no later rules forget it."""

    async def hold(self, dataset: DatasetName, fields: Sequence[FieldSpec]) -> None:
        """Remember that they may from now on."""

    async def let_go(self, dataset: DatasetName, fields: Sequence[FieldName]) -> None:
        """Forget those that hold none any more."""


class Pace(Protocol):
    """How fast rows may be written."""

    async def next(self) -> None:
        """Return when the next row may be."""


class Rooms(msgspec.Struct, frozen=True, kw_only=True):
    """Everything with state that a migration works with.

    Attributes:
        columns: By field, what turns it.
        version_of: By field, the version of its key in force.
        settled: Returns once every running door decides by the keys in force and, if told so, by what was announced
            just now.
        sleep: Waits so many seconds before a question is asked again.
    """

    target: Target
    recorder: Recorder
    people: People
    columns: Mapping[FieldName, Column]
    known: Columns
    sealed: Sealed
    version_of: Callable[[FieldName], int]
    settled: Callable[[bool], Awaitable[None]]
    new_id: Callable[[], DecisionId]
    pace: Pace
    sleep: Callable[[float], Awaitable[None]]
