# SPDX-License-Identifier: Apache-2.0
"""What seals and digests the outgoing surrogates of one scope: keys derived for it, and the surrogates' shape.

A scope is a key class and a recipient. The key of each comes by HKDF from that of the join domain, over kind, scope and
version, framed by length: no two scopes spell the same. Much is made at once, so what makes it takes many forms and is
set up once for a key.

Sources: RFC 5297 (SIV), RFC 5869 (HKDF), RFC 7693 (BLAKE2).
"""

import re
from collections.abc import Callable, Sequence
from hashlib import blake2b

from gateway.domain.names import JoinDomain
from gateway.keys.envelope import derive
from gateway.keys.siv import Siv
from gateway.transform.inner import MOST_SEALED_BYTES, SurrogateKey, filled

DIGEST_BYTES, CHECK_BYTES = 16, 8

SHAPE = re.compile(r"s([vh])([1-9][0-9]{0,8})_([0-9a-f]{48,3000})")

Scope = tuple[str, str]
Making = Callable[[Sequence[bytes]], list[str]]
"""Returns the surrogate of each inner form."""


def label_of(domain: JoinDomain) -> str:
    """Return the label of the keys of a join domain's outgoing surrogates."""
    return f"surrogate/{domain}"


def siv_of(key: SurrogateKey, scope: Scope) -> Siv:
    """Return what seals and opens the surrogates of a scope under one key."""
    return Siv(_derived(key, "siv", scope, 64))


def sealing(key: SurrogateKey, scope: Scope) -> Making:
    """Return what makes surrogates that can be opened; forms that are too long for it are digested."""
    prefix, seal_each, digest_each = f"sv{key.version}_", siv_of(key, scope).seal_each, digesting(key, scope)

    def seal(forms: Sequence[bytes]) -> list[str]:
        if max(map(len, forms), default=0) > MOST_SEALED_BYTES:
            return [(digest_each if len(form) > MOST_SEALED_BYTES else seal)([form])[0] for form in forms]
        return [prefix + raw.hex() for raw in seal_each(map(filled, forms))]

    return seal


def digesting(key: SurrogateKey, scope: Scope) -> Making:
    """Return what makes surrogates that nobody can open, each with its check behind it."""
    prefix = f"sh{key.version}_"
    keyed = blake2b(key=_derived(key, "hmac", scope, 32), digest_size=DIGEST_BYTES).copy
    check = checker(key, scope)

    def digest(forms: Sequence[bytes]) -> list[str]:
        made = []
        for form in forms:
            state = keyed()
            state.update(form)
            raw = state.digest()
            made.append(prefix + (raw + check(raw)).hex())
        return made

    return digest


def checker(key: SurrogateKey, scope: Scope) -> Callable[[bytes], bytes]:
    """Return what makes the check of a digest: whoever has not the key cannot tell it from chance."""
    keyed = blake2b(key=_derived(key, "check", scope, 32), digest_size=CHECK_BYTES).copy

    def check(raw: bytes) -> bytes:
        state = keyed()
        state.update(raw)
        return state.digest()

    return check


def _derived(key: SurrogateKey, kind: str, scope: Scope, length: int) -> bytes:
    parts = ("gateway outgoing surrogate", kind, *scope, str(key.version))
    # Framed by length: no two scopes spell the same info.
    info = b"".join(len(raw).to_bytes(4, "big") + raw for raw in (part.encode() for part in parts))
    return derive(key.secret, info, length)
