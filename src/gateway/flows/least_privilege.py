# SPDX-License-Identifier: Apache-2.0
"""A review of access: what each line of ``grants.csv`` was used for in a period, and the smaller rules that would do.

1 the permitted calls of the period are gathered from the log · 2 each line is held against them · 3 smaller lines are
proposed · 4 what the proposal would have done to the same calls is counted.

RULES

1. A line is judged only if it was in the rules, and in force, through the whole period; a younger one is told as new.
2. Nothing is proposed that a case of ``policies/tests`` speaks against: it says what is meant, and stays until somebody
   changes it. Denies are not reviewed.
3. The review is a proposal. Nothing here writes a rule.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

import msgspec

from gateway.decide.past.narrowed import refuses, with_smaller
from gateway.decide.past.narrowing import Cell, IdleField, Needs, Times, Use, Uses, cell_of
from gateway.decide.rules import Grant, RuleSet
from gateway.decide.trial.ruletests import failures
from gateway.domain.entry import Facts, Intent, Release, RulesInForce
from gateway.domain.names import FieldName, GrantId
from gateway.record.reading.calls import CallLine


class Period(msgspec.Struct, frozen=True):
    """UTC microseconds; the second is exclusive."""

    since_us: int
    until_us: int


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """What the log says of a period.

    Attributes:
        uses: The permitted calls, told once for each kind with how often.
        in_force: When which rules came into force, ever, oldest first: time and digest.
    """

    uses: Uses
    in_force: tuple[tuple[int, str], ...]


class LineReview(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one line.

    Attributes:
        verdict: ``used``, ``partly`` (less of it would do), ``unused``, or ``new`` (younger than the period).
        clients: The calls that used it, by client.
        smaller: What would do in its place; empty for nothing. As the line is, where nothing is proposed.
        kept_by: Why nothing is proposed although less would do: cases of ``policies/tests`` that fail with it, or what
            the loader says.
    """

    line: Grant
    verdict: str
    clients: Mapping[str, Times]
    smaller: tuple[Cell, ...]
    kept_by: tuple[str, ...] = ()

    @property
    def is_proposed(self) -> bool:
        """Tell whether the proposal changes the line."""
        return self.smaller != (cell_of(self.line),)


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """The review as a whole.

    Attributes:
        calls: Permitted calls of the period.
        idle: Fields that were fetched and never used further.
        refused / narrower: Calls of the period that the smaller rules would refuse, and that would show less.
    """

    period: Period
    calls: int
    lines: tuple[LineReview, ...]
    idle: tuple[IdleField, ...]
    refused: int
    narrower: int

    @property
    def changes(self) -> dict[GrantId, tuple[Cell, ...]]:
        """What is proposed for each line that would change."""
        return {one.line.id: one.smaller for one in self.lines if one.is_proposed}


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of today, and those of any other day.

    Attributes:
        lines_then: Returns the ids of the lines that rules of a digest had; empty if they are not kept.
    """

    now: RuleSet
    lines_then: Callable[[str], frozenset[str]]


def gathered(lines: Iterable[CallLine], period: Period) -> Gathered:
    """Return what entries of all logs say of a period."""
    uses: dict[Use, Times] = {}
    in_force: list[tuple[int, str]] = []
    for line in lines:
        if isinstance(line.body, RulesInForce):
            in_force.append((line.at_us, line.body.rules))
        elif line.body is not None and period.since_us <= line.at_us < period.until_us:
            use, times = use_of(line.body), Times(1, line.at_us, line.at_us)
            if use is not None:
                uses[use] = uses[use].and_also(times) if use in uses else times
    return Gathered(uses=uses, in_force=tuple(sorted(in_force)))


def use_of(body: Release | Intent) -> Use | None:
    """Return what a permitted call used, by its first entry; ``None`` where that names no line."""
    facts = body.facts
    if facts is None or not facts.grants:
        return None
    written = tuple(name for names in body.written.values() for name in names) if isinstance(body, Intent) else ()
    leaving = _names(name for names in facts.fields.values() for name in names)
    return Use(
        client=facts.client,
        account=facts.account,
        recipient=facts.recipient,
        purpose=facts.purpose,
        dataset=facts.dataset,
        operation=facts.operation,
        assurance=facts.assurance,
        grants=tuple(map(GrantId, facts.grants)),
        leaving=leaving,
        used=_names((*written, *_compared(facts))),
        # An entry of an older version, which tells no roles, does not tell either what was named: all of it counts.
        named=_names(facts.named) if facts.roles else leaving,
    )


def review(
    rules: Rules,
    found: Gathered,
    period: Period,
    roles: frozenset[str] | None,
    now_us: int,
    not_loading: Mapping[GrantId, str] = MappingProxyType({}),
) -> Review:
    """Return what became of every line that allows.

    Args:
        rules: Of today and before.
        found: What the log says of the period.
        period: The one it was gathered for.
        roles: Only lines of these; ``None`` for all.
        now_us: Time that cases of ``policies/tests`` are judged at.
        not_loading: Lines whose smaller form the loader refuses, each with why; they are not proposed.
    """
    needs = Needs(rules.now, found.uses)
    known_us = _known_since(rules, found.in_force)
    allows = [one for one in rules.now.grants if one.allow and (roles is None or one.role in roles)]
    lines = [_judged(needs, line, period, known_us.get(line.id)) for line in allows]
    lines = [_kept(one, (not_loading[one.line.id],)) if one.line.id in not_loading else one for one in lines]
    kept = _with_allows_for_denies(rules.now, lines)
    settled = tuple(_meant(rules.now, kept, now_us))
    smaller = with_smaller(rules.now, {one.line.id: one.smaller for one in settled if one.is_proposed})
    return Review(
        period=period,
        calls=sum(times.calls for times in found.uses.values()),
        lines=settled,
        idle=needs.idle,
        refused=_calls(found.uses, lambda use: refuses(rules.now, smaller, use, needs.needed[use])),
        narrower=_calls(found.uses, lambda use: refuses(rules.now, smaller, use, (*use.leaving, *use.used))),
    )


def _kept(one: LineReview, why: tuple[str, ...]) -> LineReview:
    """Return a review that proposes nothing."""
    return msgspec.structs.replace(one, smaller=(cell_of(one.line),), kept_by=why)


def _calls(uses: Uses, is_meant: Callable[[Use], bool]) -> int:
    return sum(times.calls for use, times in uses.items() if is_meant(use))


def _judged(needs: Needs, line: Grant, period: Period, known_us: int | None) -> LineReview:
    clients = needs.used(line)
    is_new = known_us is None or known_us > period.since_us
    if is_new or (line.from_us is not None and line.from_us > period.since_us):
        return LineReview(line=line, verdict="new", clients=clients, smaller=(cell_of(line),))
    smaller = needs.smaller(line) if clients else ()
    verdict = "unused" if not clients else "used" if smaller == (cell_of(line),) else "partly"
    return LineReview(line=line, verdict=verdict, clients=clients, smaller=smaller)


def _known_since(rules: Rules, in_force: Sequence[tuple[int, str]]) -> dict[str, int]:
    """Return since when each line of today has been in the rules without a break."""
    present = {str(line.id) for line in rules.now.grants}
    since_us: dict[str, int] = {}
    for at_us, digest in reversed(in_force):
        present &= rules.lines_then(digest)
        since_us.update(dict.fromkeys(present, at_us))
    return since_us


def _with_allows_for_denies(rules: RuleSet, lines: Sequence[LineReview]) -> list[LineReview]:
    """Return the reviews with one line kept for each role that would be left with denies alone.

    The loader refuses a deny to a role that nothing is allowed to: it could be a role that somebody mistyped.
    """
    left: dict[str, int] = defaultdict(int)
    for line in rules.grants:
        left[line.role] += line.allow
    gone = defaultdict[str, list[LineReview]](list)
    for one in lines:
        if not one.smaller:
            gone[one.line.role].append(one)
    bare = {line.role for line in rules.grants if not line.allow and line.role not in rules.roles}
    kept = {these[0].line.id for role, these in gone.items() if role in bare and len(these) == left[role]}
    return [_kept(one, ("a deny of the same role",)) if one.line.id in kept else one for one in lines]


def _meant(rules: RuleSet, lines: Sequence[LineReview], now_us: int) -> list[LineReview]:
    """Return the reviews without proposals that a case speaks against, each with the cases that do."""
    before = {(one.file, one.line, one.field) for one in failures(rules, now_us)}

    def failing(changes: Mapping[GrantId, tuple[Cell, ...]]) -> tuple[str, ...]:
        found = failures(with_smaller(rules, changes), now_us)
        return tuple(dict.fromkeys(one.test for one in found if (one.file, one.line, one.field) not in before))

    proposed = {one.line.id: one.smaller for one in lines if one.is_proposed}
    if not proposed or not failing(proposed):
        return list(lines)
    against = {line: failing({line: smaller}) for line, smaller in proposed.items()}
    held = {line: smaller for line, smaller in proposed.items() if not against[line]}
    for line in reversed(list(held)):
        # Lines that fail no case alone can fail one together: two that give the same, of which one has to stay.
        if not failing(held):
            break
        against[line] = failing(held)
        del held[line]
    return [
        _kept(one, against[one.line.id]) if one.line.id in proposed and one.line.id not in held else one
        for one in lines
    ]


def _names(names: Iterable[str]) -> tuple[FieldName, ...]:
    return tuple(sorted({FieldName(name) for name in names}))


def _compared(facts: Facts) -> Iterable[str]:
    """Yield the fields that a call compared or ordered by."""
    for told in facts.filters:
        first, _, second = told.partition(" ")
        yield first
        # ``sort -age`` names the field behind; a field of the name ``sort`` may be compared, so both count.
        if first == "sort":
            yield second.removeprefix("-")
