# SPDX-License-Identifier: Apache-2.0
"""The file of grants with smaller lines: what is not changed stays byte for byte."""

from gateway.decide.past.narrowing import Cell
from gateway.decide.past.smaller_file import smaller_text
from gateway.domain.names import CategoryKey, DatasetName, PurposeKey

TEXT = """# Who may.
p, analyst, crm, user.contact, marketing, read, reveal, yes, allow, , 2028-01-01
p,analyst,shop,user,marketing,read,mask,no,allow,,
p,analyst,crm,user.behavior,marketing,read,mask,no,deny,,

g, lead, analyst
"""


def cell(dataset: str, category: str, purpose: str) -> Cell:
    """Return what a line speaks of."""
    return Cell(DatasetName(dataset), CategoryKey(category), PurposeKey(purpose))


def test_a_line_goes_and_every_other_byte_stays() -> None:
    """Comments, empty lines and the spelling of other lines."""
    text, origins = smaller_text(TEXT, {3: ()})

    assert text == TEXT.replace("p,analyst,shop,user,marketing,read,mask,no,allow,,\n", "")
    assert origins == (1, 2, 4, 5, 6, 7)


def test_a_line_becomes_several_in_its_own_spelling() -> None:
    """Blanks, rung, link and times are those of the line."""
    cells = (
        cell("crm.customers", "user.contact.email", "marketing.mail"),
        cell("crm.notes", "user.contact", "marketing"),
    )
    text, origins = smaller_text(TEXT, {2: cells})

    assert text.splitlines()[1:3] == [
        "p, analyst, crm.customers, user.contact.email, marketing.mail, read, reveal, yes, allow, , 2028-01-01",
        "p, analyst, crm.notes, user.contact, marketing, read, reveal, yes, allow, , 2028-01-01",
    ]
    assert origins == (1, 2, 2, 3, 4, 5, 6, 7)


def test_no_line_comes_to_stand_twice() -> None:
    """Neither beside one that stands in the file, before or behind, nor beside one that another line becomes."""
    text = "p,a,crm,user,m,read,mask,no,allow,,\np,a,crm.x,user.b,m,read,mask,no,allow,,\np, a, crm.x, user, m, read, mask, no, allow, ,\n"
    small = (cell("crm.x", "user.b", "m"),)

    assert smaller_text(text, {1: small, 3: small})[0] == "p,a,crm.x,user.b,m,read,mask,no,allow,,\n"
