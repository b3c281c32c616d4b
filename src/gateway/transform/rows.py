# SPDX-License-Identifier: Apache-2.0
"""Which rows of a block leave, and in which class: the row rules of a plan, judged purely.

RULES

1. A rule only takes away; a row that several catch is withheld for the first of: no subject, choice,
   age, transfer.
2. A person reaches an age on the birthday, by the calendar; who was born on 29 February reaches it on
   1 March in other years. A birth date that is missing, unreadable, in the future or more than 120
   years ago says nothing, and every rule of age catches it.
3. Where any country is blocked, a row of unknown country is caught.
4. A row without a readable subject is withheld where the purpose needs consent; elsewhere it counts
   as one new person.

A class is a set of bits, one for each rule of the plan that blanks or unlinks, in their order; the
codec has one vector of treatments for each.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

import msgspec

from gateway.domain.viewplan import AgeRule, Cause, ChoiceRule, Row, RowEffect, TransferRule, ViewPlan
from gateway.transform.generalise import parse_day

WITHHELD = -1
OLDEST_YEARS = 120
"""A birth date like 1900-01-01 is what stores write for none; nobody alive is much older than this."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of the rows of a block.

    Attributes:
        classes: For each row its class, or ``WITHHELD``.
        withheld: Number of rows left out, by cause.
    """

    classes: tuple[int, ...]
    withheld: Mapping[Cause, int]


def row_classes(plan: ViewPlan) -> tuple[AgeRule, ...]:
    """Return the rules of a plan that change rows without withholding them, one bit each."""
    return tuple(rule for rule in plan.row_rules if isinstance(rule, AgeRule) and rule.effect is not RowEffect.WITHHOLD)


def judge(plan: ViewPlan, rows: Sequence[Row], withheld_by_choice: Sequence[bool], today: date) -> Verdict:
    """Return the class of each row under the plan's row rules.

    Args:
        plan: The plan whose codec decoded the rows.
        rows: Facts of the rows, in their order.
        withheld_by_choice: For each row, whether the person's choice keeps it back.
        today: Day by which ages are reckoned.

    Raises:
        ValueError: There is not one choice for each row.
    """
    if len(rows) != len(withheld_by_choice):
        raise ValueError(f"{len(rows)} rows and {len(withheld_by_choice)} choices")
    bits = {id(rule): 1 << place for place, rule in enumerate(row_classes(plan))}
    judges = [(rule, _Ages(rule.under_years, today)) for rule in plan.row_rules if isinstance(rule, AgeRule)]
    needs_subject = _needs_subject(plan)
    blocked = [rule.blocked_countries for rule in plan.row_rules if isinstance(rule, TransferRule)]
    if not looks_at_facts(plan, [row.subject for row in rows]):
        return by_choice(withheld_by_choice)
    causes: Counter[Cause] = Counter()
    classes: list[int] = []
    for row, chosen_against in zip(rows, withheld_by_choice, strict=True):
        caught = [rule for rule, ages in judges if ages.catch(row.birth_date)]
        cause = _cause(row, caught, blocked, chosen_against=chosen_against, needs_subject=needs_subject)
        if cause is not None:
            causes[cause] += 1
        classes.append(WITHHELD if cause else sum(bits[id(rule)] for rule in caught))
    return Verdict(classes=tuple(classes), withheld=dict(causes))


def looks_at_facts(plan: ViewPlan, subjects: Sequence[str | None]) -> bool:
    """Tell whether rules other than choices can catch any row; if not, no more need be known than ``by_choice``.

    Args:
        plan: As for ``judge``.
        subjects: Whom each row is about, if that can be read.
    """
    rules = plan.row_rules
    if any(isinstance(rule, AgeRule) or (isinstance(rule, TransferRule) and rule.blocked_countries) for rule in rules):
        return True
    return _needs_subject(plan) and None in subjects


def by_choice(withheld_by_choice: Sequence[bool]) -> Verdict:
    """Return the verdict on rows that choices alone can catch: 1 ms less for a page of 1,000."""
    n_withheld = sum(withheld_by_choice)
    if not n_withheld:
        return Verdict(classes=(0,) * len(withheld_by_choice), withheld={})
    classes = tuple([WITHHELD if against else 0 for against in withheld_by_choice])
    return Verdict(classes=classes, withheld={Cause.CHOICE: n_withheld})


def _needs_subject(plan: ViewPlan) -> bool:
    return plan.collection.subject is not None and any(
        rule.needs_consent for rule in plan.row_rules if isinstance(rule, ChoiceRule)
    )


def _cause(
    row: Row,
    caught: Sequence[AgeRule],
    blocked: Sequence[frozenset[str]],
    *,
    chosen_against: bool,
    needs_subject: bool,
) -> Cause | None:
    """Return why a row is withheld, or ``None`` if it is not."""
    if needs_subject and row.subject is None:
        return Cause.NO_SUBJECT
    if chosen_against:
        return Cause.CHOICE
    if any(rule.effect is RowEffect.WITHHOLD for rule in caught):
        return Cause.AGE
    if any(countries and (row.country is None or row.country in countries) for countries in blocked):
        return Cause.TRANSFER
    return None


class _Ages:
    """Tells whom a rule of age catches on one day; remembers the birth dates of a block."""

    def __init__(self, under_years: int, today: date) -> None:
        self._under_years = under_years
        self._today = today
        self._known: dict[str | None, bool] = {}

    def catch(self, birth_date: str | None) -> bool:
        """Tell whether a person of this birth date is under the age, or of no known age."""
        caught = self._known.get(birth_date)
        if caught is None:
            caught = self._known[birth_date] = self._caught(birth_date)
        return caught

    def _caught(self, birth_date: str | None) -> bool:
        born = None if birth_date is None else parse_day(birth_date)
        years = None if born is None else full_years(born, self._today)
        return years is None or not 0 <= years <= OLDEST_YEARS or years < self._under_years


def full_years(born: date, today: date) -> int:
    """Return the age in full years; negative for a birth date in the future."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
