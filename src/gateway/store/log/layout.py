# SPDX-License-Identifier: Apache-2.0
"""The rows that stand for a batch of entries, once its texts have ids: what is written, and what must be there."""

from collections.abc import Iterable

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.log_index import Use
from gateway.domain.log_packing import ENTRY, PackedBatch
from gateway.store.log.bulk import EntryRow, HourRow
from gateway.store.log.words import ids, use_ids
from gateway.store.log_schema import log_place, log_word


class Ids(msgspec.Struct, frozen=True):
    """What stands for the texts, the addresses and the uses of some entries."""

    words: dict[str, int]
    places: dict[str, int]
    uses: dict[Use, int]

    def __or__(self, other: "Ids") -> "Ids":
        """Return what either knows."""
        return Ids(self.words | other.words, self.places | other.places, self.uses | other.uses)

    def __len__(self) -> int:
        """Return how many ids there are."""
        return len(self.words) + len(self.places) + len(self.uses)


def said(uses: Iterable[Use]) -> set[str]:
    """Return the texts of uses."""
    return {
        word
        for use in uses
        for word in (use.account, use.client, use.recipient, use.purpose, use.dataset, use.operation)
    }


async def ids_known(connection: AsyncConnection, batch: PackedBatch) -> Ids | None:
    """Return the ids of all texts of a batch; ``None`` if one of them has none."""
    texts, places = said(batch.uses).union(batch.words), set(batch.places)
    found = Ids(await ids(connection, log_word, texts), await ids(connection, log_place, places), {})
    if not (texts <= found.words.keys() and places <= found.places.keys()):
        return None
    uses = await use_ids(connection, found.words, batch.uses)
    return Ids(found.words, found.places, uses) if len(uses) == len(batch.uses) else None


def laid_out(batch: PackedBatch, slot: int, ids: Ids) -> tuple[list[EntryRow], list[HourRow]]:
    """Return the rows of entries in the order of the table's columns, and what they count by the hour."""
    words, places = [ids.words[text] for text in batch.words], [ids.places[text] for text in batch.places]
    # An entry repeats four texts of its use.
    uses = [
        (ids.words[use.account], ids.words[use.client], ids.words[use.purpose], ids.words[use.dataset], ids.uses[use])
        for use in batch.uses
    ]
    rows: list[EntryRow] = []
    for seq, (call, at_us, kind, session, place, use_at, reference, decision, reason, *figures, has_call) in enumerate(
        ENTRY.iter_unpack(batch.entries), batch.before.size
    ):
        account, client, purpose, dataset, use = uses[use_at]
        rows.append(
            (
                slot, seq, at_us, words[kind], call if has_call else None, words[session], places[place],
                account, client, purpose, dataset, words[reference], words[decision], words[reason], use, *figures,
            )
        )  # fmt: skip
    hours = [
        (hour, uses[use_at][-1], words[kind], words[decision], words[reason], *counts)
        for hour, use_at, kind, decision, reason, *counts in batch.hours
    ]
    return rows, hours
