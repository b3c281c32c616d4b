# SPDX-License-Identifier: Apache-2.0
"""Masks: each shows a small, fixed part of a value and asterisks for the rest.

RULES

1. The number of asterisks never depends on the value, so no mask shows a length.
2. A value that a mask does not understand gives ``None``, never itself.
3. Every function is total: any text, any integer, no exception.
4. A mask accepts what it made, and what a higher mask of the same chain made.

What each one shows:

=================  ==============================================  ==================
rung               shows                                           example
=================  ==============================================  ==================
mask.text          the first letter or digit                       ``J***``
mask.name          first and last initial; a Chinese surname       ``A. B.``, ``张*``
mask.email         first character and domain                      ``a***@example.com``
mask.email_domain  domain                                          ``***@example.com``
mask.phone         Chinese mobiles: first 3 and last 4 digits;     ``138****5678``,
                   others: country code and last 2                 ``+49****23``
mask.phone_tail    last 2 digits                                   ``****23``
mask.national_id   Chinese IDs: first 3 and the last character;    ``110****X``
                   others: first and last character
mask.address       Chinese: province and city; others: the last    ``广东省深圳市***``,
                   of its parts, without words that hold digits    ``***, Berlin``
=================  ==============================================  ==================
"""

import re
import unicodedata

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

HIDDEN = "***"
HIDDEN_DIGITS = "****"

_COUNTRY_CODES = frozenset(str(code) for code in COUNTRY_CODE_TO_REGION_CODE)
_MOBILE_CN = re.compile(r"(?:\+?86|0086)?(1[3-9][0-9]{9})")
_PHONE = re.compile(r"(\+|00)?([0-9]{7,15})")
_PHONE_SEPARATORS = str.maketrans("", "", " \t\u00a0()-./\u2010\u2011\u2013")
_MASKED_PHONE = re.compile(r"(?:1[3-9][0-9]|\+[0-9]{1,3})?\*{4}(?:[0-9]{2})?[0-9]{2}")
_ID_CN = re.compile(r"([0-9]{3})[0-9]{14}([0-9X])")
_ID = re.compile(r"([0-9A-Z])[0-9A-Z]{4,30}([0-9A-Z])")
_MASKED_ID = re.compile(r"(?:[0-9]{3}|[0-9A-Z])\*{4}[0-9A-Z]")
_LABEL = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?")
_CITY_CN = re.compile(
    r"(?:中国)?((?:[\u4e00-\u9fff]{2,3}省|[\u4e00-\u9fff]{2,5}自治区)?[\u4e00-\u9fff]{2,6}?(?:市|自治州|地区|盟)|[\u4e00-\u9fff]{2,3}省)"
)
_ADDRESS_PARTS = re.compile(r"[,;\n\r，；、]+")  # noqa: RUF100, RUF001 - full-width marks divide parts too

# The compound surnames in use, simplified and traditional.
_COMPOUND_SURNAMES = (
    "欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 濮阳 公冶 太叔 申屠 公孙 慕容 "
    "仲孙 钟离 长孙 宇文 司徒 鲜于 司空 闾丘 子车 亓官 司寇 巫马 公西 令狐 段干 百里 呼延 东郭 南门 羊舌 微生 梁丘 左丘 东门 "
    "西门 歐陽 司馬 東方 獨孤 南宮 萬俟 聞人 諸葛 尉遲 赫連 澹臺 濮陽 公孫 仲孫 鍾離 長孫 鮮于 閭丘 子車 巫馬 段幹 東郭 南門 "
    "梁丘 左丘 東門 西門"
)


def text(value: str) -> str | None:
    """Return the first letter or digit and three asterisks; one character alone is hidden too."""
    known = _clean(value)
    if not known:
        return None
    return known[0] + HIDDEN if len(known) > 1 and known[0].isalnum() else HIDDEN


def name(value: str) -> str | None:
    """Return first and last initial (``A. B.``), or the surname of a Chinese name and one asterisk."""
    known = _clean(value)
    letters = [char for char in known if char.isalpha() or char == "*"]
    if not letters:
        return None
    if _is_cjk(letters[0]):
        return _surname("".join(letters))
    found = [initial for word in known.split() if (initial := _initial(word))]
    if not found:
        return None
    # In a mixed name a word of one ideograph is a whole given name, so only the first initial stays.
    shown = found[:1] if len(found) == 1 or any(map(_is_cjk, letters)) else [found[0], found[-1]]
    return " ".join(f"{initial}." for initial in shown)


