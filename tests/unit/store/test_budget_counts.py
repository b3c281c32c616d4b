# SPDX-License-Identifier: Apache-2.0
"""Arithmetic of windows: who is in one, how many rows fit, and when more will."""

import pytest
from pyroaring import BitMap

from gateway.domain.budget import HOUR_US, BudgetKey, BudgetRule, Counted
from gateway.domain.names import AccountId, PersonNumber, RecipientId
from gateway.store.budget_counts import Asked, Counts, Spent, hour_of, spend

KEY = BudgetKey(account=AccountId("a1"), key_class="marketing", recipient=RecipientId("own"))
NOON = 1_000 * HOUR_US


def people_rule(most: int, hours: int = 24) -> BudgetRule:
    """Return a budget for people."""
    return BudgetRule(counts=Counted.PEOPLE, most=most, hours=hours)


def rows_rule(most: int, hours: int = 24) -> BudgetRule:
    """Return a budget for rows."""
    return BudgetRule(counts=Counted.ROWS, most=most, hours=hours)


def asked(
    people: list[int], *rules: BudgetRule, whole: bool = False, now_us: int = NOON, n_rows: int | None = None
) -> Asked:
    """Return a block of rows about these people."""
    return Asked(
        key=KEY,
        rules=rules,
        people=[PersonNumber(person) for person in people],
        n_rows=len(people) if n_rows is None else n_rows,
        whole=whole,
        counted=tuple(Counted),
        now_us=now_us,
    )


def counts_with(people_by_hour: dict[int, list[int]], hour: int = 1_000) -> Counts:
    """Return counts in which these people left in these hours, a row each."""
    counts = Counts()
    counts.move_to(hour)
    for of, people in people_by_hour.items():
        counts.add_people(of, BitMap(people))
        counts.add_rows(of, len(people))
    return counts


def test_a_window_is_the_hour_under_way_and_the_whole_hours_before_it() -> None:
    """Never shorter than it says."""
    counts = counts_with({1_000: [1], 976: [2], 975: [3]})

    assert set(counts.people_in(24)) == {1, 2}
    assert counts.rows_in(24) == 2
    assert hour_of(NOON) == 1_000
    assert hour_of(NOON - 1) == 999


def test_a_union_follows_what_is_added_and_what_leaves() -> None:
    """It is kept from one look to the next."""
    counts = counts_with({976: [1, 2]})
    assert set(counts.people_in(24)) == {1, 2}

    counts.add_people(1_000, BitMap([2, 3]))
    assert set(counts.people_in(24)) == {1, 2, 3}

    counts.move_to(1_001)
    assert set(counts.people_in(24)) == {2, 3}

    counts.add_people(975, BitMap([9]))
    assert set(counts.people_in(24)) == {2, 3}


def test_the_newest_hour_never_goes_back() -> None:
    """A clock that was set back moves no window."""
    counts = counts_with({1_000: [1]})
    counts.move_to(990)
    assert counts.hour == 1_000


@pytest.mark.parametrize(
    ("people", "fits"),
    [
        ([1, 2, 1, 2, 1], 5),  # counted already
        ([3, 4, 3, 4], 4),  # two new ones fit
        ([3, 1, 3, 4, 4, 2, 5, 6], 6),  # the third new one does not
        ([5, 6, 7], 2),
        ([], 0),
    ],
)
def test_rows_fit_up_to_the_first_new_person_beyond_the_room(people: list[int], fits: int) -> None:
    """Rows of people who are counted already cost nothing."""
    counts = counts_with({990: [1, 2]})
    assert counts.n_fitting(people_rule(4), asked(people).people, len(people)) == fits


def test_a_limit_that_was_lowered_below_what_was_counted_lets_nobody_new_in() -> None:
    """Those who are counted may leave again; the rest waits."""
    counts = counts_with({990: [1, 2, 3]})
    assert counts.n_fitting(people_rule(1), asked([1, 2, 4]).people, 3) == 2
    assert counts.n_fitting(rows_rule(1), [], 3) == 0
    assert counts.state(people_rule(1), NOON).left == 0


def test_rows_about_nobody_count_as_rows_alone() -> None:
    """Where a review found that no row is about a person."""
    counts, spent = counts_with({}), Spent()
    taken = spend(counts, asked([], people_rule(1), rows_rule(10), n_rows=7), spent)

    assert (taken.n_rows, [state.left for state in taken.states]) == (7, [1, 3])
    assert (len(spent.people), spent.n_rows) == (0, 7)


