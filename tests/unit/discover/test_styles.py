# SPDX-License-Identifier: Apache-2.0
"""Stores that many people run are known by how they answer."""

import pytest

from gateway.discover.categorise import Described, field_of
from gateway.discover.sample import Sample
from gateway.discover.styles import Style, spoken, style_in
from gateway.domain.catalog import FieldType
from gateway.domain.names import FieldName
from gateway.domain.parameters import AlternativeFilters, SortParameter, SortStyle

FIELDS = {
    FieldName(name): field_of(None, Described(name=name, type=type_))
    for name, type_ in {
        "id": FieldType.TEXT,
        "age": FieldType.INTEGER,
        "limit": FieldType.TEXT,
        "手机": FieldType.TEXT,
    }.items()
}


@pytest.mark.parametrize(
    ("sample", "style"),
    [
        (Sample(path="/d/t.json", query=(("_shape", "objects"),), body={"rows": [], "next": None}), Style.DATASETTE),
        (Sample(path="/t", query=(("_limit", "9"),), body=[], headers=(("x-total-count", "0"),)), Style.JSON_SERVER),
        (
            Sample(path="/t", query=(("_per_page", "9"),), body={"first": 1, "items": 0, "pages": 0, "data": []}),
            Style.JSON_SERVER_1,
        ),
        (Sample(path="/t", query=(("_limit", "9"),), body=[]), None),
        (Sample(path="/t", body={"rows": []}), None),
    ],
)
def test_a_style_is_known_by_one_answer(sample: Sample, style: Style | None) -> None:
    """A store that passes over what it does not know has none."""
    assert style_in(sample) is style


@pytest.mark.parametrize(
    ("style", "names"),
    [
        (Style.DATASETTE, {"_size", "_next", "_sort", "_sort_desc", "id__exact", "age__gte", "id__startswith"}),
        (Style.JSON_SERVER, {"_limit", "_page", "_sort", "_order", "id", "age_gte"}),
        (Style.JSON_SERVER_1, {"_per_page", "_page", "_sort", "id", "age:gte"}),
        (Style.POSTGREST, {"limit", "offset", "order", "select", "id", "age"}),
    ],
)
def test_a_style_says_how_every_table_is_asked(style: Style, names: set[str]) -> None:
    """And nothing that a parameter cannot be named after."""
    parameters, _, _ = spoken(style, FIELDS)
    assert names <= set(parameters)
    assert not any("手机" in name for name in parameters)


def test_postgrest_spells_what_it_compares_and_keeps_its_own_words() -> None:
    """A column called limit cannot be asked for by its name."""
    parameters, shape, _ = spoken(Style.POSTGREST, FIELDS)
    age, order = parameters["age"], parameters["order"]
    assert isinstance(age, AlternativeFilters)
    assert [one.value for one in age.filters] == ["eq.{}", "in.({})", "gte.{}", "lte.{}", "gt.{}", "lt.{}"]
    assert isinstance(order, SortParameter)
    assert order.style is SortStyle.DOT
    assert shape.partial
    assert str(parameters["limit"].__struct_config__.tag) == "limit"


def test_datasette_is_always_asked_for_objects() -> None:
    """Which a caller cannot change."""
    assert ("_shape", "objects") in spoken(Style.DATASETTE, FIELDS)[2]
