# SPDX-License-Identifier: Apache-2.0
"""How the list of a route goes on, and what the store is told in every call.

RULES

1. There is one way on: rows to skip, the number of a page, or the store's own continuation. A number
   of a page needs to know how long a page is, and may have a member that says whether there is a next one;
   a continuation needs the member that holds it.
2. One order: what two parameters say at once has no one meaning to a store. Directions that stand apart
   belong to names that do.
3. What is sent in every call is no parameter of the caller's as well.
"""

import re
from collections.abc import Collection, Iterator

from gateway.decide.loader.grammar.problems import quoted
from gateway.decide.loader.grammar.reading import Reader, describe
from gateway.decide.loader.grammar.yaml_nodes import Kind, Scalar
from gateway.domain.catalog import Route
from gateway.domain.parameters import (
    CursorParameter,
    LimitParameter,
    OffsetParameter,
    OrderParameter,
    PageParameter,
    Parameter,
    SortParameter,
    SortStyle,
)

PAGES = LimitParameter | OffsetParameter | PageParameter | CursorParameter
"""What is said about pages."""
WAYS_ON = (OffsetParameter, PageParameter, CursorParameter)

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]*(\[[A-Za-z0-9_.-]*\])*\Z", re.ASCII)
_MEMBER = re.compile(r"[A-Za-z_$@][A-Za-z0-9_$@-]*(\.[A-Za-z_$@][A-Za-z0-9_$@-]*){0,3}\Z", re.ASCII)
_MOST_CHARACTERS = 256


def read_always(reader: Reader) -> tuple[tuple[str, str], ...]:
    """Return the query parameters that are sent with every call of a route, in their order."""
    found = []
    for name, node in reader.entries("always"):
        if _NAME.match(name.text) is None:
            reader.problems.tell(name.place, f"{quoted(name.text)} is no name for a parameter")
        elif not isinstance(node, Scalar) or not _is_value(node):
            message = (
                f"`always.{name.text}` is {describe(node)}, expected text or a whole number; put other words in quotes"
            )
            reader.problems.tell(node.place, message)
        else:
            found.append((name.text, node.text))
    return tuple(found)


def _is_value(node: Scalar) -> bool:
    is_kind = node.kind in (Kind.TEXT, Kind.INTEGER)
    return is_kind and 0 < len(node.text) <= _MOST_CHARACTERS and node.text.isprintable()


def read_next(reader: Reader, kind: str, taken: Collection[str | None]) -> str | None:
    """Return the path of the member that holds the store's continuation; ``None`` where there is none."""
    if not reader.has("next"):
        return None
    path = reader.text("next")
    if kind and kind != "object":
        reader.problems.tell(reader.place("next"), f"`next` is a member of an `object`; an answer of `{kind}` has none")
    elif path and _MEMBER.match(path) is None:
        message = f"`next` is {quoted(path)}, expected the name of a member, each `.` one object deeper"
        reader.problems.tell(reader.place("next"), message)
    elif path.split(".")[0] in taken:
        reader.problems.tell(reader.place("next"), f"{quoted(path.split('.')[0])} is declared as something else")
    return path or None


def check_pages(reader: Reader, route: Route) -> None:
    """Tell what does not fit together in pages, order and constants of a route."""
    every = {**route.parameters, **(route.body.parameters if route.body else {})}
    for sentence in (*_of_ways(route, every.values()), *_of_order(every.values())):
        reader.problems.tell(reader.place("parameters"), sentence)
    for name, _ in route.always:
        if name in route.parameters:
            message = f"{quoted(name)} is sent in every call, so it cannot be a parameter too"
            reader.problems.tell(reader.place("always"), message)


def _of_ways(route: Route, parameters: Collection[Parameter]) -> Iterator[str]:
    ways = [one for one in parameters if isinstance(one, WAYS_ON)]
    if len(ways) > 1:
        words = ", ".join(f"`{one.__struct_config__.tag}`" for one in ways)
        yield f"a list goes on in one way, but there are {words}; leave all but one out"
    has_limit = any(isinstance(one, LimitParameter) for one in parameters)
    if any(isinstance(one, PageParameter) for one in ways) and not has_limit:
        yield "`use: page` needs a parameter with `use: limit`: the number of a page means nothing without its length"
    has_cursor = any(isinstance(one, CursorParameter) for one in ways)
    if has_cursor and route.answer.next is None:
        yield "`use: cursor` needs `next` in `answer`: the member in which the store says where to go on"
    if route.answer.next is not None and not any(isinstance(one, CursorParameter | PageParameter) for one in ways):
        yield "`next` in `answer` needs a parameter with `use: cursor` or `use: page`: by which a list goes on that it speaks of"


def _of_order(parameters: Collection[Parameter]) -> Iterator[str]:
    # One whose fields could not be read was told of already.
    sorts = [one.style for one in parameters if isinstance(one, SortParameter) and one.fields and all(one.fields)]
    n_directions = sum(isinstance(one, OrderParameter) for one in parameters)
    if len(sorts) > 1 and sorted(sorts) != [SortStyle.ASCENDING, SortStyle.DESCENDING]:
        yield "a route has one parameter with `use: sort`, or one with `style: ascending` and one with `style: descending`"
    if sorts.count(SortStyle.APART) != n_directions:
        yield "`style: apart` and a parameter with `use: order` need each other: names in one, `asc` and `desc` in the other"
