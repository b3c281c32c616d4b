# SPDX-License-Identifier: Apache-2.0
"""Least privilege looked at from behind: which lines of ``grants.csv`` the calls of a period needed, and how much of each.

RULES

1. A line is **used** by a call if it was in force for it, allows, and covers a field that left, was compared, ordered
   by or written. A line that no call used gives nothing up when it goes.
2. A field is **never used further** by an account through a client if it left in calls that named no fields, while
   the same account did name fields in other calls of the same view, and this one never: in no projection, filter,
   order or write of that dataset. It is evidence and no proof: what is done with what was fetched is not seen from here.
3. A line is made smaller by naming what was needed under it: collections, purposes and categories. Every line that
   comes out lies under the line it comes from, with its rung, link, effect and times, so no view can grow.
4. A deny is never touched, since taking one away could widen. What a call showed or named keeps its treatment,
   so no call that was permitted would be refused.

Source: GDPR Art. 5(1)(c), 25(2); NIST SP 800-53 AC-6(7).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from gateway.decide.rules import Grant, RuleSet
from gateway.domain.catalog import WRITES, FieldSpec
from gateway.domain.names import CategoryKey, DatasetName, FieldName, GrantId, PurposeKey, is_under

MOST_LINES = 8
"""A line that would take more lines than this to say smaller stays as it is: nobody would read them."""

READ = "read"


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """What one or many permitted calls had in common.

    Attributes:
        assurance: Level of the sign-in at the call, as the log tells it.
        grants: Every line that was in force for it.
        leaving: Fields that left, sorted; of a write, those of its answer.
        used: Fields that were compared, ordered by or written, sorted.
        named: Fields that it named, sorted; none where it took what there is.
    """

    client: str
    account: str
    recipient: str
    purpose: str
    dataset: str
    operation: str
    assurance: int
    grants: tuple[GrantId, ...]
    leaving: tuple[FieldName, ...]
    used: tuple[FieldName, ...]
    named: tuple[FieldName, ...]


class Times(msgspec.Struct, frozen=True):
    """How often, and when: UTC microseconds of the first and the last call."""

    calls: int
    first_us: int
    last_us: int

    def and_also(self, other: "Times") -> "Times":
        """Return both together."""
        return Times(self.calls + other.calls, min(self.first_us, other.first_us), max(self.last_us, other.last_us))


Uses = Mapping[Use, Times]


class IdleField(msgspec.Struct, frozen=True, kw_only=True):
    """A field that a client was given in every call that named none, and never used further (rule 2).

    Attributes:
        fetched / named: Calls that it left in, and calls of the same view that named fields, this one not.
    """

    client: str
    purpose: str
    dataset: str
    field: FieldName
    fetched: int
    named: int


class Cell(msgspec.Struct, frozen=True, order=True):
    """What a line speaks of, beside role, operation, rung and times."""

    dataset: DatasetName
    category: CategoryKey
    purpose: PurposeKey


class Needs:
    """What the calls of a period needed. Made once; asked for each line."""

    def __init__(self, rules: RuleSet, uses: Uses) -> None:
        """Settle what each call named, and what nobody used further."""
        self.rules, self.uses = rules, uses
        self._by_line: dict[GrantId, list[Use]] = defaultdict(list)
        for use in uses:
            for line in use.grants:
                self._by_line[line].append(use)
        self._writes = [use for use in uses if use.operation in WRITES]
        self._named = self._names()
        self._idle = self._found_idle()
        self.needed = {use: self._needed(use) for use in uses}
        """For each use the fields whose treatment may not change."""

    @property
    def idle(self) -> tuple[IdleField, ...]:
        """Fields that were fetched and never used further, those of all accounts of a client together."""
        found: dict[tuple[str, str, str, FieldName], list[int]] = defaultdict(lambda: [0, 0])
        for (client, _, purpose, dataset, name), (fetched, named) in self._idle.items():
            sums = found[client, purpose, dataset, name]
            sums[0], sums[1] = sums[0] + fetched, sums[1] + named
        return tuple(
            IdleField(client=client, purpose=purpose, dataset=dataset, field=name, fetched=fetched, named=named)
            for (client, purpose, dataset, name), (fetched, named) in sorted(found.items())
        )

    def used(self, line: Grant) -> dict[str, Times]:
        """Return the calls that used a line, by client."""
        found: dict[str, Times] = {}
        for use in self._of(line):
            if self._cells(line, use, (*use.leaving, *use.used)):
                times = self.uses[use]
                found[use.client] = found[use.client].and_also(times) if use.client in found else times
        return found

    def smaller(self, line: Grant) -> tuple[Cell, ...]:
        """Return what is left of an allow when it gives what was needed: nothing, the same, or less."""
        cells = {cell for use in self._of(line) for cell in self._cells(line, use, self.needed[use])}
        found = _gathered(self.rules, line, cells)
        return found if len(found) <= MOST_LINES else (cell_of(line),)

    def _of(self, line: Grant) -> Iterable[Use]:
        """Return the calls that a line can have been in force for.

        What the answer to a write shows is decided by lines for reading, which the log does not name: each that could
        have given it counts.
        """
        held = self._by_line.get(line.id, [])
        return held if line.operation != READ else [*held, *self._writes]

    def _names(self) -> dict[tuple[str, str, str], set[FieldName]]:
        """Return every field that an account named anywhere in a dataset, by client."""
        named: dict[tuple[str, str, str], set[FieldName]] = defaultdict(set)
        for use in self.uses:
            named[use.client, use.account, use.dataset].update((*use.used, *use.named))
        return named

    def _found_idle(self) -> dict[tuple[str, str, str, str, FieldName], tuple[int, int]]:
        """Return fields that no account of a client used further, with calls that fetched them and that named others."""
        projected: dict[tuple[str, str, str, str], int] = defaultdict(int)
        fetched: dict[tuple[str, str, str, str, FieldName], int] = defaultdict(int)
        for use, times in self.uses.items():
            view = (use.client, use.account, use.purpose, use.dataset)
            if use.operation in WRITES:
                continue
            if use.named:
                projected[view] += times.calls
                continue
            for name in use.leaving:
                fetched[(*view, name)] += times.calls
        return {
            (client, account, purpose, dataset, name): (calls, projected[client, account, purpose, dataset])
            for (client, account, purpose, dataset, name), calls in fetched.items()
            if projected[client, account, purpose, dataset] and name not in self._named[client, account, dataset]
        }

    def _needed(self, use: Use) -> tuple[FieldName, ...]:
        left = use.leaving
        if not use.named and use.operation not in WRITES:
            view = (use.client, use.account, use.purpose, use.dataset)
            # A view of which nothing is left would be a refusal.
            left = tuple(name for name in left if (*view, name) not in self._idle) or left
        return tuple(dict.fromkeys((*left, *use.used)))

    def _cells(self, line: Grant, use: Use, names: Iterable[FieldName]) -> set[Cell]:
        """Return what of a line a call stood on, for some of its fields."""
        collection = self.rules.catalog.collections.get(DatasetName(use.dataset))
        if collection is None or not is_under(use.dataset, line.dataset) or not is_under(use.purpose, line.purpose):
            return set()
        if use.operation in WRITES and line.operation == use.operation:
            names = use.used
        specs = [spec for name in names if (spec := collection.field(name)) is not None]
        return {
            Cell(DatasetName(use.dataset), category, PurposeKey(use.purpose))
            for spec in specs
            for category in spec.categories
            if is_under(category, line.category)
        }


def cell_of(line: Grant) -> Cell:
    """Return what a line speaks of."""
    return Cell(line.dataset, line.category, line.purpose)


def _gathered(rules: RuleSet, line: Grant, cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """Return the same in as few cells as the line's own words allow: a word stays where all below it was needed."""
    found = set(cells)
    for part, words in (("category", _categories), ("dataset", _datasets), ("purpose", _purposes)):
        groups: dict[Cell, set[Cell]] = defaultdict(set)
        for cell in found:
            groups[msgspec.structs.replace(cell, **{part: getattr(line, part)})].add(cell)
        found = {
            one
            for whole, those in groups.items()
            for one in ({whole} if words(rules, line, whole) <= {getattr(each, part) for each in those} else those)
        }
    return tuple(sorted(found))


def _categories(rules: RuleSet, line: Grant, cell: Cell) -> set[str]:
    del line
    return {own for spec in _specs(rules, cell.dataset) for own in spec.categories if is_under(own, cell.category)}


def _datasets(rules: RuleSet, line: Grant, cell: Cell) -> set[str]:
    served = {route.dataset for route in rules.catalog.routes if route.operation == line.operation}
    return {
        name
        for name in served
        if is_under(name, line.dataset)
        and any(is_under(own, cell.category) for spec in _specs(rules, name) for own in spec.categories)
    }


def _purposes(rules: RuleSet, line: Grant, cell: Cell) -> set[str]:
    del cell
    return {key for key in rules.purposes if is_under(key, line.purpose)}


def _specs(rules: RuleSet, dataset: str) -> tuple[FieldSpec, ...]:
    """Return the fields of all collections at or below a dataset."""
    return tuple(
        spec for name, one in rules.catalog.collections.items() if is_under(name, dataset) for spec in one.fields
    )
