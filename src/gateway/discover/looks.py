# SPDX-License-Identifier: Apache-2.0
"""What the values of a column look like: observations, each with how many values it holds for.

No observation repeats a value. It is ``checked`` where chance does not pass (a check digit, an address of mail),
``telling`` where most values are of a kind that few other things are, and else a hint.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from ipaddress import ip_address

import msgspec
from phonenumbers import SUPPORTED_REGIONS

from gateway.discover import lexicon
from gateway.discover.columns import Column
from gateway.discover.numbers import Phones, accounts, cards, is_serial, official
from gateway.domain.catalog import FieldType
from gateway.domain.proposal import Evidence

MOST = 200
"""Values of a column that are looked at."""

_EMAIL = re.compile(r"[^@\s<>()\[\],;:\"]{1,64}@[^@\s<>()\[\],;:\"]{1,190}\.[^@\s.<>()\[\],;:\"\d]{2,24}")
_EMAIL_INSIDE = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(\.[\w-]{2,63})+")
_NUMBER_INSIDE = re.compile(r"(?<![\w.])\+?[0-9](?:[ ().-]{0,2}[0-9]){8,14}(?![\w.])")
_DAY = re.compile(
    r"([12][0-9]{3})[-/.年](0?[1-9]|1[0-2])[-/.月](0?[1-9]|[12][0-9]|3[01])日?|([0-3]?[0-9])[./]([01]?[0-9])[./]([12][0-9]{3})"
)
_HAN_NAME = re.compile(r"[\u3400-\u9fff]{2,4}(?:·[\u3400-\u9fff]{1,6})?")
_HAN = re.compile(r"[\u3400-\u9fff]")
_NAME = re.compile(r"[^\W\d_]+(?:[.'’-][^\W\d_]*)*(?: [^\W\d_]+(?:[.'’-][^\W\d_]*)*){0,4}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_KEY = re.compile(r"[A-Za-z]{1,4}[-_]?[0-9]{3,12}")
_URL = re.compile(r"https?://\S{4,}")
_ETHNIC = re.compile("(" + "|".join(sorted(lexicon.ETHNICITIES)) + ")族")


class Strength(IntEnum):
    """How much an observation weighs."""

    HINT = 1
    TELLING = 2
    CHECKED = 3


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One observation, the category that it speaks for, and its weight."""

    category: str
    strength: Strength
    evidence: Evidence


def looks_of(column: Column, type_: FieldType) -> tuple[Look, ...]:
    """Return what the values look like, the weightiest first."""
    texts = [text.strip() for text in column.texts if text.strip()][:MOST]
    if not texts:
        return ()
    found = sorted(_looks(column, texts, type_), key=lambda look: -look.strength)
    return tuple(found)


def _looks(column: Column, texts: Sequence[str], type_: FieldType) -> Iterator[Look]:
    if type_ is FieldType.BOOLEAN:
        return
    if type_ in (FieldType.DATE, FieldType.TIMESTAMP):
        yield from _birth_dates(texts)
        return
    if type_ is FieldType.DECIMAL:
        return
    yield from _checked(texts)
    yield from _telephones(column, texts)
    if type_ is FieldType.INTEGER:
        return
    if type_ is FieldType.FREE_TEXT:
        yield from _inside(texts)
    yield from _addresses(texts)
    yield from _names(texts)
    yield from _told_words(texts)
    yield from _birth_dates(texts)
    yield from _keys(texts)


def _look(category: str, strength: Strength, by: str, says: str, n: int, of: Sequence[str]) -> Look:
    return Look(category=category, strength=strength, evidence=Evidence(by=by, says=says, n_matching=n, n_seen=len(of)))


def _share(texts: Sequence[str], fits: Callable[[str], object]) -> int:
    return sum(bool(fits(text)) for text in texts)


