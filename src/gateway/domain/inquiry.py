# SPDX-License-Identifier: Apache-2.0
"""One call as the domain sees it; it knows no protocol.

Every value in it came from the caller and is text; what a value means is settled by the field's
declaration when the decision binds it.
"""

from decimal import Decimal
from enum import StrEnum

import msgspec
from typing_extensions import override

from gateway.domain.catalog import Route
from gateway.domain.continuation import Continuation
from gateway.domain.names import DatasetName, DecisionId, FieldName, PurposeKey
from gateway.domain.parameters import PLAIN, Comparison
from gateway.domain.principal import Principal
from gateway.domain.sending import Message


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """A comparison of a field with a value; path parameters are equality filters too.

    Attributes:
        parameter: Name by which the caller gave it, for messages and for the store's request.
        in_path: The value stands in the path and identifies the record.
        bands: The route declares that the store compares this parameter in bands.
        in_body: The value stands in the body of a search, at the path that ``parameter`` names.
        values: Of an ``in``: all values; ``value`` is then empty.
        spelling: How the store spells the value in a query.
    """

    field: FieldName
    comparison: Comparison
    value: str
    parameter: str
    in_path: bool = False
    bands: bool = False
    in_body: bool = False
    values: tuple[str, ...] = ()
    spelling: str = PLAIN

    @property
    def compared(self) -> tuple[str, ...]:
        """Return every value that the field is compared with."""
        return self.values if self.comparison is Comparison.IN else (self.value,)

    @override
    def __repr__(self) -> str:
        return f"<Filter {self.field} {self.comparison}>"


class Sort(msgspec.Struct, frozen=True, kw_only=True):
    """One key of the order that the caller asks for."""

    field: FieldName
    descending: bool


class Form(StrEnum):
    """How the rows of an answer are written for the caller."""

    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    CSV_FOR_PEOPLE = "csv-for-people"
    """CSV in which no cell is a formula to a spreadsheet."""


Scalar = str | int | Decimal | bool | None


class Written(msgspec.Struct, frozen=True):
    """One record as a caller wrote it: values by field, nested ones by dotted name; never shown."""

    values: tuple[tuple[FieldName, Scalar], ...]

    @override
    def __repr__(self) -> str:
        return f"<Written {len(self.values)} fields>"


class Surrogated(msgspec.Struct, frozen=True):
    """Surrogates as a caller lists them, to have their values; never shown."""

    texts: tuple[str, ...] = ()

    @override
    def __repr__(self) -> str:
        return f"<Surrogated {len(self.texts)}>"


class Inquiry(msgspec.Struct, frozen=True, kw_only=True):
    """Principal P for purpose U asks operation O on dataset D, using these fields.

    Attributes:
        fields: The fields the caller named; ``None`` when it took what there is.
        limit: Rows in a page, already within the route's bound; ``None`` for single records.
        written: The records of a write.
        conditions: Headers that the route honours, by lower-case name, as the store is to get them.
        form: How the caller wants the rows written.
        continuation: Where the store's list goes on, on a route whose store says so itself.
        surrogates: Of a reveal: what is to be opened, all of the one field that is named.
        messages: Of a call that sends.
        mandate: Under which the call is made, once it was found in force for it; empty for none.
    """

    decision_id: DecisionId
    principal: Principal
    purpose: PurposeKey | None
    """As stated, or the only one of the bearer; ``None`` if neither tells it."""
    reference: str | None
    operation: str
    dataset: DatasetName
    route: Route
    fields: tuple[FieldName, ...] | None = None
    filters: tuple[Filter, ...] = ()
    sorts: tuple[Sort, ...] = ()
    limit: int | None = None
    offset: int | None = None
    written: tuple[Written, ...] = ()
    conditions: tuple[tuple[str, str], ...] = ()
    form: Form = Form.JSON
    continuation: Continuation | None = None
    surrogates: Surrogated = Surrogated()
    messages: tuple[Message, ...] = ()
    mandate: str = ""


def page_number(inquiry: Inquiry) -> int:
    """Return the number of the page, from 1, that begins at the offset; all pages of a list are equally long."""
    return (inquiry.offset or 0) // (inquiry.limit or 1) + 1
