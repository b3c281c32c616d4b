# SPDX-License-Identifier: Apache-2.0
"""Values that a caller writes: judged one by one against the view, then put together for the store.

RULES

1. What the gateway made up is never stored. Text in the form of a surrogate is resolved, and refused as
   *unrevealed* where it is none of the caller's own class. It has that form whatever stands before it, and in any
   case and width, with anything between its digits that is neither letter nor digit. So is text that a rung of the field's chain
   below ``reveal`` writes: text that the rung does not change, text with three asterisks in a row, in
   free text the words that stand for what was masked in it, and in numbers and dates every band, year,
   month and, where the field holds a time, day. So is text with the apostrophes that CSV for people has
   before what a spreadsheet could take for a formula.
2. A clear value, null too, needs ``reveal``; a surrogate needs ``reveal`` or the link.
3. A value is of the declared JSON kind, exactly; text of a date or a timestamp is one of the calendar.
4. What a surrogate stands for is stored in its normalised spelling, in the field's own kind. A field that is
   at rest in the store gets its surrogate at rest, whichever way the value came.
5. No name, message or repr of this module holds a value.

Refused though a person may be called so: a name spelled as initials, ``A. B.``; it is what a mask writes.
So is an apostrophe of the caller's own where one of ours would stand, as before a dash that begins a line.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from gateway.domain.catalog import BodyKind, FieldSpec, FieldType
from gateway.domain.inquiry import Scalar, Written
from gateway.domain.names import FieldName
from gateway.domain.treatment import REVEAL, Chain, Rung
from gateway.domain.viewplan import FieldView, ViewPlan
from gateway.transform.formulas import is_marked
from gateway.transform.generalise import parse_day
from gateway.transform.normalise import known_country
from gateway.transform.treat import RUNGS

Resolve = Callable[[FieldName, str], str | None]
"""Returns what the store holds where an outgoing surrogate of a field stands, or nothing."""

Hold = Callable[[FieldName, str, str | None], str | None]
"""Returns what the store holds where a clear value of a field stands, of somebody in a country."""


def as_it_is(_field: FieldName, text: str, _country: str | None) -> str | None:
    """Return what a store holds that holds the values themselves."""
    return text


MOST_NAMED = 50
"""Places that a refusal names at most; a bulk write may have thousands."""

_SURROGATE = re.compile(r"(?<![a-z0-9_-])[as][hsv][1-9][0-9]{0,8}_[a-z0-9_-]{22,}", re.IGNORECASE | re.ASCII)
_PLAIN_SURROGATE = re.compile(r"[as][hsv][1-9][0-9]{0,8}_[0-9a-f]{22}")
_PASSED_OVER = re.compile(r"[^0-9a-z_]")
_MASKED = re.compile(r"\*{3}")
_MASKED_IN_TEXT = re.compile(r"\[(?:email|id|card|phone|number)\]")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}年[0-9]{1,2}月[0-9]{1,2}日")
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?"
)
_LARGEST = 2**63
_SPANS = tuple(rung for rung in RUNGS if rung.startswith("generalise."))
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def has_surrogate(text: str) -> bool:
    """Tell whether a text has in it what has the form of a surrogate of any kind."""
    if _SURROGATE.search(text):
        return True
    # Most values have no such sign, and are looked at no further.
    if text.isascii() and "_" not in text:
        return False
    plain = _PASSED_OVER.sub("", unicodedata.normalize("NFKD", text).casefold())
    return _PLAIN_SURROGATE.search(plain) is not None


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """The records of a write as the store is to get them, and what of them may not be sent.

    Attributes:
        clear / surrogate: Fields whose values came in that way, over all records.
        unrevealed: Places whose value the gateway made up, or that are a surrogate of somebody else's.
        unpermitted: Places with a clear value where the view gives only the link.
        invalid: Places whose value is not of the field's kind.
    """

    records: tuple[Written, ...]
    clear: tuple[FieldName, ...]
    surrogate: tuple[FieldName, ...]
    unrevealed: tuple[str, ...] = ()
    unpermitted: tuple[str, ...] = ()
    invalid: tuple[str, ...] = ()


def judged(
    records: Sequence[Written], plan: ViewPlan, resolve: Resolve, hold: Hold = as_it_is, *, indexed: bool = False
) -> Judged:
    """Judge every value of a write; all are judged, so that all that is wrong can be told at once.

    Args:
        records: As the caller wrote them.
        plan: The view of what may be written.
        resolve: Of the codec of that view.
        hold: Of that codec too.
        indexed: Name a place with its record, counted from 0: ``[3].email``.
    """
    judging = _Judging(plan, resolve, hold)
    made = tuple(judging.record(record, f"[{place}]." if indexed else "") for place, record in enumerate(records))
    return Judged(
        records=made,
        clear=tuple(dict.fromkeys(judging.clear)),
        surrogate=tuple(dict.fromkeys(judging.surrogate)),
        unrevealed=tuple(judging.unrevealed[:MOST_NAMED]),
        unpermitted=tuple(judging.unpermitted[:MOST_NAMED]),
        invalid=tuple(judging.invalid[:MOST_NAMED]),
    )


class _Judging:
    """Judges the values of one write, and collects what is wrong with them."""

    def __init__(self, plan: ViewPlan, resolve: Resolve, hold: Hold) -> None:
        self._fields = {
            view.field: (spec, view) for view in plan.views if (spec := plan.collection.field(view.field)) is not None
        }
        self._resolve, self._hold, self._region = resolve, hold, plan.collection.region
        self.clear: list[FieldName] = []
        self.surrogate: list[FieldName] = []
        self.unrevealed: list[str] = []
        self.unpermitted: list[str] = []
        self.invalid: list[str] = []

    def record(self, record: Written, prefix: str) -> Written:
        """Judge one record and return it with its surrogates resolved."""
        if not record.values:
            self.invalid.append(prefix.rstrip(".") or "body")
        country = known_country(dict(record.values).get(self._region or FieldName("")))
        return Written(tuple((name, self._value(name, value, prefix + name, country)) for name, value in record.values))

    def _value(self, name: FieldName, value: Scalar, place: str, country: str | None) -> Scalar:
        known = self._fields.get(name)
        if known is None:
            self.invalid.append(place)
            return None
        spec, view = known
        if isinstance(value, str) and has_surrogate(value):
            return self._resolved(spec, view, value, place)
        if isinstance(value, str) and is_made_up(spec, view.chain, value):
            self.unrevealed.append(place)
        elif not _is_clear(view):
            self.unpermitted.append(place)
        elif value is not None and not is_of_kind(spec.type, value):
            self.invalid.append(place)
        self.clear.append(name)
        return self._held(spec, value, place, country)

    def _held(self, spec: FieldSpec, value: Scalar, place: str, country: str | None) -> Scalar:
        if spec.at_rest is None or not isinstance(value, str):
            return value
        held = self._hold(spec.name, value, country)
        if held is None:
            self.invalid.append(place)
        return held

    def _resolved(self, spec: FieldSpec, view: FieldView, text: str, place: str) -> Scalar:
        inner = self._resolve(spec.name, text)
        value = None if inner is None else _typed(spec.type, inner)
        if value is None:
            self.unrevealed.append(place)
        elif not view.treatment.link and not _is_clear(view):
            self.unpermitted.append(place)
        self.surrogate.append(spec.name)
        return value


def _is_clear(view: FieldView) -> bool:
    return view.chain.rungs[view.treatment.level] == REVEAL


def is_made_up(spec: FieldSpec, chain: Chain, text: str) -> bool:
    """Tell whether a text is what a rung of the field's chain below ``reveal``, or CSV for people, writes."""
    if _MASKED.search(text) or (spec.type is FieldType.FREE_TEXT and _MASKED_IN_TEXT.search(text)):
        return True
    if is_marked(text):
        return True
    plain = " ".join(unicodedata.normalize("NFC", text).split())
    return any(RUNGS[rung](plain) == plain for rung in _rungs(spec, chain) if rung in RUNGS)


