# SPDX-License-Identifier: Apache-2.0
"""Declared parameters: what each name in a path, a query or the body of a search means.

In a query a name is a name. In a body it is a path: each dot goes one object deeper, so no name may be
a parameter and an object at the same time.
"""

import re
from collections.abc import Mapping

from gateway.decide.loader.fields import Fields, check_field, read_field
from gateway.decide.loader.problems import Said, quoted
from gateway.decide.loader.reading import Reader
from gateway.decide.loader.yaml_nodes import Scalar, Table
from gateway.domain.catalog import (
    Collection,
    Comparison,
    FieldsParameter,
    FieldType,
    FilterParameter,
    LimitParameter,
    OffsetParameter,
    Parameter,
    SortParameter,
)
from gateway.domain.treatment import Chain, ChainName

USES = ("filter", "limit", "offset", "sort", "fields")
COMPARISONS = tuple(comparison.value for comparison in Comparison)
MOST_ROWS = 100_000
MOST_LISTED = 1000
"""Values in a list: a body of 64 KiB holds about as many surrogates, each about 50 characters long."""
ORDERED = (FieldType.INTEGER, FieldType.DECIMAL, FieldType.DATE, FieldType.TIMESTAMP)
"""Types that less and more mean something for."""
ORDERS = (Comparison.LESS, Comparison.AT_MOST, Comparison.MORE, Comparison.AT_LEAST)

_IN_QUERY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*(\[[A-Za-z0-9_.-]+\])*\Z", re.ASCII)
_IN_BODY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*\Z", re.ASCII)

Chains = Mapping[ChainName, Chain]


def read_parameters(reader: Reader, collection: Collection, chains: Chains) -> dict[str, Parameter]:
    """Return the parameters of a path and query, under the key ``parameters`` of a route."""
    return _read(reader, collection, chains, _IN_QUERY)


def read_members(reader: Reader, collection: Collection, chains: Chains) -> dict[str, Parameter]:
    """Return the parameters of a search's body by their paths, under the key ``parameters`` of ``body``."""
    found = _read(reader, collection, chains, _IN_BODY)
    for name in found:
        deeper = next((other for other in found if other.startswith(name + ".")), None)
        if deeper is not None:
            message = f"{quoted(name)} cannot be a value and, for {quoted(deeper)}, an object around others"
            reader.problems.tell(reader.place("parameters"), message)
    return found


def _read(reader: Reader, collection: Collection, chains: Chains, names: re.Pattern[str]) -> dict[str, Parameter]:
    found = {}
    for name, node in reader.entries("parameters"):
        if names.match(name.text) is None:
            reader.problems.tell(name.place, f"{quoted(name.text)} is no name for a parameter")
        found[name.text] = _parameter(name, node, reader, collection, chains)
    return found


def _parameter(name: Said, node: object, around: Reader, collection: Collection, chains: Chains) -> Parameter:
    problems = around.problems
    if isinstance(node, Scalar):
        # `limit: limit` is short for `limit: {use: limit}`.
        node = Table(node.place, {"use": node}, {"use": node.place})
    if not isinstance(node, Table):
        problems.tell(name.place, f"parameter {quoted(name.text)} must be a use or keys with values")
        return FieldsParameter()
    reader = Reader(node, problems)
    fields = {spec.name: spec for spec in collection.fields}
    parameter = _read_use(reader, fields, chains)
    reader.close()
    return parameter


def _read_use(reader: Reader, fields: Fields, chains: Chains) -> Parameter:
    use = reader.word("use", USES, default="filter")
    if use == "limit":
        most = reader.number("most", least=1, most=MOST_ROWS, default=LimitParameter().most)
        return LimitParameter(most=most, default=reader.number("default", least=1, most=most, default=min(100, most)))
    if use == "offset":
        return OffsetParameter()
    if use == "sort":
        said = reader.texts("fields", required=True)
        return SortParameter(tuple(check_field(one, fields, reader.problems) for one in said))
    if use == "fields":
        return FieldsParameter()
    return _filter(reader, fields, chains)


def _filter(reader: Reader, fields: Fields, chains: Chains) -> FilterParameter:
    field = read_field(reader, "field", fields)
    comparison = Comparison(reader.word("comparison", COMPARISONS, default="eq") or "eq")
    bands = reader.flag("bands", default=False)
    most = _most(reader, comparison)
    if field:
        _check_filter(reader, fields, chains, FilterParameter(field, comparison, bands))
    return FilterParameter(field, comparison, bands, most)


def _most(reader: Reader, comparison: Comparison) -> int:
    default = FilterParameter.__struct_defaults__[-1]
    if comparison is Comparison.IN:
        return reader.number("most", least=1, most=MOST_LISTED, default=default)
    if reader.has("most"):
        reader.problems.tell(reader.place("most"), "`most` bounds a list: only `comparison: in` has one")
    return int(default)


def _check_filter(reader: Reader, fields: Fields, chains: Chains, said: FilterParameter) -> None:
    spec, field = fields[said.field], said.field
    if said.comparison in ORDERS and spec.type not in ORDERED:
        reader.problems.tell(
            reader.place("comparison"), f"{quoted(field)} is {spec.type}, which has no order for `{said.comparison}`"
        )
    if said.comparison is Comparison.PREFIX and spec.type is not FieldType.TEXT:
        reader.problems.tell(reader.place("comparison"), f"{quoted(field)} is {spec.type}; only text has a prefix")
    chain = chains.get(spec.chain)
    has_bands = chain is None or chain.level_of("generalise") is not None
    if said.bands and (said.comparison is not Comparison.EQUAL or not has_bands):
        message = f"`bands` needs `comparison: eq` and a chain with a `generalise` rung; {quoted(field)} has not both"
        reader.problems.tell(reader.place("bands"), message)
