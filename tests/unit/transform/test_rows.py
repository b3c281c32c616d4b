# SPDX-License-Identifier: Apache-2.0
"""Which rows leave, and in which class."""

from collections.abc import Sequence
from datetime import date

import pytest

from gateway.domain.names import FieldName, PurposeKey
from gateway.domain.viewplan import AgeRule, Cause, ChoiceRule, Row, RowEffect, RowRule, TransferRule, ViewPlan
from gateway.transform.rows import WITHHELD, by_choice, full_years, judge, looks_at_facts, row_classes
from tests.fakes.plans import CHAINS, REVEALED, plan, spec

TODAY = date(2026, 3, 1)
CONSENT = ChoiceRule(purpose=PurposeKey("marketing"), needs_consent=True, honours_objection=True)
OBJECTION = ChoiceRule(purpose=PurposeKey("support"), needs_consent=False, honours_objection=True)
TRANSFER = TransferRule(blocked_countries=frozenset({"DE", "FR"}))


def age(under: int, effect: RowEffect, *fields: str) -> AgeRule:
    """Return a rule of age."""
    return AgeRule(red_line="minors", under_years=under, effect=effect, fields=tuple(map(FieldName, fields)))


def over(*rules: RowRule, subject: str | None = "id") -> ViewPlan:
    """Return a plan with these row rules."""
    return plan((spec("id"), CHAINS["word"], REVEALED), subject=subject, rules=rules)


def row(subject: str | None = "1", born: str | None = "1980-01-01", country: str | None = "US") -> Row:
    """Return the facts of one row."""
    return Row(subject=subject, birth_date=born, country=country)


def classes(of: ViewPlan, *rows: Row, choices: Sequence[bool] | None = None) -> tuple[int, ...]:
    """Return the classes of rows."""
    return judge(of, rows, choices or [False] * len(rows), TODAY).classes


@pytest.mark.parametrize(
    ("born", "today", "years"),
    [
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2008, 2, 29), date(2028, 2, 28), 19),
        (date(2008, 2, 29), date(2028, 2, 29), 20),
        (date(2008, 3, 1), date(2026, 2, 28), 17),
        (date(2008, 3, 1), date(2026, 3, 1), 18),
        (date(2027, 1, 1), date(2026, 3, 1), -1),
    ],
)
def test_an_age_is_reached_on_the_birthday(born: date, today: date, years: int) -> None:
    """Who was born on 29 February reaches it on 1 March in other years."""
    assert full_years(born, today) == years


@pytest.mark.parametrize(
    ("born", "caught"),
    [
        ("2008-03-01", False),
        ("2008-03-02", True),
        ("2008-03-01T00:00:00Z", False),
        (None, True),
        ("", True),
        ("01.03.1980", True),
        ("2030-01-01", True),
        ("1900-01-01", True),
        ("0001-01-01", True),
        ("1906-01-01", False),
    ],
)
def test_a_rule_of_age_catches_the_young_and_those_of_no_known_age(born: str | None, caught: bool) -> None:
    """A birth date in the future or more than 120 years ago says nothing."""
    assert classes(over(age(18, RowEffect.WITHHOLD)), row(born=born)) == ((WITHHELD,) if caught else (0,))


def test_rules_that_blank_or_unlink_make_classes_bit_by_bit() -> None:
    """In the order of the plan; a rule that withholds has no bit."""
    of = over(age(16, RowEffect.UNLINK), age(14, RowEffect.WITHHOLD), age(18, RowEffect.BLANK, "id"))
    assert [rule.under_years for rule in row_classes(of)] == [16, 18]
    born = [row(born=f"{TODAY.year - years}-01-01") for years in (20, 17, 15, 13)]
    assert classes(of, *born) == (0, 0b10, 0b11, WITHHELD)


@pytest.mark.parametrize(("country", "caught"), [("DE", True), ("FR", True), ("US", False), (None, True)])
def test_a_row_of_unknown_country_is_caught_where_any_country_is_blocked(country: str | None, caught: bool) -> None:
    """Where none is, it is not."""
    assert classes(over(TRANSFER), row(country=country)) == ((WITHHELD,) if caught else (0,))
    assert classes(over(TransferRule(blocked_countries=frozenset())), row(country=country)) == (0,)


def test_a_row_without_subject_is_withheld_only_where_consent_is_needed() -> None:
    """Elsewhere it is one new person; where rows are about nobody it is as good as any."""
    nobody = row(subject=None)
    assert judge(over(CONSENT), [nobody], [False], TODAY).withheld == {Cause.NO_SUBJECT: 1}
    assert classes(over(OBJECTION), nobody) == classes(over(), nobody) == (0,)
    assert classes(over(CONSENT, subject=None), nobody) == (0,)


def test_the_choice_of_a_person_withholds_the_row() -> None:
    """For that row and no other."""
    assert classes(over(CONSENT), row(), row(), choices=[False, True]) == (0, WITHHELD)


def test_each_withheld_row_is_counted_once_for_the_first_cause() -> None:
    """No subject, choice, age, transfer, in this order."""
    of = over(TRANSFER, age(18, RowEffect.WITHHOLD), CONSENT)
    bad = row(subject=None, born=None, country=None)
    rows = [bad, row(born=None, country=None), row(born=None, country=None), row(country=None), row()]
    verdict = judge(of, rows, [True, True, False, False, False], TODAY)
    assert verdict.withheld == {Cause.NO_SUBJECT: 1, Cause.CHOICE: 1, Cause.AGE: 1, Cause.TRANSFER: 1}
    assert verdict.classes == (WITHHELD,) * 4 + (0,)


def test_there_must_be_one_choice_for_each_row() -> None:
    """A list that is too short must not let rows through."""
    with pytest.raises(ValueError, match="2 rows and 1 choices"):
        judge(over(CONSENT), [row(), row()], [False], TODAY)


@pytest.mark.parametrize(
    ("rules", "subjects", "expected"),
    [
        ((CONSENT,), ["a", "b"], False),
        ((CONSENT,), ["a", None], True),
        ((OBJECTION,), ["a", None], False),
        ((TRANSFER,), ["a"], True),
        ((TransferRule(blocked_countries=frozenset()),), ["a"], False),
        ((age(18, RowEffect.BLANK),), ["a"], True),
    ],
)
def test_facts_are_looked_at_only_where_a_rule_needs_them(
    rules: tuple[RowRule, ...], subjects: list[str | None], *, expected: bool
) -> None:
    """Where none does, choices alone give the verdict that all the facts would give."""
    of, rows = over(*rules), [row(subject=subject) for subject in subjects]
    assert looks_at_facts(of, subjects) == expected
    for against in ([False] * len(rows), [True, *[False] * (len(rows) - 1)]):
        if not expected:
            assert by_choice(against) == judge(of, rows, against, TODAY)
