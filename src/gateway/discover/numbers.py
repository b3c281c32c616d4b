# SPDX-License-Identifier: Apache-2.0
"""Numbers that people have: telephone, official, card and account numbers, told by their own rules.

A check digit is what chance seldom passes; a telephone number has none, so without a ``+`` it is told from an
order number by how the column looks: order numbers rise, and begin alike.

Source: python-stdnum for the official numbers, phonenumbers for the numbering plans, GB 11643, ISO 7812, ISO 13616.
"""

import itertools
import re
from collections.abc import Callable, Sequence

import phonenumbers
from stdnum import iban, luhn
from stdnum.be import nn
from stdnum.br import cpf
from stdnum.cn import ric
from stdnum.de import idnr
from stdnum.dk import cpr
from stdnum.es import dni, nie
from stdnum.exceptions import ValidationError
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.in_ import aadhaar
from stdnum.it import codicefiscale
from stdnum.kr import rrn
from stdnum.mx import curp
from stdnum.nl import bsn
from stdnum.no import fodselsnummer
from stdnum.pl import pesel
from stdnum.se import personnummer
from stdnum.tr import tckimlik
from stdnum.us import ssn

from gateway.discover.columns import Column


def is_resident_number(text: str) -> bool:
    """Tell whether a text is a Chinese resident identity number: a province, a day of birth and a check digit.

    The district is not looked up. A number keeps that of the day on which it was issued, which need not have existed
    when its holder was born, and may not exist today.
    """
    number = ric.compact(text)
    if _RESIDENT.fullmatch(number) is None or number[-1] != ric.calc_check_digit(number):
        return False
    try:
        return bool(ric.get_birth_date(number))
    except ValidationError:
        return False


OFFICIAL: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("CN", is_resident_number), ("DE", idnr.is_valid), ("FR", nir.is_valid), ("IT", codicefiscale.is_valid), ("ES", dni.is_valid),
    ("ES", nie.is_valid), ("PL", pesel.is_valid), ("NL", bsn.is_valid), ("BE", nn.is_valid), ("SE", personnummer.is_valid),
    ("DK", cpr.is_valid), ("NO", fodselsnummer.is_valid), ("FI", hetu.is_valid), ("GB", nhs.is_valid), ("BR", cpf.is_valid),
    ("IN", aadhaar.is_valid), ("KR", rrn.is_valid), ("MX", curp.is_valid), ("TR", tckimlik.is_valid),
)  # fmt: skip
"""By country, the numbers of persons with check digits."""

_RESIDENT = re.compile(r"[1-9][0-9]{5}(?:19|20)[0-9]{9}[0-9X]")
_OFFICIAL = re.compile(r"[0-9A-Za-z][0-9A-Za-z .+/-]{7,24}")
_SSN = re.compile(r"[0-9]{3}-[0-9]{2}-[0-9]{4}")
_CARD = re.compile(r"(?:4|5[1-5]|2[2-7]|3[47]|6(?:011|5|2))[0-9 -]{11,22}")
_MOBILE_CN = re.compile(r"1[3-9][0-9]{9}")
_PHONE = re.compile(r"[+(]{0,2}[0-9][0-9 ()./\-]{5,24}")
_NATIONAL = re.compile(r"\(?0[0-9 ()./\-]{7,18}|\(?[2-9][0-9]{2}\)?[ .-][0-9]{3}[ .-][0-9]{4}")
_SHORT_DATE = re.compile(r"[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}")
_REGIONS = ("US", "GB", "DE", "FR", "CN", "ES", "IT", "NL")


def official(texts: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    """Return how many texts are official numbers of persons, and of which countries most are."""
    n, countries = 0, dict[str, int]()
    for text in texts:
        found = _country_of(text)
        if found:
            n += 1
            countries[found] = countries.get(found, 0) + 1
    return n, tuple(sorted(countries, key=lambda code: -countries[code])[:3])


def cards(texts: Sequence[str]) -> int:
    """Return how many texts are card numbers."""
    return sum(_CARD.fullmatch(text) is not None and luhn.is_valid(re.sub(r"[ -]", "", text)) for text in texts)


def accounts(texts: Sequence[str]) -> int:
    """Return how many texts are international bank account numbers."""
    return sum(len(text) >= 15 and bool(iban.is_valid(text)) for text in texts)


class Phones:
    """What a column has of telephone numbers.

    Attributes:
        plus: Numbers written for the whole world.
        mobiles: Chinese mobile numbers.
        national: What the numbering plan of some country knows, written as people write numbers.
        regions: Countries of the first kind, the most frequent first.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        """Count."""
        self.plus = self.mobiles = self.national = 0
        seen: dict[str, int] = {}
        for text in texts:
            region = _region_of(text)
            if region:
                self.plus += 1
                seen[region] = seen.get(region, 0) + 1
            elif _MOBILE_CN.fullmatch(text.removeprefix("86").replace(" ", "").replace("-", "")):
                self.mobiles += 1
            elif _is_national(text):
                self.national += 1
        self.regions = tuple(sorted(seen, key=lambda code: -seen[code])[:3])

    @property
    def n(self) -> int:
        """How many there are in all."""
        return self.plus + self.mobiles + self.national


def is_serial(column: Column) -> bool:
    """Tell whether a column counts up or begins alike, as keys, times and order numbers do."""
    texts = [text for text in column.texts if text.isdigit()]
    if len(texts) < 3 or len(texts) < len(column.values):
        return False
    numbers = [int(text) for text in texts]
    steps = [later - earlier for earlier, later in itertools.pairwise(numbers)]
    if all(step > 0 for step in steps) or all(step < 0 for step in steps):
        return True
    return len(texts) >= 5 and len({text[:5] for text in texts}) <= max(1, len(texts) // 10)


def _country_of(text: str) -> str:
    text = text.strip()
    if _SSN.fullmatch(text):
        return "US" if ssn.is_valid(text) or text.startswith("9") else ""
    if not _OFFICIAL.fullmatch(text) or sum(map(str.isdigit, text)) < 6:
        return ""
    return next((country for country, is_valid in OFFICIAL if is_valid(text)), "")


def _region_of(text: str) -> str:
    number = text.strip()
    if number.startswith("00") and len(number) > 10:
        number = "+" + number[2:]
    if not number.startswith(("+", "(+")) or _PHONE.fullmatch(number) is None:
        return ""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(parsed):
        return ""
    return str(
        phonenumbers.region_code_for_number(parsed)
        or phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    )


def _is_national(text: str) -> bool:
    number = text.strip()
    if _NATIONAL.fullmatch(number) is None or _SHORT_DATE.fullmatch(number):
        return False
    for region in _REGIONS:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(number, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False
