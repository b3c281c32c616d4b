# SPDX-License-Identifier: Apache-2.0
"""Claims about made-up identities, judged by the libraries that know the formats."""

import re
from collections.abc import Callable
from datetime import date

import phonenumbers
import pytest
from stdnum import luhn
from stdnum.cn import ric
from stdnum.de import idnr
from stdnum.es import dni
from stdnum.fr import nir
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.pl import pesel
from stdnum.us import itin, ssn

from gateway.demo import words
from gateway.demo.chance import Chance
from gateway.demo.identities import Identities, Region, card_number, name_code, spelled
from gateway.demo.people import Customer

VALID: dict[str, Callable[[str], bool]] = {
    "CN": ric.is_valid, "DE": idnr.is_valid, "ES": dni.is_valid, "FR": nir.is_valid, "IT": codicefiscale.is_valid, "NL": bsn.is_valid, "PL": pesel.is_valid,
}  # fmt: skip


def test_every_phone_is_valid_in_the_country_of_its_person(crowd: tuple[Customer, ...]) -> None:
    """Judged by phonenumbers, in the spelling in which the store has it."""
    wrong = [
        one.id
        for one in crowd
        if not phonenumbers.is_valid_number_for_region(phonenumbers.parse(one.phone, one.country), one.country)
    ]

    assert wrong == []


def test_every_beginning_of_phone_numbers_is_valid_with_any_digits_behind() -> None:
    """No draw of the digits makes a number invalid: the lowest, the highest and a mixed one."""
    starts = [(country.code, start, n) for country in (*words.EUROPE, words.CALIFORNIA) for start, n in country.phones]
    starts += [("CN", start, 8) for start in words.CHINESE_PHONES]

    for country, start, n_digits in starts:
        for digits in ("0" * n_digits, "9" * n_digits, "1357924680"[:n_digits]):
            number = phonenumbers.parse(start + digits, country)
            assert phonenumbers.is_valid_number_for_region(number, country), start


def test_chinese_phones_are_11_digits_and_the_others_e164(crowd: tuple[Customer, ...]) -> None:
    """Chinese stores write mobiles without a country code."""
    assert all(
        re.fullmatch(r"1[0-9]{10}" if one.country == "CN" else r"\+[1-9][0-9]{9,14}", one.phone) for one in crowd
    )


def test_every_national_number_is_valid_where_the_country_issues_such(crowd: tuple[Customer, ...]) -> None:
    """Judged by stdnum: check digits, places and dates."""
    wrong = [one.id for one in crowd if one.country != "US" and not VALID[one.country](one.national_id)]

    assert wrong == []


def test_no_american_number_can_belong_to_anybody(crowd: tuple[Customer, ...]) -> None:
    """They look like social security numbers, and are neither such a number nor a taxpayer's."""
    numbers = [one.national_id for one in crowd if one.country == "US"]

    assert len(numbers) == 1_000
    assert all(re.fullmatch(r"9\d\d-\d\d-\d{4}", number) for number in numbers)
    assert not any(ssn.is_valid(number) or itin.is_valid(number) for number in numbers)


def test_digits_7_to_14_of_a_chinese_number_are_the_birth_date(crowd: tuple[Customer, ...]) -> None:
    """That is why such a number may not leave half masked."""
    chinese = [one for one in crowd if one.country == "CN" and one.birth_date]

    assert len(chinese) > 900
    assert all(one.national_id[6:14] == (one.birth_date or "").replace("-", "") for one in chinese)


def test_polish_and_italian_numbers_tell_the_birth_date(crowd: tuple[Customer, ...]) -> None:
    """What a number says of its bearer agrees with the record."""
    for one in crowd:
        if one.birth_date and one.country == "PL":
            assert pesel.get_birth_date(one.national_id).isoformat() == one.birth_date
        if one.birth_date and one.country == "IT":
            assert codicefiscale.get_birth_date(one.national_id).isoformat()[2:] == one.birth_date[2:]


def test_no_two_people_are_given_the_same_mail_or_number(crowd: tuple[Customer, ...]) -> None:
    """So each of them can be looked for in what left the gateway."""
    assert len({one.email for one in crowd}) == len({one.national_id for one in crowd}) == len(crowd)


def test_mails_are_plain_ascii_under_reserved_domains(crowd: tuple[Customer, ...]) -> None:
    """Names with accents, umlauts and blanks give mails without."""
    assert all(re.fullmatch(r"[a-z]+\.[a-z]+\d{1,4}@example\.(com|org|net)", one.email) for one in crowd)


def test_places_are_where_the_country_is(crowd: tuple[Customer, ...]) -> None:
    """California is a state, provinces are Chinese, Europe has none; an address names its city."""
    assert {one.state for one in crowd if one.country == "US"} == {"CA"}
    assert {one.state for one in crowd if one.country not in ("US", "CN")} == {None}
    assert {one.state for one in crowd if one.country == "CN"} == {
        province for _, _, province, _, _ in words.CHINESE_PLACES
    }
    assert all(one.city in one.address for one in crowd)


@pytest.mark.parametrize("birth", [date(1928, 2, 29), date(1984, 12, 31), date(2017, 1, 1)], ids=str)
@pytest.mark.parametrize("region", list(Region))
def test_any_birth_date_gives_a_valid_number(region: Region, birth: date) -> None:
    """Also before the codes of Chinese districts were introduced, and after the turn of the century."""
    identities = Identities(Chance(11))

    drawn = [identities.draw(region, birth) for _ in range(60)]

    assert all(one.country == "US" or VALID[one.country](one.national_id) for one in drawn)


def test_a_card_number_passes_the_check_and_is_a_test_number() -> None:
    """Sixteen digits in groups of four, from a range that payment services keep for tests."""
    number = card_number(Chance(5))

    assert luhn.is_valid(number.replace(" ", ""))
    assert re.fullmatch(r"4000 00\d\d \d{4} \d{4}", number)


def test_names_are_spelled_as_in_mail_addresses() -> None:
    """Umlauts in two letters, other accents left out."""
    assert [spelled(name) for name in ("Groß", "Jürgen", "Łukasz", "Élodie", "van Dijk")] == [
        "gross",
        "juergen",
        "lukasz",
        "elodie",
        "vandijk",
    ]


def test_names_are_coded_as_in_italian_fiscal_codes() -> None:
    """The examples of the tax office: few consonants take vowels, four of a given name lose the second."""
    codes = [
        name_code("Rossi"),
        name_code("Conti"),
        name_code("Fo"),
        name_code("Luca", is_given=True),
        name_code("Francesca", is_given=True),
    ]

    assert codes == ["RSS", "CNT", "FOX", "LCU", "FNC"]