def test_every_rule_must_fit() -> None:
    """The smallest decides, and all are told."""
    counts, spent = counts_with({}), Spent()
    taken = spend(counts, asked([1, 2, 3, 4], people_rule(3), rows_rule(2)), spent)

    assert taken.n_rows == 2
    assert [state.left for state in taken.states] == [1, 0]
    assert set(spent.people) == {1, 2}


def test_a_page_is_spent_whole_or_not_at_all() -> None:
    """What was refused costs nothing."""
    counts, spent = counts_with({}), Spent()
    taken = spend(counts, asked([1, 2, 3], people_rule(2), whole=True), spent)

    assert (taken.n_rows, taken.states[0].left) == (0, 2)
    assert not spent.people
    assert not spent.n_rows


def test_a_person_who_leaves_again_stays_counted_from_then_on() -> None:
    """The newest hour holds them too."""
    counts, spent = counts_with({980: [1]}), Spent()
    spend(counts, asked([1], people_rule(5)), spent)
    counts.move_to(1_020)

    assert set(spent.people) == {1}
    assert set(counts.people_in(24)) == {1}


def test_who_is_in_the_newest_hour_already_is_not_kept_twice() -> None:
    """The same page again writes nobody."""
    counts, first, again = counts_with({}), Spent(), Spent()
    spend(counts, asked([1, 2], people_rule(5)), first)
    spend(counts, asked([1, 2], people_rule(5)), again)

    assert set(first.people) == {1, 2}
    assert not again.people


def test_what_is_left_resets_when_the_oldest_counted_hour_is_out() -> None:
    """A window of 24 hours holds hour 990 until hour 1,015 begins; of nothing counted, one from now."""
    counts = counts_with({990: [1]})

    assert counts.state(people_rule(5), NOON).resets_s == 15 * 3600
    assert counts.state(people_rule(5), NOON + 1_500_000).resets_s == 15 * 3600 - 1
    assert counts.state(people_rule(5, hours=1), NOON).resets_s == 2 * 3600


def test_a_page_fits_when_enough_of_the_oldest_hours_are_out() -> None:
    """Two of three places must come free: not at the first hour that leaves, at the second."""
    counts = counts_with({980: [1], 985: [2], 990: [3, 4]})
    rule = people_rule(4)

    assert spend(counts, asked([5, 6], rule, whole=True), Spent()).wait_s == (985 + 25 - 1_000) * 3600
    assert spend(counts, asked([5], rule, whole=True), Spent()).wait_s == (980 + 25 - 1_000) * 3600


def test_a_person_of_an_old_hour_who_is_also_in_a_newer_one_sets_no_place_free() -> None:
    """The hour that really frees one is told."""
    counts = counts_with({980: [1], 985: [1, 2], 990: [3]})
    assert spend(counts, asked([5], people_rule(3), whole=True), Spent()).wait_s == (985 + 25 - 1_000) * 3600


def test_people_of_the_page_itself_need_no_place_of_their_own() -> None:
    """Somebody who is counted already fits as soon as the others do."""
    counts = counts_with({980: [1], 985: [2]})
    assert spend(counts, asked([2, 5], people_rule(2), whole=True), Spent()).wait_s == (980 + 25 - 1_000) * 3600


def test_rows_fit_when_enough_of_them_are_out() -> None:
    """The same for rows."""
    counts = Counts()
    counts.move_to(1_000)
    counts.set_rows({980: 5, 990: 5})
    rule = rows_rule(10)

    assert spend(counts, asked([], rule, whole=True, n_rows=3), Spent()).wait_s == (980 + 25 - 1_000) * 3600
    assert spend(counts, asked([], rule, whole=True, n_rows=8), Spent()).wait_s == (990 + 25 - 1_000) * 3600


def test_a_page_that_can_never_fit_waits_for_the_first_hour_that_is_out() -> None:
    """The caller has to ask for less."""
    counts = counts_with({980: [1]})
    assert spend(counts, asked([5, 6], people_rule(1), whole=True), Spent()).wait_s == (980 + 25 - 1_000) * 3600


def test_a_stream_waits_for_the_row_behind_its_last() -> None:
    """What it spent itself counts."""
    counts = counts_with({980: [1]})
    taken = spend(counts, asked([5, 6, 7], people_rule(2)), Spent())

    assert (taken.n_rows, taken.wait_s) == (1, (980 + 25 - 1_000) * 3600)


def test_what_fits_waits_for_nothing() -> None:
    """There is nothing to tell."""
    assert spend(counts_with({}), asked([1], people_rule(1)), Spent()).wait_s is None


def test_hours_out_of_reach_are_dropped() -> None:
    """Memory is bounded by the window."""
    counts = counts_with({900: [1], 990: [2]})
    counts.forget_before(976)
    assert set(counts.people_in(744)) == {2}
    assert counts.rows_in(744) == 1
