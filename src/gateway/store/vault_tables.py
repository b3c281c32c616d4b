# SPDX-License-Identifier: Apache-2.0
"""Statements on the tables of the vault; the rules of when they may run are those of ``vault``.

Many rows are one statement on PostgreSQL, arrays by column, and one prepared statement on SQLite.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, and_, delete, exists, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.names import PersonNumber
from gateway.store.chunks import chunks
from gateway.store.schema import vault_token, vault_value

NOBODY = -1
"""Stands in the column of a person for nobody who is known yet."""

TOKEN_BYTES = 16

ADVISORY_LOCK = 0x67772D7661756C74
"""On PostgreSQL: shared by who adds copies, alone for who deletes or merges people's; SQLite has one writer."""


class Copy(NamedTuple):
    """A row of ``vault_value``, in the order of its columns."""

    token: bytes
    person: int
    domain: str
    lookup: bytes
    sealed: bytes


def is_persons(person: PersonNumber) -> ColumnElement[bool]:
    """Return the condition of a person's copies, so that the index of people is taken, which holds nobody's not."""
    return and_(vault_value.c.person == person, text("vault_value.person >= 0"))


def bound(domain: str, token: bytes) -> bytes:
    """Return what a person's copy is bound to, so that it cannot be moved to another token unseen."""
    return b"vault\x00" + domain.encode() + b"\x00" + token


async def add_beside_others(connection: AsyncConnection) -> None:
    """Let nobody delete or merge a person's copies before the transaction ends."""
    if connection.dialect.name != "sqlite":
        await connection.execute(select(func.pg_advisory_xact_lock_shared(ADVISORY_LOCK)))


async def keep_out_adders(connection: AsyncConnection) -> None:
    """Wait for whoever is adding copies, and let nobody add any before the transaction ends."""
    if connection.dialect.name != "sqlite":
        await connection.execute(select(func.pg_advisory_xact_lock(ADVISORY_LOCK)))


async def are_merged(connection: AsyncConnection, people: Sequence[int]) -> bool:
    """Tell whether one of these people was merged into another."""
    return bool(await _among(connection, "SELECT number FROM person_merge WHERE number", people))


async def wrapped_keys(connection: AsyncConnection, people: Sequence[int]) -> dict[int, bytes]:
    """Return the wrapped keys of those people who have one, from the base of keys."""
    if connection.dialect.name == "sqlite":
        return dict(await _among(connection, "SELECT number, wrapped FROM person_key WHERE number", people))
    # The schema is named here: to a driver's own words nobody adds it.
    return dict(await _among(connection, "SELECT number, wrapped FROM person_keys.person_key WHERE number", people))


async def n_with_keys(connection: AsyncConnection, people: Sequence[int]) -> int:
    """Return how many of these people have a key, from the base of keys."""
    if connection.dialect.name == "sqlite":
        found = await _among(connection, "SELECT count(*) FROM person_key WHERE number", people)
    else:
        found = await _among(connection, "SELECT count(*) FROM person_keys.person_key WHERE number", people)
    return sum(n for (n,) in found)


