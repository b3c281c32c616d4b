# SPDX-License-Identifier: Apache-2.0
"""The inner form of a value: what every surrogate is made of, at rest and outgoing alike.

A byte says the namespace and the value follows in UTF-8: ``n`` normalised, ``r`` as it was spelled, where it
has no normal spelling, ``t`` the token of a vault, in whose row the value lies. ``p`` is followed by the number
of a person in 4 bytes, big-endian: it links what belongs to the person, and stands for nobody's value. So a
surrogate of one namespace is never that of another, and what is opened says what it is.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Protocol

import msgspec
from msgspec import UnsetType

from gateway.transform.normalise import Spelling

Value = str | int | Decimal | bool
Cell = Value | None | UnsetType

NORMAL, RAW, TOKEN, PERSON = b"n", b"r", b"t", b"p"
BLOCK_BYTES = 32
MOST_SEALED_BYTES = 1024
"""Of an inner form; what is longer is not sealed."""


class SurrogateKey(Protocol):
    """One version of a key."""

    @property
    def version(self) -> int:
        """Counted from 1."""

    @property
    def secret(self) -> bytes:
        """32 bytes."""


class SurrogateKeys(Protocol):
    """Where the keys of join domains come from, by label."""

    def current(self, label: str, /) -> SurrogateKey:
        """Return the version that new surrogates are made with, or raise ``KeyUnavailable``."""

    def version(self, label: str, version: int, /) -> SurrogateKey:
        """Return a version that is not shredded, or raise ``KeyUnavailable``."""


def inner_form(spell: Spelling, value: Value, country: str | None = None) -> bytes:
    """Return the inner form of a value that is not at rest.

    Args:
        spell: Of the field's form.
        country: That of the row's person, if known.
    """
    text = value if isinstance(value, str) else spelled(value)
    known = spell(text, country)
    return (NORMAL if known else RAW) + (known or text).encode("utf-8", "surrogatepass")


def inner_forms(spell: Spelling, texts: Sequence[str]) -> list[bytes]:
    """Return what ``inner_form`` does of each text, read without a country."""
    found = zip(texts, (spell(text, None) for text in texts), strict=True)
    return [(NORMAL if known else RAW) + (known or text).encode("utf-8", "surrogatepass") for text, known in found]


def raw_form(text: str) -> bytes:
    """Return the inner form of a text that has no spelling."""
    return RAW + text.encode("utf-8", "surrogatepass")


def text_of(form: bytes) -> str:
    """Return the value that an inner form holds."""
    return form[1:].decode("utf-8", "surrogatepass")


class Linked(msgspec.Struct, frozen=True):
    """What stands in a value's place where a field links what belongs to one person, whatever its values are."""

    person: int


def person_form(number: int) -> bytes:
    """Return the inner form that stands for a person and for none of their values."""
    return PERSON + number.to_bytes(4, "big")


def person_of(form: bytes) -> int | None:
    """Return the number of the person that an inner form stands for; ``None`` where it stands for a value."""
    return int.from_bytes(form[1:], "big") if form[:1] == PERSON and len(form) == 5 else None


def filled(form: bytes) -> bytes:
    """Return an inner form filled up to whole blocks, so that its length says little (ISO/IEC 7816-4 padding)."""
    return form + _FILLING[len(form) % BLOCK_BYTES]


_FILLING = tuple(b"\x80" + bytes(BLOCK_BYTES - 1 - over) for over in range(BLOCK_BYTES))
"""By how many bytes of the last block are there."""


def unfilled(blocks: bytes) -> bytes:
    """Return what was filled up."""
    return blocks.rstrip(b"\x00")[:-1]


def spelled(value: int | Decimal | bool) -> str:
    """Return a value that is no text as the text that JSON has for it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


Sealer = Callable[[bytes], str]
"""Returns the surrogate of an inner form."""
