# SPDX-License-Identifier: Apache-2.0
"""Searching the log in its files alone: slower than its index, and what the index is held against.

An entry is judged by its row, which holds what the first entry of its call says, so a search by facts finds
every entry of the calls. People are in the parts; of an entry whose part was deleted nobody is found.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from pyroaring import BitMap

from gateway.domain.errors import LogDamaged
from gateway.domain.log_index import INHERITING, IndexEntry, LogPosition
from gateway.domain.log_query import LogPlace, LogQuery, LogRow
from gateway.domain.names import is_under
from gateway.record.format.layout import LineFile, parts_path, segments
from gateway.record.reading.index_rows import call_of
from gateway.record.reading.indexing import SlotReader
from gateway.record.reading.reader import Record, merged, segment_of
from gateway.record.reading.tail import PART_SEQ, offset_of

First = Callable[[Sequence[str]], Mapping[str, LogRow]]
"""Returns the first entries of calls that began before a reading did."""

_EQUAL = ("call", "account", "client", "session", "place", "reference", "decision", "kind", "reason")
_TREES = ("purpose", "dataset")


class _Met(msgspec.Struct, frozen=True, gc=False):
    people: bytes = b""
    met: tuple[int, ...] = ()


class _StoredPart(msgspec.Struct, frozen=True, gc=False):
    seq: int
    part: _Met


_part = msgspec.json.Decoder(_StoredPart)


def search(
    directories: Iterable[Path],
    query: LogQuery,
    *,
    after: LogPlace | None = None,
    limit: int | None = None,
    newest_first: bool = True,
) -> list[LogRow]:
    """Return the entries of some slots that answer, in the order of ``LogPlace``.

    Args:
        directories: ``STATE/log/<slot>`` of each.
        query: What is asked.
        after: The place behind which to go on, in the order asked for.
        limit: At most so many; ``None`` for all.
        newest_first: The order.

    Raises:
        LogDamaged: An entry or a part cannot be read.
    """
    found = (
        entry.row
        for directory in directories
        for entry in entries(directory)
        if answers(entry, query) and is_behind(entry.row, after, newest_first=newest_first)
    )
    if limit is None:
        return sorted(found, key=place_of, reverse=newest_first)
    pick = heapq.nlargest if newest_first else heapq.nsmallest
    return pick(limit, found, key=place_of)


def entries(directory: Path, position: LogPosition | None = None, first: First | None = None) -> Iterator[IndexEntry]:
    """Yield the entries of a slot with what the first entry of each call says.

    Args:
        directory: ``STATE/log/<slot>``.
        position: Where to begin; ``None`` for the start.
        first: Knows the calls that began before; needed only with a position.

    Raises:
        LogDamaged: An entry or a part cannot be read.
    """
    reader = SlotReader(directory, position or LogPosition(slot=directory.name))
    # The reader forgets calls that ended long ago; here there is no index that could be asked for them.
    begun: dict[str, LogRow] = {}
    while (batch := reader.read()) is not None:
        if batch.unknown:
            known = {call: begun[call] for call in batch.unknown if call in begun}
            if first is not None:
                known.update(first(sorted(batch.unknown - known.keys())))
            batch = reader.completed(batch, known)
        for entry in batch.entries:
            if entry.begins and entry.row.kind in INHERITING:
                begun.setdefault(entry.row.call, entry.row)
            yield entry


def answers(entry: IndexEntry, query: LogQuery) -> bool:
    """Tell whether an entry answers a query."""
    row = entry.row
    return (
        (query.since_us is None or query.since_us <= row.at_us)
        and (query.until_us is None or row.at_us < query.until_us)
        and all((asked := getattr(query, name)) is None or asked == getattr(row, name) for name in _EQUAL)
        and all((asked := getattr(query, name)) is None or is_under(getattr(row, name), asked) for name in _TREES)
        and (query.person is None or speaks_of(entry, query.person))
    )


def speaks_of(entry: IndexEntry, person: int) -> bool:
    """Tell whether a person was in the block, a filter, the path or the body of a write."""
    return person in entry.met or (bool(entry.released) and person in BitMap.deserialize(entry.released))


def place_of(row: LogRow) -> LogPlace:
    """Return where an entry stands in the order of the log as a whole."""
    return LogPlace(row.at_us, row.slot, row.seq)


def is_behind(row: LogRow, after: LogPlace | None, *, newest_first: bool) -> bool:
    """Tell whether an entry comes after a place in an order."""
    if after is None:
        return True
    return place_of(row) < after if newest_first else place_of(row) > after


def of_call(directories: list[Path], call: str) -> Iterator[Record]:
    """Yield the entries of a call by their times, oldest first.

    Raises:
        LogDamaged: An entry or a part cannot be read.
    """
    return (record for record in merged(directories) if call_of(record.line.body) == call)


def met_from(directory: Path, seq: int, until: int, person: int) -> list[int]:
    """Return the entries of a stretch whose parts speak of a person; only the parts are read.

    Args:
        directory: ``STATE/log/<slot>``.
        seq / until: The first entry, and the one behind the last.
        person: Number of the person.

    Raises:
        LogDamaged: A part cannot be read.
    """
    found: list[int] = []
    for number in segments(directory):
        if number < segment_of(directory, seq):
            continue
        path = parts_path(directory, number)
        if not path.exists():
            continue
        for raw in LineFile(path, offset_of(path, seq, PART_SEQ)).lines():
            stored = _read(raw)
            if stored.seq >= until:
                return found
            if stored.seq >= seq and _speaks(stored.part, person):
                found.append(stored.seq)
    return found


def _read(raw: bytes) -> _StoredPart:
    try:
        return _part.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LogDamaged("a part cannot be read; run `gateway log verify`") from error


def _speaks(part: _Met, person: int) -> bool:
    return person in part.met or (bool(part.people) and person in BitMap.deserialize(part.people))
