# SPDX-License-Identifier: Apache-2.0
"""Where the list of a store goes on, in the store's own words: what it may be, and whether it turns in a circle.

RULES

1. A continuation is text of at most ``MOST_BYTES`` without control characters, or a whole number. Null, a
   member that is not there and an empty text are the end of the list. Anything else is no answer.
2. A store that leads in a circle would be asked for ever. Each continuation remembers one before it
   by a digest, moved on after 1, 2, 4, … pages, so a circle of n pages is found before 3 n of them were
   gone through (R. P. Brent, 1980); no list of continuations is kept anywhere.
3. It may hold a value of a row, so it is never shown: callers have it sealed, logs do not have it.
"""

import unicodedata
from collections.abc import Mapping
from hashlib import blake2b

import msgspec
from typing_extensions import override

from gateway.domain.errors import StoreMisbehaved

MOST_BYTES = 2048
"""Sealed and in base64url it is 2.8 KiB, which fits a query beside other parameters."""
MOST_DIGITS = 18

_DIGEST_BYTES = 16


class Continuation(msgspec.Struct, frozen=True, array_like=True):
    """A place in one list.

    Attributes:
        told: What the store said and is told.
        anchor: Digest of a continuation that came before, of this one for the first.
        n_since: Pages since that one.
        span: Pages after which the newest one becomes the anchor.
    """

    told: str
    anchor: bytes
    n_since: int = 0
    span: int = 1

    @override
    def __repr__(self) -> str:
        return "<Continuation>"


def told_in(members: Mapping[str, object], path: str) -> str | None:
    """Return the continuation at a path of the members beside the rows; ``None`` at the end of the list.

    Raises:
        StoreMisbehaved: What stands there is none.
    """
    value: object = members
    for name in path.split("."):
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise StoreMisbehaved("the store's word on where its list goes on is not where it was declared")
        value = value.get(name)
    if type(value) is int and 0 <= value < 10**MOST_DIGITS:
        return str(value)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _is_text(value):
        raise StoreMisbehaved("the store's word on where its list goes on is no text that can be asked for")
    return value


def _is_text(value: str) -> bool:
    if len(value) > MOST_BYTES or len(value.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        return False
    return not any(unicodedata.category(character) in ("Cc", "Cs") for character in value)


def following(before: Continuation | None, told: str) -> Continuation:
    """Return what comes behind the page of ``before``, by the store's word.

    Raises:
        StoreMisbehaved: The list has turned in a circle.
    """
    digest = blake2b(told.encode(), digest_size=_DIGEST_BYTES).digest()
    if before is None:
        return Continuation(told, digest)
    if digest == before.anchor or told == before.told:
        raise StoreMisbehaved("the store's list goes on where it was before")
    n_since = before.n_since + 1
    if n_since == before.span:
        return Continuation(told, digest, 0, before.span * 2)
    return Continuation(told, before.anchor, n_since, before.span)
