# SPDX-License-Identifier: Apache-2.0
"""The forms that entries of the log are exported in: OCSF events, CSV, and NDJSON.

RULES

1. Every form says where an entry stands (``slot``, ``seq``) and its leaf hash, so that it can be led back to its
   proof. What only the first entry of a call says stands beside every entry of the call.
2. No form holds the people of a part: whom a call was about is asked of the log, never of a copy of it. An entry of a
   choice or an erasure is about one person, whose number stands in its core.
3. NDJSON holds the entry byte for byte as it lies in the log, so its leaf can be computed from the export alone.
4. CSV is for people's spreadsheets too: no cell is a formula (``transform.formulas``).
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec

from gateway.domain.log_forms import LogForm
from gateway.domain.log_query import LogRow
from gateway.domain.names import FieldName
from gateway.record.format.merkle import leaf_hash
from gateway.record.reading.ocsf import event
from gateway.record.reading.reader import Record
from gateway.transform.csv_cells import csv_frame, csv_rows

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

TOLD = (
    "call", "account", "client", "recipient", "session", "purpose", "reference", "dataset", "operation", "decision",
    "reason",
)  # fmt: skip
"""Words of a row that NDJSON and CSV tell as they are."""

COLUMNS = ("at", "slot", "seq", "kind", *TOLD, "fields", "rows", "bytes", "people", "ip", "user_agent", "part", "leaf")
"""Columns of the CSV."""

Pair = tuple[LogRow, Record]


class Writing(Protocol):
    """Writes entries in one form."""

    @property
    def opening(self) -> bytes:
        """What stands before the first entry."""

    def block(self, pairs: Sequence[Pair]) -> bytes:
        """Return entries, each with its line break."""


def writing_of(form: LogForm, version: str) -> Writing:
    """Return what writes a form; ``version`` is the gateway's."""
    match form:
        case LogForm.OCSF:
            return OcsfWriting(version)
        case LogForm.CSV:
            return CsvWriting()
        case LogForm.NDJSON:
            return NdjsonWriting()


class OcsfWriting:
    """One OCSF event a line."""

    opening = b""

    def __init__(self, version: str) -> None:
        self._version = version
        self._encode = msgspec.json.Encoder().encode

    def block(self, pairs: Sequence[Pair]) -> bytes:
        """Return the events of entries."""
        return b"".join(self._encode(event(row, record, self._version)) + b"\n" for row, record in pairs)


class NdjsonWriting:
    """One JSON object a line; ``entry`` is the log's own line."""

    opening = b""

    def __init__(self) -> None:
        self._encode = msgspec.json.Encoder().encode

    def block(self, pairs: Sequence[Pair]) -> bytes:
        """Return the lines of entries."""
        return b"".join(self._encode(_told(row, record)) + b"\n" for row, record in pairs)


class CsvWriting:
    """Rows under a header."""

    def __init__(self) -> None:
        self._frame = csv_frame([FieldName(name) for name in COLUMNS], for_people=True)

    @property
    def opening(self) -> bytes:
        """The header."""
        return self._frame.opening

    def block(self, pairs: Sequence[Pair]) -> bytes:
        """Return the rows of entries."""
        columns = list(zip(*(_cells(row, record) for row, record in pairs), strict=True))
        behind = self._frame.behind
        return b"".join(row + behind for row in csv_rows(columns, len(pairs), for_people=True))


def _told(row: LogRow, record: Record) -> dict[str, object]:
    said = {name: text for name in TOLD if (text := getattr(row, name))}
    part = record.part
    named = {} if part is None else {"ip": part.ip, "user_agent": part.user_agent}
    return {
        "slot": row.slot,
        "seq": row.seq,
        "at": instant(row.at_us),
        "leaf": leaf_hash(record.raw).hex(),
        **said,
        "part": part_word(record),
        **{name: text for name, text in named.items() if text},
        "entry": msgspec.Raw(record.raw),
    }


def _cells(row: LogRow, record: Record) -> tuple[str | int | None, ...]:
    part = record.part
    return (
        instant(row.at_us),
        row.slot,
        row.seq,
        row.kind,
        *(getattr(row, name) or None for name in TOLD),
        None if row.fields == "{}" else row.fields,
        row.rows,
        row.bytes,
        row.people,
        (part.ip or None) if part else None,
        (part.user_agent or None) if part else None,
        part_word(record),
        leaf_hash(record.raw).hex(),
    )


def part_word(record: Record) -> str:
    """Return ``kept``, ``deleted``, or ``none`` where the entry never had a part."""
    if record.part is not None:
        return "kept"
    return "none" if record.line.part is None else "deleted"


def instant(at_us: int) -> str:
    """Return a time as ISO 8601 with microseconds, in UTC."""
    return (_EPOCH + timedelta(microseconds=at_us)).isoformat(timespec="microseconds").replace("+00:00", "Z")
