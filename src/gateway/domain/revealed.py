# SPDX-License-Identifier: Apache-2.0
"""What stands behind a surrogate that somebody may have revealed, and what is told where nothing of it leaves."""

import msgspec
from typing_extensions import override

from gateway.domain.catalog import REVEAL, AnswerShape, Route
from gateway.domain.names import DatasetName, PersonNumber

REVEAL_PATH = "/-/surrogates/reveal"

MOST_SURROGATES = 10_000
"""In one call."""
MOST_CHARACTERS = 4096
"""Of one surrogate; none of ours is longer than some 2,200."""

NOT_RECOGNISED, ERASED = "not-recognised", "erased"
"""Causes beside those of rows: the surrogate stands for nothing here, or for nothing any more."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What stands behind a surrogate that was opened.

    Attributes:
        value: In clear; ``None`` where there is nothing any more.
        people: Whose it is; empty where nobody knows.
    """

    value: str | None
    people: tuple[PersonNumber, ...] = ()

    @override
    def __repr__(self) -> str:
        return f"<Found of {len(self.people)}>"


def route_of(dataset: DatasetName) -> Route:
    """Return the route that a reveal of a dataset stands for; no store has it."""
    shape = AnswerShape(kind="record")
    return Route(method="POST", template=REVEAL_PATH, operation=REVEAL, dataset=dataset, answer=shape, parameters={})
