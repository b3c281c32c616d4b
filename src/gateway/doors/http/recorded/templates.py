# SPDX-License-Identifier: Apache-2.0
"""A path told by its template, also one that nobody declared: words of an API, and no value of a person.

RULES

1. A declared route is told by its own template.
2. Of any other path, a segment is told as it stands only where an API has a word: where a declared route has that
   very word, directly below the store, behind a version (``v2``), or behind a value (``/customers/{id}/orders``);
   and only if it is letters, ``-`` and ``_`` in lower case, at most 32. Everything else is ``{id}``.
3. No more than ``MOST_WORDS`` words are told at one place: where there are more, they are values. From then on all
   at that place are ``{id}``.
"""

import re

from gateway.domain.catalog import Catalog, Route
from gateway.doors.http.reading.router import Matched, Router, store_router

MOST_WORDS = 32
MOST_SEGMENTS = 12
VALUE = "{id}"

_WORD = re.compile(r"[a-z][a-z_-]{0,31}")
_VERSION = re.compile(r"v[0-9]{1,2}(?:\.[0-9]{1,2})?")


class Templates:
    """Tells paths; remembers how many words came at each place."""

    def __init__(self, catalog: Catalog) -> None:
        """Take in the words of the declared routes."""
        self._router: Router[Route] = store_router(catalog)
        routes = {route.template: route for route in catalog.routes}.values()
        self._by_method = {route.method for route in catalog.routes}
        self._words = {
            segment for route in routes for segment in route.template.split("/") if segment and segment[0] != "{"
        }
        self._came: dict[tuple[str, ...], set[str]] = {}

    def told(self, method: str, segments: tuple[str, ...] | None) -> str:
        """Return the template of a path, by its decoded segments; ``None`` is one that cannot be read."""
        if segments is None:
            return "(not canonical)"
        found = self._declared(method, segments)
        return found or "/" + "/".join(self._guessed(segments))

    def _declared(self, method: str, segments: tuple[str, ...]) -> str | None:
        for one in (method, *sorted(self._by_method - {method})):
            matched = self._router.match(one, segments)
            if isinstance(matched, Matched):
                return matched.target.template
        return None

    def _guessed(self, segments: tuple[str, ...]) -> list[str]:
        found: list[str] = []
        for segment in segments[:MOST_SEGMENTS]:
            # The first is the store's name, which whoever runs the rehearsal gave.
            is_known = not found or segment in self._words or _VERSION.fullmatch(segment) is not None
            found.append(segment if is_known or self._is_word(found, segment) else VALUE)
        return found if len(segments) <= MOST_SEGMENTS else [*found, "…"]

    def _is_word(self, above: list[str], word: str) -> bool:
        may_be = len(above) == 1 or above[-1] == VALUE or _VERSION.fullmatch(above[-1]) is not None
        if not may_be or not _WORD.fullmatch(word):
            return False
        known = self._came.setdefault(tuple(above), set()) if len(self._came) < 1024 else set()
        if len(known) <= MOST_WORDS:
            known.add(word)
        return len(known) <= MOST_WORDS
