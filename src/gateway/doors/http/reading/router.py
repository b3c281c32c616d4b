# SPDX-License-Identifier: Apache-2.0
"""Which declared route a path belongs to; what is not declared does not exist.

Templates are matched segment by segment: a literal equals the decoded segment exactly, a brace takes
exactly one segment. Of two templates that fit, the one whose first difference is a literal wins, so
``/crm/customers/count`` is not the customer ``count``. The tree is built once for a catalogue.
"""

from collections.abc import Iterable
from typing import Generic, TypeVar

import msgspec

from gateway.domain.catalog import Catalog, Route
from gateway.domain.decision import Reason

Target = TypeVar("Target")


class Matched(msgspec.Struct, Generic[Target], frozen=True):
    """A route and the decoded values of its braces, in the order of the template."""

    target: Target
    values: tuple[tuple[str, str], ...] = ()


class Unmatched(msgspec.Struct, frozen=True):
    """No route: the path is not declared, or only for the methods in ``allow``."""

    reason: Reason
    allow: tuple[str, ...] = ()


class _Node(Generic[Target]):
    """A place in the tree of templates; it is changed only while the router is built."""

    def __init__(self) -> None:
        self.literals: dict[str, _Node[Target]] = {}
        self.brace: _Node[Target] | None = None
        self.names: tuple[str, ...] = ()
        self.targets: dict[str, Target] = {}

    def below(self, part: str | None) -> "_Node[Target]":
        """Return the node below a literal, or below the brace for ``None``; it is made if missing."""
        if part is not None:
            return self.literals.setdefault(part, _Node())
        if self.brace is None:
            self.brace = _Node()
        return self.brace


class Router(Generic[Target]):
    """A tree of templates with one level for each segment; a look-up costs the segments of the path."""

    def __init__(self, routes: Iterable[tuple[str, str, Target]]) -> None:
        """Take in routes given as method, template, target.

        Raises:
            ValueError: A template cannot be read, starts with a brace, or is declared twice.
        """
        self._root: _Node[Target] = _Node()
        for method, template, target in routes:
            parts, names = _parts(template)
            node = self._root
            for part in parts:
                node = node.below(part)
            if method in node.targets or (node.targets and node.names != names):
                raise ValueError(f"the route {method} {template} is declared twice or under two names")
            node.names = names
            node.targets[method] = target

    def match(self, method: str, segments: tuple[str, ...]) -> Matched[Target] | Unmatched:
        """Return the route of a method and a decoded path."""
        found = _found(self._root, segments, 0, ())
        if found is None:
            return Unmatched(Reason.NO_SUCH_ROUTE)
        node, values = found
        if method not in node.targets:
            return Unmatched(Reason.METHOD_NOT_ALLOWED, tuple(sorted(node.targets)))
        return Matched(node.targets[method], tuple(zip(node.names, values, strict=True)))


def _found(
    node: _Node[Target], segments: tuple[str, ...], depth: int, values: tuple[str, ...]
) -> tuple[_Node[Target], tuple[str, ...]] | None:
    """Return the node of the path with the values of its braces; a literal goes before a brace."""
    if depth == len(segments):
        return (node, values) if node.targets else None
    segment = segments[depth]
    literal = node.literals.get(segment)
    found = _found(literal, segments, depth + 1, values) if literal else None
    if found is None and node.brace:
        found = _found(node.brace, segments, depth + 1, (*values, segment))
    return found


def store_router(catalog: Catalog) -> Router[Route]:
    """Return the router of all declared store routes."""
    return Router((route.method, route.template, route) for route in catalog.routes)


class StoreRouters:
    """The router of a catalogue, built once for each rule set."""

    def __init__(self) -> None:
        """Begin with none."""
        self._known: tuple[Catalog, Router[Route]] | None = None

    def __call__(self, catalog: Catalog) -> Router[Route]:
        """Return the router of the catalogue in force."""
        if self._known is None or self._known[0] is not catalog:
            self._known = (catalog, store_router(catalog))
        return self._known[1]


def _parts(template: str) -> tuple[tuple[str | None, ...], tuple[str, ...]]:
    """Return the literals of a template with ``None`` for each brace, and the names in the braces."""
    if template == "/":
        return (), ()
    parts: list[str | None] = []
    names: list[str] = []
    for piece in template.removeprefix("/").split("/"):
        brace = piece.startswith("{") and piece.endswith("}")
        name = piece[1:-1] if brace else piece
        if not name or "{" in name or "}" in name or not template.startswith("/"):
            raise ValueError(f"the template {template} cannot be read")
        parts.append(None if brace else name)
        names += [name] if brace else []
    if parts[0] is None or len(set(names)) != len(names):
        raise ValueError(f"the template {template} starts with a brace or has two of one name")
    return tuple(parts), tuple(names)
