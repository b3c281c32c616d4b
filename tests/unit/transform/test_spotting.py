# SPDX-License-Identifier: Apache-2.0
"""Text of surrogate shape: found whatever was done to its spelling, with the row in which it stands."""

import json

import pytest

from gateway.transform.spotting import BEGINNING, Spotted, Spotting

DIGITS = "0123456789abcdef" * 6
ONE = f"sv1_{DIGITS}"
SHORT = f"sh12_{DIGITS[:48]}"


def spotted(text: str, piece: int = 1 << 20) -> list[Spotted]:
    """Return what is found in a text that comes in pieces."""
    spotting, found = Spotting(), list[Spotted]()
    for first in range(0, len(text), piece):
        found += spotting.feed(text[first : first + piece])
    return [*found, *spotting.finish()]


@pytest.mark.parametrize(
    "text",
    [
        ONE,
        ONE.upper(),
        f"  {ONE}\t",
        f'"{ONE}"',
        f"'{ONE[:3]}' {ONE[3:]}",
        " ".join(ONE),
        "\u200b".join(ONE),
        "\u00a0".join(ONE),
        "\u00ad".join(ONE),
        "".join(chr(ord(one) + 0xFEE0) for one in ONE),
        f"{ONE[:60]}\n{ONE[60:]}",
        f"{ONE[:76]}=\n{ONE[76:]}",
        f"=HYPERLINK({ONE})",
        f"Berlin,{ONE},x",
        f"北京{ONE}上海",
        json.dumps("\u200b".join(ONE)),
        ONE.replace("_", "\\_"),
        f"\ufeff{ONE}",
    ],
)
def test_one_surrogate_is_found_however_it_is_spelled(text: str) -> None:
    """Case, width, blanks, quotes, separators, escapes and broken lines change nothing."""
    (one,) = spotted(text)
    assert (one.kind, one.version) == ("sv", 1)
    assert one.digits.startswith(DIGITS)


def test_a_token_of_a_vault_is_found_and_shorter_digits_of_others_are_not() -> None:
    """It has 32 digits; every other kind has 48 at least."""
    token = f"AV1_{DIGITS[:32].upper()}"
    assert spotted(f"{token};x") == [Spotted(1, "av", 1, DIGITS[:32])]
    assert spotted(f"sv1_{DIGITS[:32]};as1_{DIGITS[:47]};av1_{DIGITS[:31]};") == []


@pytest.mark.parametrize("piece", [1, 7, 50, 1 << 20])
@pytest.mark.parametrize(("first", "second"), [("as1", "as2"), ("av1", "as12"), ("sv1", "av1"), ("sv3", "sh12")])
def test_a_cell_behind_another_is_found_though_its_prefix_begins_with_a_digit(
    first: str, second: str, piece: int
) -> None:
    """However the text is cut; with whatever stands between, and where the first one's last digit is an ``a``."""
    digits = DIGITS[:95] + "a"
    for between in (",", '","', "\n", ""):
        found = spotted(f"{first}_{digits}{between}{second}_{digits}{between}", piece)
        assert [(f"{one.kind}{one.version}", one.digits) for one in found] == [(first, digits), (second, digits)]


def test_two_glued_cells_are_two() -> None:
    """The first one's digits end where the next prefix begins."""
    assert [(one.kind, one.version, one.digits) for one in spotted(ONE + SHORT)] == [
        ("sv", 1, DIGITS),
        ("sh", 12, DIGITS[:48]),
    ]


@pytest.mark.parametrize(
    "text", ["", "sv1_", "sv0_" + DIGITS, "sx1_" + DIGITS, "sv1_" + DIGITS[:47] + "g", DIGITS, "as_1"]
)
def test_other_text_is_not_of_the_shape(text: str) -> None:
    """No version 0, no other letters, no fewer digits than 48."""
    assert spotted(text) == []


@pytest.mark.parametrize("piece", [1, 7, 64, 1000, BEGINNING])
def test_any_way_of_cutting_the_text_finds_the_same(piece: int) -> None:
    """Escapes and surrogates that a piece ends in are found with the next."""
    rows = [json.dumps({"id": f"{ONE[:40]}\u200b{ONE[40:]}", "n": n, "other": "\U0001d7d8"}) for n in range(600)]
    text = "\n".join(rows)
    assert len(text) > BEGINNING
    assert spotted(text, piece) == spotted(text)
    assert [one.row for one in spotted(text)] == list(range(1, 601))


def test_rows_are_lines_or_objects() -> None:
    """A list of objects counts these, whatever lines it is written in."""
    objects = [{"id": ONE}, {"id": "none"}, {"id": SHORT}]
    for text in (json.dumps(objects), json.dumps(objects, indent=2), json.dumps({"items": objects})):
        assert [one.row for one in spotted(text)] == [1, 3]
    assert [one.row for one in spotted("\n".join(map(json.dumps, objects)))] == [1, 3]
    assert [one.row for one in spotted(f"id,city\r\n{ONE},x\r\n\r\n{SHORT},y\r\n")] == [2, 4]


def test_a_text_without_end_is_held_in_pieces() -> None:
    """What is kept between pieces is bounded, also of digits that never end."""
    spotting = Spotting()
    for _ in range(50):
        list(spotting.feed("sv1_" + "0" * 100_000))
        assert len(spotting._held) + len(spotting._rest) < 10_000
