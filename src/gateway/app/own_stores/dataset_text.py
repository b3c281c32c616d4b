# SPDX-License-Identifier: Apache-2.0
"""Changing a dataset's file without touching anything else in it: comments, order and spelling stay.

A change is made in the text, at the places that the parser tells; then the text is read again and must say
exactly what it said before but for the change. So a spelling that this does not know fails instead of
changing something else.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec
import yaml

from gateway.domain.errors import SettingsError
from gateway.domain.names import CategoryKey, DatasetName

REVIEWED = "reviewed"
OURS = "gateway"
CATEGORIES = "data_categories"


class FieldPlace(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a dataset's file.

    Attributes:
        dataset: ``store.collection``.
        field: Its name, dotted inside objects.
    """

    dataset: DatasetName
    field: str


def stores_of(text: str) -> tuple[str, ...]:
    """Return the stores that a file describes."""
    return tuple(str(dataset.get("fides_key", "")) for dataset in _tables(yaml.safe_load(text), "dataset"))


def unreviewed(text: str) -> tuple[FieldPlace, ...]:
    """Return the fields that nobody has confirmed, in the order of the file."""
    return tuple(place for place, table in _fields(yaml.safe_load(text)) if not _ours(table).get(REVIEWED, True))


def changed(
    text: str, confirm: Iterable[FieldPlace] = (), categories: Mapping[FieldPlace, CategoryKey] = MappingProxyType({})
) -> str:
    """Return the text in which fields have lost their ``reviewed: no`` and others are of one category alone.

    Args:
        text: Of the file.
        confirm: Fields to confirm; one that is confirmed already stays as it is.
        categories: By field, its new category.

    Raises:
        SettingsError: The file does not have a field, a field has no categories of its own, or the file is spelled in
            a way that cannot be changed here.
    """
    expected = _apart(yaml.safe_load(text))
    tables, nodes = dict(_fields(expected)), dict(_field_nodes(yaml.compose(text)))
    edits: list[_Edit] = []
    for place in dict.fromkeys(confirm):
        edits += _confirmed(text, _found(tables, place), nodes[place])
    for place, category in categories.items():
        edits += _recategorised(text, _found(tables, place), nodes[place], category)
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return _checked(text, expected)


class _Edit(msgspec.Struct, frozen=True):
    """A piece of the text that another takes the place of."""

    start: int
    end: int
    text: str


def _found(tables: Mapping[FieldPlace, dict[str, Any]], place: FieldPlace) -> dict[str, Any]:
    if place not in tables:
        raise SettingsError(f"the dataset {place.dataset} has no field {place.field}")
    return tables[place]


def _confirmed(text: str, table: dict[str, Any], node: yaml.MappingNode) -> list[_Edit]:
    """Return the edit that takes the mark away, and take it from the table."""
    ours = _ours(table)
    if ours.get(REVIEWED, True):
        return []
    if len(ours) > 1:
        del ours[REVIEWED]
        return [_without(text, _value_of(node, OURS), REVIEWED)]
    del table[OURS]
    return [_without(text, node, OURS)]


def _recategorised(text: str, table: dict[str, Any], node: yaml.MappingNode, category: CategoryKey) -> list[_Edit]:
    """Return the edit that gives a field its category, and give it to the table."""
    if table.get(CATEGORIES) == [category]:
        return []
    if CATEGORIES not in table:
        name = table.get("name")
        raise SettingsError(f"{name} takes its categories from its collection; say `{CATEGORIES}` of its own")
    table[CATEGORIES] = [category]
    value = _value_of(node, CATEGORIES)
    if value.flow_style:
        return [_Edit(value.start_mark.index, value.end_mark.index, f"[{category}]")]
    # Of items on lines of their own the first is replaced; the lines of the others go.
    first, last = value.value[0].start_mark.index, value.value[-1].end_mark.index
    line, line_feed, _ = text[first:last].partition("\n")
    comment = re.search(r"\s+#.*$", line) if line_feed else None
    return [_Edit(first, last, category + (comment.group() if comment else ""))]


