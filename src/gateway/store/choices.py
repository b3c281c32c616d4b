# SPDX-License-Identifier: Apache-2.0
"""What people chose: a table that only grows, and for each purpose in use two sets in memory.

``given`` and ``negative`` hold the people whose deciding choice for the purpose is that, by the rule
of ``domain.choice``: the latest record among the purpose and its ancestors, a negative one at ties.
The rule is one number in SQL: twice the time, plus one for a negative record; the largest decides and
its last bit says what it is.

A set knows the id of the last record that it saw, so what it said can be found out again later. It
is never changed: a refresh swaps in a new one, and a block is judged by one set from first to last
row. A refresh asks the database again for the people of new records and for nobody else.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from pyroaring import BitMap
from sqlalchemy import ColumnElement, Row, case, func, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.choice import Choice, ChoiceState
from gateway.domain.errors import StateUnavailable
from gateway.domain.names import PersonNumber, PurposeKey, ancestors
from gateway.store.chunks import chunks
from gateway.store.engine import Store
from gateway.store.schema import choice
from gateway.store.versions import Topic, bump

PEOPLE_A_READ = 131_072  # two blocks of numbers: some 10 MB of rows at a time while a set is built
PEOPLE_A_LOOK = 1_000
MOST_SINGLE_LOOKS = 20_000
"""Above this many new records a set is built again as a whole."""


class ChoiceSet(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What the choices up to one record mean for one purpose.

    Attributes:
        given: People whose deciding choice gives.
        negative: People whose deciding choice refuses, withdraws or objects.
        version: Id of the last record that was looked at; 0 before the first.
    """

    purpose: PurposeKey
    given: BitMap
    negative: BitMap
    version: int

    def withheld(
        self, numbers: Sequence[PersonNumber], *, needs_consent: bool, honours_objection: bool
    ) -> Sequence[bool]:
        """Tell for each person whether the row must be left out."""
        if needs_consent:
            return [number not in self.given for number in numbers]
        if honours_objection:
            return [number in self.negative for number in numbers]
        return [False] * len(numbers)


