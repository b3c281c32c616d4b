# SPDX-License-Identifier: Apache-2.0
"""What one budget key has counted, hour by hour, and how many rows still fit; arithmetic without I/O.

RULES

1. A window of H hours is the hour under way and the H whole hours before it, so it is never shorter
   than it says, and up to an hour longer.
2. A person counts once in a window, however often they leave. A person who leaves again is counted in
   the newest hour too, so that they stay counted for as long as the rule says from then on.
3. Rows count each time.
4. Rows fit from the first on: those behind the first that does not fit are not looked at.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec
from pyroaring import BitMap

from gateway.domain.budget import HOUR_US, BudgetKey, BudgetRule, BudgetState, Counted, Taken
from gateway.domain.names import PersonNumber


def hour_of(at_us: int) -> int:
    """Return the hour of an instant, counted from 1970."""
    return at_us // HOUR_US


class Counts:
    """People and rows of one key by hour, and the union of people for each width of window in use.

    Attributes:
        hour: The newest hour that anything was counted in; the clock may be behind it, never ahead.
    """

    def __init__(self, hour: int = 0) -> None:
        """Begin with nothing counted."""
        self.hour = hour
        self._people: dict[int, BitMap] = {}
        self._rows: dict[int, int] = {}
        # By width of window, as of ``hour``; emptied when the hour moves on.
        self._unions: dict[int, BitMap] = {}

    def move_to(self, hour: int) -> None:
        """Let an hour be the newest; one that is over stays over, whatever a clock says later."""
        if hour > self.hour:
            self.hour = hour
            self._unions.clear()

    def add_people(self, hour: int, people: BitMap) -> None:
        """Count people in an hour; those who are counted in it already stay counted once."""
        self._people.setdefault(hour, BitMap()).update(people)
        for hours, union in self._unions.items():
            if hour >= self.hour - hours:
                union.update(people)

    def add_rows(self, hour: int, n_rows: int) -> None:
        """Count rows in an hour."""
        self._rows[hour] = self._rows.get(hour, 0) + n_rows

    def set_rows(self, rows: Mapping[int, int]) -> None:
        """Put the rows of every hour in the place of those that were known."""
        self._rows = dict(rows)

    def forget_before(self, hour: int) -> None:
        """Drop what no window reaches any more."""
        self._people = {of: people for of, people in self._people.items() if of >= hour}
        self._rows = {of: n_rows for of, n_rows in self._rows.items() if of >= hour}

    def unseen(self, people: BitMap) -> BitMap:
        """Return the people who are not counted in the newest hour yet."""
        known = self._people.get(self.hour)
        return people if known is None else people - known

    def people_in(self, hours: int) -> BitMap:
        """Return the people of a window; it belongs to this object and changes with it."""
        union = self._unions.get(hours)
        if union is None:
            first = self.hour - hours
            union = BitMap.union(BitMap(), *(people for of, people in self._people.items() if of >= first))
            self._unions[hours] = union
        return union

    def rows_in(self, hours: int) -> int:
        """Return the rows of a window."""
        first = self.hour - hours
        return sum(n_rows for of, n_rows in self._rows.items() if of >= first)

    def n_fitting(self, rule: BudgetRule, people: Sequence[PersonNumber], n_rows: int) -> int:
        """Return how many rows fit a rule, from the first on.

        Args:
            rule: The budget.
            people: The person of each row, or nothing where the rows are about nobody.
            n_rows: Rows that ask.
        """
        if rule.counts is Counted.ROWS:
            return min(n_rows, max(0, rule.most - self.rows_in(rule.hours)))
        union = self.people_in(rule.hours)
        room = max(0, rule.most - len(union))
        new = BitMap(people) - union
        return n_rows if len(new) <= room else _place_behind(people, new, room)

    def state(self, rule: BudgetRule, now_us: int) -> BudgetState:
        """Return what is left of a budget, and when the oldest hour that counts leaves its window."""
        is_rows = rule.counts is Counted.ROWS
        n_counted = self.rows_in(rule.hours) if is_rows else len(self.people_in(rule.hours))
        oldest = min(self._hours_of(rule), default=self.hour)
        return BudgetState(
            rule=rule, left=max(0, rule.most - n_counted), resets_s=_seconds_until_out(oldest, rule, now_us)
        )

    def wait_s(self, rule: BudgetRule, people: Sequence[PersonNumber], n_rows: int, now_us: int) -> int | None:
        """Return in how many seconds these rows fit a rule if nothing else is counted until then.

        They fit at the turn of the hour at which enough of the oldest hours have left the window;
        ``None`` if they are more than the rule ever allows.
        """
        asked = BitMap(people)
        together, n_together = asked, n_rows
        is_rows = rule.counts is Counted.ROWS
        if (n_rows if is_rows else len(asked)) > rule.most:
            return None
        for hour in sorted(self._hours_of(rule), reverse=True):
            if is_rows:
                n_together += self._rows[hour]
            else:
                together = together | self._people[hour]
            if (n_together if is_rows else len(together)) > rule.most:
                return _seconds_until_out(hour, rule, now_us)
        return 0

    def _hours_of(self, rule: BudgetRule) -> Iterator[int]:
        """Yield the hours of a rule's window in which something was counted."""
        first = self.hour - rule.hours
        counted = self._rows if rule.counts is Counted.ROWS else self._people
        return (hour for hour, what in counted.items() if hour >= first and what)


