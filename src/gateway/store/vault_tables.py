# SPDX-License-Identifier: Apache-2.0
"""Statements on the tables of the vault; the rules of when they may run are those of ``vault``.

Many rows are one statement on PostgreSQL, arrays by column, and one prepared statement on SQLite.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, and_, delete, exists, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.names import PersonNumber
from gateway.store.chunks import chunks
from gateway.store.schema import vault_token, vault_value

NOBODY = -1
"""Stands in the column of a person for nobody who is known yet."""

TOKEN_BYTES = 16


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


async def add_tokens(connection: AsyncConnection, rows: Sequence[tuple[bytes, str, bytes]]) -> None:
    """Add tokens, lookup, domain and token each, of lookups that have none; whoever came first keeps theirs."""
    await _add(connection, "vault_token (lookup, domain, token)", ("bytea", "text", "bytea"), rows)


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


async def forget(connection: AsyncConnection, person: PersonNumber) -> int:
    """Delete the copies of a person and the tokens that are then without any; return how many copies it were."""
    of, mine = vault_token.c, vault_value.c
    lookups = [row[0] for row in await connection.execute(select(mine.lookup).where(is_persons(person)))]
    for some in chunks(sorted(lookups)):
        query = select(of.lookup).where(of.lookup.in_(some)).order_by(of.lookup).with_for_update()
        (await connection.execute(query)).all()
    deleted = await connection.execute(delete(vault_value).where(is_persons(person)))
    for some in chunks(lookups):
        left = exists().where(mine.token == of.token)
        await connection.execute(delete(vault_token).where(of.lookup.in_(some), ~left))
    return int(deleted.rowcount)


async def _add(connection: AsyncConnection, into: str, types: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(types))
        insert = f"INSERT INTO {into} VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608 - our own names
        await connection.exec_driver_sql(insert, list(map(tuple, rows)))
        return
    arrays = ", ".join(f"%s::{kind}[]" for kind in types)
    insert = f"INSERT INTO {into} SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING"  # noqa: S608 - our own names
    await connection.exec_driver_sql(insert, tuple(list(column) for column in zip(*rows, strict=True)))


async def _among(
    connection: AsyncConnection, query: str, wanted: Sequence[bytes], behind: str = ""
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
