# SPDX-License-Identifier: Apache-2.0
"""Made-up identities of three regions: Europe, China, California.

Numbers have the form and the check digits of their country, and what a number tells about a birth
date or a sex agrees with the person; the tests prove them by ``phonenumbers`` and ``stdnum``. American
numbers are of a range that was never issued. No two people get the same mail, phone or number here.
"""

import unicodedata
from collections.abc import Callable
from datetime import date
from enum import StrEnum
from functools import cache

import msgspec
from stdnum import luhn
from stdnum.cn import ric
from stdnum.es import dni
from stdnum.fr import nir
from stdnum.iso7064 import mod_11_10
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.pl import pesel

from gateway.demo import words
from gateway.demo.chance import Chance, Deck
from gateway.demo.words import Country


class Region(StrEnum):
    """Where a third of the people live."""

    EUROPE = "europe"
    CHINA = "china"
    CALIFORNIA = "california"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who a person is and where; ``country`` is ISO 3166-1 alpha-2, ``state`` is not known in Europe."""

    name: str
    email: str
    phone: str
    national_id: str
    address: str
    city: str
    state: str | None
    country: str


class Bearer(msgspec.Struct, frozen=True, kw_only=True):
    """What a national number may depend on."""

    given: str
    family: str
    is_woman: bool
    birth: date


class Identities:
    """Draws identities of which no two share a mail, a phone or a national number."""

    def __init__(self, chance: Chance) -> None:
        """Start with nobody."""
        self._chance = chance
        self._seen: set[str] = set()
        self._countries = Deck(chance, words.EUROPE)

    def draw(self, region: Region, birth: date) -> Identity:
        """Make up a person of the region with that birth date."""
        match region:
            case Region.EUROPE:
                return self._western(self._countries.deal(), birth)
            case Region.CHINA:
                return self._chinese(birth)
            case Region.CALIFORNIA:
                return self._western(words.CALIFORNIA, birth)

    def _western(self, country: Country, birth: date) -> Identity:
        chance = self._chance
        is_woman = chance.happens(50)
        given, family = chance.pick(country.women if is_woman else country.men), chance.pick(country.families)
        bearer = Bearer(given=given, family=family, is_woman=is_woman, birth=birth)
        city, start, n_digits = chance.pick(country.places)
        return Identity(
            name=f"{given} {family}",
            email=self._mail(f"{spelled(given)}.{spelled(family)}"),
            phone=self._phone(*chance.pick(country.phones)),
            national_id=self._once(lambda: NUMBERS[country.code](chance, bearer)),
            address=country.address.format(
                street=chance.pick(country.streets),
                number=chance.between(1, 199),
                postcode=start + chance.digits(n_digits),
                city=city,
            ),
            city=city,
            state="CA" if country is words.CALIFORNIA else None,
            country=country.code,
        )

    def _chinese(self, birth: date) -> Identity:
        chance = self._chance
        is_woman = chance.happens(50)
        family, family_sound = chance.pick(words.CHINESE_FAMILIES)
        given, given_sound = chance.pick(words.CHINESE_WOMEN if is_woman else words.CHINESE_MEN)
        code, since, province, city, district = chance.pick(words.CHINESE_PLACES)
        where = f"{province}{district}" if province == city else f"{province}{city}{district}"
        house = f"{chance.between(1, 300)}号{chance.between(1, 20)}栋{chance.between(1, 28)}0{chance.between(1, 6)}室"
        return Identity(
            name=family + given,
            email=self._mail(f"{family_sound}.{given_sound}"),
            phone=self._phone(chance.pick(words.CHINESE_PHONES), 8),
            national_id=self._once(
                lambda: chinese_number(
                    chance, code if birth.year >= since else chance.pick(words.OLDER_CODES), birth, is_woman=is_woman
                )
            ),
            address=where + chance.pick(words.CHINESE_STREETS) + house,
            city=city,
            state=province,
            country="CN",
        )

    def _mail(self, start: str) -> str:
        return self._once(lambda: f"{start}{self._chance.between(1, 9999)}@{self._chance.pick(words.MAIL_DOMAINS)}")

    def _phone(self, start: str, n_digits: int) -> str:
        return self._once(lambda: start + self._chance.digits(n_digits))

    def _once(self, make: Callable[[], str]) -> str:
        while (value := make()) in self._seen:
            pass
        self._seen.add(value)
        return value


SPELLINGS = {ord("ß"): "ss", ord("ü"): "ue", ord("ö"): "oe", ord("ä"): "ae", ord("ł"): "l", ord(" "): ""}


@cache
def spelled(name: str) -> str:
    """Spell a name in a to z, as people do in their mail addresses."""
    plain = name.lower().translate(SPELLINGS)
    return unicodedata.normalize("NFD", plain).encode("ascii", "ignore").decode()


def card_number(chance: Chance) -> str:
    """Make up a payment card number in groups of four, from a range that payment services keep for tests."""
    start = "400000" + chance.digits(9)
    number = start + luhn.calc_check_digit(start)
    return " ".join(number[i : i + 4] for i in range(0, 16, 4))


def chinese_number(chance: Chance, place: str, birth: date, *, is_woman: bool) -> str:
    """Make up an 18-digit number: place, birth date, order with the sex in its last digit, check digit.

    Source: GB 11643-1999.
    """
    order = chance.between(0, 499) * 2 + (0 if is_woman else 1)
    start = f"{place}{birth:%Y%m%d}{order:03d}"
    return start + ric.calc_check_digit(start + "0")


def american_number(chance: Chance, _bearer: Bearer) -> str:
    """Make up a number that looks like a social security number and never was one, nor a taxpayer's.

    Areas from 900 on are not issued; groups under 50 are no taxpayer numbers (ITIN) either.
    """
    return f"{chance.between(900, 999)}-{chance.between(1, 49):02d}-{chance.between(1, 9999):04d}"


def german_number(chance: Chance, _bearer: Bearer) -> str:
    """Make up a tax number: of its first ten digits exactly one comes twice."""
    nine = chance.shuffled("0123456789")[:9]
    digits = chance.shuffled([*nine, nine[0]])
    while digits[0] == "0":
        digits.append(digits.pop(0))
    start = "".join(digits)
    return start + mod_11_10.calc_check_digit(start)


def french_number(chance: Chance, bearer: Bearer) -> str:
    """Make up a social security number: sex, year and month of birth, department, commune, order, key."""
    sex = 2 if bearer.is_woman else 1
    start = f"{sex}{bearer.birth:%y%m}{chance.between(21, 95)}{chance.between(1, 399):03d}{chance.between(1, 399):03d}"
    return start + nir.calc_check_digits(start)


def dutch_number(chance: Chance, _bearer: Bearer) -> str:
    """Make up a citizen service number; a start whose check digit would be 10 is drawn again."""
    start, check = "", 10
    while check == 10:
        start = str(chance.between(10_000_000, 99_999_999))
        check = bsn.checksum(start + "0")
    return f"{start}{check}"


def spanish_number(chance: Chance, _bearer: Bearer) -> str:
    """Make up an identity document number with its letter."""
    start = chance.digits(8)
    return start + dni.calc_check_digit(start)


def polish_number(chance: Chance, bearer: Bearer) -> str:
    """Make up a PESEL: birth date with the century in the month, order with the sex, check digit."""
    month = bearer.birth.month + (20 if bearer.birth.year >= 2000 else 0)
    order = chance.between(0, 4999) * 2 + (0 if bearer.is_woman else 1)
    start = f"{bearer.birth:%y}{month:02d}{bearer.birth:%d}{order:04d}"
    return start + pesel.calc_check_digit(start)


def italian_number(chance: Chance, bearer: Bearer) -> str:
    """Make up a fiscal code: names, birth date with the sex in the day, place, check letter."""
    month = "ABCDEHLMPRST"[bearer.birth.month - 1]
    day = bearer.birth.day + (40 if bearer.is_woman else 0)
    place = f"{chance.pick('ABCDEFGHIL')}{chance.between(1, 999):03d}"
    start = (
        f"{name_code(bearer.family)}{name_code(bearer.given, is_given=True)}{bearer.birth:%y}{month}{day:02d}{place}"
    )
    return start + codicefiscale.calc_check_digit(start)


@cache
def name_code(name: str, *, is_given: bool = False) -> str:
    """Return the three letters of a name in a fiscal code: consonants first, of four the second left out."""
    letters = spelled(name).upper()
    consonants = [letter for letter in letters if letter not in "AEIOU"]
    if is_given and len(consonants) > 3:
        del consonants[1]
    vowels = [letter for letter in letters if letter in "AEIOU"]
    return "".join([*consonants, *vowels, *"XXX"][:3])


NUMBERS: dict[str, Callable[[Chance, Bearer], str]] = {
    "DE": german_number,
    "FR": french_number,
    "NL": dutch_number,
    "ES": spanish_number,
    "PL": polish_number,
    "IT": italian_number,
    "US": american_number,
}
"""By country, who makes up its national number."""
