# SPDX-License-Identifier: Apache-2.0
"""Claims about sample people as a whole: shares, ages, repeatability."""

import hashlib
from collections import Counter
from datetime import date
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from gateway.demo.campaign import Campaign, made_up_campaign, read_campaign
from gateway.demo.chance import Chance
from gateway.demo.people import N_MADE_UP, Customer, born, people
from gateway.domain.errors import SettingsError

FIRST_100 = "971b338cbbc4602ac81cc8e69444d30972feecc13bcd2de2f5517b12bbebb97d"


def _age(birth_date: str, today: date) -> int:
    birth = date.fromisoformat(birth_date)
    return today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))


def _row(campaign: Campaign) -> dict[str, str]:
    return {name: str(value) for name, value in msgspec.structs.asdict(campaign).items()}


def test_the_first_hundred_people_of_the_seed_never_change(today: date) -> None:
    """Names, numbers, orders and choices, byte for byte, on every Python."""
    first = list(people(None, 100, today=today))

    assert hashlib.sha256(msgspec.json.encode(first)).hexdigest() == FIRST_100


def test_more_people_do_not_change_those_before_them(crowd: tuple[Customer, ...], today: date) -> None:
    """A smaller demo shows the same people as a larger one."""
    assert tuple(people(None, 250, today=today)) == crowd[:250]


def test_another_seed_gives_other_people(crowd: tuple[Customer, ...], today: date) -> None:
    """Nobody stays the same."""
    others = list(people(None, 100, seed=1, today=today))

    assert not {one.email for one in others} & {one.email for one in crowd[:100]}


def test_a_third_lives_in_europe_in_china_in_california(crowd: tuple[Customer, ...]) -> None:
    """Exact thirds, and within Europe six countries in turn."""
    countries = Counter(one.country for one in crowd)

    assert (countries.pop("CN"), countries.pop("US"), countries.total()) == (1_000, 1_000, 1_000)
    assert countries.keys() == {"DE", "FR", "NL", "ES", "PL", "IT"}
    assert set(countries.values()) <= {166, 167}


def test_3_of_a_hundred_are_8_to_17_years_old(crowd: tuple[Customer, ...], today: date) -> None:
    """By their birth date at the reference day, and their age says so too."""
    minors = [one for one in crowd if one.birth_date and _age(one.birth_date, today) < 18]

    assert len(minors) == 90
    assert {_age(one.birth_date or "", today) for one in minors} == set(range(8, 18))


def test_5_of_a_hundred_have_no_birth_date(crowd: tuple[Customer, ...]) -> None:
    """All of them adults by the age in their row."""
    unknown = [one for one in crowd if one.birth_date is None]

    assert len(unknown) == 150
    assert min(one.campaign.age for one in unknown) >= 18


def test_2_of_a_hundred_share_their_phone_with_one_other(crowd: tuple[Customer, ...]) -> None:
    """In pairs, within a country."""
    bearers = Counter(one.phone for one in crowd)
    pairs = [[one for one in crowd if one.phone == phone] for phone, n in bearers.items() if n > 1]

    assert sum(len(pair) for pair in pairs) == 60
    assert all(len(pair) == 2 and pair[0].country == pair[1].country for pair in pairs)


def test_the_age_of_everybody_is_that_of_the_birth_date(crowd: tuple[Customer, ...], today: date) -> None:
    """In full years at the reference day."""
    assert all(one.campaign.age == _age(one.birth_date, today) for one in crowd if one.birth_date)


@pytest.mark.parametrize(
    "today", [date(2024, 2, 29), date(2025, 2, 28), date(2025, 3, 1), date(2025, 1, 1), date(2025, 12, 31)], ids=str
)
def test_a_drawn_birth_date_gives_the_age_on_any_day(today: date) -> None:
    """Leap days and the turn of the year too."""
    chance = Chance(4)

    assert all(_age(born(chance, age, today).isoformat(), today) == age for age in range(8, 96) for _ in range(20))


def test_attributes_are_those_of_the_rows_in_their_order(today: date) -> None:
    """Only the age of people under age differs."""
    chance = Chance(9)
    rows = [_row(made_up_campaign(chance)) for _ in range(300)]

    customers = list(people(rows, today=today))

    assert [one.id for one in customers] == [f"c-{n:06d}" for n in range(1, 301)]
    assert sum(one.campaign.age < 18 for one in customers) == 9
    for row, one in zip(rows, customers, strict=True):
        assert _row(one.campaign) == (row if one.campaign.age >= 18 else row | {"age": str(one.campaign.age)})


def test_a_row_that_does_not_fit_is_named_by_its_number(today: date) -> None:
    """The people before it were made."""
    good = _row(made_up_campaign(Chance(9)))
    crowd = people([good, good | {"balance": "much"}], today=today)

    assert next(crowd).id == "c-000001"
    with pytest.raises(SettingsError, match=r"row 2 .* balance"):
        next(crowd)


def test_without_a_file_there_are_5000(today: date) -> None:
    """Unless the caller wants another number."""
    assert N_MADE_UP == 5_000
    assert sum(1 for _ in people(None, today=today)) == 5_000


def test_sensitive_remarks_are_kept_of_some(crowd: tuple[Customer, ...]) -> None:
    """Religion, health and notes of a share of the people, not of all; exact for the seed."""
    counts = {name: sum(bool(getattr(one, name)) for one in crowd) for name in ("religion", "health_note", "notes")}

    assert counts == {"religion": 1_023, "health_note": 344, "notes": 1_773}


def test_the_real_file_gives_real_attributes_to_made_up_people(campaign_file: Path, today: date) -> None:
    """The same identities whatever the file, the attributes of its rows."""
    rows = list(islice(read_campaign(campaign_file), 100))

    customers = list(people(rows, today=today))

    assert [one.campaign.balance for one in customers] == [int(row["balance"]) for row in rows]
