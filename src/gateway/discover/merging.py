# SPDX-License-Identifier: Apache-2.0
"""What a look found anew, added to a dataset that is there already; what stands in it is not touched.

RULES

1. New are collections, routes and fields that the file does not name. Each new field says ``reviewed: no``.
2. Everything that somebody wrote stays to the byte: lines are added and none is changed.
3. A file whose lists are not one item a line is not added to; it is said so, and left alone.
"""

from collections.abc import Callable, Iterator

import msgspec
import yaml

from gateway.discover.dataset_yaml import collection_lines, field_lines, route_lines
from gateway.domain.names import ancestors
from gateway.domain.proposal import CollectionProposal, DatasetProposal, FieldProposal


class CannotMerge(ValueError):
    """The file is written in a way that nothing can be added to; the sentence says where."""


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """A file with what is new.

    Attributes:
        fields: New fields as ``collection.field``.
        routes: New routes as ``GET /crm/customers``.
    """

    text: str
    collections: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()

    @property
    def is_new(self) -> bool:
        """Whether anything was added."""
        return bool(self.collections or self.fields or self.routes)


class _Insertion(msgspec.Struct, frozen=True):
    at: int
    lines: list[str]


def merged(text: str, proposal: DatasetProposal, *, notes: bool = True) -> Merged:
    """Return a dataset's file with what a proposal has and it has not.

    Raises:
        CannotMerge: The file does not have the form to which lines can be added.
    """
    text = text if text.endswith("\n") else text + "\n"
    dataset = _dataset(text, proposal.store)
    collections = _sequence(dataset, "collections")
    known = {_text_of(node, "name"): node for node in collections.value}
    insertions: list[_Insertion] = []
    found: dict[str, list[str]] = {"collections": [], "fields": [], "routes": []}
    for one in proposal.collections:
        if one.name not in known:
            lines = _moved(collection_lines(proposal, one, notes=notes), collections.start_mark.column - 6)
            insertions.append(_Insertion(_behind(text, collections), lines))
            found["collections"].append(one.name)
        else:
            insertions += _in_collection(text, known[one.name], one, found, notes=notes)
    whole = _inserted(text, insertions)
    _check(whole, text)
    return Merged(text=whole, **{key: tuple(names) for key, names in found.items()})


def _in_collection(
    text: str, node: yaml.MappingNode, one: CollectionProposal, found: dict[str, list[str]], *, notes: bool
) -> Iterator[_Insertion]:
    fields = _sequence(node, "fields")
    names = set(_field_names(fields, ""))
    # What the file has as an object is no value beside it, whatever the store sends now.
    objects = {above for name in names for above in ancestors(name)[1:]}
    new = [field for field in one.fields if field.name not in names | objects]
    # A field inside an object stands below it, so it needs one that is new as a whole.
    for field in new:
        place, name = _place_for(fields, field)
        if place is None:
            continue
        lines = field_lines(msgspec.structs.replace(field, references=None), name, place.start_mark.column, notes=notes)
        yield _Insertion(_behind(text, place), lines)
        found["fields"].append(f"{one.name}.{field.name}")
    ours = _value(node, "gateway")
    routes = _value(ours, "routes") if isinstance(ours, yaml.MappingNode) else None
    if not isinstance(routes, yaml.SequenceNode) or routes.flow_style or not routes.value:
        return
    declared = {
        (_text_of(route, "method"), _text_of(route, "path"))
        for route in routes.value
        if isinstance(route, yaml.MappingNode)
    }
    for route in one.routes:
        if (route.method, route.template) not in declared:
            yield _Insertion(_behind(text, routes), _moved(route_lines(route), routes.start_mark.column - 12))
            found["routes"].append(f"{route.method} {route.template}")


def _place_for(fields: yaml.SequenceNode, field: FieldProposal) -> tuple[yaml.SequenceNode | None, str]:
    """Return the list that a field belongs into, and its name there; ``None`` where its object is not in the file."""
    place, name = fields, str(field.name)
    while "." in name:
        first, _, name = name.partition(".")
        inner = next((one for one in place.value if _text_of(one, "name") == first), None)
        node = _value(inner, "fields") if isinstance(inner, yaml.MappingNode) else None
        if not isinstance(node, yaml.SequenceNode) or node.flow_style:
            return None, name
        place = node
    return place, name


def _dataset(text: str, store: str) -> yaml.MappingNode:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    items = _value(root, "dataset") if isinstance(root, yaml.MappingNode) else None
    for item in items.value if isinstance(items, yaml.SequenceNode) else ():
        if isinstance(item, yaml.MappingNode) and _text_of(item, "fides_key") == store:
            return item
    raise CannotMerge(f"the file describes no store `{store}`")


def _sequence(node: yaml.MappingNode, key: str) -> yaml.SequenceNode:
    found = _value(node, key)
    if not isinstance(found, yaml.SequenceNode) or found.flow_style or not found.value:
        raise CannotMerge(f"`{key}` is not a list with one item a line")
    return found


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for name, value in pairs if name.value == key), None)


def _text_of(node: yaml.Node, key: str) -> str:
    found = _value(node, key)
    return str(found.value) if isinstance(found, yaml.ScalarNode) else ""


def _field_names(fields: yaml.SequenceNode, prefix: str) -> Iterator[str]:
    for one in fields.value:
        name = prefix + _text_of(one, "name")
        inner = _value(one, "fields")
        if isinstance(inner, yaml.SequenceNode):
            yield from _field_names(inner, name + ".")
        else:
            yield name


def _behind(text: str, node: yaml.Node) -> int:
    """Return the beginning of the line behind a block's last value."""
    last = node
    while isinstance(last, yaml.CollectionNode) and not last.flow_style and last.value:
        last = last.value[-1][1] if isinstance(last, yaml.MappingNode) else last.value[-1]
    line_end = text.find("\n", max(last.end_mark.index - 1, 0) if _is_block(last) else last.end_mark.index)
    return len(text) if line_end < 0 else line_end + 1


def _is_block(node: yaml.Node) -> bool:
    """Tell whether a scalar is one whose end is the line behind it (``|`` and ``>``)."""
    return isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")


def _moved(lines: list[str], by: int) -> list[str]:
    move: Callable[[str], str] = (lambda line: " " * by + line) if by >= 0 else (lambda line: line[-by:])
    return [move(line) for line in lines]


def _inserted(text: str, insertions: list[_Insertion]) -> str:
    # From the end, so that earlier places stay. Of two at one place the deeper belongs to what ends there and comes
    # first; of two alike the first stays first.
    placed = enumerate(insertions)
    for _, one in sorted(placed, key=lambda each: (each[1].at, -_depth(each[1]), each[0]), reverse=True):
        text = text[: one.at] + "".join(f"{line}\n" for line in one.lines) + text[one.at :]
    return text


def _depth(one: _Insertion) -> int:
    return len(one.lines[0]) - len(one.lines[0].lstrip())


def _check(whole: str, before: str) -> None:
    left = iter(whole.split("\n"))
    kept = all(line in left for line in before.rstrip("\n").split("\n"))
    try:
        yaml.safe_load(whole)
    except yaml.YAMLError:
        kept = False
    if not kept:
        raise CannotMerge("the file is written in a way that nothing can be added to")
