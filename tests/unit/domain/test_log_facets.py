# SPDX-License-Identifier: Apache-2.0
"""Counts are gathered by facets, told the largest first and times the newest first."""

from gateway.domain.log_facets import FACETS, LogCount, Tally, time_told, unknown_facets
from gateway.domain.log_query import LogRow

DAY_US, HOUR_US = 1_800_057_600_000_000, 3_600_000_000


def row(client: str, at_us: int = DAY_US, rows: int = 1) -> LogRow:
    """Return an entry."""
    return LogRow(slot="door-0", seq=1, at_us=at_us, kind="release", client=client, rows=rows, bytes=10)


def test_the_largest_comes_first_and_equal_ones_by_their_names() -> None:
    """Of more than are told, the smallest are left out."""
    tally = Tally(("client",))
    for client in ("b", "c", "a", "c", "", ""):
        tally.add_row(row(client))

    assert [(one.value, one.entries, one.rows, one.bytes) for one in tally.told()] == [
        ("c", 2, 2, 20),
        ("a", 1, 1, 10),
        ("b", 1, 1, 10),
    ]
    assert [one.value for one in tally.told(most=1)] == ["c"]


def test_times_come_newest_first() -> None:
    """Each by its beginning, in UTC."""
    tally = Tally(("day", "hour"))
    for at_us in (DAY_US, DAY_US + HOUR_US, DAY_US - 1, DAY_US + 1):
        tally.add_row(row("a", at_us, rows=0))

    assert [(one.facet, one.value, one.entries) for one in tally.told()] == [
        ("day", "2027-01-16", 3),
        ("day", "2027-01-15", 1),
        ("hour", "2027-01-16T01:00:00Z", 1),
        ("hour", "2027-01-16T00:00:00Z", 2),
        ("hour", "2027-01-15T23:00:00Z", 1),
    ]


def test_only_what_is_asked_is_counted() -> None:
    """By facets that there are."""
    tally = Tally(("kind",))
    tally.add("client", "a", 1, 1, 1)
    tally.add("kind", "end", 5, 6, 7)

    assert tally.told() == (LogCount(facet="kind", value="end", entries=5, rows=6, bytes=7),)
    assert unknown_facets(["kind", "who", *FACETS]) == ["who"]
    assert time_told("day", 0) == "1970-01-01"
