# SPDX-License-Identifier: Apache-2.0
"""What a migration found and did, in counts; where something stands is told by its place in the walk, never by value."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from gateway.domain.names import DatasetName, FieldName
from gateway.domain.turning import Found

MOST_EXAMPLES = 20
WRONG = (Found.LOSES, Found.TOO_LONG, Found.UNREADABLE)
"""What a migration leaves alone unless it is told otherwise, or always."""


class FieldReport(msgspec.Struct, frozen=True, kw_only=True):
    """One field.

    Attributes:
        to_turn: Cells that are to be written.
        turned: Cells that are as they are to be.
        null: Null or missing.
        loses_spelling / too_long / unreadable: Cells that cannot be turned, by why.
        examples: By why, places in the walk of the first of them, from 1.
    """

    field: FieldName
    to_turn: int = 0
    turned: int = 0
    null: int = 0
    loses_spelling: int = 0
    too_long: int = 0
    unreadable: int = 0
    examples: dict[str, tuple[int, ...]] = {}

    @property
    def n_cannot(self) -> int:
        """Return how many cells are too long or cannot be read."""
        return self.too_long + self.unreadable


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A whole migration, or a look.

    Attributes:
        rows: Rows that were looked at in the last walk.
        malformed / without_key: Of them, those that are not as declared, and those that no path leads to.
        written: Records that were written.
        again: Records that somebody else was writing to at the same moment, and that were read again.
        gone: Records that were not there any more.
        refused: Records that the store refused to change, by status.
        walks: Walks through the whole list.
        whole: The last walk found nothing left to do.
        conditional: A change that somebody else makes in the same moment cannot be lost.
    """

    dataset: DatasetName
    to: str
    is_dry: bool
    rows: int
    fields: tuple[FieldReport, ...]
    malformed: int = 0
    without_key: int = 0
    written: int = 0
    again: int = 0
    gone: int = 0
    refused: dict[int, int] = {}
    walks: int = 0
    whole: bool = False
    conditional: bool = True

    @property
    def loses(self) -> int:
        """Return how many cells would come back in another spelling."""
        return sum(one.loses_spelling for one in self.fields)

    @property
    def is_right(self) -> bool:
        """Tell whether there is nothing that was to be turned and is not."""
        left = self.malformed + self.without_key + sum(self.refused.values())
        return self.whole and not left and not any(one.n_cannot for one in self.fields)


class Tally:
    """Counts of one walk."""

    def __init__(self, names: Sequence[FieldName], *, back: bool) -> None:
        """Begin with nothing."""
        self._names, self._back = tuple(names), back
        self._found: dict[FieldName, Counter[Found]] = {name: Counter() for name in names}
        self._examples: dict[FieldName, dict[str, tuple[int, ...]]] = {name: {} for name in names}
        self.n_rows = self.n_malformed = self.n_without_key = self.n_to_write = 0

    def take(self, name: FieldName, found: Found) -> None:
        """Count a cell of the row that was counted last."""
        self._found[name][found] += 1
        if found in WRONG:
            places = self._examples[name].get(found, ())
            if len(places) < MOST_EXAMPLES:
                self._examples[name][str(found)] = (*places, self.n_rows)

    def fields(self) -> tuple[FieldReport, ...]:
        """Return the counts of each field."""
        return tuple(self._field(name, self._found[name]) for name in self._names)

    def _field(self, name: FieldName, found: Counter[Found]) -> FieldReport:
        over, older, clear = found[Found.OVER], found[Found.OLDER], found[Found.CLEAR]
        return FieldReport(
            field=name,
            to_turn=over if self._back else clear + older,
            turned=clear if self._back else over,
            null=found[Found.NULL],
            loses_spelling=found[Found.LOSES],
            too_long=found[Found.TOO_LONG],
            unreadable=found[Found.UNREADABLE],
            examples=dict(self._examples[name]),
        )
