# SPDX-License-Identifier: Apache-2.0
"""Outgoing surrogates: virtual IDs in a value's place, equal where link allows it and nowhere else.

RULES

1. The key of a surrogate comes from the key of the join domain by HKDF over (outgoing, kind, purpose
   class, recipient, version). Within these equal values get equal surrogates over rows and calls;
   across any of them nothing can be told.
2. ``siv`` is AES-SIV over the inner form (namespace, normalised value) and can be opened again:
   ``sv<version>_<hex>``. ``hmac`` is a keyed BLAKE2b of 128 bits that nobody can open, with a check of
   64 bits behind it under a key of the same scope: ``sh<version>_<hex>``.
3. Either tells by itself, and to us alone, for whom it was made: a leaked list is traced to its scope
   without a table of what was ever made. Digits of base 16 outlive a mail program or a spreadsheet that
   changes case; callers are recognised by our own spelling alone.
4. The inner form is filled up to whole blocks of 32 bytes, so a surrogate tells a value's length no
   finer than that. A value beyond 1 KiB is digested instead of sealed, whatever the kind.
5. A retired version still opens; a shredded one opens nothing. What does not open gives ``None`` and
   says nothing of why.

Sources: RFC 5297 (SIV), RFC 5869 (HKDF), RFC 7693 (BLAKE2).
"""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from hashlib import blake2b

from msgspec import UNSET

from gateway.domain.catalog import AtRest, FieldSpec, FieldType, Form, SurrogateKind
from gateway.domain.errors import KeyUnavailable
from gateway.domain.names import JoinDomain
from gateway.keys.envelope import derive, is_equal
from gateway.keys.siv import Siv
from gateway.transform.at_rest import Stored
from gateway.transform.inner import (
    MOST_SEALED_BYTES,
    TOKEN,
    Cell,
    Linked,
    SurrogateKey,
    SurrogateKeys,
    Value,
    filled,
    inner_form,
    person_form,
    person_of,
    text_of,
    unfilled,
)
from gateway.transform.normalise import SPELLINGS
from gateway.transform.vaulted import TOKEN_BYTES, is_vaulted, token_of

MEMO = 16_384
"""Values remembered for a field: a few pages of a list; at 16,384 the memory is emptied."""

DIGEST_BYTES, CHECK_BYTES = 16, 8

SHAPE = re.compile(r"s([vh])([1-9][0-9]{0,8})_([0-9a-f]{48,3000})")


class Maker:
    """Makes the surrogates of one field under one key version; remembers recent values."""

    __slots__ = ("_by_country", "_is_decimal", "_is_vaulted", "_memo", "_seal", "_spell", "_stored", "key")

    def __init__(self, spec: FieldSpec, key: SurrogateKey, scope: tuple[str, str], stored: Stored | None) -> None:
        self.key = key
        self._stored = stored
        self._is_vaulted = is_vaulted(spec)
        self._spell = SPELLINGS[spec.form]
        self._by_country = spec.form is Form.PHONE
        self._is_decimal = spec.type is FieldType.DECIMAL
        self._memo: dict[object, str | None] = {}
        digest = _digester(key, scope)
        self._seal = _sealer(key, scope, digest) if spec.surrogate is SurrogateKind.SIV else digest

    def of(self, value: Value, country: str | None = None) -> str | None:
        """Return the surrogate of a value, or of what a value at rest stands for; ``None`` if that is nothing.

        Args:
            value: As the store holds it.
            country: Of the row's person, if known.
        """
        form = self.form(value, country)
        return self._seal(form) if form else None

    def form(self, value: Value | Linked, country: str | None = None) -> bytes:
        """Return the inner form of a value, or of what a value at rest stands for; empty if that is nothing."""
        if isinstance(value, Linked):
            return person_form(value.person)
        form = self._form(value)
        return inner_form(self._spell, value, country) if form is None else form

    def _form(self, value: Value) -> bytes | None:
        """Return the inner form that a value at rest stands for, empty if that is nothing; ``None`` for a clear one."""
        if not isinstance(value, str):
            return None
        if self._is_vaulted:
            token = token_of(value)
            # A clear value of a vault has its token by now; without one nothing leaves.
            return TOKEN + token if token else b""
        return None if self._stored is None else self._stored.form(value)

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

    def _remember(self, value: Value, country: str | None = None) -> str | None:
        made = self.of(value, country)
        self._memo[(value, country) if self._by_country else value] = made
        return made


