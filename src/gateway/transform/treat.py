# SPDX-License-Identifier: Apache-2.0
"""The treatment of one field, as a function over a column of its values.

Null stays null and missing stays missing. What a rung does not understand becomes null; it is never
passed on. A rung is computed from what the rung above it made, down from the top of the chain: so a
lower rung cannot show more than a higher one, whatever the store sends. The table of rungs is the
whole of what ``treatments.yaml`` can name.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import combinations

from msgspec import UNSET

from gateway.domain.catalog import FieldSpec, FieldType
from gateway.domain.treatment import DROP, REVEAL, Chain, Rung, Treatment
from gateway.transform import generalise, mask
from gateway.transform.at_rest import Stored
from gateway.transform.free_text import mask_free_text
from gateway.transform.inner import Cell, Value
from gateway.transform.surrogates import Surrogates

RungFunction = Callable[[Value], Value | None]
Column = Callable[[Sequence[Cell], Sequence[str | None]], Sequence[Cell]]
"""Values of a field and the countries of their rows, to what leaves in their place."""


def _of_text(function: Callable[[str], str | None]) -> RungFunction:
    def rung(value: Value) -> str | None:
        if isinstance(value, str):
            return function(value)
        # A number may be spelled as one: 13812345678 is a phone. A truth value or a fraction is none.
        return function(str(value)) if type(value) is int else None

    return rung


def _of_span(function: Callable[[generalise.Value], str | None]) -> RungFunction:
    def rung(value: Value) -> str | None:
        return None if isinstance(value, bool) else function(value)

    return rung


RUNGS: Mapping[Rung, RungFunction] = {
    Rung("mask.text"): _of_text(mask.text),
    Rung("mask.name"): _of_text(mask.name),
    Rung("mask.email"): _of_text(mask.email),
    Rung("mask.email_domain"): _of_text(mask.email_domain),
    Rung("mask.phone"): _of_text(mask.phone),
    Rung("mask.phone_tail"): _of_text(mask.phone_tail),
    Rung("mask.national_id"): _of_text(mask.national_id),
    Rung("mask.address"): _of_text(mask.address),
    Rung("generalise.day"): _of_span(generalise.day),
    Rung("generalise.month"): _of_span(generalise.month),
    Rung("generalise.year"): _of_span(generalise.year),
    **{Rung(f"generalise.band{width}"): _of_span(generalise.band(width)) for width in generalise.WIDTHS},
}

SAMPLES: tuple[Value, ...] = (
    *("1984-05-06", "2000-02-29T23:59:59.5+02:00", "1999-12-31", "1984", "2024-01", "not a date", ""),
    *(0, 7, 34, -5, 99, 1984, 45_211, -45_211, 10**15, Decimal("1999.99"), Decimal("-0.5")),
    *("Anna Berg", "anna", "Jean-Luc de la Tour", "张三", "欧阳修", "司马", "李", "김민수", "محمد علي", "O'Neill"),
    *("anna.berg@example.com", "a@example.org", "x+y@mail.example.co.uk", "nobody"),
    *("13812345678", "+8613912345678", "+4915123456789", "030 1234567", "(415) 555-2671", "+1 415 555 2671", "112"),
    *("11010519491231002X", "E12345678", "123-45-6789", "12345"),
    *(
        "北京市朝阳区建国路88号",
        "广东省深圳市南山区1号",
        "Hauptstr. 5, 10115 Berlin",
        "12 Main St, Springfield, IL 62704",
    ),
)
"""Values that every chain is tried on, whatever samples its file gives."""


def check_chain(chain: Chain, samples: Sequence[Value] = ()) -> list[str]:
    """Return what is wrong with a chain, as sentences; empty if it is one.

    A chain runs from drop to reveal over known rungs, and on every sample that the upper of two rungs
    understands, the lower gives the same for the value as for what the upper one made of it.
    """
    problems = list(_shape_problems(chain))
    inner = chain.rungs[1:-1]
    if problems:
        return problems
    tried = (*SAMPLES, *samples)
    mute = [rung for rung in inner if all(RUNGS[rung](value) is None for value in tried)]
    apart = [
        (lower, upper)
        for lower, upper in combinations(inner, 2)
        if not all(_computable(RUNGS[lower], RUNGS[upper], value) for value in tried)
    ]
    problems += [f"no sample value of chain {chain.name} is understood by {rung}" for rung in mute]
    problems += [f"{low} cannot be computed from {up}, so they cannot share chain {chain.name}" for low, up in apart]
    return problems


def column_of(spec: FieldSpec, chain: Chain, treatment: Treatment, surrogates: Surrogates) -> Column | None:
    """Return how a column of the field is treated, or ``None`` where nothing leaves.

    Raises:
        ValueError: The chain names a rung that does not exist, or has no such level.
    """
    if treatment.level == 0:
        return _surrogate_column(spec, surrogates) if treatment.link else None
    stored = surrogates.stored(spec)
    return (
        _clear_column(spec, chain, treatment)
        if stored is None
        else _opened_first(stored, _clear_column(spec, chain, treatment))
    )


def _clear_column(spec: FieldSpec, chain: Chain, treatment: Treatment) -> Column:
    if not 0 < treatment.level < len(chain.rungs):
        raise ValueError(f"chain {chain.name} has no level {treatment.level}")
    if treatment.level == len(chain.rungs) - 1 and chain.rungs[-1] == REVEAL:
        return _rung_column((_free_text,)) if spec.type is FieldType.FREE_TEXT else _as_it_is
    return _rung_column(_from_the_top(chain, treatment.level))


def _shape_problems(chain: Chain) -> Iterator[str]:
    if len(chain.rungs) < 2 or chain.rungs[0] != DROP or chain.rungs[-1] != REVEAL:
        yield f"chain {chain.name} does not run from drop to reveal"
        return
    inner = chain.rungs[1:-1]
    if len(set(inner)) < len(inner):
        yield f"chain {chain.name} has a rung twice"
    yield from (f"chain {chain.name} has a rung that does not exist: {rung}" for rung in inner if rung not in RUNGS)


def _computable(lower: RungFunction, upper: RungFunction, value: Value) -> bool:
    between = upper(value)
    return between is None or lower(between) == lower(value)


def _from_the_top(chain: Chain, level: int) -> tuple[RungFunction, ...]:
    """Return the functions of the rungs below reveal down to a level, highest first."""
    rungs = chain.rungs[level:-1][::-1]
    unknown = [rung for rung in rungs if rung not in RUNGS]
    if unknown or chain.rungs[-1] != REVEAL:
        raise ValueError(f"chain {chain.name} does not lead from reveal over known rungs: {', '.join(unknown)}")
    return tuple(RUNGS[rung] for rung in rungs)


def _free_text(value: Value) -> Value | None:
    return mask_free_text(value) if isinstance(value, str) else None


def _as_it_is(values: Sequence[Cell], _: Sequence[str | None]) -> Sequence[Cell]:
    return values


def _rung_column(functions: tuple[RungFunction, ...]) -> Column:
    first, *others = functions

    def treat(values: Sequence[Cell], _: Sequence[str | None]) -> list[Cell]:
        column = [value if value is None or value is UNSET else first(value) for value in values]
        for function in others:
            column = [value if value is None or value is UNSET else function(value) for value in column]
        return column

    return treat


def _opened_first(stored: Stored, treat: Column) -> Column:
    def opened(values: Sequence[Cell], countries: Sequence[str | None]) -> Sequence[Cell]:
        return treat(stored.column(values), countries)

    return opened


def _surrogate_column(spec: FieldSpec, surrogates: Surrogates) -> Column:
    def treat(values: Sequence[Cell], countries: Sequence[str | None]) -> list[Cell]:
        return surrogates.maker(spec).column(values, countries)

    return treat
