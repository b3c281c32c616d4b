# SPDX-License-Identifier: Apache-2.0
"""Rows, cells and people of a list, counted as they come."""

from pyroaring import BitMap

from gateway.domain.names import JoinDomain
from gateway.flows.tracing.tally import ListTally, PartyTally
from gateway.transform.tracing import Scope

ID, MAIL = (Scope("own", "a", JoinDomain(one), "siv", 1) for one in ("id", "mail"))


def test_a_row_counts_once_however_many_cells_of_it_are_ours() -> None:
    """Over scopes too; each scope counts its own cells and rows."""
    tally = ListTally()
    for row, scope in ((2, ID), (2, MAIL), (2, ID), (5, ID)):
        tally.cell(row, scope)
    assert tally.rows == 2
    assert [(one.cells, one.rows, one.first_row) for one in tally.scopes.values()] == [(3, 2, 2), (1, 1, 2)]


def test_a_person_counts_once_a_row_and_each_row_more() -> None:
    """A row that names somebody twice is one row about them; a row of two is about both."""
    party = PartyTally()
    for row, people in ((1, {7}), (1, {7}), (2, ()), (3, {7, 8}), (4, {8})):
        party.add(row, people)
    assert (party.rows, party.rows_with_person, set(party.people)) == (4, 3, {7, 8})
    assert party.more == {7: 1, 8: 1}
    assert party.weights.of(BitMap((7,))) == 2
