# SPDX-License-Identifier: Apache-2.0
"""A store spells the name of a field in another way, so that its value is taken for something harmless."""

import json
import sys
import unicodedata

import pytest

from gateway.domain.catalog import Form
from gateway.domain.treatment import NOTHING, Treatment
from gateway.transform.codec import compile_codec
from tests.fakes.plans import CHAINS, REVEALED, SURROGATE, plan, spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys

CANARY = "canary-4711-value"
NAMES = ("email", "phone", "national_id")
CODEC = compile_codec(
    plan(
        (spec("city"), CHAINS["word"], REVEALED),
        (spec("email", form=Form.EMAIL), CHAINS["email"], SURROGATE),
        (spec("phone", form=Form.PHONE), CHAINS["phone"], Treatment(1, link=False)),
        (spec("national_id"), CHAINS["national_id"], NOTHING),
        (spec("home.street"), CHAINS["address"], Treatment(1, link=True)),
    ),
    FakeSurrogateKeys(),
)


def left(row: str) -> bytes:
    """Return what leaves of a row."""
    batch = CODEC.decode(f"[{row}]".encode())
    return b"".join(CODEC.encode(batch, [0] * len(batch)))


def other_letters(name: str) -> set[str]:
    """Return the name with each letter in every other form that folds or normalises to it."""
    found = set()
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        same = {char.casefold(), char.lower(), char.upper(), unicodedata.normalize("NFKC", char)}
        for folded in same & set(name):
            if char != folded:
                found.add(name.replace(folded, char))
                found.add(name.replace(folded, char, 1))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_other_letters_is_another_name(name: str) -> None:
    """All case foldings and compatibility forms of Unicode, one letter at a time."""
    spellings = other_letters(name)
    assert len(spellings) > 80
    row = json.dumps(dict.fromkeys(spellings, CANARY), ensure_ascii=False)
    assert left(row) == b"{}"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "spelling",
    [
        "{0} ",
        " {0}",
        "{0}\\u0000",
        "\\u200b{0}",
        "{0}\\ufeff",
        "{0}\\u0301",
        "\\u202e{0}",
        "{0}[0]",
        "[{0}]",
        "{0}.value",
        "$.{0}",
        "data.{0}",
        "{0}\\n",
        "/{0}",
        "\\\\u0065{0}",
        "__{0}__",
        "{0}%00",
        "%65{0}",
        "f0",
        "f1",
        "f2",
        "",
        "home.street",
        "__class__",
    ],
)
def test_a_name_with_something_added_is_another_name(name: str, spelling: str) -> None:
    """Blanks, marks, paths, escapes of escapes, and our own attribute names."""
    assert left(f'{{"{spelling.format(name)}":"{CANARY}"}}') == b"{}"


@pytest.mark.parametrize("name", NAMES)
def test_an_escaped_name_is_the_name_and_its_value_is_treated(name: str) -> None:
    """JSON allows every letter of a key to be escaped; that is the same key."""
    escaped = "".join(f"\\u{ord(char):04x}" for char in name)
    assert CANARY.encode() not in left(f'{{"{escaped}":"{CANARY}"}}')
    assert left(f'{{"{escaped}":"{CANARY}"}}') == left(f'{{"{name}":"{CANARY}"}}')
