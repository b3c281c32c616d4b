# SPDX-License-Identifier: Apache-2.0
r"""How a store spells what it is asked in a query: values with text around them, lists, and orders.

RULES

1. A spelling has one ``{}``. A text fits it if it begins and ends with what stands around the ``{}`` and
   has at least one character between; what is between is the value, to the last byte. So
   ``eq.1&or=(…)`` is the value ``1&or=(…)`` of ``eq.{}``, and is written back inside one parameter.
2. Spellings of one parameter overlap in no text, so a text has one meaning.
3. A list with text around it, ``in.({})``, is read as PostgREST reads it, but strictly: a value is in double
   quotes, where a backslash stands before a quote or a backslash and nothing else, or it is bare and has
   none of ``, ( ) " \`` in it, nor a space at an end. It is written with quotes wherever a reader could
   differ. A list without text around it is split at commas, and its first value does not begin with ``[``,
   which some stores read as a list in JSON.
4. A prefix with text around it is a pattern to the store, so its value has none of ``* % _ \``.
5. What was read is written back as it was, or in one spelling that means the same to the store.

Source: PostgREST, "Horizontal filtering" and "Reserved characters"; Datasette, ``in`` filters.
"""

import re
from collections.abc import Iterable, Sequence

from gateway.domain.names import FieldName
from gateway.domain.parameters import PLAIN, Comparison, FilterParameter, SortStyle

_BARE = re.compile(r'[^,()"\\\s](?:[^,()"\\]*[^,()"\\\s])?')
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
_SAFE = re.compile(r"[A-Za-z0-9_@+-]+")
"""Of these a value is made that everybody reads in one way without quotes."""
_ESCAPED = re.compile(r'\\(["\\])')
_PATTERN = frozenset("*%_\\")

DIRECTIONS = ("asc", "desc")

Order = tuple[tuple[FieldName, bool], ...]
"""Names, and whether each descends."""


def around(spelling: str) -> tuple[str, str]:
    """Return what stands before and behind the ``{}``."""
    before, _, behind = spelling.partition(PLAIN)
    return before, behind


def inside(spelling: str, text: str) -> str | None:
    """Return what stands for the ``{}`` of a text in this spelling; ``None`` if the text does not fit it."""
    before, behind = around(spelling)
    n_around = len(before) + len(behind)
    if len(text) <= n_around or not (text.startswith(before) and text.endswith(behind)):
        return None
    return text[len(before) : len(text) - len(behind)]


def overlap(one: str, other: str) -> bool:
    """Tell whether some text fits both spellings."""
    (before, behind), (other_before, other_behind) = around(one), around(other)
    return (before.startswith(other_before) or other_before.startswith(before)) and (
        behind.endswith(other_behind) or other_behind.endswith(behind)
    )


def read(filters: Iterable[FilterParameter], text: str) -> tuple[FilterParameter, tuple[str, ...]] | None:
    """Return the filter whose spelling a text fits, with the values that it compares; of all but a list, one."""
    for each in filters:
        value = inside(each.value, text)
        if value is not None:
            values = _values(each, value)
            return None if values is None else (each, values)
    return None


def _values(declared: FilterParameter, value: str) -> tuple[str, ...] | None:
    if declared.comparison is Comparison.IN:
        return listed(declared.value, value)
    return (value,) if can_be_written(declared.comparison, declared.value, (value,)) else None


def listed(spelling: str, text: str) -> tuple[str, ...] | None:
    """Return the values of a list; ``None`` if it cannot be read in one way."""
    if spelling == PLAIN:
        # An empty value is told apart by who bounds all values.
        return None if text.startswith("[") else tuple(text.split(","))
    found: list[str] = []
    place = 0
    while True:
        quoted = _QUOTED.match(text, place)
        bare = None if quoted else _BARE.match(text, place)
        match = quoted or bare
        if match is None:
            return None
        found.append(_ESCAPED.sub(r"\1", quoted[1]) if quoted else match[0])
        place = match.end()
        if place == len(text):
            return tuple(found)
        if text[place] != ",":
            return None
        place += 1


def can_be_written(comparison: Comparison, spelling: str, values: Sequence[str]) -> bool:
    """Tell whether the store would read these values, so spelled in a query, as what they are."""
    if comparison is Comparison.IN and spelling == PLAIN:
        return not any("," in value for value in values) and not values[0].startswith("[")
    is_pattern = comparison is Comparison.PREFIX and spelling != PLAIN
    return not (is_pattern and any(_PATTERN.intersection(value) for value in values))


def written(comparison: Comparison, spelling: str, values: Sequence[str]) -> str:
    """Return values as the store spells them, not yet percent-encoded.

    Raises:
        ValueError: The store would read something else; ``can_be_written`` tells.
    """
    if not can_be_written(comparison, spelling, values):
        raise ValueError("the store would read these values as something else")
    if comparison is Comparison.IN and spelling != PLAIN:
        values = [value if _SAFE.fullmatch(value) else _in_quotes(value) for value in values]
    before, behind = around(spelling)
    return f"{before}{','.join(values)}{behind}"


def _in_quotes(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def read_order(style: SortStyle, text: str, allowed: Sequence[FieldName]) -> Order | None:
    """Return the names of an order with their directions; ``None`` if it is none in this style.

    Of the style ``apart`` every name ascends until the directions are known.
    """
    keys = tuple(_key(style, key) for key in text.split(","))
    names = [name for name, _ in keys]
    is_many = style in (SortStyle.ASCENDING, SortStyle.DESCENDING) and len(keys) > 1
    return None if is_many or len(set(names)) < len(names) or not set(names).issubset(allowed) else keys


def _key(style: SortStyle, key: str) -> tuple[FieldName, bool]:
    match style:
        case SortStyle.MINUS:
            return FieldName(key.removeprefix("-")), key.startswith("-")
        case SortStyle.DOT:
            name, _, direction = key.rpartition(".")
            return (FieldName(name), direction == "desc") if direction in DIRECTIONS else (FieldName(key), False)
        case SortStyle.ASCENDING | SortStyle.DESCENDING | SortStyle.APART:
            return FieldName(key), style is SortStyle.DESCENDING


def read_directions(text: str) -> tuple[bool, ...] | None:
    """Return for each direction whether it descends; ``None`` for any other word."""
    words = text.split(",")
    return tuple(word == "desc" for word in words) if set(words).issubset(DIRECTIONS) else None


def written_directions(order: Iterable[tuple[FieldName, bool]]) -> str:
    """Return the directions of an order, joined by commas."""
    return ",".join(DIRECTIONS[descends] for _, descends in order)


def written_order(style: SortStyle, order: Sequence[tuple[FieldName, bool]]) -> tuple[str, ...]:
    """Return an order's keys in a style; nothing where the style cannot say it."""
    match style:
        case SortStyle.MINUS:
            return tuple("-" * descends + name for name, descends in order)
        case SortStyle.DOT:
            return tuple(f"{name}.{DIRECTIONS[descends]}" for name, descends in order)
        case SortStyle.APART:
            return tuple(name for name, _ in order)
        case SortStyle.ASCENDING | SortStyle.DESCENDING:
            descending = style is SortStyle.DESCENDING
            is_said = len(order) == 1 and order[0][1] is descending
            return (order[0][0],) if is_said else ()
