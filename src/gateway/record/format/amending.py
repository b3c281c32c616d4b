# SPDX-License-Identifier: Apache-2.0
"""Taking people out of parts: who is in one, and what stands in its place without them. Values only; no I/O.

The part that stands in the place of another has a salt of its own: under the old one, whoever guesses numbers
could tell from the old digest who was taken out.
"""

from collections.abc import Set as AbstractSet

import msgspec
from pyroaring import BitMap

from gateway.domain.choice import packed, unpacked
from gateway.domain.entry import Part
from gateway.record.format.parts import StoredPart, new_salts

LOOKUP_BYTES, NUMBERED_BYTES = 32, 36
_encoder = msgspec.json.Encoder()


def without(part: Part, people: AbstractSet[int]) -> tuple[Part, int]:
    """Return a part without these people, and how many of them it held; the part itself if it held none."""
    released = BitMap.deserialize(part.people) if part.people else BitMap()
    gone = released & BitMap(people)
    held = set(gone) | (set(part.met) & people)
    numbered = _numbered_without(part.numbered, people, held)
    choices = _choices_without(part.choices, people, held)
    if not held:
        return part, 0
    rest = released - gone
    return (
        msgspec.structs.replace(
            part,
            people=rest.serialize() if rest else b"",
            met=tuple(one for one in part.met if one not in people),
            numbered=numbered,
            choices=choices,
        ),
        len(held),
    )


def in_place_of(stored: StoredPart, part: Part) -> StoredPart:
    """Return what is to stand in the place of a stored part, but for the entry that says so."""
    return StoredPart(stored.seq, new_salts(1)[0], _encoder.encode(part), stored.digest)


def _numbered_without(held: bytes, people: AbstractSet[int], found: set[int]) -> bytes:
    pieces = [held[at : at + NUMBERED_BYTES] for at in range(0, len(held), NUMBERED_BYTES)]
    numbers = [int.from_bytes(piece[LOOKUP_BYTES:], "big") for piece in pieces]
    gone = people & set(numbers)
    if not gone:
        return held
    found |= gone
    return b"".join(piece for piece, number in zip(pieces, numbers, strict=True) if number not in gone)


def _choices_without(held: bytes, people: AbstractSet[int], found: set[int]) -> bytes:
    if not held:
        return held
    choices = unpacked(held)
    gone = people & {int(one.person) for one in choices}
    if not gone:
        return held
    found |= gone
    return packed([one for one in choices if one.person not in gone])