def _checked(texts: Sequence[str]) -> Iterator[Look]:
    n = _share(texts, _EMAIL.fullmatch)
    if n * 10 >= len(texts) * 7:
        yield _look("user.contact.email", Strength.CHECKED, "values", "addresses of mail", n, texts)
    n, countries = official(texts)
    if n * 10 >= len(texts) * 8:
        # A check digit lets one in ten pass: a few values prove little.
        strength = Strength.CHECKED if len(set(texts)) >= 4 and n * 10 >= len(texts) * 9 else Strength.TELLING
        says = f"official numbers of persons with valid check digits ({', '.join(countries)})"
        yield _look("user.government_id.national_identification_number", strength, "stdnum", says, n, texts)
    n = cards(texts)
    if n * 10 >= len(texts) * 9:
        yield _look(
            "user.financial.credit_card", Strength.CHECKED, "stdnum", "card numbers with valid check digits", n, texts
        )
    n = accounts(texts)
    if n * 10 >= len(texts) * 8:
        yield _look("user.financial.bank_account", Strength.CHECKED, "stdnum", "valid IBANs", n, texts)
    n = _share(texts, _is_ip)
    if n * 10 >= len(texts) * 9:
        yield _look("user.device.ip_address", Strength.CHECKED, "values", "internet addresses", n, texts)


def _telephones(column: Column, texts: Sequence[str]) -> Iterator[Look]:
    phones = Phones(texts)
    if phones.n * 10 < len(texts) * 7 or is_serial(column):
        return
    if phones.plus * 10 >= len(texts) * 7:
        says = f"telephone numbers ({', '.join(phones.regions)})"
        yield _look("user.contact.phone_number", Strength.CHECKED, "phonenumbers", says, phones.n, texts)
    elif (phones.plus + phones.mobiles) * 10 >= len(texts) * 5:
        says = "telephone numbers and Chinese mobile numbers" if phones.plus else "Chinese mobile numbers"
        yield _look("user.contact.phone_number", Strength.TELLING, "phonenumbers", says, phones.n, texts)
    else:
        says = "numbers that a numbering plan knows"
        yield _look("user.contact.phone_number", Strength.HINT, "phonenumbers", says, phones.n, texts)


