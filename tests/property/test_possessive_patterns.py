# SPDX-License-Identifier: Apache-2.0
"""Possessive groups find what greedy ones find, on the Python that runs this.

Before Python 3.11.5 a possessive group whose last turn fails half way is left half way into that turn. The
patterns that still repeat a group possessively begin each turn with a choice, which goes back; whoever
writes one that does not is told here.
"""

import re
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gateway

ROOT = Path(gateway.__file__).parent
TURNS = re.compile(r"\)[*+?]\+(?!,)")
"""Behind a comma it stands in a set of characters."""
ALPHABET = '"\\\\a,;|\r\n[]{}+1 .-=/%'


def possessive() -> dict[str, "re.Pattern[str] | re.Pattern[bytes]"]:
    """Return the compiled patterns of the package's modules that repeat a group possessively."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        if not TURNS.search(path.read_text()) or "migrations" in path.parts:
            continue
        module = import_module(".".join(("gateway", *path.relative_to(ROOT).with_suffix("").parts)))
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern) and TURNS.search(text_of(value)):
                found[f"{module.__name__}.{name}"] = value
    return found


def text_of(pattern: "re.Pattern[str] | re.Pattern[bytes]") -> str:
    """Return the text of a pattern of either kind."""
    return pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode()


@pytest.mark.parametrize(("name", "pattern"), possessive().items(), ids=possessive())
@given(st.text(ALPHABET, max_size=14))
def test_a_possessive_group_finds_what_a_greedy_one_finds(name: str, pattern: re.Pattern[str], text: str) -> None:
    """Wherever the search begins; a doubled quote ends no cell either way."""
    greedy = TURNS.sub(")*", text_of(pattern)).replace('"")*"', '"")*"(?!")')
    for start in range(len(text) + 1):
        assert span(pattern, text, start) == span(re.compile(greedy, pattern.flags & ~re.UNICODE), text, start), name


def span(pattern: "re.Pattern[str] | re.Pattern[bytes]", text: str, start: int) -> tuple[int, int] | None:
    """Return what a pattern of either kind takes of an ASCII text from a place on."""
    kept = re.compile(text_of(pattern), pattern.flags & ~re.UNICODE)
    found = kept.match(text, start)
    return None if found is None else found.span()
