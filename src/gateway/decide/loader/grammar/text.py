# SPDX-License-Identifier: Apache-2.0
"""Bytes of a rule file as text that means what it looks like.

UTF-8 without byte order mark, lines that end in a line feed, the last one too, and no character that
an editor does not show: control characters, tabs, and the marks that turn or hide text.
Source: N. Boucher, R. Anderson, Trojan Source (CVE-2021-42574), for the last.
"""

import unicodedata

from gateway.decide.loader.grammar.problems import Place, Problems

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of characters without a shape of their own."""


def is_hidden(character: str) -> bool:
    """Tell whether a reader of the text would not see the character."""
    return unicodedata.category(character) in HIDDEN


def read_text(file: str, content: bytes, problems: Problems) -> str | None:
    """Return the text of a file, or ``None`` if some of it cannot be trusted to be what it looks like."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problems.tell(Place(file, line), f"is not UTF-8: byte 0x{content[error.start]:02x}")
        return None
    clean = _is_visible(file, text, problems)
    if not text.endswith("\n"):
        problems.tell(
            Place(file, text.count("\n") + 1), "does not end with a line feed; the file may have been cut off"
        )
        clean = False
    return text if clean else None


def _is_visible(file: str, text: str, problems: Problems) -> bool:
    clean = True
    for number, line in enumerate(text.split("\n"), 1):
        if line.isascii() and line.isprintable():
            continue
        for character in sorted({character for character in line if is_hidden(character)}):
            problems.tell(Place(file, number), f"holds {_name_of(character)}, which is not allowed")
            clean = False
    return clean


def _name_of(character: str) -> str:
    words = {"\r": "a carriage return", "\t": "a tab", "\ufeff": "a byte order mark"}
    return words.get(character, f"the hidden character U+{ord(character):04X}")
