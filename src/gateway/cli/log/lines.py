# SPDX-License-Identifier: Apache-2.0
"""Entries of the log on paper: as a sentence, or as a document with all that stands in the log."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from gateway.cli.desk.desk import Desk

if TYPE_CHECKING:
    from gateway.domain.log_query import LogRow
    from gateway.record.reading.reader import Record

MOST_PEOPLE = 20
"""People of one entry for whom a further search is told."""

_ONWARD = {
    "decision": "call", "account": "account", "client": "client", "session": "session", "place": "place",
    "reference": "reference", "purpose": "purpose", "dataset": "dataset",
}  # fmt: skip


def show(desk: Desk, record: "Record", row: "LogRow | None" = None) -> None:
    """Show an entry; in JSON with the searches that lead on from it, where its row in the index is known."""
    from gateway.cli.desk.moments import written
    from gateway.cli.log.words import sentence

    if desk.json:
        found = document(record)
        desk.paper.line(found if row is None else {**found, "searches": onward(row, people_of(record))})
        return
    line = record.line
    # One line each: what somebody wrote in an entry cannot look like another entry.
    told = sentence(line.body).replace("\n", "\\n")
    desk.paper.say(f"{written(line.at_us)} {line.log.rpartition('/')[2]}:{line.seq} {told}")


def document(record: "Record") -> dict[str, Any]:
    """Return an entry as it stands in the log, and its part with people as a list of numbers."""
    import msgspec
    from pyroaring import BitMap

    found: dict[str, Any] = {"entry": msgspec.json.decode(record.raw), "part": None}
    if record.part is not None:
        people = list(BitMap.deserialize(record.part.people)) if record.part.people else []
        found["part"] = {**msgspec.to_builtins(record.part), "people": people}
    return found


def row_of_call(record: "Record", first: "LogRow | None") -> "LogRow":
    """Return what the index would say of an entry, with what the first entry of its call says."""
    from gateway.record.reading.index_rows import row_of, with_facts_of

    place = "" if record.part is None else record.part.ip
    row = row_of(record.line.log.rpartition("/")[2], record.line, place, 0, 0, -1)
    return row if first is None else with_facts_of(first, row)


def people_of(record: "Record") -> list[int]:
    """Return the numbers of the people that an entry speaks of."""
    from pyroaring import BitMap

    if record.part is None:
        return []
    released = BitMap.deserialize(record.part.people) if record.part.people else BitMap()
    return list(released | BitMap(record.part.met))


def onward(row: "LogRow", people: Iterable[int] = ()) -> list[str]:
    """Return the qualifiers that find everything else of what an entry names: ``session:…``, ``person:…``."""
    found = [f"{name}:{value}" for name, field in _ONWARD.items() if (value := getattr(row, field))]
    return [*found, *(f"person:{number}" for number in list(people)[:MOST_PEOPLE])]