class Surrogates:
    """Surrogates for one purpose class and recipient."""

    def __init__(self, keys: SurrogateKeys, *, key_class: str, recipient: str) -> None:
        self._keys = keys
        self._scope = (key_class, recipient)
        self._makers: dict[FieldSpec, Maker] = {}
        self._stored: dict[JoinDomain, Stored] = {}

    @property
    def keys(self) -> SurrogateKeys:
        """Where keys come from."""
        return self._keys

    @property
    def scope(self) -> tuple[str, str]:
        """Key class and recipient."""
        return self._scope

    def maker(self, spec: FieldSpec) -> Maker:
        """Return the maker for a field under the current key; ask once for each block.

        Raises:
            KeyUnavailable: The join domain has no key in force.
        """
        key = self._keys.current(label_of(spec.join_domain))
        made = self._makers.get(spec)
        if made is None or made.key is not key:
            made = self._makers[spec] = Maker(spec, key, self._scope, self.stored(spec))
        return made

    def stored(self, spec: FieldSpec) -> Stored | None:
        """Return what seals and opens what the store holds of a field; ``None`` where it holds the values."""
        if spec.at_rest is not AtRest.SIV:
            return None
        return self._stored.setdefault(spec.join_domain, Stored(self._keys, spec.join_domain))

    def of(self, spec: FieldSpec, value: Value, country: str | None = None) -> str | None:
        """Return the surrogate of one value under the current key.

        Raises:
            KeyUnavailable: The join domain has no key in force.
        """
        return self.maker(spec).of(value, country)

    def inner(self, spec: FieldSpec, text: str) -> str | None:
        """Return the normalised value that a ``siv`` surrogate of this scope stands for, else ``None``."""
        form = None if spec.surrogate is not SurrogateKind.SIV else self._form(spec.join_domain, text)
        # What links somebody's devices is no value of theirs.
        return text_of(form) if form and person_of(form) is None and form[:1] != TOKEN else None

    def token(self, spec: FieldSpec, text: str) -> bytes | None:
        """Return the token of a vault that a ``siv`` surrogate of this scope stands for, else ``None``."""
        form = None if spec.surrogate is not SurrogateKind.SIV else self._form(spec.join_domain, text)
        return form[1:] if form and form[:1] == TOKEN and len(form) == 1 + TOKEN_BYTES else None

    def is_ours(self, domain: JoinDomain, text: str) -> bool:
        """Tell whether a surrogate of either kind was made in this scope, whatever it stands for."""
        return self._form(domain, text) is not None

    def _form(self, domain: JoinDomain, text: str) -> bytes | None:
        """Return the inner form that a surrogate of this scope stands for, empty where nobody can open it."""
        shape = SHAPE.fullmatch(text)
        if shape is None:
            return None
        try:
            key = self._keys.version(label_of(domain), int(shape[2]))
            raw = bytes.fromhex(shape[3])
            if shape[1] == "h":
                return b"" if is_equal(checker(key, self._scope)(raw[:DIGEST_BYTES]), raw[DIGEST_BYTES:]) else None
            return unfilled(siv_of(key, self._scope).open(raw))
        except (KeyUnavailable, ValueError):
            return None


def siv_of(key: SurrogateKey, scope: tuple[str, str]) -> Siv:
    """Return what seals and opens the surrogates of a scope under one key."""
    return Siv(_derived(key, "siv", scope, 64))


def label_of(domain: JoinDomain) -> str:
    """Return the label of the keys of a join domain's outgoing surrogates."""
    return f"surrogate/{domain}"


def _derived(key: SurrogateKey, kind: str, scope: tuple[str, str], length: int) -> bytes:
    parts = ("gateway outgoing surrogate", kind, *scope, str(key.version))
    # Framed by length: no two scopes spell the same info.
    info = b"".join(len(raw).to_bytes(4, "big") + raw for raw in (part.encode() for part in parts))
    return derive(key.secret, info, length)


def _sealer(key: SurrogateKey, scope: tuple[str, str], digest: Callable[[bytes], str]) -> Callable[[bytes], str]:
    prefix = f"sv{key.version}_"
    siv = siv_of(key, scope).seal

    def seal(form: bytes) -> str:
        if len(form) > MOST_SEALED_BYTES:
            return digest(form)
        return prefix + siv(filled(form)).hex()

    return seal


def _digester(key: SurrogateKey, scope: tuple[str, str]) -> Callable[[bytes], str]:
    prefix = f"sh{key.version}_"
    keyed = blake2b(key=_derived(key, "hmac", scope, 32), digest_size=DIGEST_BYTES)
    check = checker(key, scope)

    def digest(form: bytes) -> str:
        state = keyed.copy()
        state.update(form)
        raw = state.digest()
        return prefix + (raw + check(raw)).hex()

    return digest


def checker(key: SurrogateKey, scope: tuple[str, str]) -> Callable[[bytes], bytes]:
    """Return what makes the check of a digest: whoever has not the key cannot tell it from chance."""
    keyed = blake2b(key=_derived(key, "check", scope, 32), digest_size=CHECK_BYTES)

    def check(raw: bytes) -> bytes:
        state = keyed.copy()
        state.update(raw)
        return state.digest()

    return check
