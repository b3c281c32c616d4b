# SPDX-License-Identifier: Apache-2.0
"""Who stands behind numbers of the log: counted for everybody, and by name for whoever may open a list.

Sets are handed to the database as one JSON array each, so that a hundred thousand people are one statement.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import msgspec
from pyroaring import BitMap
from sqlalchemy import BigInteger, cast, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB

from gateway.domain.errors import KeyUnavailable
from gateway.domain.names import PersonNumber
from gateway.domain.reach import Behind, Standing
from gateway.store.engine import Store
from gateway.store.people import UNICODE, WRAP_LABEL
from gateway.store.people_ports import Envelope, Keys
from gateway.store.schema import person_identity, person_key, person_merge

AT_ONCE = 5_000
"""People whose identities are opened together."""


class PeopleBehind:
    """Reads the tables of people; ``store/people`` writes them."""

    def __init__(self, store: Store, keys: Keys, envelope: Envelope) -> None:
        """Keep what it reads with; nothing is read yet."""
        self._store, self._keys, self._envelope = store, keys, envelope

    async def merged(self, numbers: BitMap) -> dict[int, int]:
        """Return for those numbers that were merged into another the one that stands for both now."""
        of = person_merge.c
        query = select(of.number, of.into_number).where(of.number.in_(self._listed(numbers)))
        async with self._store.connect() as connection:
            return {row.number: row.into_number for row in await connection.execute(query)}

    async def merged_into(self, numbers: BitMap) -> dict[int, int]:
        """Return every number that was merged into one of these, with that one."""
        of = person_merge.c
        query = select(of.number, of.into_number).where(of.into_number.in_(self._listed(numbers)))
        async with self._store.connect() as connection:
            return {row.number: row.into_number for row in await connection.execute(query)}

    async def every_number(self, number: PersonNumber) -> tuple[PersonNumber, ...]:
        """Return all numbers that the log may hold of a person, the one that stands for them first.

        Args:
            number: Any of them.
        """
        merged = await self.merged(BitMap((number,)))
        now = PersonNumber(merged.get(number, number))
        query = select(person_merge.c.number).where(person_merge.c.into_number == now).order_by("number")
        async with self._store.connect() as connection:
            return (now, *(PersonNumber(one) for one in (await connection.execute(query)).scalars()))

    async def standing(self, people: BitMap) -> Standing:
        """Count who stands behind numbers none of which was merged into another."""
        of = person_identity.c
        within = of.number.in_(self._listed(people))
        async with self._store.connect() as connection:
            known = await connection.execute(select(func.count(of.number.distinct())).where(within))
            kinds = await connection.execute(select(of.kind, func.count().label("n")).where(within).group_by(of.kind))
            identities = {row.kind: row.n for row in kinds}
        return Standing(people=len(people), known=int(known.scalar_one()), identities=identities)

    async def behind(self, people: BitMap) -> AsyncIterator[Behind]:
        """Yield everybody behind numbers none of which was merged into another, by number.

        An identity that came back from the log and was not seen since has no value that could be told.
        """
        numbers = list(people)
        for first in range(0, len(numbers), AT_ONCE):
            for one in await self._behind(numbers[first : first + AT_ONCE]):
                yield one

    async def _behind(self, numbers: list[int]) -> list[Behind]:
        of, listed = person_identity.c, self._listed(numbers)
        query = select(person_identity).where(of.number.in_(listed), of.sealed.is_not(None))
        async with self._store.connect() as connection:
            rows = (await connection.execute(query.order_by(of.number, of.created_us, of.lookup))).all()
        keys = select(person_key.c.number, person_key.c.wrapped).where(person_key.c.number.in_(listed))
        async with self._store.keys.connect() as connection:
            wrapped = {row.number: row.wrapped for row in await connection.execute(keys)}
        found = await asyncio.to_thread(self._opened, rows, wrapped)
        return [Behind(person=PersonNumber(one), identities=tuple(found.get(one, ()))) for one in numbers]

    def _opened(self, rows: Iterable[Any], wrapped: Mapping[int, bytes]) -> dict[int, list[tuple[str, str]]]:
        """Return the identities by number; what was shredded a moment ago is left out."""
        found: dict[int, list[tuple[str, str]]] = {}
        keys: dict[int, bytes] = {}
        for row in rows:
            try:
                if row.number not in keys:
                    keys[row.number] = self._keys.open(WRAP_LABEL, wrapped[row.number], row.number.to_bytes(4, "big"))
                bound = row.kind.encode() + b"\x00" + row.lookup
                value = self._envelope.open_sealed(keys[row.number], row.sealed, bound).decode(*UNICODE)
            except (KeyError, KeyUnavailable):
                continue
            found.setdefault(row.number, []).append((row.kind, value))
        return found

    def _listed(self, numbers: Iterable[int]) -> Any:
        """Return numbers as a subquery of one parameter."""
        text = literal(msgspec.json.encode(list(numbers)).decode())
        if self._store.is_sqlite:
            return select(func.json_each(text).table_valued("value").c.value)
        listed = func.jsonb_array_elements_text(cast(text, JSONB)).column_valued("listed")
        return select(cast(listed, BigInteger))
