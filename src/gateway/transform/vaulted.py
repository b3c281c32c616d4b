# SPDX-License-Identifier: Apache-2.0
"""Values at rest of kind ``vault``: what a store holds in their place, and what a block needs of the vault.

RULES

1. A store holds ``av1_`` and the token in 32 digits of base 16. The token is random and stays when keys are
   rotated, so the version tells the form of the text alone; a text of another version stands for nothing.
   Case is not looked at when one is read.
2. An outgoing surrogate is made of the token, without the vault. A mask, a band or the clear value is made of
   what the vault has for the token; where it has nothing, null leaves.
3. What a store sends that is not of this shape is a value that was not turned over yet. It is treated as what it
   is, except that its surrogate is made of its token, which the vault gives it before it leaves: so it is the same
   before and after. A value that is too long for a surrogate has no token, and null leaves in its surrogate's place.
"""

import contextlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import UNSET

from gateway.domain.catalog import AtRest, FieldSpec
from gateway.domain.names import JoinDomain
from gateway.transform.inner import MOST_SEALED_BYTES, Cell, inner_form, text_of
from gateway.transform.normalise import SPELLINGS

TOKEN_BYTES = 16
MEMO = 16_384
"""Tokens that a codec remembers, as surrogates of a field."""

_START = "av1_"
_LENGTH = len(_START) + 2 * TOKEN_BYTES
_NO_DIGIT = re.compile(r"[^0-9a-z_]")
_AT_REST = re.compile(r"a[hsv][1-9][0-9]*_[0-9a-f]{22}")
_SHAPE = re.compile(r"av([1-9][0-9]{0,8})_([0-9a-f]{32})", re.IGNORECASE | re.ASCII)


def stored_text(token: bytes) -> str:
    """Return what a store holds in the place of a value that has this token."""
    return _START + token.hex()


def token_of(text: str) -> bytes | None:
    """Return the token that a store's text is; empty for one that none of ours can be.

    Returns:
        ``None`` for text that is of another shape: a value that was not turned over yet.
    """
    if text.startswith(_START) and len(text) == _LENGTH:
        # As we write it. Whitespace is read past by ``fromhex``, so it would show in the length.
        with contextlib.suppress(ValueError):
            if len(token := bytes.fromhex(text[len(_START) :])) == TOKEN_BYTES:
                return token
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        return None
    return bytes.fromhex(shape[2]) if shape[1] == "1" else b""


def looks_at_rest(text: str) -> bool:
    """Tell whether a store could take a text for what it holds at rest, however loosely it compares texts."""
    plain = _NO_DIGIT.sub("", unicodedata.normalize("NFKD", text).casefold())
    return _AT_REST.search(plain) is not None


def spelled(spec: FieldSpec, text: str, country: str | None = None) -> str | None:
    """Return the one spelling of a value, by which the vault knows it; ``None`` for one that is too long.

    Args:
        spec: Of the field.
        text: The value.
        country: Of the row's person, if known.
    """
    form = inner_form(SPELLINGS[spec.form], text, country)
    return text_of(form) if len(form) <= MOST_SEALED_BYTES else None


def is_vaulted(spec: FieldSpec) -> bool:
    """Tell whether a store holds tokens in the place of the field's values."""
    return spec.at_rest is AtRest.VAULT


class Unturned(msgspec.Struct, frozen=True):
    """A value that was not turned over yet and leaves as its surrogate, so that it needs a token."""

    domain: JoinDomain
    value: str
    place: int
    """Of its row in the block."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a block needs of the vault before it can be encoded."""

    opened: Mapping[JoinDomain, Sequence[tuple[bytes, int]]]
    """Tokens whose values are masked or shown, each with the place of its row in the block."""
    unturned: Sequence[Unturned]

    def __bool__(self) -> bool:
        """Tell whether it needs anything."""
        return bool(self.opened or self.unturned)


NOTHING_WANTED = Wanted(opened={}, unturned=())


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the vault said for a block."""

    values: Mapping[JoinDomain, Mapping[bytes, str]] = {}
    tokens: Mapping[tuple[JoinDomain, str], bytes] = {}
    """Of values that were not turned over yet, in their one spelling."""

    def clear(self, spec: FieldSpec, column: Sequence[Cell]) -> Sequence[Cell]:
        """Return a column of a store with the values that it stands for; null for what stands for nothing."""
        values = self.values.get(spec.join_domain, {})
        return [_opened(text, values) if isinstance(text, str) else text for text in column]

    def stored(self, spec: FieldSpec, column: Sequence[Cell], countries: Sequence[str | None]) -> Sequence[Cell]:
        """Return a column of a store as it is once every value was turned over; null for what has no token.

        Args:
            spec: Of the field.
            column: One value a row.
            countries: Country of each row, or nothing where the field's spelling looks at none.
        """
        if not self.tokens:
            # The usual case: there is nothing in the column but tokens.
            return column
        return [
            text
            if not isinstance(text, str) or token_of(text) is not None
            else self._turned(spec, text, countries[place] if countries else None)
            for place, text in enumerate(column)
        ]

    def _turned(self, spec: FieldSpec, text: str, country: str | None) -> str | None:
        value = spelled(spec, text, country)
        token = None if value is None else self.tokens.get((spec.join_domain, value))
        return None if token is None else stored_text(token)


NOTHING_KNOWN = Known()
"""Of a block that needs nothing; of any other, every token stands for nothing."""


def tokens_in(column: Sequence[Cell], places: Iterable[int]) -> list[tuple[bytes, int]]:
    """Return the tokens that stand in a column of a store in those rows that leave, each with its place."""
    found = []
    for place in places:
        text = column[place]
        if isinstance(text, str) and (token := token_of(text)):
            found.append((token, place))
    return found


class Met:
    """The texts of one field that were found to be tokens lately, so that not each is looked at for each row."""

    __slots__ = ("_texts",)

    def __init__(self) -> None:
        self._texts: set[Cell] = {None, UNSET}

    def unturned(
        self, spec: FieldSpec, column: Sequence[Cell], countries: Sequence[str | None], places: Sequence[int]
    ) -> list[Unturned]:
        """Return the values of a column that were not turned over yet, for those rows that leave."""
        if self._texts.issuperset(column):
            return []
        if len(self._texts) > MEMO:
            self._texts = {None, UNSET}
        found = []
        for place in places:
            text = column[place]
            if text in self._texts:
                continue
            if not isinstance(text, str) or token_of(text) is not None:
                self._texts.add(text)
                continue
            value = spelled(spec, text, countries[place] if countries else None)
            if value is not None:
                found.append(Unturned(spec.join_domain, value, place))
        return found


def _opened(text: str, values: Mapping[bytes, str]) -> str | None:
    token = token_of(text)
    return text if token is None else values.get(token)
