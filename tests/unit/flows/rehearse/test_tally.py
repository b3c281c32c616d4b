# SPDX-License-Identifier: Apache-2.0
"""A rehearsal counts in bounded memory and tells the most frequent first."""

from gateway.domain.decision import Reason
from gateway.domain.kinds import MOST_KINDS
from gateway.flows.rehearse.judging import Advice, Verdict
from gateway.flows.rehearse.tally import MOST_UNREAD_LINES, Tally


def refused(tally: Tally, client: str, about: str = "x", n: int = 1) -> None:
    verdict = Verdict(would="deny", reason=Reason.PARAMETER_UNDECLARED, about=(about,))
    for _ in range(n):
        key = tally.key(client, verdict, "GET", "/crm/customers")
        tally.refuses(key, Advice(change="Declare it.", ask="owner") if tally.is_new(key) else None)


def test_the_most_frequent_refusal_comes_first_and_the_share_is_of_all_calls() -> None:
    """Each with what would let it pass."""
    tally = Tally("r")
    refused(tally, "b", n=2)
    refused(tally, "a", n=3)
    for _ in range(5):
        tally.passes("a", Verdict(would="permit", clear=("id",)))
    report = tally.report()
    assert [(row.client, row.calls, row.change) for row in report.refused] == [
        ("a", 3, "Declare it."),
        ("b", 2, "Declare it."),
    ]
    assert [(row.client, row.calls, row.passing) for row in report.clients] == [("a", 8, 5), ("b", 2, 0)]
    assert (report.calls, report.passing, report.share, report.clear_values) == (10, 5, 0.5, 5)
    assert not report.all_pass


def test_kinds_beyond_the_bound_are_counted_under_client_and_reason() -> None:
    """However many names a caller makes up, the counts are right and the memory is bounded."""
    tally = Tally("r")
    for number in range(MOST_KINDS + 500):
        refused(tally, "a", f"p{number}")
    report = tally.report()
    assert len(report.refused) == MOST_KINDS + 1
    assert (report.refused[0].calls, report.refused[0].about, report.refused[0].path) == (500, (), "")
    assert report.calls == MOST_KINDS + 500


def test_places_of_what_cannot_be_read_are_told_up_to_a_number() -> None:
    """All are counted."""
    tally = Tally("r")
    for line in range(1, 101):
        tally.unread(line)
    tally.unread(0)
    report = tally.report()
    assert (report.unread, len(report.unread_lines), report.unread_lines[0]) == (101, MOST_UNREAD_LINES, 1)


def test_nothing_rehearsed_is_not_all_that_passes() -> None:
    """A file without calls proves nothing."""
    assert not Tally("r").report().all_pass
