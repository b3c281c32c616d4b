# SPDX-License-Identifier: Apache-2.0
"""Where the rows of an answer stand, and what its rows hold field by field.

RULES

1. Rows are an array, the one member of an object that holds them, or the object itself: one record.
2. An object inside a row is fields with dotted names. An array inside a row cannot be declared, nor a name
   that is no field name, nor a field with values of two kinds: each is told, and dropped by the gateway.
   A name that may be a value is not told (``naming``).
3. The work is bounded: so many rows, columns and levels are looked at, and no more.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec
from typing_extensions import override

from gateway.discover.members import is_word
from gateway.discover.naming import Path, untold
from gateway.domain.catalog import AnswerShape, MemberUse
from gateway.domain.names import is_field_name

MOST_ROWS = 500
MOST_COLUMNS = 300
MOST_DEPTH = 4

ROWS = (
    "items",
    "rows",
    "data",
    "results",
    "records",
    "value",
    "values",
    "content",
    "list",
    "entries",
    "hits",
    "elements",
)
"""Names of the member with the rows, the more usual first."""
TOTALS = frozenset({
    "total", "count", "totalcount", "total_count", "totalitems", "total_items", "totalelements", "total_elements",
    "totalresults", "total_results", "totalrecords", "total_records", "num_results", "filtered_table_rows_count",
    "recordcount", "n", "size_total",
})  # fmt: skip
"""Names, in lower case, of the member that counts the rows of the whole result."""

Scalar = str | int | float | Decimal | bool


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One field as the rows have it; never shown.

    Attributes:
        values: Those that are not null, in the order of the rows.
        n_rows: How many rows there were.
    """

    name: str
    values: tuple[Scalar, ...]
    n_rows: int

    @property
    def texts(self) -> tuple[str, ...]:
        """The values as a store would spell them in a query; flags are none."""
        return tuple(str(value) for value in self.values if not isinstance(value, bool))

    @override
    def __repr__(self) -> str:
        return f"<Column {self.name} of {len(self.values)}>"


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one answer and how it holds them; never shown."""

    shape: AnswerShape
    rows: tuple[Mapping[str, object], ...]

    @override
    def __repr__(self) -> str:
        return f"<Rows {len(self.rows)} in {self.shape.kind}>"


def rows_in(body: object, hint: str = "") -> Rows | None:
    """Return the rows of an answer, ``None`` where no catalogue can say where they stand.

    Args:
        body: The decoded JSON.
        hint: The last segment of the path: a member of that name holds the rows.
    """
    if isinstance(body, list):
        return Rows(shape=AnswerShape(kind="array"), rows=_objects(body)) if _is_rows(body) else None
    if not isinstance(body, dict):
        return None
    lists = [str(name) for name, value in body.items() if isinstance(value, list) and _is_rows(value)]
    name = _best(lists, hint, body)
    if name is None:
        # An object around one object is an envelope too deep to declare: `{"data": {"items": […]}}`.
        is_record = any(not isinstance(value, dict | list) for value in body.values())
        return Rows(shape=AnswerShape(kind="record"), rows=(body,)) if is_record else None
    rows = _objects(body[name])
    return Rows(shape=_envelope(body, name, len(rows)), rows=rows)


def rows_too_deep(body: object) -> str | None:
    """Return the path of a list of rows that stands more than one object deep, where no catalogue can say it."""
    if not isinstance(body, dict):
        return None
    for name, value in body.items():
        for inner, rows in value.items() if isinstance(value, dict) else ():
            if is_object_list(rows):
                return shown(f"{name}.{inner}")
    return None


def columns_of(rows: Iterable[Mapping[str, object]]) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Return the fields of rows, and a sentence on each thing in them that cannot be declared."""
    found: dict[str, list[Scalar]] = {}
    problems: dict[str, str] = {}
    n_rows = 0
    looked_at = list(rows)[:MOST_ROWS]
    hidden = untold(looked_at, MOST_DEPTH)
    for row in looked_at:
        n_rows += 1
        _collect(row, (), found, problems, hidden)
    both = {name for name in found if any(other.startswith(name + ".") for other in found)}
    for name in sorted(both):
        problems[name] = f"`{name}` is a value in some rows and an object in others"
    columns = []
    for name, values in found.items():
        kinds = {_kind(value) for value in values}
        if len(kinds) > 1 and kinds != {"integer", "decimal"}:
            problems.setdefault(name, f"`{name}` holds values of several kinds: {', '.join(sorted(kinds))}")
        if name not in problems and not any(name.startswith(one + ".") for one in both):
            columns.append(Column(name=name, values=tuple(values), n_rows=n_rows))
    return tuple(columns), tuple(problems.values())


