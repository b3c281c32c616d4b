# SPDX-License-Identifier: Apache-2.0
"""One call as the domain sees it; it knows no protocol.

Every value in it came from the caller and is text; what a value means is settled by the field's
declaration when the decision binds it.
"""

import msgspec

from gateway.domain.catalog import Comparison, Route
from gateway.domain.names import DatasetName, DecisionId, FieldName, PurposeKey
from gateway.domain.principal import Principal


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """A comparison of a field with a value; path parameters are equality filters too.

    Attributes:
        parameter: Name by which the caller gave it, for messages and for the store's request.
        in_path: The value stands in the path and identifies the record.
        bands: The route declares that the store compares this parameter in bands.
    """

    field: FieldName
    comparison: Comparison
    value: str
    parameter: str
    in_path: bool = False
    bands: bool = False


class Sort(msgspec.Struct, frozen=True, kw_only=True):
    """One key of the order that the caller asks for."""

    field: FieldName
    descending: bool


class Inquiry(msgspec.Struct, frozen=True, kw_only=True):
    """Principal P for purpose U asks operation O on dataset D, using these fields.

    Attributes:
        fields: The fields the caller named; ``None`` when it took what there is.
        limit: Rows in a page, already within the route's bound; ``None`` for single records.
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
