# SPDX-License-Identifier: Apache-2.0
"""Texts of the index and the ids that stand for them; 0 stands for the empty text.

Nothing is remembered between two transactions: another process may have cleared the tables meanwhile.
Whoever adds holds the lock of writers.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Table, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.log_index import Use
from gateway.store.chunks import chunks
from gateway.store.log.bulk import add_rows
from gateway.store.log_schema import log_use, log_word

_USE = (
    log_use.c.account, log_use.c.client, log_use.c.recipient, log_use.c.purpose, log_use.c.dataset,
    log_use.c.operation, log_use.c.fields,
)  # fmt: skip
_USES_AT_ONCE = 200

UseKey = tuple[int, int, int, int, int, int, str]


async def ids(connection: AsyncConnection, table: Table, texts: Collection[str]) -> dict[str, int]:
    """Return the ids of those texts that have one; the empty text has."""
    found = {"": 0}
    for some in chunks(sorted(set(texts) - {""})):
        rows = await connection.execute(select(table.c.text, table.c.id).where(table.c.text.in_(some)))
        found.update((text, number) for text, number in rows)
    return found


async def interned(connection: AsyncConnection, table: Table, texts: Collection[str]) -> dict[str, int]:
    """Return the ids of texts; those that are new get one."""
    found = await ids(connection, table, texts)
    new = sorted(set(texts) - found.keys())
    if new:
        numbers = range(await _next(connection, table), (1 << 31) - 1)
        added = dict(zip(new, numbers, strict=False))
        await add_rows(connection, table, [(number, text) for text, number in added.items()])
        found.update(added)
    return found


async def texts(connection: AsyncConnection, table: Table, numbers: Collection[int]) -> dict[int, str]:
    """Return the texts that ids stand for, where they stand for one."""
    found = {0: ""}
    for some in chunks(sorted(set(numbers) - {0})):
        rows = await connection.execute(select(table.c.id, table.c.text).where(table.c.id.in_(some)))
        found.update((number, text) for number, text in rows)
    return found


async def uses_interned(connection: AsyncConnection, words: dict[str, int], uses: Collection[Use]) -> dict[Use, int]:
    """Return the ids of uses, whose texts have ids; those that are new get one."""
    keys = {_key(use, words): use for use in uses}
    found = await _ids_of_keys(connection, keys)
    new = sorted(keys.keys() - found.keys())
    if new:
        numbers = range(await _next(connection, log_use), (1 << 31) - 1)
        added = dict(zip(new, numbers, strict=False))
        await add_rows(connection, log_use, [(number, *key) for key, number in added.items()])
        found.update(added)
    return {use: found[key] for key, use in keys.items()}


async def use_ids(connection: AsyncConnection, words: dict[str, int], uses: Collection[Use]) -> dict[Use, int]:
    """Return the ids of those uses that have one; their texts have."""
    keys = {_key(use, words): use for use in uses}
    return {keys[key]: number for key, number in (await _ids_of_keys(connection, keys)).items()}


async def _ids_of_keys(connection: AsyncConnection, keys: Collection[UseKey]) -> dict[UseKey, int]:
    found: dict[UseKey, int] = {}
    for some in chunks(sorted(keys), _USES_AT_ONCE):
        rows = await connection.execute(select(log_use.c.id, *_USE).where(tuple_(*_USE).in_(some)))
        found.update((tuple(row)[1:], row.id) for row in rows)
    return found


async def uses(connection: AsyncConnection, numbers: Collection[int]) -> dict[int, Use]:
    """Return the uses that ids stand for, where they stand for one."""
    found = {}
    for some in chunks(sorted(set(numbers))):
        for row in await connection.execute(select(log_use.c.id, *_USE).where(log_use.c.id.in_(some))):
            found[row.id] = tuple(row)[1:]
    names = await texts(connection, log_word, {word for key in found.values() for word in key[:-1]})
    return {number: _use(key, names) for number, key in found.items()}


def _key(use: Use, words: dict[str, int]) -> UseKey:
    return (
        words[use.account],
        words[use.client],
        words[use.recipient],
        words[use.purpose],
        words[use.dataset],
        words[use.operation],
        use.fields,
    )


def _use(key: tuple[Any, ...], names: dict[int, str]) -> Use:
    account, client, recipient, purpose, dataset, operation = (names.get(word, LOST) for word in key[:-1])
    return Use(account, client, recipient, purpose, dataset, operation, key[-1])


LOST = "\ufffd"
"""Stands where an id stands for nothing: no text of an entry is this."""


async def _next(connection: AsyncConnection, table: Table) -> int:
    return int((await connection.execute(select(func.coalesce(func.max(table.c.id), 0)))).scalar_one()) + 1