def _rungs(spec: FieldSpec, chain: Chain) -> Iterable[Rung]:
    """Return the rungs that take something from a value of the field."""
    if spec.type not in (FieldType.INTEGER, FieldType.DECIMAL, FieldType.DATE, FieldType.TIMESTAMP):
        return chain.rungs[1:-1]
    rungs = dict.fromkeys((*chain.rungs[1:-1], *_SPANS))
    # Of a date the day takes nothing away: every date is its own day.
    return (rung for rung in rungs if rung != "generalise.day" or spec.type is not FieldType.DATE)


def is_of_kind(kind: FieldType, value: Scalar) -> bool:
    """Tell whether a value that is not null is exactly of the JSON kind that a field of the type has."""
    match kind:
        case FieldType.TEXT | FieldType.FREE_TEXT:
            return isinstance(value, str)
        case FieldType.BOOLEAN:
            return isinstance(value, bool)
        case FieldType.INTEGER:
            return type(value) is int and -_LARGEST <= value < _LARGEST
        case FieldType.DECIMAL:
            return (type(value) is int and -_LARGEST <= value < _LARGEST) or (
                isinstance(value, Decimal) and value.is_finite()
            )
        case FieldType.DATE:
            return isinstance(value, str) and _DATE.fullmatch(value) is not None and parse_day(value) is not None
        case FieldType.TIMESTAMP:
            return isinstance(value, str) and _TIMESTAMP.fullmatch(value) is not None and _is_time(value)


def _is_time(text: str) -> bool:
    try:
        # A leap second is a time of the calendar, which datetime does not know.
        datetime.fromisoformat(re.sub(r":60(?=\D|\Z)", ":59", re.sub(r"\.[0-9]+", "", text)))
    except ValueError:
        return False
    return True


def _typed(kind: FieldType, inner: str) -> Scalar:
    """Return the value that a surrogate stands for in the field's kind; nothing if it is not of that kind."""
    value: Scalar = inner
    if kind is FieldType.BOOLEAN:
        value = {"true": True, "false": False}.get(inner)
    elif kind in (FieldType.INTEGER, FieldType.DECIMAL):
        found = re.fullmatch(r"(-?[0-9]{1,64})(\.[0-9]{1,64})?", inner)
        if found is None:
            return None
        value = Decimal(inner) if found[2] else int(inner)
    return value if value is not None and is_of_kind(kind, value) else None


def body_of(records: Sequence[Written], kind: BodyKind) -> bytes:
    """Return the JSON that the store gets: one object, or of ``records`` an array; numbers keep their digits."""
    made = [_nested(record.values) for record in records]
    return _ENCODER.encode(made if kind is BodyKind.RECORDS else made[0])


Record = dict[str, "Scalar | Record"]


def _nested(values: Iterable[tuple[FieldName, Scalar]]) -> Record:
    """Return values by name with dotted names as members of objects; null stays null."""
    record: Record = {}
    for name, value in values:
        *path, last = name.split(".")
        inside = record
        for part in path:
            deeper = inside.setdefault(part, {})
            if not isinstance(deeper, dict):
                raise TypeError(f"{name} is inside a field")
            inside = deeper
        inside[last] = value
    return record
