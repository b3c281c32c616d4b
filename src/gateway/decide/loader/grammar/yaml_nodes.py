# SPDX-License-Identifier: Apache-2.0
"""YAML as plain nodes with line numbers, and nothing in it that surprises.

Rules:
    1. One document; no anchors, aliases, merge keys, tags or directives; no key twice.
    2. Every key is text. Depth is bounded, so no file can exhaust the stack.
    3. What YAML 1.1 reads as something else than the author sees (``no``, ``010``, ``1:30``) keeps its
       kind here; the reader of the key decides whether that kind was meant.
"""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum

import msgspec
import yaml
from yaml.resolver import Resolver

from gateway.decide.loader.grammar.problems import Place, Problems, quoted
from gateway.decide.loader.grammar.text import is_hidden

MAX_DEPTH = 16
"""Rule files need 9 levels (Fides dataset, nested field, our key)."""

_DECIMAL = re.compile(r"(0|-?[1-9][0-9]{0,15})\Z", re.ASCII)
_TAG = "tag:yaml.org,2002:"
_RESOLVER = Resolver()
# libyaml gives the same events in a fifteenth of the time; PyYAML is built without it on a few systems.
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Kind(StrEnum):
    """What YAML takes a scalar for."""

    TEXT = "text"
    INTEGER = "whole number"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    NOTHING = "empty value"
    MERGE = "merge key"


_KINDS = {"str": Kind.TEXT, "bool": Kind.BOOLEAN, "timestamp": Kind.DATE, "null": Kind.NOTHING, "merge": Kind.MERGE}


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
        events = _plain_events(file, text, problems)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        problems.tell(Place(file, line), f"is not YAML: {error.problem or error.context}")
        return None
    except yaml.YAMLError as error:
        problems.tell(Place(file, 1), f"is not YAML: {type(error).__name__}")
        return None
    if events is None:
        return None
    if not events:
        problems.tell(Place(file, 1), "is empty")
        return None
    return _Tree(file, iter(events), problems).node()


def _plain_events(file: str, text: str, problems: Problems) -> list[yaml.Event] | None:
    """Return the events that make up the nodes, ``None`` after telling what is not plain."""
    depth = documents = 0
    plain = True
    events: list[yaml.Event] = []
    for event in yaml.parse(text, Loader=_PARSER):
        place = Place(file, _line(event))
        documents += isinstance(event, yaml.DocumentStartEvent)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        said = f"is nested deeper than {MAX_DEPTH} levels" if depth > MAX_DEPTH else _refused(event, documents)
        if said is not None:
            problems.tell(place, said)
            plain = False
        if depth > MAX_DEPTH:
            break
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent | yaml.CollectionEndEvent):
            events.append(event)
    return events if plain else None


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


class _Tree:
    """Makes nodes of the events of one document, one after the other."""

    def __init__(self, file: str, events: Iterator[yaml.Event], problems: Problems) -> None:
        self.file = file
        self.events = events
        self.problems = problems

    def node(self) -> Node:
        """Return the node that the next event begins; the caller knows that there is one."""
        node = self._next()
        assert node is not None  # noqa: S101 - the parser balances its events
        return node

    def _next(self) -> Node | None:
        """Return the next node, ``None`` at the end of the list or mapping around it."""
        event = next(self.events)
        place = Place(self.file, _line(event))
        if isinstance(event, yaml.MappingStartEvent):
            return self._table(place)
        if isinstance(event, yaml.SequenceStartEvent):
            return Items(place, tuple(iter(self._next, None)))
        return self._scalar(place, event) if isinstance(event, yaml.ScalarEvent) else None

    def _scalar(self, place: Place, event: yaml.ScalarEvent) -> Scalar:
        hidden = next((character for character in event.value if character != "\n" and is_hidden(character)), None)
        if hidden is not None:
            self.problems.tell(place, f"holds the hidden character U+{ord(hidden):04X}, which is not allowed")
        return Scalar(place, _kind(event), event.value)

    def _table(self, place: Place) -> Table:
        nodes: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        while (key := self._next()) is not None:
            value = self.node()
            said = _wrong_key(key, keys)
            if said is not None:
                self.problems.tell(key.place, said)
            elif isinstance(key, Scalar):
                nodes[key.text] = value
                keys[key.text] = key.place
        return Table(place, nodes, keys)


def _line(event: yaml.Event) -> int:
    """Return the line that an event begins in, counted from 1; the parser marks every event."""
    return event.start_mark.line + 1 if event.start_mark is not None else 1


def _wrong_key(key: Node, before: Mapping[str, Place]) -> str | None:
    if not isinstance(key, Scalar):
        return "a key must be text; put it in quotes"
    if key.kind is Kind.MERGE:
        return "merge key `<<`: rules are written out, not referred to"
    if key.kind is not Kind.TEXT:
        return f"a key must be text, got {quoted(key.text)} as {key.kind}; put it in quotes"
    if key.text in before:
        return f"key {quoted(key.text)} stands twice; first in line {before[key.text].line}"
    return None


def _kind(event: yaml.ScalarEvent) -> Kind:
    tag = str(_RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit)).removeprefix(_TAG)  # type: ignore[no-untyped-call]
    if tag == "int" and _DECIMAL.match(event.value) is not None:
        return Kind.INTEGER
    return _KINDS.get(tag, Kind.NUMBER)
