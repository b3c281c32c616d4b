# SPDX-License-Identifier: Apache-2.0
"""Types of rows, made from field names: one Struct, and one more for each object inside it.

A field name of dotted parts is a path: ``address.city`` is the member ``city`` of the object
``address``. Attributes are ``f0 … fn`` and carry the store's names as ``rename``, so no name of a
store ever becomes a name of ours. Every member may be null or missing.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import cast

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import astuple

from gateway.domain.catalog import FieldType
from gateway.domain.names import FieldName
from gateway.transform.inner import Cell, Value

Member = Cell | msgspec.Struct
Columns = tuple[Sequence[Member], ...]
"""Of rows, what stands in each member, in the order of the members."""

KINDS: Mapping[FieldType, type[Value]] = {
    FieldType.TEXT: str,
    FieldType.FREE_TEXT: str,
    FieldType.DATE: str,
    FieldType.TIMESTAMP: str,
    FieldType.INTEGER: int,
    FieldType.DECIMAL: Decimal,
    FieldType.BOOLEAN: bool,
}
"""By type of a field, the kind of its values in a row."""


class RowShape:
    """The type of a row, and its fields as columns.

    Attributes:
        type: The Struct. Its repr shows no value.

    Raises:
        ValueError: A name is a field and an object at the same time.
    """

    def __init__(self, name: str, fields: Sequence[tuple[FieldName, type[Value]]], path: str = "") -> None:
        self._leaves = [field for field, _ in fields]
        self._path = path
        members: dict[str, list[tuple[FieldName, type[Value]]]] = {}
        for field, kind in fields:
            first = field.removeprefix(path).partition(".")[0]
            members.setdefault(path + first, []).append((field, kind))
        kinds = [self._kind(name, own, inside) for own, inside in members.items()]
        self._members = dict(zip(members, kinds, strict=True))
        self.type = msgspec.defstruct(
            name,
            [(f"f{place}", _type(kind) | None | UnsetType, UNSET) for place, kind in enumerate(kinds)],
            rename={f"f{place}": own.removeprefix(path) for place, own in enumerate(members)},
            namespace={"__repr__": _no_values},
            frozen=True,
            gc=False,  # rows hold scalars and rows, so they can be in no circle
        )
        self._places: dict[str, tuple[int, str]] = {}
        """By path, the place and the name of the member that it leads through."""

    def columns(self, rows: Sequence[msgspec.Struct]) -> Columns:
        """Return what stands in each member; all members at once cost half of what one after the other do."""
        if not rows:
            return ((),) * len(self._members)
        return cast("Columns", tuple(zip(*map(astuple, rows), strict=True)))

    def column(self, columns: Columns, path: str) -> Sequence[Member]:
        """Return what stands at a path in each row, a field or an object; missing where its object is none."""
        place, own = self._places.get(path) or self._placed(path)
        column = columns[place]
        inside = self._members[own]
        if path == own or not isinstance(inside, RowShape):
            return column
        there = [value for value in column if isinstance(value, msgspec.Struct)]
        found = inside.column(inside.columns(there), path)
        if len(there) == len(column):
            return found
        each = iter(found)
        return [next(each) if isinstance(value, msgspec.Struct) else UNSET for value in column]

    def _placed(self, path: str) -> tuple[int, str]:
        found = next(
            (place, own) for place, own in enumerate(self._members) if path == own or path.startswith(own + ".")
        )
        self._places[path] = found
        return found

    def objects(self) -> Iterable[str]:
        """Return the paths of the objects inside a row, outer before inner."""
        for own, member in self._members.items():
            if isinstance(member, RowShape):
                yield own
                yield from member.objects()

    def build(self, columns: Mapping[str, Sequence[Member]], n_rows: int) -> Iterable[msgspec.Struct]:
        """Return rows made of columns; a field without a column is missing.

        Args:
            columns: By path of a field, its values; by path of an object, what the store had there,
                of which only null and missing are taken over.
            n_rows: Length of each column.
        """
        if not self._members:
            return [self.type() for _ in range(n_rows)]
        return map(self.type, *(self._made(own, columns, n_rows) for own in self._members))

    def _made(self, own: str, columns: Mapping[str, Sequence[Member]], n_rows: int) -> Sequence[Member]:
        member = self._members[own]
        if not isinstance(member, RowShape):
            return columns.get(own) or [UNSET] * n_rows
        if not any(leaf in columns for leaf in member._leaves):  # noqa: SLF001 - a shape within this one
            return [UNSET] * n_rows
        made = member.build(columns, n_rows)
        return [new if isinstance(old, msgspec.Struct) else old for new, old in zip(made, columns[own], strict=True)]

    def _kind(self, name: str, own: str, inside: list[tuple[FieldName, type[Value]]]) -> "type[Value] | RowShape":
        if any(field == own for field, _ in inside):
            if len(inside) > 1:
                raise ValueError(f"{own} is a field and holds fields")
            return inside[0][1]
        return RowShape(name, inside, own + ".")


def _type(kind: type[Value] | RowShape) -> type:
    return kind.type if isinstance(kind, RowShape) else kind


def _no_values(row: msgspec.Struct) -> str:
    return f"<{type(row).__name__} row>"