def _checked(text: str, expected: object) -> str:
    try:
        is_so = yaml.safe_load(text) == expected
    except yaml.YAMLError:
        is_so = False
    if not is_so:
        raise SettingsError("the dataset's file is spelled in a way that cannot be changed here; change it by hand")
    return text


def _apart(content: object) -> object:
    """Return the content in which what an alias repeats is there twice."""
    if isinstance(content, dict):
        return {key: _apart(value) for key, value in content.items()}
    return [_apart(item) for item in content] if isinstance(content, list) else content


def _without(text: str, node: yaml.MappingNode, key: str) -> _Edit:
    """Return the edit that takes one pair out of a mapping that has others."""
    place = next(place for place, (name, _) in enumerate(node.value) if name.value == key)
    name, value = node.value[place]
    start, end = name.start_mark.index, _end_of(value)
    if node.flow_style:
        # With the comma before it, or the one behind it if it is the first.
        if place:
            start = node.value[place - 1][1].end_mark.index
        elif len(node.value) > 1:
            end = node.value[1][0].start_mark.index
        return _Edit(start, end, "")
    return _without_lines(text, start, end)


def _without_lines(text: str, start: int, end: int) -> _Edit:
    """Return the edit that takes out a pair in block style; a comment behind it stays, on a line of its own."""
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end
    behind = text[end:line_end].strip()
    before = text[line_start:start]
    if before.strip() == "-":
        # The first pair of an item: the next one takes its place behind the dash.
        following = len(text[line_end:]) - len(text[line_end:].lstrip())
        return _Edit(start, line_end + following, "")
    return _Edit(line_start, min(line_end + 1, len(text)), f"{before}{behind}\n" if behind else "")


def _end_of(node: yaml.Node) -> int:
    """Return the place behind a value; a block ends where its last value does, not where the next line begins."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return _end_of(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return _end_of(node.value[-1])
    end: int = node.end_mark.index
    return end


def _fields(content: object) -> Iterator[tuple[FieldPlace, dict[str, Any]]]:
    """Yield every field that holds values, with the table that says so."""
    for dataset in _tables(content, "dataset"):
        for collection in _tables(dataset, "collections"):
            name = DatasetName(f"{dataset.get('fides_key')}.{collection.get('name')}")
            for path, table in _leaves(collection, ""):
                yield FieldPlace(dataset=name, field=path), table


def _leaves(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for inner in _tables(table, "fields"):
        path = f"{prefix}{inner.get('name')}"
        if "fields" in inner:
            yield from _leaves(inner, path + ".")
        else:
            yield path, inner


def _field_nodes(top: yaml.Node | None) -> Iterator[tuple[FieldPlace, yaml.MappingNode]]:
    """Yield the node of every field, by the same way as ``_fields`` goes."""
    for dataset in _nodes(top, "dataset") if top is not None else ():
        for collection in _nodes(dataset, "collections"):
            name = DatasetName(f"{_text_of(dataset, 'fides_key')}.{_text_of(collection, 'name')}")
            for path, node in _leaf_nodes(collection, ""):
                yield FieldPlace(dataset=name, field=path), node


def _leaf_nodes(node: yaml.MappingNode, prefix: str) -> Iterator[tuple[str, yaml.MappingNode]]:
    for inner in _nodes(node, "fields"):
        path = prefix + _text_of(inner, "name")
        if any(name.value == "fields" for name, _ in inner.value):
            yield from _leaf_nodes(inner, path + ".")
        else:
            yield path, inner


def _nodes(node: yaml.Node, key: str) -> Sequence[yaml.MappingNode]:
    value = next((value for name, value in node.value if name.value == key), None)
    if not isinstance(value, yaml.SequenceNode):
        return ()
    return [item for item in value.value if isinstance(item, yaml.MappingNode)]


def _value_of(node: yaml.MappingNode, key: str) -> Any:
    return next(value for name, value in node.value if name.value == key)


def _text_of(node: yaml.MappingNode, key: str) -> str:
    return str(_value_of(node, key).value)


def _tables(table: object, key: str) -> list[dict[str, Any]]:
    found = table.get(key) if isinstance(table, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _ours(table: Mapping[str, Any]) -> dict[str, Any]:
    ours = table.get(OURS)
    return ours if isinstance(ours, dict) else {}
