# SPDX-License-Identifier: Apache-2.0
"""What people chose, and what their choices mean for a purpose.

The latest record among a purpose and its ancestors decides; at the same instant a negative one wins.
So an objection to ``marketing`` covers every marketing purpose, and a consent to
``marketing.communications.email`` that the person gives later covers e-mail alone.
"""

import zlib
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


MOST_PACKED_BYTES = 64 << 20
_packer, _unpacker = msgspec.json.Encoder(), msgspec.json.Decoder(list[tuple[int, str, ChoiceState, int]])


def packed(choices: Iterable[Choice]) -> bytes:
    """Return choices in few bytes: zlib (RFC 1950) of a JSON array of ``[person, purpose, state, at_us]``."""
    return zlib.compress(_packer.encode([(one.person, one.purpose, one.state, one.at_us) for one in choices]), 6)


def unpacked(content: bytes) -> tuple[Choice, ...]:
    """Return the choices that ``packed`` took.

    Raises:
        ValueError: They are no such choices, or too many.
    """
    opener = zlib.decompressobj()
    try:
        plain = opener.decompress(content, MOST_PACKED_BYTES)
        if opener.unconsumed_tail or not opener.eof:
            raise ValueError("packed choices are too many or cut short")
        found = _unpacker.decode(plain)
    except (zlib.error, msgspec.MsgspecError) as error:
        raise ValueError("these are no packed choices") from error
    return tuple(
        Choice(person=PersonNumber(person), purpose=PurposeKey(purpose), state=state, at_us=at_us)
        for person, purpose, state, at_us in found
    )
