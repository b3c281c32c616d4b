# SPDX-License-Identifier: Apache-2.0
"""Reads a whole log for its index, stretch by stretch, each with the people of the span that it ends.

For who reads a log from its first entry to its end, or to a place; what comes later, batch by batch, is for
``SlotReader``. People are gathered from one stretch to the next, so nothing is read twice.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from gateway.domain.log_index import SPAN, LogPosition
from gateway.domain.log_packing import Stretch, packed
from gateway.domain.log_query import LogRow
from gateway.record.reading.indexing import SlotReader
from gateway.record.reading.spans import SpanGathering

FirstOf = Callable[[Collection[str]], Mapping[str, LogRow]]
"""Returns the first entries of those calls that have one before the stretch."""


def stretches(directory: Path, first_of: FirstOf, until: int | None = None) -> Iterator[Stretch]:
    """Yield the entries of a log in order; a stretch is a span, or ends where it becomes large.

    Args:
        directory: ``STATE/log/<slot>``.
        first_of: Knows the calls of entries that were given out.
        until: The entry at which to stop; ``None`` for all that there are.

    Raises:
        LogDamaged: An entry or a part cannot be read.
    """
    slot = directory.name
    reader = SlotReader(directory, LogPosition(slot=slot))
    gathering = SpanGathering(slot, reader.position.size // SPAN)
    while until is None or reader.position.size < until:
        batch = reader.read(SPAN if until is None else min(SPAN, until - reader.position.size))
        if batch is None:
            return
        if batch.unknown:
            batch = reader.completed(batch, first_of(batch.unknown))
        gathering.add(batch.entries)
        yield Stretch.of(packed(batch), gathering.people() if batch.ends_span else None)
        if batch.ends_span:
            gathering = SpanGathering(slot, batch.after.size // SPAN)
