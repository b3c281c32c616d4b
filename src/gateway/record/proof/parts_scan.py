# SPDX-License-Identifier: Apache-2.0
"""What the files of a log hold that may have to go: where segments begin and end, and whose numbers parts hold."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path

import msgspec

from gateway.domain.entry import Changed, Line
from gateway.domain.errors import LogDamaged
from gateway.record.format.amending import in_place_of, without
from gateway.record.format.layout import LineFile, parts_path, segment_path, segments, slots
from gateway.record.format.parts import PartInvalid, StoredPart, parse_part
from gateway.record.reading.tail import last_line, tail

ARCHIVED = "segments-archived"
FORGOTTEN = "person-forgotten"
HOLD_ADDED, HOLD_LIFTED = "log-hold-added", "log-hold-lifted"


class _Stamp(msgspec.Struct, frozen=True):
    seq: int
    at_us: int


class Ends(msgspec.Struct, frozen=True, kw_only=True):
    """Where a segment begins and ends.

    Attributes:
        first / last: Places of its first and its last whole entry.
        last_us: When the last was entered.
    """

    number: int
    first: int
    last: int
    last_us: int


class Taken(msgspec.Struct, frozen=True):
    """What is to stand in the place of a part, and how many people were taken out of it."""

    after: StoredPart
    people: int


class Archived(msgspec.Struct, frozen=True, kw_only=True):
    """A segment that was moved elsewhere.

    Attributes:
        folder: Where to, as the entry says; empty where none that is here does.
    """

    slot: str
    segment: int
    folder: str


class PartsHold(msgspec.Struct, frozen=True, kw_only=True):
    """No part is deleted while this is in force.

    Attributes:
        id: By which it is lifted.
        because: Why, as whoever added it said.
    """

    id: str
    by: str
    because: str
    at_us: int


def ends_of(directory: Path, number: int) -> Ends | None:
    """Return where a segment begins and ends; ``None`` if it holds no whole entry.

    Raises:
        LogDamaged: A line cannot be read.
    """
    path = segment_path(directory, number)
    first = next(LineFile(path).lines(), None)
    last = last_line(path)
    if first is None or last is None:
        return None
    try:
        begin, end = (msgspec.json.decode(one, type=_Stamp) for one in (first, last))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LogDamaged("a line of the log cannot be read; run `gateway log verify`") from error
    return Ends(number=number, first=begin.seq, last=end.seq, last_us=end.at_us)


def stored_parts(directory: Path, number: int) -> Iterator[StoredPart]:
    """Yield the parts of a segment; a torn last one is left out.

    Raises:
        LogDamaged: A line cannot be read.
    """
    for line in LineFile(parts_path(directory, number)).lines():
        try:
            yield parse_part(line)
        except PartInvalid as error:
            raise LogDamaged(f"{error}; run `gateway log verify`") from error


def parts_without(directory: Path, number: int, people: AbstractSet[int]) -> list[Taken]:
    """Return, for each part of a segment that holds one of these people, what is to stand in its place.

    Raises:
        LogDamaged: A part cannot be read.
    """
    found = []
    for stored in stored_parts(directory, number):
        part, n_people = without(stored.part(), people)
        if n_people:
            found.append(Taken(in_place_of(stored, part), n_people))
    return found


def is_needed_for_restore(stored: StoredPart) -> bool:
    """Tell whether a replay needs a part: which identity has which number, and choices that were imported."""
    return b'"numbered":' in stored.content or b'"choices":' in stored.content


def holds_in_force(logs: Path, since: Mapping[str, int] | None = None) -> list[PartsHold]:
    """Return the holds on parts, oldest first, as the entries of all logs say.

    Args:
        logs: ``STATE/log``.
        since: By slot, the first place that is looked at; 0 where nothing is said.

    Raises:
        LogDamaged: A log cannot be read.
    """
    added: dict[str, PartsHold] = {}
    lifted: set[str] = set()
    for slot in slots(logs):
        if not segments(logs / slot):
            continue
        for record in tail(logs / slot, (since or {}).get(slot, 0), kinds=("changed",)):
            body = record.line.body
            if isinstance(body, Changed) and body.what == HOLD_ADDED:
                added[body.target] = _hold(record.line, body)
            elif isinstance(body, Changed) and body.what == HOLD_LIFTED:
                lifted.add(body.target)
    return sorted((one for one in added.values() if one.id not in lifted), key=lambda one: one.at_us)


def archived(logs: Path) -> list[Archived]:
    """Return the segments that are not here, by slot and number.

    Args:
        logs: ``STATE/log``.

    Raises:
        LogDamaged: A log cannot be read.
    """
    found: dict[tuple[str, int], str] = {}
    here = {slot: numbers for slot in slots(logs) if (numbers := segments(logs / slot))}
    for slot, numbers in here.items():
        found |= dict.fromkeys(((slot, number) for number in range(numbers[0])), "")
    for slot in here if found else ():
        for record in tail(logs / slot, 0, kinds=("changed",)):
            body, moved = record.line.body, archived_segment(record.raw)
            if isinstance(body, Changed) and moved in found:
                found[moved] = str(body.facts.get("folder", ""))
    return [Archived(slot=slot, segment=number, folder=folder) for (slot, number), folder in sorted(found.items())]


def archived_segment(raw: bytes) -> tuple[str, int] | None:
    """Return slot and number of the segment of which an entry says that it was moved; ``None`` if it says nothing such."""
    try:
        body = msgspec.json.decode(raw, type=Line).body
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    number = body.facts.get("segment") if isinstance(body, Changed) and body.what == ARCHIVED else None
    return (body.target, number) if isinstance(body, Changed) and isinstance(number, int) else None


def _hold(line: Line, body: Changed) -> PartsHold:
    return PartsHold(id=body.target, by=body.by, because=str(body.facts.get("because", "")), at_us=line.at_us)
