# SPDX-License-Identifier: Apache-2.0
"""Routes and collections in the making: one from each call that a document describes or a sample shows."""

import re
from collections.abc import Sequence

import msgspec

from gateway.discover.columns import Rows, rows_in
from gateway.discover.openapi import DescribedRoute
from gateway.discover.sample import Sample
from gateway.domain.catalog import AnswerShape
from gateway.domain.names import StoreName

SEARCHES = frozenset({"search", "query", "find", "filter", "batch", "lookup", "_search", "list"})
"""Last segments of a path that reads by POST."""

_SEGMENT = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9_.~-]*\Z", re.ASCII)
_BRACE = re.compile(r"\{([^{}/]+)\}\Z")
_NO_WORD = re.compile(r"[^A-Za-z0-9_-]+")
_SUFFIX = re.compile(r"\.json\Z")


class DraftRoute(msgspec.Struct, frozen=True, kw_only=True):
    """One call in the making.

    Attributes:
        template: Below the gateway's root, with braces that a catalogue takes.
        braces: Names of the braces as the document has them, by the name in the template.
        asked: Samples of it, without a query first.
    """

    method: str
    template: str
    path: str
    answer: AnswerShape | None
    braces: tuple[tuple[str, str], ...] = ()
    described: DescribedRoute | None = None
    asked: tuple[Sample, ...] = ()

    @property
    def rows(self) -> tuple[Rows, ...]:
        """The rows of each sample."""
        found = (rows_in(one.body, last_of(self.path)) for one in self.asked)
        return tuple(rows for rows in found if rows is not None)

    @property
    def is_search(self) -> bool:
        """Whether a POST reads rather than writes."""
        words = self.described.words if self.described else ""
        return self.method == "POST" and (
            last_of(self.path).lower() in SEARCHES or any(word in words for word in ("search", "query", "find"))
        )


def last_of(path: str) -> str:
    """Return the last segment of a path, with or without a slash behind it."""
    return path.removesuffix("/").rpartition("/")[2]


def template_of(store: StoreName, path: str) -> tuple[str, tuple[tuple[str, str], ...]] | None:
    """Return the canonical template of a path below the store, and its braces; ``None`` if it has none.

    One slash at the end is the store's own, and its route says so (``Route.slash``).
    """
    segments, braces = [], []
    for segment in path.removeprefix("/").removesuffix("/").split("/"):
        brace = _BRACE.match(segment)
        if brace is not None:
            name = re.sub(r"\W", "_", brace[1], flags=re.ASCII)
            name = name if not name[0].isdigit() else f"_{name}"
            braces.append((name, brace[1]))
            segments.append("{" + name + "}")
        elif _SEGMENT.match(segment):
            segments.append(segment)
        else:
            return None
    if len({name for name, _ in braces}) < len(braces):
        return None
    return f"/{store}/{'/'.join(segments)}", tuple(braces)


def fits(template: str, path: str) -> bool:
    """Tell whether a described path with braces is the one of a sample."""
    left, right = template.strip("/").split("/"), path.strip("/").split("/")
    return len(left) == len(right) and all(a == b or _BRACE.match(a) for a, b in zip(left, right, strict=True))


def collection_name(path: str, taken: Sequence[str] = ()) -> str:
    """Return what a path lists: its last segment that is no brace and no search; with the one before if that is taken."""
    parts = [part for part in path.strip("/").split("/") if part and not _BRACE.match(part)]
    while len(parts) > 1 and parts[-1].lower() in SEARCHES:
        parts.pop()
    words = [_NO_WORD.sub("_", _SUFFIX.sub("", part)).strip("_-") or "rows" for part in parts] or ["rows"]
    name = words[-1]
    for n in range(2, len(words) + 1):
        if name not in taken:
            break
        name = "_".join(words[-n:])
    return name


def list_path(path: str) -> str:
    """Return the path of the list that a call belongs to: without braces and searches at its end."""
    parts = path.strip("/").split("/")
    while len(parts) > 1 and (_BRACE.match(parts[-1]) or parts[-1].lower() in SEARCHES):
        parts.pop()
    return "/" + "/".join(parts)
