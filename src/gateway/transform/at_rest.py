# SPDX-License-Identifier: Apache-2.0
"""Surrogates at rest of kind ``siv``: what a store holds in a value's place. They never leave.

RULES

1. The key comes by HKDF from the key of the join domain's values at rest, and from no other: no surrogate
   at rest is an outgoing one, whatever the value.
2. What is sealed is the inner form: ``as<version>_<hex>``. Equal values of a domain are equal in every
   store, so that stores can join and compare them.
3. What a store sends that is not of this shape is a value that was not turned over yet, and is treated as
   what it is. What is of this shape and opens under no key of ours stands for nothing, and is told as null.
4. Case is not looked at when one is read: there are stores that write mail addresses in lower case.

Sources: RFC 5297 (SIV), RFC 5869 (HKDF).
"""

import contextlib
import re
from collections.abc import Sequence

from gateway.domain.errors import KeyUnavailable
from gateway.domain.names import JoinDomain
from gateway.keys.envelope import derive
from gateway.keys.siv import Siv
from gateway.transform.inner import (
    MOST_SEALED_BYTES,
    Cell,
    SurrogateKey,
    SurrogateKeys,
    filled,
    inner_form,
    text_of,
    unfilled,
)
from gateway.transform.normalise import Spelling

MEMO = 16_384
"""Surrogates whose inner forms are remembered, as of outgoing ones."""

_SHAPE = re.compile(r"as([1-9][0-9]{0,8})_([0-9a-f]{96,3000})", re.IGNORECASE | re.ASCII)
LEAST, MOST = len("as1_") + 96, len("as1_") + 3000
"""Characters of a text that has this shape whatever its version is; the few others are looked at by shape."""


def label_of(domain: JoinDomain) -> str:
    """Return the label of the keys of a join domain's values at rest."""
    return f"at-rest/{domain}"


def siv_of(key: SurrogateKey) -> Siv:
    """Return what seals and opens values at rest under one key."""
    return Siv(derive(key.secret, b"gateway at-rest surrogate siv", 64))


class Stored:
    """Seals and opens what stores hold of one join domain."""

    __slots__ = ("_ciphers", "_forms", "_keys", "_label")

    def __init__(self, keys: SurrogateKeys, domain: JoinDomain) -> None:
        self._keys, self._label = keys, label_of(domain)
        self._ciphers: dict[int, tuple[SurrogateKey, Siv]] = {}
        self._forms: dict[str, tuple[SurrogateKey, bytes]] = {}
        """With the key that each was opened under: what is remembered does not outlive its key."""

    def sealed(self, spell: Spelling, text: str, country: str | None = None) -> str | None:
        """Return what a store is to hold in a value's place; ``None`` for one that is too long to be sealed.

        Raises:
            KeyUnavailable: The domain has no key in force.
        """
        form = inner_form(spell, text, country)
        if len(form) > MOST_SEALED_BYTES:
            return None
        return self.made(form)

    def made(self, form: bytes) -> str:
        """Return the surrogate of an inner form under the key in force.

        Raises:
            KeyUnavailable: The domain has no key in force.
        """
        return self._made(self._keys.current(self._label), form)

    def every(self, form: bytes, oldest: int) -> tuple[str, ...]:
        """Return what may stand in a store for an inner form: under the key in force first, then under older ones.

        Args:
            form: Not longer than can be sealed.
            oldest: Version of the oldest key that anything may be sealed under; what is shredded is left out.

        Raises:
            KeyUnavailable: The domain has no key in force.
        """
        newest, found = self._keys.current(self._label), list[str]()
        for version in range(newest.version, max(min(oldest, newest.version), 1) - 1, -1):
            with contextlib.suppress(KeyUnavailable):
                found.append(self._made(self._keys.version(self._label, version), form))
        return tuple(found)

    def _made(self, key: SurrogateKey, form: bytes) -> str:
        return f"as{key.version}_{self._cipher(key).seal(filled(form)).hex()}"

    def form(self, text: str) -> bytes | None:
        """Return the inner form that a surrogate stands for; empty where it opens under no key of ours.

        Returns:
            ``None`` for text that is no surrogate: a value that was not turned over yet.
        """
        known = self._forms.get(text)
        if known is not None and known[0] is self._key(known[0].version):
            return known[1]
        if (shape := _SHAPE.fullmatch(text)) is None:
            return None
        if (key := self._key(int(shape[1]))) is None:
            return b""
        if len(self._forms) >= MEMO:
            self._forms.clear()
        form = self._opened_under(key, shape[2])
        self._forms[text] = key, form
        return form

    def forms(self, texts: Sequence[str]) -> list[bytes | None]:
        """Return what ``form`` does of each text, and remember none; fast where all are under the key in force."""
        try:
            key = self._keys.current(self._label)
        except KeyUnavailable:
            return list(map(self._form_anew, texts))
        sealed = _under(f"as{key.version}_", texts)
        if sealed is None:
            return list(map(self._form_anew, texts))
        return [unfilled(blocks) if blocks else b"" for blocks in self._cipher(key).open_each(sealed)]

    def _form_anew(self, text: str) -> bytes | None:
        shape = _SHAPE.fullmatch(text)
        return None if shape is None else self._opened(int(shape[1]), shape[2])

    def column(self, values: Sequence[Cell]) -> list[Cell]:
        """Return the values that a column of a store stands for: null for what stands for nothing."""
        return [self._value(value) if isinstance(value, str) else value for value in values]

    def _value(self, text: str) -> str | None:
        form = self.form(text)
        if form is None:
            return text
        return text_of(form) if form else None

    def _opened(self, version: int, digits: str) -> bytes:
        key = self._key(version)
        return b"" if key is None else self._opened_under(key, digits)

    def _opened_under(self, key: SurrogateKey, digits: str) -> bytes:
        try:
            return unfilled(self._cipher(key).open(bytes.fromhex(digits)))
        except (KeyUnavailable, ValueError):
            return b""

    def _key(self, version: int) -> SurrogateKey | None:
        """Return a version of the key; ``None`` if there is none, or none any more."""
        try:
            return self._keys.version(self._label, version)
        except KeyUnavailable:
            return None

    def _cipher(self, key: SurrogateKey) -> Siv:
        known = self._ciphers.get(key.version)
        if known is None or known[0] is not key:
            known = self._ciphers[key.version] = (key, siv_of(key))
        return known[1]


def _under(start: str, texts: Sequence[str]) -> list[bytes] | None:
    """Return what is sealed in texts that all begin alike and are spelled as ours are; nothing if one is not."""
    skip, digits_of = len(start), bytes.fromhex
    try:
        sealed = [digits_of(text[skip:]) for text in texts if text.startswith(start)]
    except ValueError:
        return None
    lengths = [skip + 2 * len(raw) for raw in sealed]
    # Whitespace is read past by ``fromhex``, so it would show in the length.
    is_plain = lengths == list(map(len, texts)) and all(LEAST <= length <= MOST for length in set(lengths))
    return sealed if is_plain else None
