# SPDX-License-Identifier: Apache-2.0
"""What names of parameters mean: pages, limits, cursors, orders, lists of fields, and filters on fields.

A name that fits no meaning, or a field that the rows do not have, is told: the gateway refuses what no route declares.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from gateway.discover.openapi import DescribedParameter
from gateway.discover.words import words_of
from gateway.domain.catalog import AnswerShape, FieldType
from gateway.domain.names import FieldName
from gateway.domain.parameters import (
    Comparison,
    CursorParameter,
    FieldsParameter,
    FilterParameter,
    LimitParameter,
    OffsetParameter,
    PageParameter,
    Parameter,
    SortParameter,
)
from gateway.domain.proposal import FieldProposal

LIMITS = (
    "limit",
    "per_page",
    "perpage",
    "page_size",
    "pagesize",
    "size",
    "page_limit",
    "max_results",
    "maxresults",
    "top",
    "take",
    "n",
)
OFFSETS = ("offset", "skip", "start", "start_index", "startindex", "from")
PAGES = ("page", "page_number", "pagenumber", "page_no", "pageno", "p")
CURSORS = (
    "cursor",
    "after",
    "page_token",
    "pagetoken",
    "next_token",
    "nexttoken",
    "continuation",
    "starting_after",
    "next",
)
SORTS = ("sort", "order_by", "orderby", "sort_by", "sortby", "ordering")
FIELDS = ("fields", "select", "columns", "field")
NEXT_MEMBERS = (
    "next_cursor",
    "nextcursor",
    "next_page_token",
    "nextpagetoken",
    "next_token",
    "cursor",
    "next",
    "continuation",
    "after",
)

ORDERED = (FieldType.INTEGER, FieldType.DECIMAL, FieldType.DATE, FieldType.TIMESTAMP)
NAME_IN_QUERY = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]*(\[[A-Za-z0-9_.-]+\])*\Z", re.ASCII)
NAME_IN_BODY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*\Z", re.ASCII)
MOST_ROWS = 1000

_COMPARISONS: tuple[tuple[Comparison, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        Comparison.AT_LEAST,
        ("min_", "from_", "since_", "after_"),
        ("_min", "_from", "_gte", "_ge", "_since", "_after", "_start"),
    ),
    (
        Comparison.AT_MOST,
        ("max_", "to_", "until_", "before_"),
        ("_max", "_to", "_lte", "_le", "_until", "_before", "_end"),
    ),
    (Comparison.MORE, (), ("_gt",)),
    (Comparison.LESS, (), ("_lt",)),
    (Comparison.IN, (), ("_in",)),
    (Comparison.PREFIX, (), ("_prefix", "_startswith", "_starts_with")),
    (Comparison.EQUAL, (), ("_eq", "_exact", "_is")),
)
"""Comparisons, with what stands before or behind the name of the field."""

Fields = Mapping[FieldName, FieldProposal]


def query_parameters(
    said: Iterable[DescribedParameter], fields: Fields, shape: AnswerShape
) -> tuple[dict[str, Parameter], AnswerShape, tuple[str, ...]]:
    """Return the parameters of a list, its answer with the member of a cursor, and what could not be declared."""
    found: dict[str, Parameter] = {}
    problems = []
    for one in said:
        meaning = meaning_of(one, fields) if NAME_IN_QUERY.match(one.name) else None
        if meaning is None:
            problems.append(f"the parameter `{one.name[:60]}` has no meaning that could be told, so it is refused")
        else:
            found[one.name] = meaning
    return settled(found, shape, problems)


def settled(
    found: dict[str, Parameter], shape: AnswerShape, problems: list[str]
) -> tuple[dict[str, Parameter], AnswerShape, tuple[str, ...]]:
    """Return parameters of which a catalogue takes all: one way on, one order, a page only with its length."""
    for kinds in (
        (LimitParameter,),
        (OffsetParameter, CursorParameter, PageParameter),
        (SortParameter,),
        (FieldsParameter,),
    ):
        for name in [name for name, one in found.items() if isinstance(one, kinds)][1:]:
            problems.append(f"the parameter `{name}` says again what another one says, so it is left out")
            del found[name]
    if not any(isinstance(one, LimitParameter) for one in found.values()):
        for name in [name for name, one in found.items() if isinstance(one, PageParameter)]:
            problems.append(f"the parameter `{name}` counts pages of which no parameter says the length")
            del found[name]
    for name in [name for name, one in found.items() if isinstance(one, CursorParameter)]:
        member = next((member for member, _ in shape.members if member.lower() in NEXT_MEMBERS), None)
        if member is None:
            problems.append(f"the parameter `{name}` takes a cursor, and no member of the answer holds one")
            del found[name]
        else:
            members = tuple((other, use) for other, use in shape.members if other != member)
            shape = AnswerShape(kind=shape.kind, rows=shape.rows, members=members, next=member)
    return found, shape, tuple(problems)


def meaning_of(said: DescribedParameter, fields: Fields) -> Parameter | None:
    """Return what a parameter means; a field of the same name comes first, but for limits and the like."""
    word = "_".join(words_of(said.name.replace("$", "").replace(".", "_"))) or said.name.lower()
    is_field = field_named(said.name, fields) is not None
    if word in LIMITS and not is_field:
        most = min(said.most or MOST_ROWS, 100_000)
        return LimitParameter(most=most, default=min(100, most))
    if word in OFFSETS and not is_field:
        return OffsetParameter()
    if word in PAGES and not is_field:
        return PageParameter()
    if word in SORTS and not is_field:
        return SortParameter(sortable(fields))
    if word in FIELDS and not is_field:
        return FieldsParameter()
    found = filter_on(said.name, fields)
    if found is None and word in CURSORS:
        return CursorParameter()
    return found


def sortable(fields: Fields) -> tuple[FieldName, ...]:
    """Return the fields by which a store can be expected to order."""
    return tuple(name for name, one in fields.items() if one.type is not FieldType.FREE_TEXT)


def filter_on(name: str, fields: Fields) -> FilterParameter | None:
    """Return the filter that a parameter's name means: the field's own, or one with a comparison beside it."""
    field = field_named(name, fields)
    if field is not None:
        return FilterParameter(field)
    plain = re.sub(r"[\[\]:.]+|__", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).strip("_").lower()
    for comparison, before, behind in _COMPARISONS:
        for stem in (
            *(plain.removeprefix(p) for p in before if plain.startswith(p)),
            *(plain.removesuffix(s) for s in behind if plain.endswith(s)),
        ):
            field = field_named(stem, fields)
            if field is not None and allows(comparison, fields[field].type):
                return FilterParameter(field, comparison)
    field = field_named(plain.removesuffix("s"), fields) if plain.endswith("s") else None
    return FilterParameter(field, Comparison.IN) if field is not None else None


def allows(comparison: Comparison, type_: FieldType) -> bool:
    """Tell whether a catalogue takes the comparison for a type."""
    if comparison in (Comparison.EQUAL, Comparison.IN):
        return True
    return type_ is FieldType.TEXT if comparison is Comparison.PREFIX else type_ in ORDERED


def field_named(name: str, fields: Fields) -> FieldName | None:
    """Return the field of that name, whatever the case and the breaks between its words."""
    if name in fields:
        return FieldName(name)
    wanted = folded(name)
    return next((field for field in fields if folded(field) == wanted), None)


def folded(name: str) -> str:
    """Return a name without case and breaks."""
    return re.sub(r"[^a-z0-9.\u0080-\U0010ffff]", "", name.lower())


def key_field(fields: Fields, owner: str) -> FieldName | None:
    """Return the field that is the key of rows: ``id``, or ``customer_id`` where rows are of customers."""
    for name in ("id", f"{owner}_id", "uid", "uuid", f"{owner}_no", "_id", "ID", f"{owner}_key", "key"):
        field = field_named(name, fields)
        if field is not None:
            return field
    return next(
        (one.name for one in fields.values() if one.categories[0] == "user.unique_id" and one.references is None), None
    )


def brace_field(brace: str, fields: Fields, owner: str) -> FieldName | None:
    """Return the field that a brace of a path stands for."""
    field = field_named(brace, fields)
    if field is not None:
        return field
    words = words_of(brace)
    if words and (words[-1] in ("id", "uuid", "key", "uid", "pk", "no") or "_".join(words) == owner):
        return key_field(fields, owner)
    return None


def body_parameters(members: Sequence[str], fields: Fields) -> tuple[dict[str, Parameter], tuple[str, ...]]:
    """Return what the members of a search's body mean, by path; arrays are named with ``[]`` behind."""
    found: dict[str, Parameter] = {}
    problems = []
    for member in members:
        path, is_list = member.removesuffix("[]"), member.endswith("[]")
        meaning = _member_meaning(path, fields) if NAME_IN_BODY.match(path) else None
        if isinstance(meaning, FilterParameter) and is_list:
            meaning = FilterParameter(meaning.field, Comparison.IN)
        elif is_list and not isinstance(meaning, FieldsParameter | SortParameter):
            meaning = None
        if isinstance(meaning, CursorParameter) or meaning is None:
            problems.append(
                f"the member `{member[:60]}` of a search has no meaning that could be told, so it is refused"
            )
        else:
            found[path] = meaning
    return found, tuple(problems)


def _member_meaning(path: str, fields: Fields) -> Parameter | None:
    parts = path.split(".")
    for n in (1, 2):
        if len(parts) >= n:
            meaning = meaning_of(DescribedParameter(name="_".join(parts[-n:]), place="body"), fields)
            if isinstance(meaning, FilterParameter) or (
                meaning is not None and (len(parts) == 1 or parts[0] in ("page", "paging", "pagination"))
            ):
                return meaning
    return meaning_of(DescribedParameter(name=parts[-1], place="body"), fields) if len(parts) == 1 else None
