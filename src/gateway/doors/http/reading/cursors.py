# SPDX-License-Identifier: Apache-2.0
"""Sealed cursors: where a list goes on, readable by the gateway alone and good for one query.

A cursor holds the offset of the next page, or what the store itself said of where its list goes on, which
may be a value of a row and is readable by the gateway alone. It is sealed over who asks, for
which purpose, under which rules and with which query, so it is of no use to another principal, for
another purpose, with another filter, or after a change of rules.
"""

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Protocol

import msgspec

from gateway.domain.catalog import Route
from gateway.domain.continuation import Continuation
from gateway.domain.names import AccountId, PurposeKey, RulesDigest
from gateway.doors.http.reading.binding import Asked
from gateway.doors.http.reading.fitting import MAX_CURSOR_CHARACTERS

_TEXT = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_CURSOR_CHARACTERS}}}")
_OFFSET_BYTES = 8
_LENGTH_BYTES, _STEP_BYTES = 2, 128


class Seal(Protocol):
    """Authenticated encryption under a key of the gateway that never leaves it."""

    def seal(self, plain: bytes, bound_to: bytes) -> bytes:
        """Return the sealed bytes; only ``open`` with equal ``bound_to`` gives them back."""
        ...

    def open(self, sealed: bytes, bound_to: bytes) -> bytes | None:
        """Return what was sealed; ``None`` if it was changed or bound to something else."""
        ...


class CursorScope(msgspec.Struct, frozen=True, kw_only=True):
    """All that a cursor is bound to."""

    account: AccountId
    purpose: PurposeKey
    rules: RulesDigest
    route: Route
    asked: Asked

    def encoded(self) -> bytes:
        """Return the scope as bytes that are equal only for equal scopes; filters in any order."""
        asked = self.asked
        filters = sorted(
            (one.parameter, one.spelling, one.comparison.value, one.in_body, one.compared) for one in asked.filters
        )
        sorts = [(one.field, one.descending) for one in asked.sorts]
        where = (self.route.method, self.route.template)
        return msgspec.json.encode(
            ("cursor 3", self.account, self.purpose, self.rules, where, filters, sorts, asked.fields, asked.limit)
        )


def sealed_cursor(seal: Seal, offset: int, scope: CursorScope) -> str:
    """Return the cursor of the page that starts at an offset."""
    return _sealed(seal, offset.to_bytes(_OFFSET_BYTES, "big"), scope.encoded())


def opened_cursor(seal: Seal, cursor: str, scope: CursorScope) -> int | None:
    """Return the offset in a cursor; ``None`` if the gateway did not make it for this very scope."""
    plain = _opened(seal, cursor, scope.encoded())
    return int.from_bytes(plain, "big") if plain is not None and len(plain) == _OFFSET_BYTES else None


def sealed_continuation(seal: Seal, continuation: Continuation, scope: CursorScope) -> str:
    """Return a store's own continuation as a caller gets it."""
    plain = msgspec.msgpack.encode(continuation)
    framed = len(plain).to_bytes(_LENGTH_BYTES, "big") + plain
    # It may be a value of a row that the caller does not see, so not even its length is told.
    padded = framed.ljust(-(-len(framed) // _STEP_BYTES) * _STEP_BYTES, b"\0")
    return _sealed(seal, padded, _OF_STORE + scope.encoded())


def opened_continuation(seal: Seal, cursor: str, scope: CursorScope) -> Continuation | None:
    """Return what the store said; ``None`` if the gateway did not seal it for this very scope."""
    plain = _opened(seal, cursor, _OF_STORE + scope.encoded())
    if plain is None:
        return None
    n_bytes = int.from_bytes(plain[:_LENGTH_BYTES], "big")
    return _continuation.decode(plain[_LENGTH_BYTES : _LENGTH_BYTES + n_bytes])


_OF_STORE = b"continuation of the store "
"""In front of the scope, so that neither kind of cursor opens as the other."""
# No longer than what the store said: JSON would double each of its quotes.
_continuation = msgspec.msgpack.Decoder(Continuation)


def _sealed(seal: Seal, plain: bytes, bound_to: bytes) -> str:
    return urlsafe_b64encode(seal.seal(plain, bound_to)).decode("ascii").rstrip("=")


def _opened(seal: Seal, cursor: str, bound_to: bytes) -> bytes | None:
    if not _TEXT.fullmatch(cursor):
        return None
    try:
        sealed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except binascii.Error:
        return None
    return seal.open(sealed, bound_to)