def _birth_dates(texts: Sequence[str]) -> Iterator[Look]:
    """Dates of birth lie decades apart; dates of what happened in a shop do not."""
    years = [int(found[1] or found[6]) for text in texts if (found := _DAY.fullmatch(text[:10].rstrip("T ")))]
    if len(years) * 10 < len(texts) * 8 or not years:
        return
    middle = sorted(years)[len(years) // 2]
    if min(years) >= 1900 and max(years) - min(years) >= 15 and middle <= 2005:
        yield _look(
            "user.demographic.date_of_birth",
            Strength.TELLING,
            "values",
            "dates decades apart, as dates of birth are",
            len(years),
            texts,
        )


def _inside(texts: Sequence[str]) -> Iterator[Look]:
    n = _share(texts, _is_about_health)
    if n * 5 >= len(texts):
        yield _look("user.health_and_medical", Strength.TELLING, "values", "texts that speak of health", n, texts)
    n = _share(texts, _EMAIL_INSIDE.search)
    if n:
        yield _look(
            "user.content.private", Strength.TELLING, "values", "texts with an address of mail inside", n, texts
        )
    n = _share(texts, _NUMBER_INSIDE.search)
    if n:
        yield _look("user.content.private", Strength.TELLING, "values", "texts with a long number inside", n, texts)
    yield _look(
        "user.content.private", Strength.HINT, "values", "free text, which may hold anything", len(texts), texts
    )


def _addresses(texts: Sequence[str]) -> Iterator[Look]:
    n = _share(texts, _is_address)
    if n * 10 >= len(texts) * 6:
        yield _look("user.contact.address.street", Strength.TELLING, "values", "postal addresses", n, texts)


def _names(texts: Sequence[str]) -> Iterator[Look]:
    n_zh = _share(texts, is_chinese_name)
    n_given = _share(texts, _has_given_name)
    if (n_zh + n_given) * 10 >= len(texts) * 6 and len(set(texts)) * 3 >= len(texts):
        whose = " and ".join(word for word, n in (("Chinese", n_zh), ("western", n_given)) if n)
        yield _look("user.name", Strength.TELLING, "values", f"{whose} names of people", n_zh + n_given, texts)
        return
    n = n_zh + _share(texts, _is_capitalised_pair)
    if n * 10 >= len(texts) * 8 and len(set(texts)) * 10 >= len(texts) * 7 and len(texts) >= 4:
        yield _look("user.name", Strength.HINT, "values", "two or three capitalised words, as names are", n, texts)


def _told_words(texts: Sequence[str]) -> Iterator[Look]:
    lower = [text.lower() for text in texts]
    n_faith = _share(lower, lexicon.FAITHS.__contains__)
    if n_faith and (n_faith + _share(lower, lexicon.NO_FAITH.__contains__)) * 10 >= len(texts) * 6:
        yield _look(
            "user.demographic.religious_belief", Strength.TELLING, "values", "names of religions", n_faith, texts
        )
    for category, says, fits in _WORDS:
        n = _share(lower, fits)
        if n * 10 >= len(texts) * 8:
            yield _look(category, Strength.TELLING, "values", says, n, texts)
    n = _share(texts, SUPPORTED_REGIONS.__contains__)
    if n == len(texts):
        yield _look("user.contact.address.country", Strength.TELLING, "values", "codes of countries", n, texts)
    n = _share(lower, _is_about_health)
    if n * 10 >= len(texts) * 4:
        yield _look("user.health_and_medical", Strength.TELLING, "values", "words that speak of health", n, texts)


_WORDS: tuple[tuple[str, str, Callable[[str], object]], ...] = (
    ("user.demographic.race_ethnicity", "names of ethnic groups", _ETHNIC.fullmatch),
    ("user.demographic.political_opinion", "names of political parties", lexicon.PARTIES.__contains__),
    ("user.demographic.gender", "words for a sex", lexicon.GENDERS.__contains__),
    ("user.demographic.marital_status", "words for a marital status", lexicon.MARITAL.__contains__),
    (
        "user.contact.address.city",
        "names of cities",
        lambda text: text.removesuffix("市").replace(" ", "_") in lexicon.CITIES,
    ),
)


def _keys(texts: Sequence[str]) -> Iterator[Look]:
    is_whole = len(set(texts)) == len(texts) and len(texts) >= 2
    n = _share(texts, lambda text: _UUID.fullmatch(text) or _KEY.fullmatch(text))
    if is_whole and n == len(texts):
        yield _look("user.unique_id", Strength.HINT, "values", "keys, each of them once", n, texts)
    n = _share(texts, _URL.fullmatch)
    if n * 10 >= len(texts) * 8:
        yield _look("user.contact.url", Strength.HINT, "values", "web addresses", n, texts)


def is_chinese_name(text: str) -> bool:
    """Tell whether a text could be the name of a Chinese person."""
    if not _HAN_NAME.fullmatch(text) or text in lexicon.NOT_NAMES or text in lexicon.CITIES or text in lexicon.FAITHS:
        return False
    if text[-1] in "族市省教路街号" or text in lexicon.PARTIES or text in lexicon.MARITAL:
        return False
    return text[:2] in lexicon.SURNAMES_OF_TWO or (len(text) <= 3 and text[0] in lexicon.SURNAMES)


def _has_given_name(text: str) -> bool:
    if not _NAME.fullmatch(text):
        return False
    words = text.lower().replace("-", " ").split()
    return len(words) <= 4 and any(word in lexicon.GIVEN for word in words) and words[-1] not in lexicon.NOT_NAMES


def _is_capitalised_pair(text: str) -> bool:
    words = text.split()
    return 2 <= len(words) <= 3 and all(word[0].isupper() and word[1:].islower() and len(word) > 1 for word in words)


def _is_address(text: str) -> bool:
    if _HAN.search(text):
        return len(text) >= 6 and sum(one in text for one in lexicon.PLACES_ZH) >= 2
    lower = f" {text.lower()} "
    return any(map(str.isdigit, text)) and len(text) >= 8 and any(word in lower for word in lexicon.STREETS)


def _is_about_health(text: str) -> bool:
    lower = text.lower()
    return any(word in lower for word in lexicon.ILLNESS)


def _is_ip(text: str) -> bool:
    if "." not in text and ":" not in text:
        return False
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
