# SPDX-License-Identifier: Apache-2.0
"""One spelling for each value, so that equal values get equal surrogates.

What has one goes into the namespace ``n``; what has none goes, unchanged, into ``raw``. Both are
made surrogates: a value that cannot be normalised is never passed clear and never stops a call.

=============  ==========================================================================
form           spelling
=============  ==========================================================================
text, name,    NFC, trimmed, runs of white space inside become one blank
address
email          NFC, trimmed; domain in lower case and its labels in ASCII (RFC 3492);
               mailbox in lower case, which joins what nearly every mail system joins
phone          E.164, read with the country of the row; without one, numbers with ``+``
               and Chinese mobiles of 11 digits
national_id    without separators, in upper case; a Chinese one only if its check
               character holds
date           ``YYYY-MM-DD``; a timestamp at midnight is its date
=============  ==========================================================================
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache
from typing import Literal

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from stdnum.cn import ric

from gateway.domain.catalog import Form
from gateway.transform.generalise import parse_day

Namespace = Literal["n", "raw"]
Spelling = Callable[[str, str | None], str]
"""Returns the one spelling of a text, read with a country; empty if it has none."""

_PLAIN_EMAIL = re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_MOBILE_CN = re.compile(r"1[3-9][0-9]{9}")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
# Letters and asterisks are refused here: the parser would read what a mask left of a number.
_PHONE = re.compile(r"[+(]{0,2}[0-9][0-9 ()./\-\u2010-\u2015]{3,62}")
_ID = re.compile(r"[0-9A-Z]{4,32}")
_ID_CN = re.compile(r"[0-9]{17}[0-9X]")
_ID_SEPARATORS = re.compile(r"[\s./\-\u2010-\u2015]")
_MIDNIGHT = re.compile(r"[0-9-]{10}(?:[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+-]00:?00)?)?")


COUNTRIES = frozenset(phonenumbers.SUPPORTED_REGIONS) - {"AC", "TA", "XK"} | frozenset(
    {"AQ", "BV", "GS", "HM", "PN", "TF", "UM"}
)
"""Officially assigned codes: those with a telephone plan, less three that ISO only reserves, and those without."""


def normal(form: Form, text: str, country: str | None = None) -> tuple[Namespace, str]:
    """Return the namespace and the one spelling of a value.

    Args:
        form: How the field's values are spelled.
        text: The value.
        country: ISO 3166-1 alpha-2 country of the row's person, if known; only phones look at it.
    """
    found = SPELLINGS[form](text, country)
    return ("n", found) if found else ("raw", text)


def known_country(text: object) -> str | None:
    """Return a value as an ISO 3166-1 alpha-2 code in upper case, or ``None`` if it is none that is in use."""
    code = text.strip().upper() if isinstance(text, str) else ""
    return code if code in COUNTRIES else None


def _text(text: str, _: str | None) -> str:
    if text.isascii() and text.isalnum():
        return text
    return " ".join(unicodedata.normalize("NFC", text).split())


def _email(text: str, _: str | None) -> str:
    if _PLAIN_EMAIL.fullmatch(text):
        return text.lower()
    local, at, domain = unicodedata.normalize("NFC", text).strip().rpartition("@")
    if not at or not local or "@" in local or len(local) > 64 or any(map(str.isspace, local)):
        return ""
    labels = [_label(label) for label in unicodedata.normalize("NFKC", domain).lower().split(".")]
    return f"{local.lower()}@{'.'.join(labels)}" if len(labels) > 1 and all(labels) else ""


def _label(label: str) -> str:
    """Return a label of a domain name in ASCII; empty if no label is spelled like that."""
    if not 0 < len(label) <= 63 or any(not char.isalnum() and char != "-" for char in label):
        return ""
    return label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")


def _phone(text: str, country: str | None) -> str:
    if is_e164(text):
        return text
    number = unicodedata.normalize("NFKC", text.strip())
    if _PHONE.fullmatch(number) is None:
        return ""
    if _MOBILE_CN.fullmatch(number) and country in ("CN", None):
        return "+86" + number
    if is_e164(number):
        return number
    if country is None and number.startswith("00"):
        number = "+" + number[2:]
    return _e164(number, country)


def is_e164(text: str) -> bool:
    """Tell, ten times faster than reading it, that a text is its own E.164 spelling, in whatever country it stands.

    It is, if its length is possible in its country and it does not begin with what is dialled only
    inside that country. ``False`` means that it has to be read.
    """
    if _E164.fullmatch(text) is None or (known := _numbering(text[1:4])) is None:
        return False
    begin, lengths, prefix = known
    return len(text) - begin in lengths and (prefix is None or prefix.match(text[begin:]) is None)


@cache
def _numbering(digits: str) -> tuple[int, frozenset[int], re.Pattern[str] | None] | None:
    """Return what numbers that begin with three digits are like; ``None`` where no country has them.

    Returns:
        Where the number inside the country begins, the lengths that this can have, and the prefix for calls inside,
        if any.
    """
    code = next((digits[:end] for end in (1, 2, 3) if int(digits[:end]) in COUNTRY_CODE_TO_REGION_CODE), "")
    if not code:
        return None
    region = phonenumbers.region_code_for_country_code(int(code))
    plan = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(int(code), region)
    if plan is None or plan.general_desc is None:
        return None
    prefix = plan.national_prefix_for_parsing
    lengths = frozenset(plan.general_desc.possible_length)
    return 1 + len(code), lengths, re.compile(prefix) if prefix else None


def _e164(number: str, country: str | None) -> str:
    try:
        parsed = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException:
        return ""
    if parsed.extension or not phonenumbers.is_possible_number(parsed):
        return ""
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


def _national_id(text: str, _: str | None) -> str:
    number = _ID_SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()
    if _ID_CN.fullmatch(number):
        return number if str(ric.calc_check_digit(number)) == number[17] else ""
    return number if _ID.fullmatch(number) else ""


def _date(text: str, _: str | None) -> str:
    known = parse_day(text) if _MIDNIGHT.fullmatch(text.strip()) else None
    return "" if known is None else known.isoformat()


SPELLINGS: Mapping[Form, Spelling] = {
    Form.TEXT: _text,
    Form.NAME: _text,
    Form.ADDRESS: _text,
    Form.EMAIL: _email,
    Form.PHONE: _phone,
    Form.NATIONAL_ID: _national_id,
    Form.DATE: _date,
}
"""By form, the function from a value and its row's country to the one spelling; empty if it has none."""
