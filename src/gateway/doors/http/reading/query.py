# SPDX-License-Identifier: Apache-2.0
"""The query string of a call, read strictly.

RULES

1. Pairs are split at ``&`` and at the first ``=``, decoded once, UTF-8. What two servers read in two
   ways is refused: a raw ``+`` (plus or space?), a raw ``;`` (another ``&``?), an empty value (no filter,
   or equal to nothing?). A name that occurs twice (the first or the last?) is refused where parameters are
   bound, because a route may declare that one name has several meanings.
2. A value of a caller is in no refusal, because a refusal is logged; a name only if it looks like one.
"""

import re
import unicodedata
from urllib.parse import unquote_to_bytes

from gateway.domain.decision import Deny, Reason

MAX_QUERY_BYTES = 8192
MAX_PARAMETERS = 64

_PAIR = re.compile(
    rb"(?:[A-Za-z0-9!$'()*,./:?@\[\]_~-]|%[0-9A-Fa-f]{2})+=(?:[A-Za-z0-9!$'()*,./:=?@\[\]_~-]|%[0-9A-Fa-f]{2})*"
)
_NAME_TO_TELL = re.compile(r"_?[A-Za-z][A-Za-z0-9_.:\[\]-]{0,63}")

Pairs = tuple[tuple[str, str], ...]


def pairs_of(raw_query: bytes) -> Pairs | Deny:
    """Return the decoded pairs of a raw query string in their order, or why it cannot be read."""
    if not raw_query:
        return ()
    if len(raw_query) > MAX_QUERY_BYTES:
        return Deny(reason=Reason.MALFORMED, title=f"The query is longer than {MAX_QUERY_BYTES} bytes.")
    pieces = raw_query.split(b"&")
    if len(pieces) > MAX_PARAMETERS:
        return Deny(reason=Reason.MALFORMED, title=f"The query has more than {MAX_PARAMETERS} parameters.")
    pairs: list[tuple[str, str]] = []
    for piece in pieces:
        pair = _pair(piece)
        if isinstance(pair, Deny):
            return pair
        pairs.append(pair)
    return tuple(pairs)


def _pair(piece: bytes) -> tuple[str, str] | Deny:
    if b"+" in piece:
        return invalid(
            _text(piece.partition(b"=")[0]) or "", "A plus sign is ambiguous: write %2B or, for a space, %20."
        )
    if not _PAIR.fullmatch(piece):
        return Deny(
            reason=Reason.MALFORMED, title="The query must be name=value pairs, joined by & and percent-encoded."
        )
    if b"%" not in piece:
        # Then it is visible ASCII.
        plain, _, rest = piece.decode("ascii").partition("=")
        return plain, rest
    name, value = (_text(part) for part in piece.split(b"=", 1))
    if name is None or value is None:
        return Deny(reason=Reason.MALFORMED, title="The query is not percent-encoded UTF-8 without control characters.")
    return name, value


def _text(raw: bytes) -> str | None:
    try:
        text = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if has_control(text) else text


def has_control(text: str) -> bool:
    """Tell whether a text has control characters, of which no value needs one."""
    return any(unicodedata.category(character) == "Cc" for character in text)


def invalid(name: str, sentence: str) -> Deny:
    """Return the refusal of a parameter whose value is not one that it can have."""
    return Deny(reason=Reason.PARAMETER_INVALID, fields=(told_name(name),), title=sentence)


def told_name(name: str) -> str:
    """Return a parameter's name for a refusal: what does not look like a name may be a value."""
    return name if _NAME_TO_TELL.fullmatch(name) else "(a parameter whose name is not repeated)"
