# SPDX-License-Identifier: Apache-2.0
"""A column of a store that is turned over from values to what the store is to hold, or back again.

A field that is declared ``at_rest`` is written sealed from that moment on, while older rows of its column may be
clear: the column is *mixed*. It is known to be whole only after a walk that found nothing left to turn over, and
stays so until it is turned back, or its key is rotated.
"""

from enum import StrEnum

import msgspec

MIGRATION = "gateway:migration"
"""Who asks stores while a column is turned over; no account can have this name."""


class Turn(StrEnum):
    """What is known of a column."""

    NONE = "none"
    """Nothing: it may hold values, and it may hold surrogates."""
    OVER = "over"
    """It is being turned over."""
    DONE = "done"
    """It holds no value any more."""
    BACK = "back"
    """It is being turned back, or was: it may hold values."""


class ColumnState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of one field of a dataset.

    Attributes:
        oldest: Of a column that is ``done``, the oldest version of the key that anything in it may be sealed under.
    """

    turn: Turn = Turn.NONE
    oldest: int = 1

    @property
    def is_mixed(self) -> bool:
        """Tell whether a row may hold the value itself."""
        return self.turn is not Turn.DONE


UNKNOWN = ColumnState()


class Found(StrEnum):
    """What stands in one cell of a column."""

    NULL = "null"
    """Null, or missing."""
    CLEAR = "clear"
    """A value, which can be turned over and back without a difference."""
    LOSES = "loses-spelling"
    """A value of which only the normalised spelling would come back."""
    TOO_LONG = "too-long"
    """A value that is too long to be sealed."""
    OVER = "over"
    """What the store is to hold, under the key in force."""
    OLDER = "older"
    """The same under a key that is retired, or in another case."""
    UNREADABLE = "unreadable"
    """Text in the shape of what a store is to hold, or the beginning of one, that opens under no key of ours."""


class Turned(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in a cell, and what is to stand there.

    Attributes:
        text: What is to be written; ``None`` where nothing is to be, or can be.
    """

    found: Found
    text: str | None = None
