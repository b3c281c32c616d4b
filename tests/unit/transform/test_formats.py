# SPDX-License-Identifier: Apache-2.0
"""Every format in one place."""

import json

import pytest

from gateway.decide.loader.datasets.routes import KINDS
from gateway.domain.catalog import AnswerShape
from gateway.domain.inquiry import Form
from gateway.domain.names import FieldName
from gateway.transform.blocks import BlockWriter
from gateway.transform.formats import SPELLS, frame_of, last_words, splitter_of
from tests.fakes.plans import spec

ANSWERS = {
    "array": b'[{"id":"1"},{"id":"2"}]',
    "object": b'{"rows":[{"id":"1"},{"id":"2"}]}',
    "record": b'{"id":"1"}',
    "ndjson": b'{"id":"1"}\n{"id":"2"}\n',
    "csv": b"id\n1\n2\n",
}


def shape(kind: str) -> AnswerShape:
    """Return a shape of a kind."""
    return AnswerShape(kind=kind, rows="rows" if kind == "object" else None)


def rows_of(kind: str, body: bytes) -> list[object]:
    """Return the rows of an answer."""
    splitter = splitter_of(shape(kind), (spec("id"),))
    return [row for array in (*splitter.feed(body), *splitter.finish().rest) for row in json.loads(array)]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "nothing"])
def test_every_kind_that_rules_may_declare_is_read(kind: str) -> None:
    """As rows in JSON."""
    assert rows_of(kind, ANSWERS[kind]) == [{"id": "1"}, {"id": "2"}][: 1 if kind == "record" else 2]


def test_a_kind_that_nobody_declares_is_not_read() -> None:
    """When the splitter is made."""
    with pytest.raises(ValueError, match="no answer has the shape"):
        splitter_of(shape("xml"), ())


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("kind", ["array", "object", "ndjson", "csv"])
def test_every_form_of_ours_could_be_read_by_us(kind: str, form: Form) -> None:
    """What one gateway writes, another can stand in front of."""
    writer = BlockWriter(frame_of(form, shape(kind), (FieldName("id"),)))
    spell = SPELLS.get(form)
    rows = spell([["1", "2"]], 2) if spell else [b'{"id":"1"}', b'{"id":"2"}']
    writer.add(rows, [None, None])
    read_as = {Form.JSON: "object" if kind == "object" else "array", Form.NDJSON: "ndjson"}.get(form, "csv")
    assert rows_of(read_as, writer.finish().body) == [{"id": "1"}, {"id": "2"}]


def test_a_cut_is_told_in_lines_and_not_in_json() -> None:
    """An array that is not closed says so by itself."""
    assert last_words(Form.JSON, 5, "held") == b""
    assert json.loads(last_words(Form.NDJSON, 5, "held")) == {"$gateway": {"end": "cut", "rows": 5, "reason": "held"}}
    assert last_words(Form.CSV, 5, "held") == last_words(Form.CSV_FOR_PEOPLE, 5, "held") == b"#gateway,cut,5,held\r\n"
