# SPDX-License-Identifier: Apache-2.0
"""A question of the log in the words of its index: ids instead of texts, and which of the tables can answer it.

- A text that the index does not know is in no entry, so nothing answers the question.
- A key of a tree stands for the ids of all keys at and below it.
- What is known of a call as a whole (who, for what, of which dataset) is a **use**; a combination of them
  that is in no use is in no entry, which one look finds out.
"""

from collections.abc import Mapping

import msgspec
from sqlalchemy import ColumnElement, Select, func, literal_column, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.log_index import call_bytes
from gateway.domain.log_query import LogQuery
from gateway.domain.names import is_under
from gateway.store.log.words import ids as ids_of
from gateway.store.log_schema import log_entry, log_place, log_use, log_word

Ids = tuple[int, ...]

OF_USES = ("account", "client", "purpose", "dataset")
"""Columns of an entry that its use tells as well."""

OF_HOURS = ("kind", "decision", "reason")
"""Columns that the counts by the hour are kept by, beside the use."""

_WORDS = ("account", "client", "session", "reference", "decision", "kind", "reason")
_TREES = ("purpose", "dataset")


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """A question as the index can look it up.

    Attributes:
        ids: By column of ``log_entry``, the ids of which an entry must have one.
        call: Bytes of the decision's identifier.
        since_us / until_us: UTC microseconds; the second is exclusive.
    """

    ids: Mapping[str, Ids]
    call: bytes | None = None
    since_us: int | None = None
    until_us: int | None = None

    def conditions(self, driver: str | None = None) -> list[ColumnElement[bool]]:
        """Return what an entry must be, for WHERE.

        Args:
            driver: The column whose index is to be used; every other stands so that no index serves it. The
                planners of both databases guess without statistics, and a wrong guess reads the whole table.
        """
        found = [
            _one_of(log_entry.c[name] if name == driver else unserved(log_entry.c[name]), ids)
            for name, ids in self.ids.items()
        ]
        if self.call is not None:
            found.append(log_entry.c.call == self.call)
        return [*found, *self.within(log_entry.c.at_us)]

    def unserved(self) -> list[ColumnElement[bool]]:
        """Return the same so that no index serves any of it."""
        found = [_one_of(unserved(log_entry.c[name]), ids) for name, ids in self.ids.items()]
        found += [] if self.call is None else [log_entry.c.call == self.call]
        return [*found, *self.within(unserved(log_entry.c.at_us))]

    def within(self, at_us: ColumnElement[int]) -> list[ColumnElement[bool]]:
        """Return what a time must be."""
        found = [] if self.since_us is None else [at_us >= self.since_us]
        return found if self.until_us is None else [*found, at_us < self.until_us]

    def of_uses(self) -> list[ColumnElement[bool]]:
        """Return what a use must be."""
        return [_one_of(log_use.c[name], ids) for name, ids in self.ids.items() if name in OF_USES]

    @property
    def is_of_hours(self) -> bool:
        """Tell whether the counts by the hour know everything that is asked, but for parts of hours."""
        return self.call is None and all(name in (*OF_USES, *OF_HOURS) for name in self.ids)


async def terms_of(connection: AsyncConnection, query: LogQuery) -> Terms | None:
    """Return the question in ids; ``None`` where no entry can answer it."""
    asked = {name: text for name in _WORDS if (text := getattr(query, name)) is not None}
    known = await ids_of(connection, log_word, asked.values())
    ids: dict[str, Ids] = {name: (known[text],) for name, text in asked.items() if text in known}
    if len(ids) < len(asked):
        return None
    if query.place is not None:
        found = await ids_of(connection, log_place, [query.place])
        ids["place"] = (found[query.place],) if query.place in found else ()
    for name in _TREES:
        key = getattr(query, name)
        if key is not None:
            ids[name] = await _below(connection, name, key)
    if not all(ids.values()):
        return None
    return Terms(
        ids=ids,
        call=None if query.call is None else call_bytes(query.call),
        since_us=query.since_us,
        until_us=query.until_us,
    )


def uses_of(terms: Terms) -> Select[tuple[int]]:
    """Return the query for the uses that entries which answer can have."""
    return select(log_use.c.id).where(*terms.of_uses())


async def has_use(connection: AsyncConnection, terms: Terms) -> bool:
    """Tell whether there is a use with all that is asked of uses."""
    if sum(name in OF_USES for name in terms.ids) < 2:
        return True
    return (await connection.execute(uses_of(terms).limit(1))).first() is not None


def _one_of(column: ColumnElement[int], ids: Ids) -> ColumnElement[bool]:
    return column == ids[0] if len(ids) == 1 else column.in_(ids)


def unserved(column: ColumnElement[int]) -> ColumnElement[int]:
    """Return a column so that no index serves it."""
    return column + literal_column("0")


async def _below(connection: AsyncConnection, name: str, key: str) -> Ids:
    """Return the ids of the keys at or below one, of those that some use has.

    The tree is walked here and not by LIKE, so that it means what it means everywhere else.
    """
    if not key:
        return (0,)
    in_use = select(log_use.c[name]).distinct()
    rows = await connection.execute(select(log_word.c.text, log_word.c.id).where(log_word.c.id.in_(in_use)))
    return tuple(id_ for text, id_ in rows if is_under(text, key))


async def at_most(connection: AsyncConnection, terms: Terms, column: str, most: int) -> int:
    """Return how many entries a column's ids have in the time that is asked for, counted up to ``most``."""
    narrow = Terms(ids={column: terms.ids[column]} if column in terms.ids else {}, call=terms.call)
    where = [*narrow.conditions(column), *terms.within(log_entry.c.at_us)]
    inner = select(true().label("one")).select_from(log_entry).where(*where).limit(most).subquery()
    return int((await connection.execute(select(func.count()).select_from(inner))).scalar_one())
