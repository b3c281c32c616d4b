# SPDX-License-Identifier: Apache-2.0
"""What people chose, and what their choices mean for a purpose.

The latest record among a purpose and its ancestors decides; at the same instant a negative one wins.
So an objection to ``marketing`` covers every marketing purpose, and a consent to
``marketing.communications.email`` that the person gives later covers e-mail alone.
"""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from gateway.domain.names import PersonNumber, PurposeKey


class ChoiceState(StrEnum):
    """One act of a person. Absence of a record is none of these."""

    GIVEN = "given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    OBJECTED = "objected"


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One record: this person, for this purpose and those below it, chose this, then."""

    person: PersonNumber
    purpose: PurposeKey
    state: ChoiceState
    at_us: int


def deciding(choices: Iterable[Choice]) -> Choice | None:
    """Return the choice that decides among those of one person for a purpose and its ancestors."""
    return max(choices, key=lambda choice: (choice.at_us, choice.state is not ChoiceState.GIVEN), default=None)
