# SPDX-License-Identifier: Apache-2.0
"""One collection as a table: its fields, what the store has there, and what each role would get.

Values stand in it for a terminal alone; where there is none the words for treatments stand in their place.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from gateway.app.own_stores.showing import Shown
    from gateway.domain.catalog import Collection

MOST_SHOWN = 30
"""Characters of a value in a table."""


class Board(msgspec.Struct, frozen=True):
    """What is told of one collection.

    Attributes:
        words: For each role, by field, the word for what it would get.
        shown: One row with what each role would get of it; empty where no values may be shown.
    """

    collection: "Collection"
    words: tuple[Mapping[str, str], ...]
    shown: tuple["Shown", ...]

    def document(self, roles: Sequence[str]) -> list[dict[str, object]]:
        """Return it for programs, without a value."""
        return [
            {
                "field": field.name,
                "type": field.type,
                "categories": field.categories,
                **{role: words.get(field.name, "drop") for role, words in zip(roles, self.words, strict=True)},
            }
            for field in self.collection.fields
        ]

    def rows(self) -> list[tuple[str, ...]]:
        """Return it for people; without values where they would not go to a terminal."""
        if not self.shown:
            return [
                (field.name, "(on a terminal only)", *(words.get(field.name, "drop") for words in self.words))
                for field in self.collection.fields
            ]
        return [
            (
                one.field,
                cell(one.value),
                *(
                    cell(seen) if seen is not None else _unseen(words.get(one.field, "drop"), one.value)
                    for seen, words in zip(one.seen, self.words, strict=True)
                ),
            )
            for one in self.shown
        ]


def cell(value: object) -> str:
    """Return a value as it fits into a table; nothing for none."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 1] + "…"


def _unseen(word: str, value: object) -> str:
    """Return what stands where nothing leaves: that it is dropped, or that there was nothing."""
    return "(dropped)" if word == "drop" or value is not None else ""