class Choices:
    """Owner of the table of choices and of the sets in memory."""

    def __init__(self, store: Store, clock: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock
        # Always modified by swapping, under the lock.
        self._sets: dict[PurposeKey, ChoiceSet] = {}
        self._one_change = asyncio.Lock()

    async def record(self, choices: Sequence[Choice], source: str) -> int:
        """Add records in one transaction and return the id of the last record of all.

        Args:
            choices: Of many people at once for an import; some 50,000 a call keep others from waiting.
            source: Where they came from (``cli``, a form, a file's digest); no personal value.
        """
        recorded_us = self._clock()
        async with self._store.begin() as connection:
            await bump(connection, Topic.CHOICES)
            await keep(connection, choices, source, recorded_us)
            return await _last_id(connection)

    async def of(self, person: PersonNumber) -> tuple[Choice, ...]:
        """Return every record of a person, oldest first."""
        query = select(choice).where(choice.c.person == person).order_by(choice.c.at_us, choice.c.id)
        async with self._store.connect() as connection:
            return tuple(map(_choice, await connection.execute(query)))

    async def unknown(self, choices: Sequence[Choice]) -> tuple[Choice, ...]:
        """Return those that are not recorded yet, each once; so that a file can be imported again."""
        async with self._store.connect() as connection:
            return await unrecorded(connection, choices)

    async def load(self, purposes: Iterable[PurposeKey]) -> None:
        """Build the sets of exactly these purposes, keeping those that are there and dropping others."""
        async with self._one_change, self._store.connect() as connection:
            last = await _last_id(connection)
            fresh = {
                purpose: self._sets.get(purpose) or await _built(connection, purpose, last) for purpose in purposes
            }
            self._sets = fresh

    def sets_for(self, purpose: PurposeKey) -> ChoiceSet:
        """Return the newest set that this process knows.

        Raises:
            StateUnavailable: The purpose was not loaded, so nobody's choice is known.
        """
        known = self._sets.get(purpose)
        if known is None:
            raise StateUnavailable(f"the choices for {purpose} were not read")
        return known

    async def refresh(self) -> None:
        """Bring every set up to the newest record."""
        async with self._one_change, self._store.connect() as connection:
            last = await _last_id(connection)
            since = min((known.version for known in self._sets.values()), default=last)
            if last - since > MOST_SINGLE_LOOKS:
                self._sets = {purpose: await _built(connection, purpose, last) for purpose in self._sets}
            elif last > since:
                self._sets = await self._followed(connection, since, last)

    async def _followed(self, connection: AsyncConnection, since: int, last: int) -> dict[PurposeKey, ChoiceSet]:
        """Return the sets at the last record, having asked for the people of records after ``since``."""
        query = select(choice.c.purpose, choice.c.person).where(choice.c.id > since, choice.c.id <= last).distinct()
        changed: dict[str, BitMap] = {}
        for purpose, person in await connection.execute(query):
            changed.setdefault(purpose, BitMap()).add(person)
        fresh = {}
        for known in self._sets.values():
            people = BitMap.union(BitMap(), *(changed[key] for key in ancestors(known.purpose) if key in changed))
            fresh[known.purpose] = await _looked_again(connection, known, people, last)
        return fresh


def _choice(row: Row[Any]) -> Choice:
    return Choice(
        person=PersonNumber(row.person),
        purpose=PurposeKey(row.purpose),
        state=ChoiceState(row.state),
        at_us=row.at_us,
    )


async def unrecorded(connection: AsyncConnection, choices: Sequence[Choice]) -> tuple[Choice, ...]:
    """Return those that are not recorded yet, each once."""
    fresh = dict.fromkeys(choices)
    for purpose in {one.purpose for one in fresh}:
        people = sorted({one.person for one in fresh if one.purpose == purpose})
        for some in chunks(people, PEOPLE_A_LOOK):
            query = select(choice).where(choice.c.purpose == purpose, choice.c.person.in_(some))
            for row in await connection.execute(query):
                fresh.pop(_choice(row), None)
    return tuple(fresh)


async def keep(connection: AsyncConnection, choices: Iterable[Choice], source: str, recorded_us: int) -> None:
    """Add records inside a transaction that has counted the topic up."""
    rows = [
        {
            "person": one.person,
            "purpose": one.purpose,
            "state": one.state.value,
            "at_us": one.at_us,
            "recorded_us": recorded_us,
            "source": source,
        }
        for one in choices
    ]
    if rows:
        await connection.execute(insert(choice), rows)


async def carry_over(connection: AsyncConnection, source: PersonNumber, target: PersonNumber, now_us: int) -> None:
    """Copy the records of one person to another number of the same person, times kept.

    The old records stay: a decision that was made by them can be made again.
    """
    await bump(connection, Topic.CHOICES)
    columns = (choice.c.purpose, choice.c.state, choice.c.at_us)
    copied = select(literal(target), *columns, literal(now_us), literal("merge")).where(choice.c.person == source)
    names = ["person", "purpose", "state", "at_us", "recorded_us", "source"]
    await connection.execute(insert(choice).from_select(names, copied.order_by(choice.c.id)))


async def _last_id(connection: AsyncConnection) -> int:
    return int((await connection.execute(select(func.coalesce(func.max(choice.c.id), 0)))).scalar_one())


async def _built(connection: AsyncConnection, purpose: PurposeKey, last: int) -> ChoiceSet:
    """Build a set from the table in ranges of numbers, so that memory is bounded by the range."""
    given, negative = BitMap(), BitMap()
    first = await _next_person(connection, purpose, 0)
    while first is not None:
        among = choice.c.person.between(first, first + PEOPLE_A_READ - 1)
        await _add(connection, (given, negative), purpose, last, among)
        first = await _next_person(connection, purpose, first + PEOPLE_A_READ)
    return ChoiceSet(purpose=purpose, given=given, negative=negative, version=last)


async def _next_person(connection: AsyncConnection, purpose: PurposeKey, first: int) -> int | None:
    """Return the lowest number from ``first`` on that has a record; one seek in the index for each key."""
    found = []
    for key in ancestors(purpose):
        query = select(func.min(choice.c.person)).where(choice.c.purpose == key, choice.c.person >= first)
        found.append((await connection.execute(query)).scalar_one())
    return min((number for number in found if number is not None), default=None)


async def _looked_again(connection: AsyncConnection, known: ChoiceSet, people: BitMap, last: int) -> ChoiceSet:
    """Return the set at a later record, given that only these people can have changed."""
    given, negative = known.given - people, known.negative - people
    for numbers in chunks(list(people), PEOPLE_A_LOOK):
        await _add(connection, (given, negative), known.purpose, last, choice.c.person.in_(numbers))
    return ChoiceSet(purpose=known.purpose, given=given, negative=negative, version=last)


async def _add(
    connection: AsyncConnection,
    sets: tuple[BitMap, BitMap],
    purpose: PurposeKey,
    last: int,
    among: ColumnElement[bool],
) -> None:
    """Put each person among these into the set that the deciding record says."""
    rank = func.max(choice.c.at_us * 2 + case((choice.c.state == ChoiceState.GIVEN.value, 0), else_=1))
    of_purpose = choice.c.purpose.in_(ancestors(purpose))
    query = select(choice.c.person, rank).where(of_purpose, among, choice.c.id <= last).group_by(choice.c.person)
    rows = (await connection.execute(query)).all()
    sets[0].update(person for person, largest in rows if not largest & 1)
    sets[1].update(person for person, largest in rows if largest & 1)
