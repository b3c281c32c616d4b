# SPDX-License-Identifier: Apache-2.0
"""The formats of rows in one place: how a store's answer is read, and how an answer is written.

Whatever kind a store answers in, rows go through the one codec and may leave in any form; a form is
what stands around a row, how a row is spelled, and how a cut answer says so.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from gateway.domain.catalog import AnswerShape, FieldSpec
from gateway.domain.inquiry import Form
from gateway.domain.names import FieldName
from gateway.transform.blocks import Frame
from gateway.transform.codec import Spell
from gateway.transform.csv_cells import control_record, csv_frame, csv_rows
from gateway.transform.csv_rows import CsvSplitter
from gateway.transform.json import json_frame
from gateway.transform.ndjson import NDJSON_FRAME, LineSplitter, control_line
from gateway.transform.scan import n_objects
from gateway.transform.split import Members, RowSplitter


class Splitter(Protocol):
    """Cuts the bytes of one answer into rows; made for each call."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the rows that the chunk completes, as JSON arrays of objects and nulls."""

    def finish(self) -> Members:
        """Return what the end tells; raises StoreMisbehaved if the answer is not whole."""


def splitter_of(shape: AnswerShape, fields: Sequence[FieldSpec], count: Callable[[bytes], int] = n_objects) -> Splitter:
    """Return what cuts an answer of a declared shape.

    Args:
        shape: As the route declares it.
        fields: Those that the codec reads; other columns of CSV are passed over.
        count: Tells of a piece of JSON how many objects it lists, as ``Reading.n_objects`` does.

    Raises:
        ValueError: The shape is of no known kind.
    """
    if shape.kind == "ndjson":
        return LineSplitter()
    return CsvSplitter(fields) if shape.kind == "csv" else RowSplitter(shape, count=count)


def frame_of(form: Form, shape: AnswerShape, fields: Sequence[FieldName]) -> Frame:
    """Return what stands around the rows of an answer in which these fields leave."""
    match form:
        case Form.JSON:
            return json_frame(shape)
        case Form.NDJSON:
            return NDJSON_FRAME
        case Form.CSV | Form.CSV_FOR_PEOPLE:
            return csv_frame(fields, for_people=form is Form.CSV_FOR_PEOPLE)


SPELLS: Mapping[Form, Spell] = {
    Form.CSV: partial(csv_rows, for_people=False),
    Form.CSV_FOR_PEOPLE: partial(csv_rows, for_people=True),
}
"""How rows are spelled in a form that is not JSON."""


def last_words(form: Form, n_rows: int, reason: str) -> bytes:
    """Return what ends a cut answer visibly; nothing for JSON, whose array stays open."""
    match form:
        case Form.JSON:
            return b""
        case Form.NDJSON:
            return control_line(n_rows, reason)
        case Form.CSV | Form.CSV_FOR_PEOPLE:
            return control_record(n_rows, reason)
