# SPDX-License-Identifier: Apache-2.0
"""The body of a search: an object whose members are parameters, taken apart by the declared paths.

RULES

1. Each dot of a declared path is one object deeper; so a member whose own name has a dot is none of
   them. A member that is not declared is refused, at any depth.
2. A value is of the JSON kind that its parameter has: a number for a page, names for an order, a value of
   the field's type for a filter, an array for a list. A text is taken for a field of any type, because
   surrogates and bands are texts.
3. A value becomes a text in one spelling: whole numbers in plain digits, decimals without exponent and
   without zeros at their end, ``true`` and ``false``. So 1.50 and 1.5 are one value.
"""

from collections.abc import Mapping
from decimal import Decimal

from gateway.domain.catalog import Collection, FieldType
from gateway.domain.decision import Deny, Reason
from gateway.domain.parameters import (
    AlternativeFilters,
    Comparison,
    CursorParameter,
    FieldsParameter,
    FilterParameter,
    LimitParameter,
    OffsetParameter,
    OrderParameter,
    PageParameter,
    Parameter,
    SortParameter,
)
from gateway.doors.http.reading.binding import Texts
from gateway.doors.http.reading.query import invalid, told_name

MAX_DEPTH = 8
"""Objects and arrays inside each other in the body of a search; no declared path is nearly as deep."""

_KIND = "The value is not of the kind that this parameter takes."

_TWO_PATHS = object()
"""Stands for the value of a member whose own name has a dot."""

Members = tuple[tuple[str, Texts], ...]


def said_in(value: object, declared: Mapping[str, Parameter], collection: Collection) -> Members | Deny:
    """Return the members of a search by path, in the spelling of a query, or why it cannot be read.

    Args:
        value: Of the strict reader.
        declared: What each path means.
        collection: Whose fields the filters are on.
    """
    if not isinstance(value, dict):
        return Deny(reason=Reason.BODY_INVALID, title="The body must be one JSON object.")
    found: list[tuple[str, Texts]] = []
    for path, inner in _leaves(value, declared, ""):
        parameter = None if inner is _TWO_PATHS else declared.get(path)
        if parameter is None:
            return Deny(reason=Reason.PARAMETER_UNDECLARED, fields=(told_name(path),))
        texts = _texts(inner, parameter, collection)
        if texts is None:
            return invalid(path, _KIND)
        found.append((path, texts))
    return tuple(found)


def _leaves(value: dict[str, object], declared: Mapping[str, Parameter], above: str) -> list[tuple[str, object]]:
    """Return what stands at each path: declared values, and the first thing that leads to none."""
    found: list[tuple[str, object]] = []
    for name, inner in value.items():
        path = above + name
        if "." in name:
            return [*found, (path, _TWO_PATHS)]
        leads_on = path not in declared and any(one.startswith(path + ".") for one in declared)
        if leads_on and isinstance(inner, dict):
            found += _leaves(inner, declared, path + ".")
        else:
            found.append((path, inner))
    return found


def _texts(value: object, declared: Parameter, collection: Collection) -> Texts | None:
    """Return a value, or the values of a list, as text; ``None`` where it is of another kind."""
    match declared:
        case LimitParameter() | OffsetParameter() | PageParameter():
            return str(value) if type(value) is int else None
        case CursorParameter():
            return value if isinstance(value, str) else None
        case SortParameter() | FieldsParameter():
            return value if isinstance(value, str) else _names(value)
        case FilterParameter(comparison=Comparison.IN):
            return _each(value, declared, collection)
        case FilterParameter():
            return spelled(value, _type(declared, collection))
        case AlternativeFilters() | OrderParameter():
            # The loader declares none in a body.
            return None


def _names(value: object) -> str | None:
    if not isinstance(value, list) or not value:
        return None
    names = [name for name in value if isinstance(name, str) and "," not in name]
    return ",".join(names) if len(names) == len(value) else None


def _each(value: object, declared: FilterParameter, collection: Collection) -> tuple[str, ...] | None:
    if not isinstance(value, list):
        return None
    texts = [spelled(one, _type(declared, collection)) for one in value]
    known = tuple(text for text in texts if text is not None)
    return known if len(known) == len(texts) else None


def _type(declared: FilterParameter, collection: Collection) -> FieldType:
    spec = collection.field(declared.field)
    return FieldType.TEXT if spec is None else spec.type


def spelled(value: object, type_: FieldType) -> str | None:
    """Return a JSON value of a field's type in its one spelling; ``None`` for another kind of value."""
    match value:
        case str():
            return value
        case bool():
            return str(value).lower() if type_ is FieldType.BOOLEAN else None
        case int():
            return str(value) if type_ in (FieldType.INTEGER, FieldType.DECIMAL) else None
        case Decimal():
            return _plain(value) if type_ is FieldType.DECIMAL else None
        case _:
            return None


def _plain(number: Decimal) -> str:
    text = f"{number:f}" if number else "0"
    return text.rstrip("0").rstrip(".") if "." in text else text
