# SPDX-License-Identifier: Apache-2.0
"""Free text that leaves: the mail addresses and long numbers inside it are masked.

RULES

1. Every word with an ``@`` inside it is a mail address.
2. Seven digits or more, with at most three separators between two of them, are a phone, an ID, a
   card or an account. Which of them decides only the word that stands in their place.
3. A date written ``YYYY-MM-DD`` is not a number. Anything else that looks like one is taken for one:
   an order number that is hidden costs a question, a phone number that is shown costs a person.
4. The work is linear in the length of the text.
"""

import re
import unicodedata

from stdnum import luhn
from stdnum.cn import ric

_WORD = re.compile(r"[^\s<>()\[\]{},;:\"'，。；：、（）《》「」]+")  # noqa: RUF100
# Digits of every script; between two of them blanks, dashes, dots, brackets and invisible marks.
_SEPARATOR = r"[\s().\-/·•_*\u00ad\u2010-\u2015\u2212\u200b-\u200f\u2060\ufeff\u3000]{0,3}"
_NUMBER = re.compile(rf"\+?\d(?:{_SEPARATOR}\d){{6,}}(?:[xX](?!\w))?")
_DATE = re.compile(r"(?<![\d-])((?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]))(?![\d-])")


def mask_free_text(text: str) -> str:
    """Return the text with ``[email]``, ``[id]``, ``[card]`` or ``[phone]`` in place of each such value."""
    if "@" in text or "\uff20" in text:
        text = _WORD.sub(_hide_email, text)
    # Split by a pattern with one group: every second piece is a date.
    pieces = _DATE.split(text)
    pieces[::2] = [_NUMBER.sub(_hide_number, piece) for piece in pieces[::2]]
    return "".join(pieces)


def _hide_email(word: re.Match[str]) -> str:
    local, at, domain = word[0].replace("\uff20", "@").partition("@")
    return "[email]" if at and local and domain else word[0]


def _hide_number(number: re.Match[str]) -> str:
    digits = "".join(str(unicodedata.decimal(char)) for char in number[0] if char.isdecimal())
    if len(digits) in (17, 18) and _is_national_id(digits + number[0][-1].upper() * (len(digits) == 17)):
        return "[id]"
    if 13 <= len(digits) <= 19 and luhn.is_valid(digits):
        return "[card]"
    return "[phone]" if len(digits) <= 15 else "[number]"


def _is_national_id(number: str) -> bool:
    """Tell whether the check character of a Chinese resident identity card number holds (GB 11643)."""
    return len(number) == 18 and number[:17].isdigit() and str(ric.calc_check_digit(number)) == number[17]
