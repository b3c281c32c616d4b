# SPDX-License-Identifier: Apache-2.0
"""A file of choices is judged line by line and never held whole."""

from pathlib import Path

import pytest

from gateway.cli.choice_file import COLUMNS, Bad, Importable, Row, batches, measured
from gateway.cli.desk.desk import Stop
from gateway.domain.choice import ChoiceState
from gateway.domain.names import IdentityKind, PurposeKey

NOW_US = 1_800_000_000_000_000
KNOWN = Importable(
    kinds=frozenset({IdentityKind("crm.id")}),
    purposes=frozenset({PurposeKey("marketing.communications.email")}),
    now_us=NOW_US,
)


def written(tmp_path: Path, *lines: str) -> Path:
    """Write a file under the header."""
    path = tmp_path / "x.csv"
    path.write_text("\n".join((",".join(COLUMNS), *lines)) + "\n", encoding="utf-8")
    return path


def test_a_good_line_is_a_row_with_its_number(tmp_path: Path) -> None:
    """Values in quotes may have commas and lines of their own; the number is that of the last line."""
    path = written(tmp_path, 'crm.id,"a, b",marketing,objected,1970-01-01', "", "crm.id,c,marketing,given,1970-01-02")

    [rows] = batches(path, KNOWN, 10)

    assert rows[0] == Row(
        line=2,
        kind=IdentityKind("crm.id"),
        value="a, b",
        purpose=PurposeKey("marketing"),
        state=ChoiceState.OBJECTED,
        at_us=0,
    )
    assert [row.line for row in rows] == [2, 4]


def test_rows_come_in_batches_and_the_rest(tmp_path: Path) -> None:
    """No batch is empty, none is larger."""
    path = written(tmp_path, *(f"crm.id,{n},marketing,given,1970-01-01" for n in range(7)))

    assert [len(rows) for rows in batches(path, KNOWN, 3)] == [3, 3, 1]
    assert measured(path, KNOWN).n_rows == 7


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("crm.no,x,marketing,given,1970-01-01", "identity_kind must be one of crm.id"),
        ("crm.id, ,marketing,given,1970-01-01", "identity must have 1 to 1000 characters"),
        (f"crm.id,{'x' * 1001},marketing,given,1970-01-01", "identity must have 1 to 1000 characters"),
        ("crm.id,x,analytics,given,1970-01-01", "purpose must be a declared purpose or a key above one"),
        ("crm.id,x,marketing,GIVEN,1970-01-01", "state must be one of given, refused, withdrawn, objected"),
        ("crm.id,x,marketing,given,2999-01-01", "at lies in the future"),
        ("crm.id,x,marketing,given,1970-01-01T00:00:00", "at must be a day such as 2027-01-31"),
        ("crm.id,x,marketing,given", "has 4 columns, expected 5"),
    ],
)
def test_a_bad_line_is_told_by_what_was_expected(tmp_path: Path, line: str, sentence: str) -> None:
    """And never by what stood there."""
    measure = measured(written(tmp_path, line), KNOWN)

    assert measure.n_bad == 1
    assert measure.bad[0].line == 2
    assert measure.bad[0].sentence.startswith(sentence)


def test_a_file_that_became_bad_between_the_readings_stops_the_import(tmp_path: Path) -> None:
    """The second reading does not pass over what the first one would have told."""
    path = written(tmp_path, "crm.id,x,marketing,given,1970-01-01")
    measured(path, KNOWN)
    written(tmp_path, "crm.id,x,marketing,no,1970-01-01")

    with pytest.raises(Stop, match="was changed while it was imported"):
        list(batches(path, KNOWN, 10))


def test_an_open_quote_is_told_as_such(tmp_path: Path) -> None:
    """CSV is read strictly: a quote that never closes would swallow the rest of the file."""
    with pytest.raises(Stop, match="unexpected end of data"):
        measured(written(tmp_path, 'crm.id,"x,marketing,given,1970-01-01'), KNOWN)


def test_a_bad_line_holds_nothing_but_a_number_and_a_sentence() -> None:
    """There is no place where a value could be kept."""
    assert Bad.__struct_fields__ == ("line", "sentence")
