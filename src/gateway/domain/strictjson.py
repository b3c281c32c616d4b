# SPDX-License-Identifier: Apache-2.0
"""The one strict reader for JSON that callers send; what stores send goes through the typed codec.

RULES

1. Size, depth and the number of values are checked before anything is parsed, so no input can
   exhaust the stack, and none takes more than a small multiple of its size in memory.
2. UTF-8 without a byte order mark; no lone surrogates, neither as bytes nor as escapes.
3. A key occurs once in its object: parsers disagree on which of two counts.
4. Numbers are ``int`` or ``Decimal`` with all their digits; NaN, Infinity, numbers beyond the range
   of binary64 and numbers with too many digits are refused.
5. No error holds a piece of the text, not even in its context: the text may be a password.

Source: RFC 8259, and RFC 7493 (I-JSON) sections 2.1 to 2.3.
"""

import json
import re
from decimal import Decimal
from itertools import accumulate

MAX_EXPONENT = 308
"""Decimal exponent up to which binary64 reaches: a reader behind us may compute with floats."""

# Possessive, and the closing quote optional, so an open string is passed over once and the search stays linear.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NO_BRACKET = bytes(byte for byte in range(256) if byte not in b"[]{}")
_DEEPER = {ord(bracket): 1 if bracket in "[{" else -1 for bracket in "[]{}"}
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F])|.)", re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read(
    raw: bytes, *, max_bytes: int = 65_536, max_depth: int = 32, max_digits: int = 64, max_values: int = 262_144
) -> object:
    """Return the value of one JSON text: ``None``, ``bool``, ``int``, ``Decimal``, ``str``, list or dict.

    Args:
        raw: The whole text.
        max_bytes: Longest text that is looked at.
        max_depth: Most arrays and objects inside each other; 1 allows ``[]`` but not ``[[]]``.
        max_digits: Most digits of one number, the exponent not counted.
        max_values: Most values, those inside others counted too; one costs about 100 bytes of memory.

    Raises:
        ValueError: The text breaks a rule; the sentence says which, and where if that is known.
    """
    if len(raw) > max_bytes:
        raise ValueError(f"the JSON text is {len(raw)} bytes long; at most {max_bytes} are read")
    # A string is a value or a key, and has two marks; what is escaped is none. Never more than there are, and counted
    # before each costs an object.
    if raw.count(b'"') - raw.count(b'\\"') > 4 * max_values:
        raise ValueError(f"the JSON text has more than {max_values} values")
    text = _text(raw)
    _check_shape(text, max_depth, max_values)
    _check_surrogates(text)
    value, problem = _parsed(text, max_digits)
    if problem:
        raise ValueError(problem)
    return value


def _text(raw: bytes) -> str:
    if raw.startswith(b"\xef\xbb\xbf"):
        raise ValueError("the JSON text starts with a byte order mark")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        place = error.start
    # Raised here and not above: the decoder's error would carry the whole text as its context.
    raise ValueError(f"the JSON text is not UTF-8 at byte {place}")


def _check_shape(text: str, max_depth: int, max_values: int) -> None:
    """Check depth and number of values on what stands between the strings; a text that is no JSON fails later."""
    bare = _STRING.sub("", text).encode("utf-8", "surrogatepass")
    # Each value but the first follows a comma or stands first in an array or object.
    if bare.count(b",") + bare.count(b"[") + bare.count(b"{") >= max_values:
        raise ValueError(f"the JSON text has more than {max_values} values")
    if max(accumulate(map(_DEEPER.__getitem__, bare.translate(None, _NO_BRACKET))), default=0) > max_depth:
        raise ValueError(f"the JSON text is nested deeper than {max_depth}")


def _check_surrogates(text: str) -> None:
    if _SURROGATE.search(text) is None:
        return
    for match in _ESCAPE.finditer(text):
        if match[1]:
            raise ValueError(f"the JSON text has a lone surrogate at character {match.start()}")


def _parsed(text: str, max_digits: int) -> tuple[object, str | None]:
    """Return the value, or what is wrong; errors of the parser hold the text and stay in here."""

    def integer(number: str) -> int:
        _check_digits(number, max_digits)
        return int(number)

    def decimal(number: str) -> Decimal:
        _check_digits(number, max_digits)
        value = Decimal(number)
        if abs(value.adjusted()) > MAX_EXPONENT:
            raise _Refused(f"the JSON text has a number beyond 10^{MAX_EXPONENT} or below 10^-{MAX_EXPONENT}")
        return value

    try:
        value = json.loads(
            text,
            object_pairs_hook=_members,
            parse_int=integer,
            parse_float=decimal,
            parse_constant=_no_constant,
        )
    except _Refused as error:
        return None, str(error)
    except json.JSONDecodeError as error:
        return None, f"the text is not JSON at line {error.lineno}, column {error.colno}"
    return value, None


class _Refused(Exception):
    """A hook of the parser found a rule broken; never leaves this module."""


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Refused("the JSON text has an object in which a key occurs twice")
    return members


def _no_constant(_: str) -> object:
    raise _Refused("the JSON text has NaN or Infinity, which JSON does not know")


def _check_digits(number: str, max_digits: int) -> None:
    mantissa = number.lower().partition("e")[0]
    if len(mantissa) - mantissa.count("-") - mantissa.count(".") > max_digits or len(number) > max_digits + 16:
        raise _Refused(f"the JSON text has a number of more than {max_digits} digits")
