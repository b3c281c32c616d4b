# SPDX-License-Identifier: Apache-2.0
"""Entries as CSV, NDJSON and OCSF: everything comes back, no cell is a formula, no person is named."""

import csv
import io
import json
from typing import Any

import pytest
from pyroaring import BitMap

from gateway.domain.entry import Part, Release
from gateway.domain.log_forms import LogForm
from gateway.flows.export.forms import COLUMNS, TOLD, instant, part_word, writing_of
from gateway.record.format.merkle import leaf_hash
from gateway.record.reading.reader import Record
from gateway.transform.formulas import without_formula
from tests.fakes import ocsf
from tests.fakes.entries import CALL, FACTS, pairs

PERSON = 4_000_000_123


def written(form: LogForm) -> bytes:
    """Return every entry in one form."""
    writing = writing_of(form, "9.9")
    return writing.opening + writing.block(pairs())


def rows() -> list[dict[str, str]]:
    """Return the CSV as a reader of CSV sees it."""
    return list(csv.DictReader(io.StringIO(written(LogForm.CSV).decode(), newline="")))


def test_csv_comes_back_as_it_went_out() -> None:
    """Each column holds what the index says; only what a spreadsheet could obey has an apostrophe before it."""
    found = rows()

    assert list(found[0]) == list(COLUMNS)
    for told, (row, record) in zip(found, pairs(), strict=True):
        for name in ("slot", "seq", "kind", "rows", "bytes", "people", *TOLD):
            assert told[name] == without_formula(str(getattr(row, name))), name
        assert told["at"] == instant(row.at_us)
        assert told["fields"] == ("" if row.fields == "{}" else row.fields)
        assert told["leaf"] == leaf_hash(record.raw).hex()
        assert told["ip"] == (record.part.ip if record.part else "")


def test_no_cell_of_the_csv_is_a_formula() -> None:
    """A caller's reference that begins with an equals sign is text to every spreadsheet."""
    references = {told["reference"] for told in rows()}

    assert references == {"", "'=spring"}


def test_ndjson_holds_each_entry_byte_for_byte() -> None:
    """So the hash of its leaf can be computed from the export, without the log."""
    lines = written(LogForm.NDJSON).splitlines()

    for line, (row, record) in zip(lines, pairs(), strict=True):
        told: Any = json.loads(line)
        raw = line[line.index(b',"entry":') + len(b',"entry":') : -1]
        assert raw == record.raw
        assert leaf_hash(raw).hex() == told["leaf"]
        assert (told["slot"], told["seq"], told["part"]) == (row.slot, row.seq, part_word(record))
        assert {name: told.get(name, "") for name in TOLD} == {name: getattr(row, name) for name in TOLD}


def test_ocsf_is_one_allowed_event_a_line() -> None:
    """In the order of the entries."""
    told = [json.loads(line) for line in written(LogForm.OCSF).splitlines()]

    assert [one["metadata"]["uid"] for one in told] == [f"{row.slot}:{row.seq}" for row, _ in pairs()]
    assert [ocsf.wrong_with(one) for one in told] == [[] for _ in told]


@pytest.mark.parametrize("form", LogForm)
def test_no_number_of_a_person_goes_out(form: LogForm) -> None:
    """Neither of the block nor of a filter."""
    part = Part(ip="192.0.2.9", people=BitMap([PERSON]).serialize(), met=(PERSON,))
    told = pairs(((Release(call=CALL, n=0, rows=1, bytes=2, people=1, last=True, facts=FACTS), part),))

    assert str(PERSON).encode() not in writing_of(form, "9.9").block(told)


@pytest.mark.parametrize("form", LogForm)
def test_of_a_deleted_part_nothing_is_told(form: LogForm) -> None:
    """The index can still know an address; the entry without its part tells none."""
    part = Part(ip="192.0.2.9", user_agent="app/9")
    [(row, record)] = pairs(((Release(call=CALL, n=0, rows=1, bytes=2, people=1, last=True, facts=FACTS), part),))
    gone = Record(record.line, record.raw, None)
    told = writing_of(form, "9.9").block([(row, gone)])

    assert b"192.0.2.9" not in told
    assert b"app/9" not in told
    assert part_word(gone) == "deleted"
