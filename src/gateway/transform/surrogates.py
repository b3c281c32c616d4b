# SPDX-License-Identifier: Apache-2.0
"""Outgoing surrogates: virtual IDs in a value's place, equal where link allows it and nowhere else.

RULES

1. The key of a surrogate comes from the key of the join domain by HKDF over (outgoing, kind, purpose
   class, recipient, version). Within these equal values get equal surrogates over rows and calls;
   across any of them nothing can be told.
2. ``siv`` is AES-SIV over the inner form (namespace, normalised value) and can be opened again:
   ``sv<version>_<base64url>``. ``hmac`` is a keyed BLAKE2b of 128 bits that nobody can open:
   ``sh<version>_<base64url>``.
3. The inner form is filled up to whole blocks of 32 bytes, so a surrogate tells a value's length no
   finer than that. A value beyond 1 KiB is digested instead of sealed, whatever the kind.
4. A retired version still opens; a shredded one opens nothing. What does not open gives ``None`` and
   says nothing of why.

Sources: RFC 5297 (SIV), RFC 5869 (HKDF), RFC 7693 (BLAKE2).
"""

import re
from base64 import urlsafe_b64decode
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import Protocol

from msgspec import UNSET, UnsetType

from gateway.domain.catalog import FieldSpec, FieldType, Form, SurrogateKind
from gateway.domain.errors import KeyUnavailable
from gateway.keys.envelope import derive
from gateway.keys.siv import Siv
from gateway.transform.normalise import SPELLINGS

Value = str | int | Decimal | bool
Cell = Value | None | UnsetType

BLOCK_BYTES = 32
MOST_SEALED_BYTES = 1024
MEMO = 16_384
"""Values remembered for a field: a few pages of a list; at 16,384 the memory is emptied."""

_SHAPE = re.compile(r"sv([1-9][0-9]{0,8})_([A-Za-z0-9_-]{43,1500})")
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class SurrogateKey(Protocol):
    """One version of the key of a join domain."""

    @property
    def version(self) -> int:
        """Counted from 1."""

    @property
    def secret(self) -> bytes:
        """32 bytes."""


class SurrogateKeys(Protocol):
    """Where the keys of join domains come from; the label of a domain is ``surrogate/<join domain>``."""

    def current(self, label: str, /) -> SurrogateKey:
        """Return the version that new surrogates are made with, or raise ``KeyUnavailable``."""

    def version(self, label: str, version: int, /) -> SurrogateKey:
        """Return a version that is not shredded, or raise ``KeyUnavailable``."""


class Maker:
    """Makes the surrogates of one field under one key version; remembers recent values."""

    __slots__ = ("_by_country", "_is_decimal", "_memo", "_seal", "_spell", "key")

    def __init__(self, spec: FieldSpec, key: SurrogateKey, scope: tuple[str, str]) -> None:
        self.key = key
        self._spell = SPELLINGS[spec.form]
        self._by_country = spec.form is Form.PHONE
        self._is_decimal = spec.type is FieldType.DECIMAL
        self._memo: dict[object, str] = {}
        digest = _digester(key, scope)
        self._seal = _sealer(key, scope, digest) if spec.surrogate is SurrogateKind.SIV else digest

    def of(self, value: Value, country: str | None = None) -> str:
        """Return the surrogate of a value; ``country`` is that of the row's person, if known."""
        text = value if isinstance(value, str) else _spelled(value)
        known = self._spell(text, country)
        return self._seal((b"n" if known else b"r") + (known or text).encode("utf-8", "surrogatepass"))

    def column(self, values: Sequence[Cell], countries: Sequence[str | None]) -> list[Cell]:
        """Return the surrogates of a field in many rows; null stays null, missing stays missing.

        Args:
            values: One value for each row.
            countries: Country of each row; looked at for phones alone.
        """
        memo, remember = self._memo, self._remember
        if len(memo) > MEMO:
            memo.clear()
        if not (self._by_country or self._is_decimal):
            try:
                # The usual case, without a turn of Python for each row: all were met lately.
                return list(map(memo.__getitem__, values))
            except KeyError:
                pass
        if self._by_country:
            pairs = zip(values, countries, strict=True)
            return [v if v is None or v is UNSET else memo.get((v, c)) or remember(v, c) for v, c in pairs]
        if self._is_decimal:
            # 1.0 and 1.00 are equal as numbers and not as spelled, so they are told apart by their text.
            values = [str(v) if isinstance(v, Decimal) else v for v in values]
        return [v if v is None or v is UNSET else memo.get(v) or remember(v) for v in values]

    def _remember(self, value: Value, country: str | None = None) -> str:
        made = self.of(value, country)
        self._memo[(value, country) if self._by_country else value] = made
        return made


