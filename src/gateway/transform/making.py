# SPDX-License-Identifier: Apache-2.0
"""The outgoing surrogates of one field, made a column at a time.

RULES

1. Equal values of a column are made once, and what was made lately is remembered: at most ``MEMO`` values a field and
   what one block adds. The memory goes with the codec, which goes when any key is rotated or shredded.
2. What stands for the same in whatever country its row has is remembered by itself, anything else with its country.
   Of phones, only a number in its one spelling does; of all other forms everything.
3. Where a store holds values at rest, what they stand for is made for a moment, and not remembered.
"""

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import cast

from msgspec import UNSET

from gateway.domain.catalog import FieldSpec, FieldType, Form, SurrogateKind
from gateway.transform.at_rest import Stored
from gateway.transform.inner import (
    NORMAL,
    TOKEN,
    Cell,
    Linked,
    SurrogateKey,
    Value,
    inner_form,
    inner_forms,
    person_form,
)
from gateway.transform.normalise import SPELLINGS, is_e164
from gateway.transform.outgoing import Scope, digesting, sealing
from gateway.transform.vaulted import is_vaulted, token_of

MEMO = 16_384
"""Values remembered for a field: a few pages of a list; at 16,384 the memory is emptied."""


class Maker:
    """Makes the surrogates of one field under one key version; remembers recent values."""

    __slots__ = ("_by_country", "_is_decimal", "_is_vaulted", "_make", "_memo", "_spell", "_stored", "key")

    def __init__(self, spec: FieldSpec, key: SurrogateKey, scope: Scope, stored: Stored | None) -> None:
        self.key = key
        self._stored = stored
        self._is_vaulted = is_vaulted(spec)
        self._spell = SPELLINGS[spec.form]
        self._by_country = spec.form is Form.PHONE
        self._is_decimal = spec.type is FieldType.DECIMAL
        self._memo: dict[object, Cell] = {}
        self._make = (sealing if spec.surrogate is SurrogateKind.SIV else digesting)(key, scope)

    def of(self, value: Value | Linked, country: str | None = None) -> str | None:
        """Return the surrogate of a value, or of what a value at rest stands for; ``None`` if that is nothing.

        Args:
            value: As the store holds it.
            country: Of the row's person, if known.
        """
        form = self.form(value, country)
        return self._make([form])[0] if form else None

    def form(self, value: Value | Linked, country: str | None = None) -> bytes:
        """Return the inner form of a value, or of what a value at rest stands for; empty if that is nothing."""
        if isinstance(value, Linked):
            return person_form(value.person)
        held = self._at_rest([value]) if isinstance(value, str) else None
        form = None if held is None else held[0]
        return inner_form(self._spell, value, country) if form is None else form

    def column(self, values: Sequence[Cell | Linked], countries: Sequence[str | None]) -> list[Cell]:
        """Return the surrogates of a field in many rows; null stays null, missing stays missing.

        Args:
            values: One value for each row.
            countries: Country of each row; looked at for phones alone.
        """
        memo = self._memo
        if len(memo) > MEMO:
            memo.clear()
        if self._is_decimal:
            # 1.0 and 1.00 are equal as numbers and not as spelled, so they are told apart by their text.
            values = [str(v) if isinstance(v, Decimal) else v for v in values]
        try:
            # The usual case, without a turn of Python for each row: all were met lately.
            return list(map(memo.__getitem__, values))
        except KeyError:
            # In the order of the rows, so that what is read together later lies together.
            self._meet([cell for cell in dict.fromkeys(values) if cell not in memo])
        if not self._by_country:
            return list(map(memo.__getitem__, values))
        pairs = zip(values, countries, strict=True)
        return [memo[v] if v in memo else memo.get((v, c)) or self._remember(cast("Value", v), c) for v, c in pairs]

    def _meet(self, cells: Collection[Cell | Linked]) -> None:
        """Remember the surrogates of what stands for the same in every country."""
        texts = [cell for cell in cells if isinstance(cell, str)]
        for cell in cells if len(texts) < len(cells) else ():
            if cell is None or cell is UNSET:
                self._memo[cell] = cell
            elif isinstance(cell, Linked) or not (isinstance(cell, str) or self._by_country):
                self._memo[cell] = self.of(cell)
        forms = self._at_rest(texts)
        if forms is None:
            self._meet_clear(texts)
        elif all(forms):
            self._keep(texts, cast("Sequence[bytes]", forms))
        else:
            self._meet_clear([text for text, form in zip(texts, forms, strict=True) if form is None])
            self._memo.update((text, None) for text, form in zip(texts, forms, strict=True) if form == b"")
            known = {text: form for text, form in zip(texts, forms, strict=True) if form}
            self._keep(known, list(known.values()))

    def _meet_clear(self, texts: Sequence[str]) -> None:
        if self._by_country:
            texts = list(filter(is_e164, texts))
            self._keep(texts, [NORMAL + text.encode() for text in texts])
        else:
            self._keep(texts, inner_forms(self._spell, texts))

    def _keep(self, texts: Iterable[str], forms: Sequence[bytes]) -> None:
        self._memo.update(zip(texts, self._make(forms), strict=True))

    def _at_rest(self, texts: Sequence[str]) -> Sequence[bytes | None] | None:
        """Return the inner form that each text at rest stands for, empty if that is nothing.

        Returns:
            ``None`` for a clear one; ``None`` for all where no store holds any at rest.
        """
        if self._is_vaulted:
            # A clear value of a vault has its token by now; without one nothing leaves.
            return [TOKEN + token if token else b"" for token in map(token_of, texts)]
        return None if self._stored is None else self._stored.forms(texts)

    def _remember(self, value: Value, country: str | None) -> str | None:
        made = self._memo[value, country] = self.of(value, country)
        return made