async def tokens(connection: AsyncConnection, lookups: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return the tokens of lookups that have one."""
    return dict(await _among(connection, "SELECT lookup, token FROM vault_token WHERE lookup", lookups))


async def locked(connection: AsyncConnection, lookups: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return the tokens of lookups that have one, none of which is deleted before the transaction ends."""
    lock = "" if connection.dialect.name == "sqlite" else " ORDER BY lookup FOR SHARE"
    return dict(await _among(connection, "SELECT lookup, token FROM vault_token WHERE lookup", sorted(lookups), lock))


async def people(connection: AsyncConnection, domain: str, wanted: Sequence[bytes]) -> list[tuple[bytes, int]]:
    """Return who has a copy of which token of a domain, ``NOBODY`` too."""
    found = await _among(connection, "SELECT token, person, domain FROM vault_value WHERE token", wanted)
    return [(token, person) for token, person, of in found if of == domain]


async def copies(connection: AsyncConnection, domain: str, wanted: Sequence[bytes]) -> list[Copy]:
    """Return every copy of tokens of a domain."""
    query = "SELECT token, person, domain, lookup, sealed FROM vault_value WHERE token"
    found = [Copy(*row) for row in await _among(connection, query, wanted)]
    return [copy for copy in found if copy.domain == domain]


async def of_person(connection: AsyncConnection, person: PersonNumber) -> list[Copy]:
    """Return every copy of a person."""
    of = vault_value.c
    query = select(of.token, of.person, of.domain, of.lookup, of.sealed).where(is_persons(person))
    return _read(await connection.execute(query))


async def add_tokens(connection: AsyncConnection, rows: Sequence[tuple[bytes, str, bytes]]) -> int:
    """Add tokens, lookup, domain and token each, of lookups that have none; whoever came first keeps theirs.

    Returns:
        How many were added.
    """
    return await _add(connection, "vault_token (lookup, domain, token)", ("bytea", "text", "bytea"), rows)


async def add_copies(connection: AsyncConnection, rows: Sequence[Copy]) -> None:
    """Add copies where there are none."""
    into = "vault_value (token, person, domain, lookup, sealed)"
    await _add(connection, into, ("bytea", "int8", "text", "bytea", "bytea"), sorted(rows))


async def drop_nobodys(connection: AsyncConnection, wanted: Sequence[bytes]) -> None:
    """Delete nobody's copies of tokens of which somebody has one."""
    of = vault_value.c
    for some in chunks(sorted(set(wanted))):
        await connection.execute(delete(vault_value).where(of.token.in_(some), of.person == NOBODY))


async def drop_person(connection: AsyncConnection, person: PersonNumber) -> None:
    """Delete the copies of a person whose tokens others have."""
    await connection.execute(delete(vault_value).where(is_persons(person)))


async def drop_dead(connection: AsyncConnection, is_living: Callable[[int], bool]) -> None:
    """Delete the copies of people whose keys are gone; the tokens stay."""
    mine = vault_value.c
    people = (await connection.execute(select(mine.person).where(mine.person >= 0).distinct())).scalars()
    for some in chunks([person for person in people if not is_living(person)]):
        await connection.execute(delete(vault_value).where(mine.person.in_(some), text("vault_value.person >= 0")))


async def forget(connection: AsyncConnection, person: PersonNumber) -> int:
    """Delete the copies of a person and the tokens that are then without any; return how many copies it were."""
    of, mine = vault_token.c, vault_value.c
    await keep_out_adders(connection)
    lookups = [row[0] for row in await connection.execute(select(mine.lookup).where(is_persons(person)))]
    for some in chunks(sorted(lookups)):
        query = select(of.lookup).where(of.lookup.in_(some)).order_by(of.lookup).with_for_update()
        (await connection.execute(query)).all()
    deleted = await connection.execute(delete(vault_value).where(is_persons(person)))
    for some in chunks(lookups):
        left = exists().where(mine.token == of.token)
        await connection.execute(delete(vault_token).where(of.lookup.in_(some), ~left))
    return int(deleted.rowcount)


async def _add(connection: AsyncConnection, into: str, types: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> int:
    if not rows:
        return 0
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(types))
        insert = f"INSERT INTO {into} VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608 - our own names
        return (await connection.exec_driver_sql(insert, list(map(tuple, rows)))).rowcount
    arrays = ", ".join(f"%s::{kind}[]" for kind in types)
    insert = f"INSERT INTO {into} SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING"  # noqa: S608 - our own names
    return (
        await connection.exec_driver_sql(insert, tuple(list(column) for column in zip(*rows, strict=True)))
    ).rowcount


async def _among(
    connection: AsyncConnection, query: str, wanted: Sequence[bytes] | Sequence[int], behind: str = ""
) -> list[tuple[Any, ...]]:
    """Return the rows of a query that ends in a column which has to be one of the values."""
    # In the driver's own words: to bind ten thousand values by SQLAlchemy costs more than to find them.
    if connection.dialect.name != "sqlite":
        return list(map(tuple, await connection.exec_driver_sql(f"{query} = ANY(%s){behind}", (list(wanted),))))
    found: list[tuple[Any, ...]] = []
    for some in chunks(wanted):
        marks = ",".join("?" * len(some))
        found += map(tuple, await connection.exec_driver_sql(f"{query} IN ({marks}){behind}", tuple(some)))
    return found


def _read(rows: Any) -> list[Copy]:
    return [_copy(row) for row in rows]


def _copy(row: Row[Any]) -> Copy:
    return Copy._make(row)
