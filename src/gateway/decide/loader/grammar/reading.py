# SPDX-License-Identifier: Apache-2.0
"""Reads the keys of one YAML mapping by name and type, and tells what is missing, wrong or unknown.

Every read of a wrong or missing value tells a problem and returns an empty value of the right type.
"""

from collections.abc import Collection

from gateway.decide.loader.grammar.problems import Place, Problems, Said, choices, quoted, suggestion
from gateway.decide.loader.grammar.times import EXPECTED, instant_us
from gateway.decide.loader.grammar.yaml_nodes import Items, Kind, Node, Scalar, Table

FLAGS = {"yes": True, "true": True, "no": False, "false": False}


class Reader:
    """One mapping, read key by key; ``close`` tells the keys that nobody asked for."""

    def __init__(self, table: Table, problems: Problems) -> None:
        self.table = table
        self.problems = problems
        self._asked: dict[str, None] = {}

    def has(self, key: str) -> bool:
        """Tell whether the key is there; asking makes it a known key."""
        self._asked[key] = None
        return key in self.table.nodes

    def place(self, key: str | None = None) -> Place:
        """Return where a key stands, or the mapping itself."""
        return self.table.keys.get(key, self.table.place) if key is not None else self.table.place

    def close(self, passed_over: Collection[str] = ()) -> None:
        """Tell every key that was neither asked for nor is one to pass over."""
        for key, place in self.table.keys.items():
            if key not in self._asked and key not in passed_over:
                self.problems.tell(place, f"unknown key {quoted(key)}{suggestion(key, self._asked)}")

    def text(self, key: str, *, default: str | None = None) -> str:
        """Return a text; required if there is no default."""
        node = self._node(key, required=default is None)
        if node is None:
            return default or ""
        if not isinstance(node, Scalar) or node.kind is not Kind.TEXT:
            self._wrong(key, node, "text")
            return ""
        if not node.text.strip():
            self.problems.tell(node.place, f"`{key}` is empty")
        return node.text.strip()

    def word(self, key: str, allowed: Collection[str], *, default: str | None = None) -> str:
        """Return one of the allowed words."""
        text = self.text(key, default=default)
        if text and text != default and text not in allowed:
            message = f"`{key}` is {quoted(text)}, expected one of {choices(allowed)}"
            self.problems.tell(self.place(key), message + suggestion(text, allowed))
            return ""
        return text

    def flag(self, key: str, *, default: bool | None = None) -> bool:
        """Return yes or no; unlike other keys, this one wants YAML's booleans."""
        node = self._node(key, required=default is None)
        if node is None:
            return bool(default)
        if not isinstance(node, Scalar) or node.kind is not Kind.BOOLEAN or node.text not in FLAGS:
            self._wrong(key, node, "`yes` or `no` without quotes")
            return False
        return FLAGS[node.text]

    def number(self, key: str, *, least: int, most: int, default: int | None = None) -> int:
        """Return a whole number within bounds."""
        node = self._node(key, required=default is None)
        if node is None:
            return default if default is not None else least
        if not isinstance(node, Scalar) or node.kind is not Kind.INTEGER:
            self._wrong(key, node, "a whole number in plain digits")
            return least
        value = int(node.text)
        if not least <= value <= most:
            self.problems.tell(node.place, f"`{key}` is {value}, expected {least} to {most}")
        return min(max(value, least), most)

    def instant(self, key: str) -> int | None:
        """Return UTC microseconds, ``None`` if the key is absent."""
        node = self._node(key, required=False)
        if node is None:
            return None
        at_us = instant_us(node.text) if isinstance(node, Scalar) and node.kind in (Kind.DATE, Kind.TEXT) else None
        if at_us is None:
            self._wrong(key, node, EXPECTED)
        return at_us

    def texts(self, key: str, *, required: bool = False) -> tuple[Said, ...]:
        """Return a list of texts, each at most once."""
        found: dict[str, Said] = {}
        for node in self._items(key, required=required):
            if not isinstance(node, Scalar) or node.kind is not Kind.TEXT or not node.text.strip():
                self._wrong(key, node, "a list of texts")
            elif node.text in found:
                self.problems.tell(node.place, f"{quoted(node.text)} stands twice in `{key}`")
            else:
                found[node.text] = Said(node.text, node.place)
        return tuple(found.values())

    def samples(self, key: str) -> tuple[str | int, ...]:
        """Return a list of texts and whole numbers, at least one."""
        found: list[str | int] = []
        for node in self._items(key, required=True):
            if isinstance(node, Scalar) and node.kind in (Kind.TEXT, Kind.INTEGER):
                found.append(node.text if node.kind is Kind.TEXT else int(node.text))
            else:
                self._wrong(key, node, "a list of texts in quotes and whole numbers")
        return tuple(found)

    def table_of(self, key: str, *, required: bool = False) -> "Reader | None":
        """Return a reader for the mapping under a key."""
        node = self._node(key, required=required)
        if node is None:
            return None
        if not isinstance(node, Table):
            self._wrong(key, node, "keys with values")
            return None
        return Reader(node, self.problems)

    def tables(self, key: str, *, required: bool = False) -> "tuple[Reader, ...]":
        """Return a reader for each mapping of the list under a key."""
        readers = []
        for node in self._items(key, required=required):
            if isinstance(node, Table):
                readers.append(Reader(node, self.problems))
            else:
                self._wrong(key, node, "a list of keys with values")
        return tuple(readers)

    def entries(self, key: str, *, required: bool = False) -> "tuple[tuple[Said, Node], ...]":
        """Return the entries of a mapping whose keys are names of the author's own."""
        inner = self.table_of(key, required=required)
        if inner is None:
            return ()
        return tuple((Said(name, inner.table.keys[name]), node) for name, node in inner.table.nodes.items())

    def text_entries(self, key: str, *, required: bool = False) -> tuple[tuple[Said, str], ...]:
        """Return the entries of a mapping of the author's own names to texts."""
        found = []
        for name, node in self.entries(key, required=required):
            if isinstance(node, Scalar) and node.kind is Kind.TEXT and node.text.strip():
                found.append((name, " ".join(node.text.split())))
            else:
                self._wrong(f"{key}.{name.text}", node, "text")
        return tuple(found)

    def _items(self, key: str, *, required: bool) -> tuple[Node, ...]:
        node = self._node(key, required=required)
        if node is None:
            return ()
        if not isinstance(node, Items):
            self._wrong(key, node, "a list")
            return ()
        if required and not node.nodes:
            self.problems.tell(node.place, f"`{key}` is empty")
        return node.nodes

    def _node(self, key: str, *, required: bool) -> Node | None:
        self._asked[key] = None
        node = self.table.nodes.get(key)
        if node is None and required:
            self.problems.tell(self.table.place, f"`{key}` is missing")
        return node

    def _wrong(self, key: str, node: Node, expected: str) -> None:
        self.problems.tell(node.place, f"`{key}` is {describe(node)}, expected {expected}{_hint(node, expected)}")


def describe(node: Node) -> str:
    """Return what a node is, for messages."""
    if isinstance(node, Table):
        return "keys with values"
    if isinstance(node, Items):
        return "a list"
    if node.kind is Kind.NOTHING:
        return "empty"
    return f"the {node.kind} {quoted(node.text)}"


def _hint(node: Node, expected: str) -> str:
    """Say what to do about YAML's own idea of a word: ``NO`` is Norway to its author."""
    is_word = isinstance(node, Scalar) and node.kind not in (Kind.TEXT, Kind.NOTHING)
    return "; put it in quotes" if is_word and "text" in expected else ""


def top_of(node: Node | None, file: str, problems: Problems) -> Reader | None:
    """Return a reader for the top of a file."""
    if node is None or isinstance(node, Table):
        return Reader(node, problems) if node is not None else None
    problems.tell(node.place, f"{file} must hold keys with values, got {describe(node)}")
    return None
