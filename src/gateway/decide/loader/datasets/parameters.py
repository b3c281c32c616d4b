# SPDX-License-Identifier: Apache-2.0
"""Declared parameters: what each name in a path, a query or the body of a search means.

In a query a name is a name. In a body it is a path: each dot goes one object deeper, so no name may be
a parameter and an object at the same time. A value has text around it, and a name several filters, in a
query alone: JSON has kinds of its own.
"""

import re
from collections.abc import Mapping, Sequence

from gateway.decide.loader.fields import Fields, check_field, read_field
from gateway.decide.loader.grammar.problems import Said, quoted
from gateway.decide.loader.grammar.reading import Reader
from gateway.decide.loader.grammar.yaml_nodes import Items, Scalar, Table
from gateway.domain import spelling
from gateway.domain.catalog import Collection, FieldType
from gateway.domain.names import FieldName
from gateway.domain.parameters import (
    PLAIN,
    AlternativeFilters,
    Comparison,
    CursorParameter,
    FieldsParameter,
    FilterParameter,
    LimitParameter,
    OffsetParameter,
    OrderParameter,
    PageParameter,
    Parameter,
    SortParameter,
    SortStyle,
)
from gateway.domain.treatment import Chain, ChainName

USES = ("filter", "limit", "offset", "page", "cursor", "sort", "order", "fields")
STYLES = tuple(style.value for style in SortStyle)
COMPARISONS = tuple(comparison.value for comparison in Comparison)
MOST_ROWS = 100_000
MOST_LISTED = 1000
"""Values in a list: a body of 64 KiB holds about as many surrogates, each about 50 characters long."""
ORDERED = (FieldType.INTEGER, FieldType.DECIMAL, FieldType.DATE, FieldType.TIMESTAMP)
"""Types that less and more mean something for."""
ORDERS = (Comparison.LESS, Comparison.AT_MOST, Comparison.MORE, Comparison.AT_LEAST)

# Letters and digits of any script, as fields have them; marks that stand on a letter before are none of them.
_IN_QUERY = re.compile(r"[^\W\d][\w.:-]*(\[[\w.-]+\])*\Z")
_IN_BODY = re.compile(r"[^\W\d][\w-]*(\.[^\W\d][\w-]*)*\Z")

_SPELLING = re.compile(r"[!-z|~]{0,40}\{\}[!-z|~]{0,40}\Z", re.ASCII)

Chains = Mapping[ChainName, Chain]


def read_parameters(reader: Reader, collection: Collection, chains: Chains) -> dict[str, Parameter]:
    """Return the parameters of a path and query, under the key ``parameters`` of a route."""
    return _read(reader, collection, chains, _IN_QUERY)


def read_members(reader: Reader, collection: Collection, chains: Chains) -> dict[str, Parameter]:
    """Return the parameters of a search's body by their paths, under the key ``parameters`` of ``body``."""
    found = _read(reader, collection, chains, _IN_BODY)
    for name, parameter in found.items():
        _check_member(reader, name, parameter)
        deeper = next((other for other in found if other.startswith(name + ".")), None)
        if deeper is not None:
            message = f"{quoted(name)} cannot be a value and, for {quoted(deeper)}, an object around others"
            reader.problems.tell(reader.place("parameters"), message)
    return found


def _check_member(reader: Reader, name: str, parameter: Parameter) -> None:
    is_spelled = isinstance(parameter, FilterParameter) and parameter.value != PLAIN
    is_apart = isinstance(parameter, SortParameter) and parameter.style is SortStyle.APART
    if is_spelled or is_apart or isinstance(parameter, AlternativeFilters | OrderParameter):
        message = f"{quoted(name)} is a member of a body, where values stand for themselves: no `value`, no list of filters, no `order`"
        reader.problems.tell(reader.place("parameters"), message)


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
    fields = {spec.name: spec for spec in collection.fields}
    if isinstance(node, Items) and node.nodes and all(isinstance(each, Table) for each in node.nodes):
        return _alternatives([Reader(each, problems) for each in node.nodes if isinstance(each, Table)], fields, chains)
    if not isinstance(node, Table):
        problems.tell(
            name.place, f"parameter {quoted(name.text)} must be a use or keys with values, or a list of filters"
        )
        return FieldsParameter()
    reader = Reader(node, problems)
    parameter = _read_use(reader, fields, chains)
    reader.close()
    return parameter


def _alternatives(readers: Sequence[Reader], fields: Fields, chains: Chains) -> Parameter:
    found: list[FilterParameter] = []
    for reader in readers:
        reader.word("use", ("filter",), default="filter")
        one = _filter(reader, fields, chains)
        reader.close()
        twin = next((other for other in found if spelling.overlap(one.value, other.value)), None)
        if twin is not None:
            message = f"`value` {quoted(one.value)} fits texts that {quoted(twin.value)} fits too; filters of one name need `value`s that differ"
            reader.problems.tell(reader.place("value"), message)
        found.append(one)
    return AlternativeFilters(tuple(found))


def _read_use(reader: Reader, fields: Fields, chains: Chains) -> Parameter:
    use = reader.word("use", USES, default="filter")
    if use == "limit":
        most = reader.number("most", least=1, most=MOST_ROWS, default=LimitParameter().most)
        return LimitParameter(most=most, default=reader.number("default", least=1, most=most, default=min(100, most)))
    if use == "sort":
        return _sort(reader, fields)
    plain = _PLAIN.get(use)
    return _filter(reader, fields, chains) if plain is None else plain()


_PLAIN: Mapping[str, type[OffsetParameter | PageParameter | CursorParameter | OrderParameter | FieldsParameter]] = {
    "offset": OffsetParameter,
    "page": PageParameter,
    "cursor": CursorParameter,
    "order": OrderParameter,
    "fields": FieldsParameter,
}
"""Uses of which nothing more is to be said."""


def _sort(reader: Reader, fields: Fields) -> SortParameter:
    names = tuple(check_field(one, fields, reader.problems) for one in reader.texts("fields", required=True))
    style = SortStyle(reader.word("style", STYLES, default="minus") or "minus")
    for name in names:
        if style is SortStyle.DOT and name.rpartition(".")[2] in spelling.DIRECTIONS:
            message = f"{quoted(name)} ends like a direction of `style: dot`, so no order by it has one meaning"
            reader.problems.tell(reader.place("style"), message)
    return SortParameter(names, style)


def _filter(reader: Reader, fields: Fields, chains: Chains) -> FilterParameter:
    field = read_field(reader, "field", fields)
    comparison = Comparison(reader.word("comparison", COMPARISONS, default="eq") or "eq")
    bands = reader.flag("bands", default=False)
    said = FilterParameter(field, comparison, bands, _most(reader, comparison), _value(reader))
    if field:
        _check_filter(reader, fields, chains, said)
    return said


def _value(reader: Reader) -> str:
    said = reader.text("value", default=PLAIN)
    if _SPELLING.match(said) is None:
        message = (
            f"`value` is {quoted(said)}, expected `{{}}` with what the store has around it, such as `eq.{{}}`: "
            "printable ASCII without spaces or other braces"
        )
        reader.problems.tell(reader.place("value"), message)
        return PLAIN
    return said


def _most(reader: Reader, comparison: Comparison) -> int:
    default = FilterParameter(FieldName("")).most
    if comparison is Comparison.IN:
        return reader.number("most", least=1, most=MOST_LISTED, default=default)
    if reader.has("most"):
        reader.problems.tell(reader.place("most"), "`most` bounds a list: only `comparison: in` has one")
    return default


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
