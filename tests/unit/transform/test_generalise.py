# SPDX-License-Identifier: Apache-2.0
"""Dates and numbers become the spans they lie in."""

from datetime import date
from decimal import Decimal

import pytest

from gateway.transform import generalise
from gateway.transform.generalise import Value


@pytest.mark.parametrize(
    ("value", "day", "month", "year", "band"),
    [
        ("1984-05-06", "1984-05-06", "1984-05", "1984", "1980-1989"),
        ("2000-02-29T23:59:59.5+02:00", "2000-02-29", "2000-02", "2000", "2000-2009"),
        ("2024-01-02 03:04", "2024-01-02", "2024-01", "2024", "2020-2029"),
        ("1984年5月6日", "1984-05-06", "1984-05", "1984", "1980-1989"),
        ("1984年05月06日", "1984-05-06", "1984-05", "1984", "1980-1989"),
        ("1984年13月1日", None, None, None, None),
        ("1984-05", None, "1984-05", "1984", "1980-1989"),
        ("1984", None, None, "1984", "1980-1989"),
        (1984, None, None, "1984", "1980-1989"),
        ("1980-1989", None, None, None, "1980-1989"),
        ("1984-13-01", None, None, None, None),
        ("2023-02-29", None, None, None, None),
        ("0000-01-01", None, None, None, None),
        ("0000-01", None, None, None, None),
        ("06.05.1984", None, None, None, None),
        ("1984-05-06 about noon", None, None, None, None),
        ("１９８４-05-06", None, None, None, None),
        ("", None, None, None, None),
        (Decimal("1984.5"), None, None, None, "1980-1989"),
    ],
)
def test_a_date_becomes_day_month_year_or_decade(
    value: Value, day: str | None, month: str | None, year: str | None, band: str | None
) -> None:
    """A time of day is dropped as written; what is no date gives nothing."""
    found = (generalise.day(value), generalise.month(value), generalise.year(value), generalise.band(10)(value))
    assert found == (day, month, year, band)


@pytest.mark.parametrize(
    ("value", "width", "band"),
    [
        (0, 10, "0-9"),
        (34, 10, "30-39"),
        (34, 100, "0-99"),
        (-5, 10, "-10..-1"),
        (-10, 10, "-10..-1"),
        (-11, 10, "-20..-11"),
        (Decimal("1999.99"), 1000, "1000-1999"),
        (Decimal("-0.5"), 10, "-10..-1"),
        (Decimal("1E+5"), 10_000, "100000-109999"),
        ("34", 10, "30-39"),
        ("30-39", 100, "0-99"),
        ("-20..-11", 100, "-100..-1"),
        ("0-99", 10, None),
        ("30-38", 10, None),
        ("31-40", 10, None),
        ("-10--1", 10, None),
        ("007", 10, None),
        ("1e3", 10, None),
        (10**18, 10, None),
        (-(10**18), 10, None),
        (Decimal("1E+999999"), 10, None),
        (Decimal("NaN"), 10, None),
        (Decimal("-Infinity"), 10, None),
        ("nothing", 10, None),
    ],
)
def test_a_number_becomes_its_band(value: Value, width: int, band: str | None) -> None:
    """Only whole bands that nest are read back; numbers beyond 18 digits have none."""
    assert generalise.band(width)(value) == band


def test_a_day_is_read_as_written() -> None:
    """No zone moves it."""
    assert generalise.parse_day(" 2024-12-31T23:30:00-08:00 ") == date(2024, 12, 31)
