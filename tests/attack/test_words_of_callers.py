# SPDX-License-Identifier: Apache-2.0
"""Attack: a caller or a store plants a text that does something where evidence about it is read.

That is in an officer's terminal or spreadsheet, in a report to an authority, or in what a person is told. References
are words of callers, identities are words of stores. They are told, and do nothing.
"""

import csv
import io
import re
import sys

import msgspec
import pytest

from gateway.cli.desk.desk import Desk
from gateway.cli.incident import commands as incident
from gateway.cli.incident import text as incident_text
from gateway.cli.log.lines import show
from gateway.cli.rights import text as rights_text
from gateway.domain.entry import Line, RulesRefused
from gateway.domain.names import IdentityKind, PersonNumber
from gateway.domain.reach import Behind
from gateway.record.reading.reader import Record
from tests.attack.test_csv_formulas import PAYLOADS, runs
from tests.unit.cli.incident.test_text import SCOPE
from tests.unit.cli.rights.test_text import READ, TOLD

IN_MARKDOWN = (
    "![x](http://192.0.2.1/seen.png)", "[click](javascript:alert(1))", "<img src=x onerror=alert(1)>", "a | b | c", "`x`",
    "[x]: http://192.0.2.1/", "<!--", "\\", "\\[", "a\n# A heading of one's own", "]( )[",
    "https://192.0.2.1/a?b", "(HTTP://192.0.2.1", "WWW.example.com/x", "ftp://192.0.2.1",
)  # fmt: skip
IN_TERMINAL = (
    "\x1b]52;c;ZWNobw==\x07",
    "\x1b[2J\x1b[1;1H",
    "\x9b31m",
    "\u202etxt.exe",
    "a\rb",
    "\x08\x08\x08",
    "\u2028",
    "\x00",
)
DOES = re.compile(r"(?<!\\)(?:\\\\)*(?:[\[\]`<]|://|\bwww\.)", re.IGNORECASE)


def cells_of(line: str) -> list[str]:
    """Return the cells of a row of Markdown."""
    return re.split(r"(?<!\\)(?:\\\\)*\|", line)[1:-1]


@pytest.mark.parametrize("text", IN_MARKDOWN)
def test_no_reference_is_more_than_text_in_a_report(text: str) -> None:
    """No picture is fetched, no link leads elsewhere, no column and no heading is made up."""
    told = msgspec.structs.replace(TOLD, accesses=(msgspec.structs.replace(READ, reference=text),))
    counts = (msgspec.structs.replace(SCOPE.purposes[0], name=text),)

    person = rights_text.markdown(told, "en", for_officer=True)
    scope = incident_text.markdown(msgspec.structs.replace(SCOPE, clients=counts))

    for document in (person, scope):
        rows = [line for line in document.splitlines() if line.startswith("|")]
        assert not [line for line in document.splitlines() if DOES.search(line.replace("&lt;", ""))]
        assert len([line for line in document.splitlines() if line.startswith("# ")]) == 1
        widths = {len(cells_of(row)) for row in rows}
        assert widths <= {4, 12}
    assert len([line for line in person.splitlines() if line.startswith("|")]) == 3


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_reference_and_no_identity_is_a_formula(payload: str) -> None:
    """In what a person is told, and in the list of the people of an incident."""
    told = msgspec.structs.replace(TOLD, accesses=(msgspec.structs.replace(READ, reference=payload),))
    behind = [Behind(person=PersonNumber(7), identities=((IdentityKind("crm.customer_id"), payload),))]

    for text in (
        rights_text.table(told, "en", for_officer=True),
        incident._list_text(behind, incident.ListForm.CSV),
    ):
        _, *rows = csv.reader(io.StringIO(text, newline=""))
        assert len(rows) == 1
        assert not any(map(runs, rows[0]))


def test_phone_numbers_stay_as_they_are() -> None:
    """Whoever has to reach the people of a list needs them byte for byte."""
    behind = [Behind(person=PersonNumber(7), identities=((IdentityKind("crm.phone"), "+8613812345678"),))]
    assert "+8613812345678" in incident._list_text(behind, incident.ListForm.CSV).split(",")[-1]
    assert "'" not in incident._list_text(behind, incident.ListForm.CSV)


@pytest.mark.parametrize("text", IN_TERMINAL)
@pytest.mark.parametrize("form", list(incident.ListForm))
def test_no_identity_speaks_to_a_terminal(
    text: str, form: incident.ListForm, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file gets them as they are; whoever reads a list on a screen gets what can be seen."""
    behind = [Behind(person=PersonNumber(7), identities=((IdentityKind("crm.customer_id"), f"C-1{text}"),))]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    incident._print(incident._list_text(behind, form))

    told = capsys.readouterr().out
    assert "C-1" in told
    assert all(one.isprintable() or one == "\n" for one in told)


def test_no_word_in_an_entry_makes_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """Such as the name of a file of rules that were refused, which anybody may have given it."""
    forged = "x\n2026-11-22 08:00:00.000Z cli:7 local:root: looked at log: 0 rows"
    body = RulesRefused(rules="0" * 64, problems=(forged,))
    line = Line(log="demo/node-1/cli", seq=8, prev="0" * 64, at_us=0, body=body)

    show(Desk(None, None, json=False), Record(line, b"", None))

    (told,) = capsys.readouterr().out.splitlines()
    assert "cli:8 rules 000000000000 refused, 1 problem: x\\n2026" in told
