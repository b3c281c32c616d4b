# SPDX-License-Identifier: Apache-2.0
"""What a list holds, added up row by row: cells and rows of each scope, and the people of each recipient and class."""

from collections.abc import Iterable, Mapping, Sequence

from pyroaring import BitMap

from gateway.domain.names import JoinDomain
from gateway.flows.tracing.explaining import Weights
from gateway.transform.inner import TOKEN
from gateway.transform.spotting import Spotted
from gateway.transform.tracing import VAULT_KIND, Scope, Traced, Tracer, token_in

Cell = tuple[int, Traced]
"""A surrogate of ours, and the row in which it stands; rows come in their order."""


class ScopeTally:
    """One scope."""

    __slots__ = ("cells", "first_row", "last_row", "rows")

    def __init__(self, row: int) -> None:
        """Begin with the first row."""
        self.cells = self.rows = 0
        self.first_row, self.last_row = row, 0

    def add(self, row: int) -> None:
        """Count a cell."""
        self.cells += 1
        self.rows += row != self.last_row
        self.last_row = row


class PartyTally:
    """One recipient and purpose class.

    Attributes:
        people: Everybody whom a row is about.
        more: Of those with several rows, how many beyond the first.
        n_closed / n_nobody: Cells that nobody can open, and cells of people who are not known today.
        domains: Join domains whose surrogates said whom a row is about.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.rows = self.rows_with_person = self.n_closed = self.n_nobody = 0
        self._last_row = self._last_named = 0
        self.people = BitMap()
        self.more: dict[int, int] = {}
        self.domains: set[JoinDomain] = set()
        self._now: set[int] = set()

    def add(self, row: int, people: Iterable[int]) -> None:
        """Count a cell, and its people once for the row."""
        if row != self._last_row:
            self.rows += 1
            self._last_row, self._now = row, set()
        for person in people:
            if self._last_named != row:
                self.rows_with_person += 1
                self._last_named = row
            if person not in self._now:
                self._now.add(person)
                if person in self.people:
                    self.more[person] = self.more.get(person, 0) + 1
                self.people.add(person)

    @property
    def weights(self) -> Weights:
        """How many rows are about whom."""
        return Weights(self.people, self.more)


class ListTally:
    """A whole list."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.cells = self.unknown = self.rows = 0
        self._last_row = 0
        self.scopes: dict[Scope, ScopeTally] = {}
        self.parties: dict[tuple[str, str], PartyTally] = {}

    def cell(self, row: int, scope: Scope) -> None:
        """Count a surrogate of ours."""
        self.rows += row != self._last_row
        self._last_row = row
        tally = self.scopes.get(scope)
        if tally is None:
            tally = self.scopes[scope] = ScopeTally(row)
        tally.add(row)

    def party(self, scope: Scope) -> PartyTally:
        """Return the sum of a scope's recipient and class."""
        found = self.parties.get((scope.recipient, scope.key_class))
        if found is None:
            found = self.parties[scope.recipient, scope.key_class] = PartyTally()
        return found

    def traced(self, tracer: Tracer, spotted: Sequence[Spotted], domains: Mapping[bytes, JoinDomain]) -> list[Cell]:
        """Return the surrogates of ours among what has the shape of one, counted.

        Args:
            tracer: Tries the keys.
            spotted: What has the shape, in its order.
            domains: Of the tokens among it that stand for a value, the join domain of each.
        """
        found: list[Cell] = []
        for one in spotted:
            self.cells += 1
            token = token_in(one)
            if token is None:
                traced = tracer.traced(one)
            else:
                domain = domains.get(token)
                scope = None if domain is None else Scope("", "", domain, VAULT_KIND, one.version)
                traced = None if scope is None else Traced(scope, TOKEN + token)
            if traced is None:
                self.unknown += 1
                continue
            self.cell(one.row, traced.scope)
            found.append((one.row, traced))
        return found
