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

from gateway.domain.catalog import AtRest, FieldSpec, SurrogateKind
from gateway.domain.errors import KeyUnavailable
from gateway.domain.names import JoinDomain
from gateway.keys.envelope import is_equal
from gateway.transform.at_rest import Stored
from gateway.transform.inner import TOKEN, SurrogateKeys, Value, person_of, text_of, unfilled
from gateway.transform.making import Maker
from gateway.transform.outgoing import DIGEST_BYTES, SHAPE, checker, label_of, siv_of
from gateway.transform.vaulted import TOKEN_BYTES


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

    def value_form(self, spec: FieldSpec, text: str) -> bytes | None:
        """Return the inner form of the value that a ``siv`` surrogate of this scope stands for, else ``None``."""
        form = None if spec.surrogate is not SurrogateKind.SIV else self._form(spec.join_domain, text)
        # What links somebody's devices is no value of theirs.
        return form if form and person_of(form) is None and form[:1] != TOKEN else None

    def inner(self, spec: FieldSpec, text: str) -> str | None:
        """Return the normalised value that a ``siv`` surrogate of this scope stands for, else ``None``."""
        form = self.value_form(spec, text)
        return None if form is None else text_of(form)

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