class Surrogates:
    """Surrogates for one purpose class and recipient."""

    def __init__(self, keys: SurrogateKeys, *, key_class: str, recipient: str) -> None:
        self._keys = keys
        self._scope = (key_class, recipient)
        self._makers: dict[FieldSpec, Maker] = {}

    def maker(self, spec: FieldSpec) -> Maker:
        """Return the maker for a field under the current key; ask once for each block.

        Raises:
            KeyUnavailable: The join domain has no key in force.
        """
        key = self._keys.current(_label(spec))
        made = self._makers.get(spec)
        if made is None or made.key is not key:
            made = self._makers[spec] = Maker(spec, key, self._scope)
        return made

    def of(self, spec: FieldSpec, value: Value, country: str | None = None) -> str:
        """Return the surrogate of one value under the current key.

        Raises:
            KeyUnavailable: The join domain has no key in force.
        """
        return self.maker(spec).of(value, country)

    def inner(self, spec: FieldSpec, text: str) -> str | None:
        """Return the normalised value that a ``siv`` surrogate of this scope stands for, else ``None``."""
        shape = _SHAPE.fullmatch(text)
        if shape is None or spec.surrogate is not SurrogateKind.SIV:
            return None
        try:
            key = self._keys.version(_label(spec), int(shape[1]))
            sealed = urlsafe_b64decode(shape[2] + "=" * (-len(shape[2]) % 4))
            form = Siv(_derived(key, "siv", self._scope, 64)).open(sealed)
        except (KeyUnavailable, ValueError):
            return None
        # A spelling with other unused bits decodes to the same bytes; only the one we made counts.
        if _spelled_out(sealed) != shape[2]:
            return None
        return form.rstrip(b"\x00")[1:-1].decode("utf-8", "surrogatepass")


def _label(spec: FieldSpec) -> str:
    return f"surrogate/{spec.join_domain}"


def _derived(key: SurrogateKey, kind: str, scope: tuple[str, str], length: int) -> bytes:
    parts = ("gateway outgoing surrogate", kind, *scope, str(key.version))
    # Framed by length: no two scopes spell the same info.
    info = b"".join(len(raw).to_bytes(4, "big") + raw for raw in (part.encode() for part in parts))
    return derive(key.secret, info, length)


def _sealer(key: SurrogateKey, scope: tuple[str, str], digest: Callable[[bytes], str]) -> Callable[[bytes], str]:
    prefix = f"sv{key.version}_"
    siv = Siv(_derived(key, "siv", scope, 64)).seal

    def seal(form: bytes) -> str:
        if len(form) > MOST_SEALED_BYTES:
            return digest(form)
        filled = form + b"\x80"
        return prefix + _spelled_out(siv(filled + bytes(-len(filled) % BLOCK_BYTES)))

    return seal


def _digester(key: SurrogateKey, scope: tuple[str, str]) -> Callable[[bytes], str]:
    prefix = f"sh{key.version}_"
    keyed = blake2b(key=_derived(key, "hmac", scope, 32), digest_size=16)

    def digest(form: bytes) -> str:
        state = keyed.copy()
        state.update(form)
        return prefix + _spelled_out(state.digest())

    return digest


def _spelled_out(raw: bytes) -> str:
    return b2a_base64(raw, newline=False).translate(_URL_SAFE).rstrip(b"=").decode("ascii")


def _spelled(value: int | Decimal | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
