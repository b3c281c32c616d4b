# SPDX-License-Identifier: Apache-2.0
"""Headers that change what a call means, for the routes that declare them: conditions, keys and preferences.

RULES

1. An entity tag of a store never leaves. A caller gets it sealed, bound to the account, the purpose and
   the record, and only what opens again is sent to the store. Where none of a header's tags opens, the
   condition fails: ``If-Match`` as none of them is the record's (RFC 9110 section 13.1.1), and
   ``If-None-Match`` as nobody can tell any more that none of them is, since the key of the seal may have
   been changed. ``*`` means any record.
2. A weak tag matches nothing in ``If-Match`` (RFC 9110 section 13.1.1).
3. An ``Idempotency-Key`` is only checked here; the flow replaces it by one that is bound to whose it is.
4. ``Prefer`` may ask for ``return=minimal`` or ``return=representation``, which a store may ignore.

Source: RFC 9110 sections 8.8.3 and 13.1; RFC 7240; draft-ietf-httpapi-idempotency-key-header.
"""

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping

import msgspec

from gateway.domain.catalog import Honoured, Route
from gateway.domain.decision import Deny, Reason
from gateway.domain.names import AccountId, PurposeKey
from gateway.doors.http.reading.cursors import Seal

MOST_TAGS = 16

_TAG = r'(W/)?"([\x21\x23-\x7e]*)"'
_TAGS = re.compile(rf"{_TAG}(?:[ \t]*,[ \t]*{_TAG})*")
_ONE_TAG = re.compile(_TAG)
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}")
_PREFERENCES = ("return=minimal", "return=representation")

Conditions = tuple[tuple[str, str], ...]


class TagScope(msgspec.Struct, frozen=True, kw_only=True):
    """All that a sealed tag is bound to; the record is where its path says."""

    account: AccountId
    purpose: PurposeKey
    segments: tuple[str, ...]

    def encoded(self) -> bytes:
        """Return the scope as bytes that are equal only for equal scopes."""
        return msgspec.json.encode(("etag 1", self.account, self.purpose, self.segments))


def sealed_tag(seal: Seal, tag: str, scope: TagScope) -> str:
    """Return a store's entity tag as a caller gets it: as weak as it was, and readable by nobody."""
    sealed = urlsafe_b64encode(seal.seal(tag.encode(), scope.encoded())).decode("ascii").rstrip("=")
    return ("W/" if tag.startswith("W/") else "") + f'"{sealed}"'


def conditions_of(stated: Mapping[str, str], route: Route, seal: Seal, scope: TagScope) -> Conditions | Deny:
    """Return the headers as the store is to get them, or why the call ends here.

    Args:
        stated: Those of ``headers.CONDITIONS`` that the call has, by lower-case name.
        route: Says which are honoured.
        seal: By which tags were sealed.
        scope: Whose tags can be opened.
    """
    found: list[tuple[str, str]] = []
    for name, value in stated.items():
        # Of a route that reads, `if-match` declares that its record's tag is told; there is nothing to prevent.
        if name not in route.honours or route.operation == "read":
            return Deny(reason=Reason.HEADER_NOT_SUPPORTED, fields=(_shown(name),))
        told = _told(Honoured(name), value, seal, scope)
        if isinstance(told, Deny):
            return told
        found.append((name, told))
    return tuple(found)


def _told(header: Honoured, value: str, seal: Seal, scope: TagScope) -> str | Deny:
    match header:
        case Honoured.IF_MATCH | Honoured.IF_NONE_MATCH:
            return _tags(header, value, seal, scope)
        case Honoured.IDEMPOTENCY_KEY:
            if not _IDEMPOTENCY_KEY.fullmatch(value):
                return _malformed(header, "The header must be 1 to 255 visible ASCII characters.")
            return value
        case Honoured.PREFER:
            asked = value.lower().replace(" ", "").replace('"', "")
            return asked if asked in _PREFERENCES else Deny(reason=Reason.HEADER_NOT_SUPPORTED, fields=("Prefer",))


def _tags(header: Honoured, value: str, seal: Seal, scope: TagScope) -> str | Deny:
    """Return the store's own tags, or the refusal if none is known."""
    if value == "*":
        return value
    told = _ONE_TAG.findall(value)
    if not _TAGS.fullmatch(value) or len(told) > MOST_TAGS:
        return _malformed(header, f"The header must be * or 1 to {MOST_TAGS} entity tags.")
    is_match = header is Honoured.IF_MATCH
    opened = [_opened(sealed, seal, scope) for weak, sealed in told if not (is_match and weak)]
    known = [tag for tag in opened if tag and not (is_match and tag.startswith("W/"))]
    if not known:
        return Deny(reason=Reason.PRECONDITION_FAILED, fields=(_shown(header),))
    return ", ".join(known)


def _opened(text: str, seal: Seal, scope: TagScope) -> str | None:
    try:
        sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return None
    plain = seal.open(sealed, scope.encoded())
    return None if plain is None else plain.decode()


def _malformed(header: Honoured, sentence: str) -> Deny:
    return Deny(reason=Reason.MALFORMED, fields=(_shown(header),), title=sentence)


def _shown(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))
