# SPDX-License-Identifier: Apache-2.0
"""The header by which a store's own log can be laid beside the gateway's: ``traceparent``, version 00.

RULES

1. The trace id of a call is its decision id. The parent id is a digest of decision id and place under a key of the
   installation, so whoever has been told a decision id cannot make the header that belongs to it.
2. A look of the gateway's own, which decides nothing, has a trace id whose second half is a digest of the first
   under the same key: it is told from a call without asking the log.
3. What cannot be read as this version of the header is no trace of ours.

Source: W3C Trace Context, level 1 (2021), sections 3.2 and 3.3: lower-case hexadecimal, no id of zeros alone.
"""

import re
from collections.abc import Iterable
from hashlib import blake2b

import msgspec

from gateway.domain.names import DecisionId

HEADER = "traceparent"
OF_CALLERS = frozenset({HEADER, "tracestate"})
"""Of a caller's headers, those that no store gets: the first is the gateway's own, and the second belongs to it."""

MOST_CALLS = 8
"""Calls that one decision can make to stores; a look before a write and the write are two."""
HALF_BYTES = 8

_FORM = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}\Z")


class Trace(msgspec.Struct, frozen=True):
    """What a header says; both in lower-case hexadecimal, neither of zeros alone."""

    trace_id: str
    parent_id: str


def of_call(key: bytes, decision_id: DecisionId, n: int) -> str:
    """Return the header of a call to a store.

    Args:
        key: Of the installation, 16 to 64 bytes.
        decision_id: 32 hexadecimal digits.
        n: Place of the call among those of its decision, from 0.
    """
    return f"00-{decision_id}-{_parent_id(key, decision_id, n)}-01"


def of_look(key: bytes, nonce: bytes) -> str:
    """Return the header of a look that decides nothing, made of 8 random bytes."""
    trace_id = (nonce + _digest(key, nonce, b"look")).hex()
    return f"00-{trace_id}-{_digest(key, nonce, b'look-parent').hex()}-01"


def parsed(text: str) -> Trace | None:
    """Return what a header says; ``None`` if it says nothing that can be used."""
    found = _FORM.match(text)
    if found is None or not found[1].strip("0") or not found[2].strip("0"):
        return None
    return Trace(found[1], found[2])


def is_call(keys: Iterable[bytes], trace: Trace) -> bool:
    """Tell whether one of these keys made the header for a call."""
    decision_id = DecisionId(trace.trace_id)
    return any(_parent_id(key, decision_id, n) == trace.parent_id for key in keys for n in range(MOST_CALLS))


def is_look(keys: Iterable[bytes], trace: Trace) -> bool:
    """Tell whether one of these keys made the header for a look."""
    raw = bytes.fromhex(trace.trace_id)
    nonce, sealed = raw[:HALF_BYTES], raw[HALF_BYTES:]
    return any(
        _digest(key, nonce, b"look") == sealed and _digest(key, nonce, b"look-parent").hex() == trace.parent_id
        for key in keys
    )


def _parent_id(key: bytes, decision_id: DecisionId, n: int) -> str:
    return _digest(key, f"{decision_id}/{n}".encode("ascii"), b"call").hex()


def _digest(key: bytes, text: bytes, use: bytes) -> bytes:
    found = blake2b(text, key=key, digest_size=HALF_BYTES, person=use).digest()
    # An id of zeros alone is none; it comes once in 2**64.
    return found if any(found) else b"\x00" * (HALF_BYTES - 1) + b"\x01"
