# SPDX-License-Identifier: Apache-2.0
"""YAML as plain nodes with line numbers, and nothing in it that surprises.

Rules:
    1. One document; no anchors, aliases, merge keys, tags or directives; no key twice.
    2. Every key is text. Depth is bounded, so no file can exhaust the stack.
    3. What YAML 1.1 reads as something else than the author sees (``no``, ``010``, ``1:30``) keeps its
       kind here; the reader of the key decides whether that kind was meant.
"""

import re
from collections.abc import Mapping
from enum import StrEnum

import msgspec
import yaml

from gateway.decide.loader.problems import Place, Problems, quoted
from gateway.decide.loader.text import is_hidden

MAX_DEPTH = 16
"""Rule files need 9 levels (Fides dataset, nested field, our key)."""

_DECIMAL = re.compile(r"(0|-?[1-9][0-9]{0,15})\Z", re.ASCII)
_TAG = "tag:yaml.org,2002:"


class Kind(StrEnum):
    """What YAML takes a scalar for."""

    TEXT = "text"
    INTEGER = "whole number"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    NOTHING = "empty value"


class Scalar(msgspec.Struct, frozen=True):
    """A single value as it is spelt."""

    place: Place
    kind: Kind
    text: str


class Items(msgspec.Struct, frozen=True):
    """A list."""

    place: Place
    nodes: "tuple[Node, ...]"


class Table(msgspec.Struct, frozen=True):
    """A mapping; ``keys`` holds where each key stands."""

    place: Place
    nodes: "Mapping[str, Node]"
    keys: Mapping[str, Place]


Node = Scalar | Items | Table


def read_yaml(file: str, text: str, problems: Problems) -> Node | None:
    """Return the document of a file, or ``None`` if it is not YAML or uses what rules may not."""
    try:
        if not _is_plain(file, text, problems):
            return None
        document = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        problems.tell(Place(file, line), f"is not YAML: {error.problem or error.context}")
        return None
    except yaml.YAMLError as error:
        problems.tell(Place(file, 1), f"is not YAML: {type(error).__name__}")
        return None
    if document is None:
        problems.tell(Place(file, 1), "is empty")
        return None
    return _node(file, document, problems)


def _is_plain(file: str, text: str, problems: Problems) -> bool:
    depth = documents = 0
    plain = True
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        place = Place(file, event.start_mark.line + 1)
        documents += isinstance(event, yaml.DocumentStartEvent)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            problems.tell(place, f"is nested deeper than {MAX_DEPTH} levels")
            return False
        said = _refused(event, documents)
        if said is not None:
            problems.tell(place, said)
            plain = False
    return plain


def _refused(event: yaml.Event, documents: int) -> str | None:
    if isinstance(event, yaml.AliasEvent):
        return f"alias `*{event.anchor}`: rules are written out, not referred to"
    if isinstance(event, yaml.DocumentStartEvent):
        if event.version is not None or event.tags:
            return "directives are not understood"
        return "a second document starts here; a file holds one" if documents > 1 else None
    if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
        return f"anchor `&{event.anchor}`: rules are written out, not referred to"
    if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
        return f"tag {quoted(event.tag)} is not understood"
    return None


def _node(file: str, node: yaml.Node, problems: Problems) -> Node:
    place = Place(file, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _table(file, node, problems)
    if isinstance(node, yaml.SequenceNode):
        return Items(place, tuple(_node(file, item, problems) for item in node.value))
    hidden = next((character for character in node.value if character != "\n" and is_hidden(character)), None)
    if hidden is not None:
        problems.tell(place, f"holds the hidden character U+{ord(hidden):04X}, which is not allowed")
    return Scalar(place, _kind(node), node.value)


def _table(file: str, node: yaml.MappingNode, problems: Problems) -> Table:
    nodes: dict[str, Node] = {}
    keys: dict[str, Place] = {}
    for key_node, value_node in node.value:
        place = Place(file, key_node.start_mark.line + 1)
        value = _node(file, value_node, problems)
        if key_node.tag == _TAG + "merge":
            problems.tell(place, "merge key `<<`: rules are written out, not referred to")
        elif key_node.tag != _TAG + "str":
            spelt = f" {quoted(key_node.value)}" if isinstance(key_node, yaml.ScalarNode) else ""
            problems.tell(place, f"a key must be text, got{spelt} as {_kind(key_node)}; put it in quotes")
        elif key_node.value in nodes:
            problems.tell(
                place, f"key {quoted(key_node.value)} stands twice; first in line {keys[key_node.value].line}"
            )
        else:
            nodes[key_node.value] = value
            keys[key_node.value] = place
    return Table(Place(file, node.start_mark.line + 1), nodes, keys)


def _kind(node: yaml.Node) -> Kind:
    kinds = {"str": Kind.TEXT, "bool": Kind.BOOLEAN, "timestamp": Kind.DATE, "null": Kind.NOTHING}
    tag = node.tag.removeprefix(_TAG)
    if tag == "int" and _DECIMAL.match(node.value) is not None:
        return Kind.INTEGER
    return kinds.get(tag, Kind.NUMBER)
