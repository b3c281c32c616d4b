# SPDX-License-Identifier: Apache-2.0
"""Parameters: what each name means, in a query and in the body of a search."""

import pytest

from gateway.domain.names import FieldName
from gateway.domain.parameters import AlternativeFilters, Comparison, FilterParameter
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
        parameter("country: {field: city}", "key `country` stands twice; first in line 33"),
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
            "`use` is `find`, expected one of `filter`, `limit`, `offset`, `page`, `cursor`, `sort`, `order`, `fields`",
        ),
        parameter("town: sort", "`fields` is missing"),
        parameter("town: [city]", "parameter `town` must be a use or keys with values, or a list of filters"),
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
        parameter(
            "town: {field: city, value: eq}",
            "`value` is `eq`, expected `{}` with what the store has around it, such as `eq.{}`: printable ASCII without "
            "spaces or other braces",
        ),
        parameter(
            'town: {field: city, value: "{}{}"}',
            "`value` is `{}{}`, expected `{}` with what the store has around it, such as `eq.{}`: printable ASCII "
            "without spaces or other braces",
        ),
        parameter(
            'town: [{field: city, value: "eq.{}"}, {field: age, value: "{}"}]',
            "`value` `{}` fits texts that `eq.{}` fits too; filters of one name need `value`s that differ",
        ),
        parameter('town: [{field: citi, value: "eq.{}"}]', "unknown field `citi`; did you mean `city`?"),
        parameter('town: [{use: limit, field: city, value: "eq.{}"}]', "`use` is `limit`, expected one of `filter`"),
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


def test_a_value_has_text_around_it_as_the_store_spells_it() -> None:
    """And a name several filters, of which no text fits two."""
    town = '[{field: city, value: "eq.{}"}, {field: city, comparison: in, value: "in.({})", most: 5}]'
    found = edited(
        CRM,
        COUNTRY,
        f'{COUNTRY}                "town:is": {town}\n                c: {{field: city, value: "~{{}}"}}\n',
    )
    parameters = next(iter(loaded(found).catalog.routes)).parameters
    city = FieldName("city")
    assert parameters["c"] == FilterParameter(city, value="~{}")
    assert parameters["town:is"] == AlternativeFilters(
        (FilterParameter(city, value="eq.{}"), FilterParameter(city, Comparison.IN, most=5, value="in.({})"))
    )


@pytest.mark.parametrize("said", ['{field: city, value: "eq.{}"}', '[{field: city, value: "eq.{}"}]', "{use: order}"])
def test_a_member_of_a_body_stands_for_itself(said: str) -> None:
    """JSON has kinds of its own, so nothing stands around a value there."""
    told = sentences(edited(CRM, CITY, f"{CITY}                  where.town: {said}\n"))
    assert any("`where.town` is a member of a body, where values stand for themselves" in one for one in told)


def test_a_value_in_a_path_stands_for_itself() -> None:
    """A path is a name of a record."""
    old = "                id: {field: id}\n                fields: fields\n              honours:"
    told = sentences(edited(CRM, old, old.replace("{field: id}", '{field: id, value: "eq.{}"}')))
    assert len(told) == 1
    assert "`{id}` of the path must be declared in `parameters` as an equality filter on its field" in told[0]
