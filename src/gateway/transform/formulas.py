# SPDX-License-Identifier: Apache-2.0
"""Text for people's spreadsheets, in which nothing is a formula.

RULES

1. A text that begins with ``=``, ``+``, ``-``, ``@``, also in their wide and small forms, with a tab
   or a line break, or with one of them behind blanks, invisible marks, quotes or separators, gets an
   apostrophe in front.
2. Inside a text, the same marks behind a tab, a line break, ``;`` or ``|`` get one too: programs that
   take another separator than the comma see the beginning of a cell there.
3. A text that is wholly a number, or a phone number in international form, stays byte for byte:
   ``+8613812345678``, ``+49 151 2345678``, ``-12.5``.
4. The work is linear in the length of the text.

Source: OWASP, CSV Injection; CWE-1236.
"""

import re

_MARKS = r"=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
_BREAKS = r"\t\r\n\x0b\x0c\x85\u2028\u2029"
# Blanks, control and invisible characters, quotes of all kinds, separators.
_PASSED = (
    r"\x00-\x08\x0e-\x20\x7f\xa0\xad\u061c\u1680\u180e\u2000-\u200f\u202a-\u202f\u205f-\u206f\u3000\ufeff"
    "\"'`\u00b4\u00ab\u00bb\u2018-\u201f\u2039\u203a\uff02\uff07,;|"
)
_LEADING = re.compile(rf"[{_PASSED}]*+[{_MARKS}{_BREAKS}]")
# Takes the whole run in any case: trying again at each of its characters would be quadratic.
_INNER = re.compile(rf"[{_BREAKS};|][{_BREAKS}{_PASSED}]*+(?=([{_MARKS}]?))")
HARMLESS = re.compile(rf"[^{_MARKS}{_BREAKS}{_PASSED}][^{_BREAKS};|,\"]*+")
"""Most texts: nothing is to be done about one that matches, not even quotes."""
_PLAIN = re.compile(r"\+[0-9]++(?: [0-9]++)*|-?[0-9]++(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?")


def without_formula(text: str) -> str:
    """Return the text, with an apostrophe before whatever a spreadsheet could take for a formula."""
    if _PLAIN.fullmatch(text):
        return text
    told = _INNER.sub(_marked, text)
    return "'" + told if _LEADING.match(text) else told


def is_marked(text: str) -> bool:
    """Tell whether a text is what ``without_formula`` makes of another: with its apostrophes in the right places."""
    if "'" not in text:
        return False
    # The runs of a text and of what is made of it are the same but for the apostrophe at the end of some.
    was = _INNER.sub(_unmarked, text)
    return any(one != text and without_formula(one) == text for one in (was, was.removeprefix("'")))


def _unmarked(run: re.Match[str]) -> str:
    return run[0].removesuffix("'") if run[1] else run[0]


def _marked(run: re.Match[str]) -> str:
    return run[0] + "'" if run[1] else run[0]