class Asked(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One block that asks for its rows; the fields are those of ``Budgets.take``."""

    key: BudgetKey
    rules: Sequence[BudgetRule]
    people: Sequence[PersonNumber]
    n_rows: int
    whole: bool
    counted: Collection[Counted]
    now_us: int


class Spent:
    """What has to be kept of the blocks of one transaction that were counted in one hour."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.people = BitMap()
        self.n_rows = 0


def spend(counts: Counts, asked: Asked, spent: Spent) -> Taken:
    """Decide what fits of a block, count it, and add it to what has to be kept."""
    n_fitting = min([asked.n_rows, *(counts.n_fitting(rule, asked.people, asked.n_rows) for rule in asked.rules)])
    n_rows = 0 if asked.whole and n_fitting < asked.n_rows else n_fitting
    wait_s = _wait_s(counts, asked, n_rows)
    if Counted.PEOPLE in asked.counted:
        new = counts.unseen(BitMap(asked.people[:n_rows]))
        counts.add_people(counts.hour, new)
        spent.people |= new
    if Counted.ROWS in asked.counted and n_rows:
        counts.add_rows(counts.hour, n_rows)
        spent.n_rows += n_rows
    return Taken(n_rows=n_rows, states=states(counts, asked), wait_s=wait_s)


def states(counts: Counts, asked: Asked) -> tuple[BudgetState, ...]:
    """Return what is left of each budget that a block counts against."""
    return tuple(counts.state(rule, asked.now_us) for rule in asked.rules)


def _wait_s(counts: Counts, asked: Asked, n_rows: int) -> int | None:
    """Return when what did not fit would fit: of a page all of it, of a stream the row behind the last."""
    if n_rows == asked.n_rows:
        return None
    n_more = asked.n_rows if asked.whole else n_rows + 1
    people = asked.people[:n_more]
    waits = [
        # Where it can never fit, the caller has to ask for less; that is worth its while when hours come free.
        counts.wait_s(rule, people, n_more, asked.now_us) or counts.state(rule, asked.now_us).resets_s
        for rule in asked.rules
        if counts.n_fitting(rule, people, n_more) < n_more
    ]
    return max(waits)


def _place_behind(people: Sequence[PersonNumber], new: BitMap, room: int) -> int:
    """Return the place of the first row with a new person beyond the room."""
    met = BitMap()
    for place, person in enumerate(people):
        if person in new and person not in met:
            if len(met) == room:
                return place
            met.add(person)
    return len(people)


def _seconds_until_out(hour: int, rule: BudgetRule, now_us: int) -> int:
    """Return the seconds until an hour is out of a rule's window, rounded up."""
    return -((now_us - (hour + rule.hours + 1) * HOUR_US) // 1_000_000)
