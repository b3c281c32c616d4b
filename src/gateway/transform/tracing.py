# SPDX-License-Identifier: Apache-2.0
"""Whose surrogate it is: every scope in which one can have been made is tried until a key fits.

RULES

1. A scope is named only by a key that fits: the tag of SIV (128 bits) for ``sv`` and ``as``, the check of 64
   bits for ``sh``. Text of this shape that we did not make is taken for ours with a chance of 2**-128, or
   2**-64 for ``sh``, by scope and try: 10**6 cells of chance against 10**4 scopes name one wrongly with a
   probability of 2**-31.
2. Scopes that fitted are tried first, the last one before all others, and a scope's key is set up once.
3. What none of these fits is tried against every other scope while tries are left, and after that one cell in
   64 is: a long list of foreign surrogates must not take a day. ``untried`` counts the others, so that
   whoever reads the answer knows.
4. Of digits that run on, the surrogate's are those that open: every length that one can have is tried.

A token of a vault (``av``) is under no key: whether it is ours is for the vault to say.

A version that was shredded opens nothing, so what was made under it cannot be traced any more.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain

import msgspec

from gateway.domain.errors import KeyUnavailable
from gateway.domain.names import JoinDomain
from gateway.keys.envelope import is_equal
from gateway.keys.siv import Siv
from gateway.transform import at_rest, outgoing
from gateway.transform.inner import BLOCK_BYTES, SurrogateKey, SurrogateKeys, unfilled
from gateway.transform.outgoing import CHECK_BYTES, DIGEST_BYTES
from gateway.transform.spotting import TOKEN_DIGITS, Spotted

MOST_TRIES = 4_000_000
"""Against scopes that did not fit before; some 8 seconds of one core."""
ONE_IN = 64

_SH_DIGITS = 2 * (DIGEST_BYTES + CHECK_BYTES)
_TAG_BYTES = 16
VAULT_PREFIX, VAULT_KIND = "av", "vault"
_KINDS = {"sv": "siv", "sh": "hmac", "as": "at-rest"}

Open = Callable[[bytes], bytes | None]
"""Returns the inner form, empty where nobody can open it; ``None`` where the key does not fit."""


class Scope(msgspec.Struct, frozen=True, order=True):
    """In which a surrogate was made.

    Attributes:
        recipient / key_class: Empty for one at rest, which no answer ever held.
        kind: ``siv``, ``hmac``, ``at-rest`` or ``vault``.
        version: Of the key of the join domain; of a token, of its form.
    """

    recipient: str
    key_class: str
    domain: JoinDomain
    kind: str
    version: int


class Traced(msgspec.Struct, frozen=True):
    """A surrogate of ours.

    Attributes:
        form: Inner form; empty for one that nobody can open.
    """

    scope: Scope
    form: bytes


class Tracer:
    """Tries scopes.

    Attributes:
        n_untried: Cells that were tried only against scopes that had fitted before.
    """

    def __init__(
        self,
        keys: SurrogateKeys,
        outgoing: Mapping[JoinDomain, Sequence[int]],
        stored: Mapping[JoinDomain, Sequence[int]],
        scopes: Iterable[tuple[str, str]],
        *,
        most_tries: int | None = MOST_TRIES,
    ) -> None:
        """Set up nothing yet.

        Args:
            keys: Those of join domains.
            outgoing: By join domain, the versions of its key that are not shredded.
            stored: The same of keys of values at rest.
            scopes: Key class and recipient of every scope there can be, the likeliest first.
            most_tries: ``None`` to try every scope for every cell.
        """
        self._keys, self._outgoing, self._stored = keys, outgoing, stored
        self._scopes = tuple(dict.fromkeys(scopes))
        self._most_tries = most_tries
        self._doors: dict[tuple[str, int], _Doors] = {}
        self._n_tries = self._n_unknown = self.n_untried = 0

    def traced(self, spotted: Spotted) -> Traced | None:
        """Return the scope of a text of surrogate shape; ``None`` where it is none of ours."""
        doors = self._doors.get((spotted.kind, spotted.version))
        if doors is None:
            doors = self._doors[spotted.kind, spotted.version] = _Doors(self._made(spotted.kind, spotted.version))
        if doors.is_none:
            return None
        raws = _raws(spotted)
        found = doors.among_known(raws)
        if found is not None:
            return found
        if not self._may_try():
            self.n_untried += 1
            return None
        found, n_tries = doors.among_others(raws)
        self._n_tries += n_tries
        return found

    def _may_try(self) -> bool:
        self._n_unknown += 1
        return self._most_tries is None or self._n_tries < self._most_tries or self._n_unknown % ONE_IN == 0

    def _made(self, kind: str, version: int) -> Iterator[tuple[Scope, Open]]:
        """Yield what opens surrogates of one kind and version, set up one after the other as they are asked for."""
        for domain, key in self._keys_of(kind, version):
            if kind == "as":
                yield Scope("", "", domain, _KINDS[kind], version), _siv(at_rest.siv_of(key))
        if kind != "as":
            domains = list(self._keys_of(kind, version))
            for scope in self._scopes:
                key_class, recipient = scope
                for domain, key in domains:
                    opened = _check(key, scope) if kind == "sh" else _siv(outgoing.siv_of(key, scope))
                    yield Scope(recipient, key_class, domain, _KINDS[kind], version), opened

    def _keys_of(self, kind: str, version: int) -> Iterator[tuple[JoinDomain, SurrogateKey]]:
        held, label_of = (self._stored, at_rest.label_of) if kind == "as" else (self._outgoing, outgoing.label_of)
        for domain, versions in held.items():
            if version in versions:
                try:
                    yield domain, self._keys.version(label_of(domain), version)
                except KeyUnavailable:
                    # It was shredded since the versions were read.
                    continue


class _Doors:
    """What opens surrogates of one kind and version: what has opened one, and the others."""

    def __init__(self, others: Iterator[tuple[Scope, Open]]) -> None:
        self._known: list[tuple[Scope, Open]] = []
        self._others: list[tuple[Scope, Open]] = []
        self._coming = others
        first = next(others, None)
        self.is_none = first is None
        if first is not None:
            self._coming = chain((first,), others)

    def among_known(self, raws: Sequence[bytes]) -> Traced | None:
        """Return what has opened one before and opens this one."""
        for place, (scope, opened) in enumerate(self._known):
            for raw in raws:
                form = opened(raw)
                if form is not None:
                    if place:
                        self._known.insert(0, self._known.pop(place))
                    return Traced(scope, form)
        return None

    def among_others(self, raws: Sequence[bytes]) -> tuple[Traced | None, int]:
        """Return what opens this one and none before, and how many tries it took."""
        n_tries = 0
        for place, (scope, opened) in enumerate(self._every_other()):
            for raw in raws:
                n_tries += 1
                form = opened(raw)
                if form is not None:
                    self._known.insert(0, self._others.pop(place))
                    return Traced(scope, form), n_tries
        return None, n_tries

    def _every_other(self) -> Iterator[tuple[Scope, Open]]:
        yield from self._others
        for one in self._coming:
            self._others.append(one)
            yield one


def token_in(spotted: Spotted) -> bytes | None:
    """Return the token that a text may be of, whatever runs on behind it; ``None`` where it is of another kind."""
    return bytes.fromhex(spotted.digits[:TOKEN_DIGITS]) if spotted.kind == VAULT_PREFIX else None


def _raws(spotted: Spotted) -> list[bytes]:
    """Return what may be the surrogate's own bytes, the likeliest first."""
    digits = spotted.digits
    if spotted.kind == "sh":
        return [bytes.fromhex(digits[:_SH_DIGITS])]
    step, least = 2 * BLOCK_BYTES, 2 * (_TAG_BYTES + BLOCK_BYTES)
    lengths = range(least, len(digits) + 1, step)
    raw = bytes.fromhex(digits[: lengths[-1]]) if lengths else b""
    # Where all digits are its own, that length is the right one.
    every = [raw[: length // 2] for length in lengths]
    return [every.pop(), *every] if every and lengths[-1] == len(digits) else every


def _siv(cipher: Siv) -> Open:
    def opened(raw: bytes) -> bytes | None:
        try:
            return unfilled(cipher.open(raw))
        except KeyUnavailable:
            return None

    return opened


def _check(key: SurrogateKey, scope: tuple[str, str]) -> Open:
    check = outgoing.checker(key, scope)

    def opened(raw: bytes) -> bytes | None:
        return b"" if is_equal(check(raw[:DIGEST_BYTES]), raw[DIGEST_BYTES:]) else None

    return opened
