# SPDX-License-Identifier: Apache-2.0
"""Parameters: what each name means, in a query and in the body of a search."""

import pytest

from gateway.domain.catalog import Comparison, FilterParameter
from gateway.domain.names import FieldName
from tests.fakes.rule_files import Broken, check, edited, loaded, sentences

CRM = "datasets/crm.yaml"
COUNTRY = "                country: {field: country}\n"
CITY = "                  where.city: {field: city}\n"


def parameter(text: str, says: str) -> Broken:
    return Broken(CRM, COUNTRY, f"{COUNTRY}                {text}\n", says, at=f"                {text}\n")


def member(text: str, says: str) -> Broken:
    return Broken(CRM, CITY, f"{CITY}                  {text}\n", says, at=f"                  {text}\n")


@pytest.mark.parametrize(
    "broken",
    [
        parameter("town: {field: town}", "unknown field `town`"),
        parameter("country: {field: city}", "key `country` stands twice; first in line 32"),
        parameter(
            "town: {field: city, comparison: like}",
            "`comparison` is `like`, expected one of `eq`, `lt`, `le`, `gt`, `ge`, `prefix`, `in`",
        ),
        parameter("town: {field: city, comparison: ge}", "`city` is text, which has no order for `ge`"),
        parameter("old: {field: age, comparison: prefix}", "`age` is integer; only text has a prefix"),
        parameter(
            "old: {field: age, comparison: ge, bands: yes}",
            "`bands` needs `comparison: eq` and a chain with a `generalise` rung; `age` has not both",
        ),
        parameter(
            "town: {field: city, bands: yes}",
            "`bands` needs `comparison: eq` and a chain with a `generalise` rung; `city` has not both",
        ),
        parameter(
            "town: {use: find, field: city}",
            "`use` is `find`, expected one of `filter`, `limit`, `offset`, `sort`, `fields`",
        ),
        parameter("town: sort", "`fields` is missing"),
        parameter("town: [city]", "parameter `town` must be a use or keys with values"),
        parameter("more: {use: limit, most: 0}", "`most` is 0, expected 1 to 100000"),
        parameter("more: {use: limit, most: 10, default: 20}", "`default` is 20, expected 1 to 10"),
        parameter("order: {use: sort, fields: [agee]}", "unknown field `agee`; did you mean `age`?"),
        parameter('"a&b": {field: city}', "`a&b` is no name for a parameter"),
        parameter("towns: {field: city, comparison: in, most: 0}", "`most` is 0, expected 1 to 1000"),
        parameter("towns: {field: city, comparison: in, most: 1001}", "`most` is 1001, expected 1 to 1000"),
        parameter("town: {field: city, most: 5}", "`most` bounds a list: only `comparison: in` has one"),
        parameter(
            "ages: {field: age, comparison: in, bands: yes}",
            "`bands` needs `comparison: eq` and a chain with a `generalise` rung; `age` has not both",
        ),
        member('"where[town]": {field: city}', "`where[town]` is no name for a parameter"),
        member('"where..town": {field: city}', "`where..town` is no name for a parameter"),
        member('".town": {field: city}', "`.town` is no name for a parameter"),
        member("where.town: {field: town}", "unknown field `town`"),
    ],
    ids=lambda broken: broken.new.strip()[:50] + " " + broken.says[:30],
)
def test_a_mistake_is_told_where_it_stands(broken: Broken) -> None:
    """One problem, with file, line and what was expected."""
    check(broken)


def test_no_path_is_a_value_and_an_object() -> None:
    """A body cannot have both at one place."""
    (told,) = sentences(edited(CRM, CITY, f"{CITY}                  where: {{field: city}}\n"))
    assert told.endswith("`where` cannot be a value and, for `where.id`, an object around others")


def test_a_list_has_a_bound() -> None:
    """A hundred values if nothing is said."""
    found = edited(CRM, COUNTRY, f"{COUNTRY}                towns: {{field: city, comparison: in}}\n")
    [route] = [one for one in loaded(found).catalog.routes if (one.method, one.template) == ("GET", "/crm/customers")]
    assert route.parameters["towns"] == FilterParameter(FieldName("city"), Comparison.IN, most=100)


def test_bands_are_declared_where_the_store_knows_them() -> None:
    """A generalised field can be compared in its bands."""
    files = edited(CRM, COUNTRY, COUNTRY + "                age_band: {field: age, bands: yes}\n")
    parameters = next(iter(loaded(files).catalog.routes)).parameters
    assert parameters["age_band"] == FilterParameter(field=FieldName("age"), bands=True)
