# SPDX-License-Identifier: Apache-2.0
"""Whether some text holds a bearer of this installation or what one is got with, so that it is not passed on to somebody else.

Looked for is the form alone: an access bearer that has ended or that nobody signed counts like a good one,
since both come from a caller that mistook one key for another. Nothing is verified here, and nothing that
this finds is believed.
"""

import json
import re
from base64 import b64decode, urlsafe_b64decode

from gateway.domain import strictjson
from gateway.identify.clients import SECRET_PREFIX
from gateway.identify.sessions import REFRESH_PREFIX

# Begins at a dot, which is in no part of a bearer, and takes nothing back: reading a body costs its length alone.
_ACCESS = re.compile(rb"(?<=[A-Za-z0-9_-]\.)(eyJ[A-Za-z0-9_-]{8,8192}+)(?=\.)")
_OPAQUE = re.compile(rb"(?:%b|%b)[A-Za-z0-9_-]{43}" % (REFRESH_PREFIX.encode(), SECRET_PREFIX.encode()))
_BASIC = re.compile(rb"[Bb][Aa][Ss][Ii][Cc] +([A-Za-z0-9+/]+={0,2})")
MOST_CLAIMS = 16_384


def holds_bearer(raw: bytes, issuer: str) -> bool:
    """Tell whether the bytes hold an access bearer of this issuer, or a refresh bearer or client secret of any.

    Also inside Basic, as clients of OAuth send theirs.

    Args:
        raw: A header, a query, a path or a body, as it came.
        issuer: Of this installation's bearers.
    """
    basic = _BASIC.match(raw)
    if basic is not None and holds_bearer(_decoded(basic[1]), issuer):
        return True
    if _OPAQUE.search(raw) is not None:
        return True
    named = json.dumps(issuer).encode()
    return any(_is_of(found[1], issuer, named) for found in _ACCESS.finditer(raw))


def _decoded(text: bytes) -> bytes:
    try:
        return b64decode(text + b"=" * (-len(text) % 4))
    except ValueError:
        return b""


def _is_of(payload: bytes, issuer: str, named: bytes) -> bool:
    """Tell whether a payload names the issuer; one in which it does not occur is not read."""
    try:
        told = urlsafe_b64decode(payload + b"=" * (-len(payload) % 4))
        claims = strictjson.read(told, max_bytes=MOST_CLAIMS, max_depth=8) if named in told else None
    except ValueError:
        return False
    return isinstance(claims, dict) and claims.get("iss") == issuer
