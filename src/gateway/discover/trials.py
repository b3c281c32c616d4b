# SPDX-License-Identifier: Apache-2.0
"""Parameters that were tried on a store: which of them changed its answer, and so mean something to it.

A store that knows nothing of a parameter passes over it and answers as before. What is asked for has no value of a
person in it: a filter is tried with a value that no row has, and means something if no row comes. A list that says where
it goes on is asked for what follows, in the store's own words.
"""

from collections.abc import Mapping, Sequence

from gateway.discover.columns import rows_in
from gateway.discover.draft import last_of
from gateway.discover.meanings import CURSORS, LIMITS, NEXT_MEMBERS, OFFSETS, PAGES, SORTS
from gateway.discover.openapi import DescribedParameter
from gateway.discover.sample import Sample

NO_VALUE = "gateway-no-such-value"
"""What a filter on a text is tried with."""
NO_NUMBER = "-987654321"
NO_DAY = "0001-01-01"
MOST_CONTINUATION = 2048


def parameters_tried(asked: Sequence[Sample]) -> tuple[DescribedParameter, ...]:
    """Return the parameters that were seen to mean something, from the samples of one path."""
    plain = next((one for one in asked if not one.query), None)
    if plain is None:
        return ()
    before = _rows(plain)
    if not before:
        return ()
    found = [
        DescribedParameter(name=one.query[0][0], place="query")
        for one in asked
        if one.query and _has_meaning(one, before, plain)
    ]
    return tuple({one.name: one for one in found}.values())


def continuation(plain: Sample) -> str | None:
    """Return where a list says that it goes on; ``None`` if it does not say."""
    body = plain.body if isinstance(plain.body, Mapping) else {}
    found = next((value for name, value in body.items() if str(name).lower() in NEXT_MEMBERS), None)
    is_told = isinstance(found, str | int) and not isinstance(found, bool)
    return str(found) if is_told and 0 < len(str(found)) <= MOST_CONTINUATION else None


def _has_meaning(one: Sample, before: Sequence[Mapping[str, object]], plain: Sample) -> bool:
    name, value = one.query[0]
    rows = _rows(one)
    word = name.lower().strip("_")
    if word in LIMITS:
        return value.isdigit() and len(rows) == min(int(value), len(before)) < len(before)
    if word in OFFSETS and len(before) > 1:
        return bool(rows) and rows[0] == before[1] and value == "1"
    if word in PAGES and len(one.query) > 1:
        size = one.query[1][1]
        return bool(rows) and size.isdigit() and int(size) < len(before) and rows[0] == before[int(size)]
    if word in CURSORS and value == continuation(plain):
        return bool(rows) and not any(row in before for row in rows)
    if word in SORTS:
        return sorted(map(repr, rows)) != [] and [*rows] != [*before] and _descends(rows, value.removeprefix("-"))
    return not rows and value in (NO_VALUE, NO_NUMBER, NO_DAY)


def _descends(rows: Sequence[Mapping[str, object]], field: str) -> bool:
    values = [str(row.get(field)) for row in rows]
    return len(set(values)) > 1 and values == sorted(values, reverse=True)


def _rows(one: Sample) -> tuple[Mapping[str, object], ...]:
    found = rows_in(one.body, last_of(one.path))
    return found.rows if found is not None and found.shape.kind != "record" else ()