def is_object_list(value: object) -> bool:
    """Tell whether a value is a list with rows in it."""
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value[:MOST_ROWS])


def _is_rows(values: Sequence[object]) -> bool:
    return all(isinstance(one, dict) for one in values[:MOST_ROWS])


def _objects(values: Sequence[object]) -> tuple[Mapping[str, object], ...]:
    return tuple(one for one in values[:MOST_ROWS] if isinstance(one, dict))


def _best(lists: Sequence[str], hint: str, body: Mapping[str, object]) -> str | None:
    """Return the member with the rows; of several the one with a usual name, then the longest."""
    full = [name for name in lists if body[name]]
    for name in (hint, *ROWS):
        if name in lists and (body[name] or not full):
            return name
    # A record may have an empty list among its own members.
    if not full or any(is_of_record(name, body) for name in ("id", "ID", "Id")):
        return None
    return max(full, key=lambda name: len(body[name]) if isinstance(body[name], list) else 0)  # type: ignore[arg-type]


def is_of_record(name: str, body: Mapping[str, object]) -> bool:
    """Tell whether an object has a key of its own, as records have and envelopes have not."""
    return name in body and not isinstance(body[name], dict | list)


def _envelope(body: Mapping[str, object], rows: str, n_rows: int) -> AnswerShape:
    members = []
    for name, value in body.items():
        # What may be a value is not declared, and so dropped as well.
        if name == rows or not is_word(name.lstrip("@$").replace(".", "_")):
            continue
        counts = isinstance(value, int) and not isinstance(value, bool) and value >= n_rows and name.lower() in TOTALS
        members.append((name, MemberUse.RECOUNT if counts else MemberUse.DROP))
    return AnswerShape(kind="object", rows=rows, members=tuple(members))


def _collect(
    row: Mapping[str, object],
    above: Path,
    found: dict[str, list[Scalar]],
    problems: dict[str, str],
    hidden: frozenset[Path],
) -> None:
    prefix = "".join(f"{one}." for one in above)
    for key, value in row.items():
        name = prefix + key
        if name in problems:
            continue
        if (*above, key) in hidden:
            where = f"`{prefix[:-1]}`" if prefix else "a row"
            problems[f"`{prefix}`"] = f"{where} has members whose names may be values, as keys of a map are: not told"
        elif not is_field_name(key) or "." in key:
            # Kept under what no field is named: `a.b` may be the name of a field inside `a` as well.
            problems[f"`{name}"] = f"`{shown(name)}` is no name that a dataset can say"
        elif isinstance(value, list):
            problems[name] = f"`{name}` holds an array, and only single values and objects can be declared"
        elif isinstance(value, dict):
            if len(above) + 1 >= MOST_DEPTH:
                problems[name] = f"`{name}` is nested deeper than {MOST_DEPTH} objects"
            else:
                _collect(value, (*above, key), found, problems, hidden)
        elif name in found or len(found) < MOST_COLUMNS:
            values = found.setdefault(name, [])
            if isinstance(value, str | int | float | Decimal):
                values.append(value)
        else:
            problems[""] = f"there are more than {MOST_COLUMNS} fields"
    for name in [name for name in problems if name in found]:
        del found[name]


def _kind(value: Scalar) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    return "text" if isinstance(value, str) else "decimal"


def shown(name: str) -> str:
    """Return a store's own name so that it fits on a line and hides nothing."""
    return "".join(one if one.isprintable() and one != "`" else "?" for one in name[:80])
