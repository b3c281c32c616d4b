# SPDX-License-Identifier: Apache-2.0
"""Rows of the index as the domain sees them: texts instead of the ids that stand for them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.errors import StateUnavailable
from gateway.domain.log_index import Use
from gateway.domain.log_query import LogRow
from gateway.store.log.words import texts, uses
from gateway.store.log_schema import log_place, log_word


async def rows_told(connection: AsyncConnection, rows: Sequence[Row[Any]], slots: Mapping[int, str]) -> list[LogRow]:
    """Return whole rows of ``log_entry``, as ``select(log_entry)`` gives them, with their texts and in the same order.

    Raises:
        StateUnavailable: A word is gone: the index is being built anew while it is read.
    """
    # Taken apart by place, which costs a fifth of asking each row for each of its columns by name.
    plain = [tuple(row) for row in rows]
    known = await uses(connection, {row[14] for row in plain})
    words = await texts(connection, log_word, {one for row in plain for one in (row[3], row[5], *row[7:14])})
    # Addresses go with the parts that they are from, so one that is gone is no damage.
    places = await texts(connection, log_place, {row[6] for row in plain})
    try:
        return [_told(row, words, places, known[row[14]], slots[row[0]]) for row in plain]
    except KeyError:
        raise StateUnavailable("the index of the log is being built anew") from None


def _told(row: tuple[Any, ...], words: Mapping[int, str], places: Mapping[int, str], use: Use, slot: str) -> LogRow:
    (
        _, seq, at_us, kind, call, session, place, account, client, purpose, dataset, reference, decision, reason, _,
        n_rows, n_bytes, people, segment, line_at, part_at,
    ) = row  # fmt: skip
    return LogRow(
        slot=slot,
        seq=seq,
        at_us=at_us,
        kind=words[kind],
        call="" if call is None else bytes(call).hex(),
        account=words[account],
        client=words[client],
        recipient=use.recipient,
        session=words[session],
        place=places.get(place, ""),
        purpose=words[purpose],
        dataset=words[dataset],
        operation=use.operation,
        reference=words[reference],
        decision=words[decision],
        reason=words[reason],
        fields=use.fields,
        rows=n_rows,
        bytes=n_bytes,
        people=people,
        segment=segment,
        line_at=line_at,
        part_at=part_at,
    )
