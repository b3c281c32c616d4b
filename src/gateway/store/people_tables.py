# SPDX-License-Identifier: Apache-2.0
"""Statements on the tables of people; the rules of when they may run are those of ``people`` and ``replay``."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.names import PersonNumber
from gateway.store.chunks import chunks
from gateway.store.schema import person_identity, person_merge, person_sequence


class Row(msgspec.Struct, frozen=True, gc=False):
    """What the database says of a lookup."""

    number: PersonNumber
    is_entered: bool
    is_sealed: bool


async def locked_place(connection: AsyncConnection) -> int:
    """Return the next place, which nobody else takes before the transaction ends."""
    query = select(person_sequence.c.next_place).with_for_update()
    return int((await connection.execute(query)).scalar_one())


async def read(connection: AsyncConnection, lookups: Sequence[bytes]) -> dict[bytes, Row]:
    """Return what the database says of lookups, where it knows them."""
    found: dict[bytes, Row] = {}
    of = person_identity.c
    for some in chunks(lookups):
        query = select(of.lookup, of.number, of.entered, of.sealed.is_not(None)).where(of.lookup.in_(some))
        found.update((row[0], Row(PersonNumber(row[1]), *row[2:])) for row in await connection.execute(query))
    return found


async def sealed(connection: AsyncConnection, number: PersonNumber) -> Sequence[Any]:
    """Return the rows of a person's identities that can be opened, oldest first."""
    query = select(person_identity).where(person_identity.c.number == number, person_identity.c.sealed.is_not(None))
    return (await connection.execute(query.order_by(person_identity.c.created_us, person_identity.c.lookup))).all()


async def note_merge(connection: AsyncConnection, source: PersonNumber, target: PersonNumber, now_us: int) -> None:
    """Note where a number went, and take along those that had gone to it before."""
    went = or_(person_merge.c.into_number == source, person_merge.c.number == source)
    await connection.execute(update(person_merge).where(went).values(into_number=target))
    await connection.execute(insert(person_merge).values(number=source, into_number=target, merged_us=now_us))
