# SPDX-License-Identifier: Apache-2.0
"""What a catalogue says of itself: the filters of a parameter, and all parameters of a route."""

import msgspec
import pytest

from gateway.domain.catalog import BodyKind, BodyShape
from gateway.domain.names import FieldName
from gateway.domain.parameters import (
    AlternativeFilters,
    Comparison,
    CursorParameter,
    FilterParameter,
    LimitParameter,
    Parameter,
    filters_of,
)
from tests.fakes.customers import LIST

AGE = FilterParameter(FieldName("age"), Comparison.AT_LEAST, value="gte.{}")


@pytest.mark.parametrize(
    ("parameter", "filters"),
    [(AGE, (AGE,)), (AlternativeFilters((AGE, AGE)), (AGE, AGE)), (CursorParameter(), ()), (None, ())],
)
def test_a_parameter_is_as_many_filters_as_it_has(parameter: Parameter | None, filters: tuple[object, ...]) -> None:
    """A name that is declared for no filter is none."""
    assert filters_of(parameter) == filters


def test_the_parameters_of_a_route_are_those_of_query_and_body() -> None:
    """In this order."""
    limit = LimitParameter(most=5)
    body = BodyShape(kind=BodyKind.SEARCH, parameters={"page.size": limit})
    assert LIST.every_parameter == tuple(LIST.parameters.values())
    assert msgspec.structs.replace(LIST, body=body).every_parameter == (*LIST.parameters.values(), limit)
