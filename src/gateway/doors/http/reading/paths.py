# SPDX-License-Identifier: Apache-2.0
"""The path that a caller asked for: refused unless it is in its one normal form, then taken apart.

RULES

1. The form is that of RFC 3986 section 6.2.2: unreserved characters stand for themselves, other
   bytes are UTF-8 in upper-case percent escapes, there are no dot segments. A reserved character
   that may stand in a segment (``@``, ``:``, ``,`` …) is normal literal and escaped; both are common
   among clients, and the decision sees the decoded value either way.
2. Decoded once. Nothing that a second decoding, a file system or another server could read as a
   border is taken: no slash, backslash, semicolon, percent sign or control character in a segment,
   no empty segment, none that begins or ends in white space or ends in a dot, and none in which
   Unicode compatibility would make one of these appear.
3. Only ``scope["raw_path"]`` is looked at, never a URL that was put together with a Host header.
"""

import re
import unicodedata
from urllib.parse import unquote_to_bytes

MAX_PATH_BYTES = 4096
_FORM = re.compile(rb"(?:/(?:[A-Za-z0-9._~!$&'()*+,=:@-]|%[0-9A-F]{2})+)+")
_USUAL = re.compile(rb"(?:/[A-Za-z0-9_~-]+(?:\.[A-Za-z0-9_~-]+)*)+")
"""Paths in which nothing can have two meanings: most of them."""
_UNRESERVED_ESCAPED = re.compile(rb"%(?:2[DE]|3[0-9]|4[1-9A-F]|5[0-9AF]|6[1-9A-F]|7[0-9AE])")
# The last six are read as slashes by tables that fit Unicode into older character sets.
_BORDER = frozenset("/\\;%?#\u2044\u2215\u2216\u29f5\u29f8\u29f9")
# Zl, Zp and Cf are line separators and characters that are not seen; Cn, Co mean nothing that we know.
_NO_TEXT = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


def segments_of(raw_path: bytes) -> tuple[str, ...] | None:
    """Return the decoded segments of a path in normal form; ``None`` for any other path.

    ``/`` has no segments. The raw path of an absolute-form or ``*`` target is no path here.
    """
    if raw_path == b"/":
        return ()
    if len(raw_path) <= MAX_PATH_BYTES and _USUAL.fullmatch(raw_path):
        return tuple(raw_path[1:].decode("ascii").split("/"))
    if len(raw_path) > MAX_PATH_BYTES or not _FORM.fullmatch(raw_path) or _UNRESERVED_ESCAPED.search(raw_path):
        return None
    try:
        segments = tuple(unquote_to_bytes(part).decode("utf-8") for part in raw_path[1:].split(b"/"))
    except UnicodeDecodeError:
        return None
    return segments if all(map(_is_plain, segments)) else None


def _is_plain(segment: str) -> bool:
    """Tell whether the segment means one thing, now and to whoever reads it next."""
    if segment.isascii():
        return _has_no_border(segment)
    if any(unicodedata.category(character) in _NO_TEXT for character in segment):
        return False
    return _has_no_border(segment) and _has_no_border(unicodedata.normalize("NFKC", segment))


def _has_no_border(segment: str) -> bool:
    if segment.endswith(".") or segment != segment.strip() or not _BORDER.isdisjoint(segment):
        return False
    return segment.isprintable() or not segment.isascii()
