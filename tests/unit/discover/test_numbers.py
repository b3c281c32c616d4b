# SPDX-License-Identifier: Apache-2.0
"""Numbers of people, told by check digits and numbering plans; and numbers that only look like them."""

from random import Random

import pytest

from gateway.discover.columns import Column
from gateway.discover.numbers import Phones, accounts, cards, is_resident_number, is_serial, official


def test_official_numbers_of_several_countries_are_counted_with_their_countries() -> None:
    """China, Spain, the United States."""
    n, countries = official(["11010519491231002X", "54362315K", "219-09-9998", "11010519491231002Y", "hello"])
    assert n == 3
    assert set(countries) == {"CN", "ES", "US"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("420106195203030029", True),  # Wuchang has had this code since long after 1952
        ("11010519491231002x", True),
        ("420106195213030022", False),  # no such month, whatever the check digit
        ("420106195203030020", False),
        ("042010619520303002", False),
    ],
)
def test_a_resident_number_is_told_without_a_list_of_districts(text: str, expected: bool) -> None:
    """People keep the code of the day of issue, which a list by year of birth does not know."""
    assert is_resident_number(text) is expected


def test_one_in_ten_numbers_of_chance_passes_for_official_at_most() -> None:
    """Of eleven digits, the length that most countries use."""
    rng = Random(1)
    n, _ = official([str(rng.randint(10**10, 10**11 - 1)) for _ in range(1000)])
    assert n < 120


def test_phones_are_told_by_how_they_are_written() -> None:
    """For the world, as Chinese mobiles, and as one country writes them."""
    phones = Phones(
        ["+4915123456789", "13812345678", "0151 23456789", "(415) 555-2671", "2026-01-03", "1,234.50", "12345"]
    )
    assert (phones.plus, phones.mobiles, phones.national) == (1, 1, 2)
    assert phones.regions == ("DE",)


def test_cards_and_accounts_need_their_check_digits() -> None:
    """One digit more or less is no card."""
    assert cards(["4111 1111 1111 1111", "4111 1111 1111 1112"]) == 1
    assert accounts(["DE89370400440532013000", "DE89370400440532013001"]) == 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (tuple(str(13_800_000_000 + n) for n in range(9)), True),
        (tuple(f"202601{n:05}" for n in (3, 1, 4, 1, 5, 9, 2, 6)), True),
        (("13812345678", "15923456789", "18634567890", "13545678901", "17756789012"), False),
        (("+4915123456789", "a", "b"), False),
    ],
)
def test_what_rises_or_begins_alike_is_a_series(values: tuple[str, ...], expected: bool) -> None:
    """As keys and order numbers are, and telephone numbers are not."""
    assert is_serial(Column(name="n", values=values, n_rows=9)) is expected
