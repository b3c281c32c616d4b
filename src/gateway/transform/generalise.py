# SPDX-License-Identifier: Apache-2.0
"""Generalisations: a date or a number becomes the span that it lies in.

Dates go day, month, year, band of ten years; numbers go through bands of 10, 100, 1,000 and 10,000.
Spans nest, so each can be computed from any finer one: ``1984-05-06``, ``1984-05``, ``1984``,
``1980-1989``, ``1900-1999``. A band is written ``lowest-highest``, with ``..`` between where the
lowest is negative; it holds every number from the lowest up to, but not including, the next band.

A value that is no date or number of that kind gives ``None``; years before 1000 are none. A time of
day is dropped as written, without moving it to another zone. Stores in China also write ``1984年5月6日``.
"""

import math
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal

WIDTHS = (10, 100, 1_000, 10_000)
_LARGEST = 10**18
_DAY = re.compile(
    r"([1-9][0-9]{3})-([0-9]{2})-([0-9]{2})"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_DAY_ZH = re.compile(r"([1-9][0-9]{3})年([0-9]{1,2})月([0-9]{1,2})日")
_MONTH = re.compile(r"[1-9][0-9]{3}-(?:0[1-9]|1[0-2])")
_YEAR = re.compile(r"[1-9][0-9]{3}")
_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_BAND = re.compile(r"(0|-?[1-9][0-9]{0,17})(-|\.\.)(0|-?[1-9][0-9]{0,17})")

Value = str | int | Decimal


def parse_day(text: str) -> date | None:
    """Return the day of an ISO 8601 date or timestamp in its extended form, or of ``1984年5月6日``, as written."""
    plain = text.strip()
    found = _DAY.fullmatch(plain) or _DAY_ZH.fullmatch(plain)
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None


def day(value: Value) -> str | None:
    """Return ``YYYY-MM-DD``."""
    known = parse_day(value) if isinstance(value, str) else None
    return None if known is None else known.isoformat()


def month(value: Value) -> str | None:
    """Return ``YYYY-MM``."""
    if not isinstance(value, str):
        return None
    known = parse_day(value)
    if known is not None:
        return known.isoformat()[:7]
    return value if _MONTH.fullmatch(value) else None


def year(value: Value) -> str | None:
    """Return ``YYYY``; a whole number of four digits is a year already."""
    known = month(value)
    if known is not None:
        return known[:4]
    if isinstance(value, Decimal):
        return None
    return str(value) if _YEAR.fullmatch(str(value)) else None


def band(width: int) -> Callable[[Value], str | None]:
    """Return the function that finds the band of a width, one of ``WIDTHS``."""

    def banded(value: Value) -> str | None:
        number = _read(value, width) if isinstance(value, str) else _floor(value)
        if number is None:
            return None
        lowest = number // width * width
        return f"{lowest}{'..' if lowest < 0 else '-'}{lowest + width - 1}"

    return banded


def _floor(value: int | Decimal) -> int | None:
    """Return the whole number at or below a number; ``None`` beyond 18 digits, which no band serves."""
    if isinstance(value, Decimal) and not value.is_finite():
        return None
    return math.floor(value) if -_LARGEST < value < _LARGEST else None


def _read(text: str, at_most: int) -> int | None:
    """Return the year of a date, a number, or the lowest of a band no wider than ``at_most``."""
    known = month(text)
    if known is not None:
        return int(known[:4])
    return int(text) if _NUMBER.fullmatch(text) else _lowest(text, at_most)


def _lowest(text: str, at_most: int) -> int | None:
    found = _BAND.fullmatch(text)
    if found is None:
        return None
    lowest, width = int(found[1]), int(found[3]) - int(found[1]) + 1
    well_made = width in WIDTHS and width <= at_most and lowest % width == 0 and (found[2] == "..") == (lowest < 0)
    return lowest if well_made else None