def email(value: str) -> str | None:
    """Return the first character of the mailbox and its domain; a mailbox of one character is hidden."""
    parts = _mailbox(value)
    if parts is None:
        return None
    local, domain = parts
    shown = local[0] if len(local) > 1 and local[0].isalnum() else ""
    return f"{shown}{HIDDEN}@{domain}"


def email_domain(value: str) -> str | None:
    """Return the domain of a mail address."""
    parts = _mailbox(value)
    return None if parts is None else f"{HIDDEN}@{parts[1]}"


def phone(value: str) -> str | None:
    """Return the ends of a Chinese mobile, or country code and last two digits of any other number."""
    compact = _compact_phone(value)
    if _MASKED_PHONE.fullmatch(compact):
        return compact
    if mobile := _MOBILE_CN.fullmatch(compact):
        return mobile[1][:3] + HIDDEN_DIGITS + mobile[1][-4:]
    if number := _PHONE.fullmatch(compact):
        return _country_code(number[2] if number[1] else "") + HIDDEN_DIGITS + number[2][-2:]
    return None


def phone_tail(value: str) -> str | None:
    """Return the last two digits of a phone number."""
    masked = phone(value)
    return None if masked is None else HIDDEN_DIGITS + masked[-2:]


def national_id(value: str) -> str | None:
    """Return the ends of a national ID; digits 7 to 14 of a Chinese one, the birth date, never show."""
    compact = re.sub(r"[\s./-]", "", unicodedata.normalize("NFKC", value)).upper()
    if _MASKED_ID.fullmatch(compact):
        return compact
    found = _ID_CN.fullmatch(compact) or _ID.fullmatch(compact)
    return None if found is None else found[1] + HIDDEN_DIGITS + found[2]


def address(value: str) -> str | None:
    """Return province and city of a Chinese address, or the last part of any other without its numbers."""
    known = _clean(value)
    if city := _CITY_CN.match(known):
        return city[1] + HIDDEN
    parts = [part for part in _ADDRESS_PARTS.split(known) if part.strip()]
    if len(parts) < 2:
        return None
    words = [word for word in parts[-1].split() if word[0].isalpha() and not any(map(str.isnumeric, word))]
    place = " ".join(words)
    return f"{HIDDEN}, {place}" if 1 < len(place) <= 40 else None


def _clean(value: str) -> str:
    return unicodedata.normalize("NFC", value).strip()


def _is_cjk(char: str) -> bool:
    """Tell whether a character is an ideograph, kana or a Hangul syllable."""
    return (
        "\u3040" <= char <= "\u30ff"
        or "\u3400" <= char <= "\u9fff"
        or "\uac00" <= char <= "\ud7a3"
        or char >= "\U00020000"
    )


def _surname(letters: str) -> str | None:
    if len(letters) < 2:
        return None
    # Two characters alone are a surname of one and a given name, whatever they spell.
    return letters[: 2 if len(letters) > 2 and f" {letters[:2]} " in f" {_COMPOUND_SURNAMES} " else 1] + "*"


def _initial(word: str) -> str | None:
    letter = next((char for char in word if char.isalpha()), None)
    if letter is None:
        return None
    upper = letter.upper()
    return upper if len(upper) == 1 else letter


def _mailbox(value: str) -> tuple[str, str] | None:
    """Return mailbox and domain of an address; ``None`` if any part of it is out of the ordinary."""
    local, at, domain = _clean(value).rpartition("@")
    if not at or not local or "@" in local or len(local) > 64 or len(domain) > 253 or _has_gap(local):
        return None
    labels = domain.lower().split(".")
    if len(labels) < 2 or labels[-1].isnumeric() or not all(_LABEL.fullmatch(label) for label in labels):
        return None
    return local, ".".join(labels)


def _has_gap(local: str) -> bool:
    return any(char.isspace() or not char.isprintable() for char in local)


def _compact_phone(value: str) -> str:
    return unicodedata.normalize("NFKC", value.strip()).translate(_PHONE_SEPARATORS)


def _country_code(digits: str) -> str:
    """Return ``+`` and the country code that international digits begin with; no code begins another."""
    return next((f"+{digits[:n]}" for n in (1, 2, 3) if digits[:n] in _COUNTRY_CODES), "")
