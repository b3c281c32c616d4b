# SPDX-License-Identifier: Apache-2.0
"""What names and values ask of the log, and how an entry is told; what means nothing is refused by its name."""

import pytest

from gateway.domain.errors import QuestionRefused
from gateway.domain.log_facets import FACETS, LogCount
from gateway.domain.log_query import LogPlace, LogQuery, LogRow
from gateway.flows.own_data import MOST_ROWS, asked_of, moment_us, told_count, told_entry, told_moment, told_place

DAY_US = 1_800_057_600_000_000
"""2027-01-16."""


def test_every_name_has_its_place_in_the_question() -> None:
    """As the dataset that is shipped declares them."""
    asked = asked_of(
        [
            ("principal", "a_1"), ("client", "c"), ("session", "s"), ("place", "::1"), ("purpose", "p"),
            ("dataset", "crm"), ("reference", "case 7"), ("decision", "deny"), ("decision_id", "0" * 32),
            ("kind", "refusal"), ("reason", "held"), ("person", "4294967295"), ("since", "2027-01-16"),
            ("until", "2027-01-16T00:00:00.000001Z"), ("limit", "7"), ("sort", "at"),
            ("cursor", f"{DAY_US}.3.door-0"), ("facet", "client,day"),
        ]
    )  # fmt: skip

    assert asked.query == LogQuery(
        account="a_1",
        client="c",
        session="s",
        place="::1",
        purpose="p",
        dataset="crm",
        reference="case 7",
        decision="deny",
        call="0" * 32,
        kind="refusal",
        reason="held",
        person=4_294_967_295,
        since_us=DAY_US,
        until_us=DAY_US + 1,
    )
    assert (asked.limit, asked.newest_first, asked.after) == (7, False, LogPlace(DAY_US, "door-0", 3))
    assert asked.facets == ("client", "day")


def test_nothing_asked_is_everything_newest_first() -> None:
    """In pages of a hundred, counted by every facet."""
    asked = asked_of([])

    assert (asked.query, asked.limit, asked.newest_first, asked.after, asked.facets) == (
        LogQuery(),
        100,
        True,
        None,
        FACETS,
    )
    assert asked_of([("sort", "-at")]).newest_first


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("who", "zz9"), ("since", "yesterday"), ("until", "2027-02-28T18:00:00"), ("person", "07"), ("person", "-1"),
        ("person", "4294967296"), ("person", "٧"), ("decision", "maybe"), ("decision_id", "g" * 32), ("kind", "zz9"),
        ("sort", "account"), ("cursor", "1.2"), ("cursor", "1.2.a/b"), ("facet", "client,who"), ("facet", "day,,"),
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused_by_its_name(name: str, value: str) -> None:
    """The sentence does not hold the value, which could be anything."""
    with pytest.raises(QuestionRefused) as refused:
        asked_of([(name, value)])

    assert refused.value.parameter == name
    assert value not in refused.value.sentence


def test_the_same_under_two_names_is_refused() -> None:
    """One of them would be dropped."""
    with pytest.raises(QuestionRefused):
        asked_of([("account", "a"), ("principal", "b")])


def test_a_page_is_never_longer_than_one_answer_may_be() -> None:
    """Whatever a dataset declares."""
    assert asked_of([("limit", "100000")]).limit == MOST_ROWS


def test_an_entry_is_told_without_what_it_does_not_say() -> None:
    """Counts are told even where they are zero; whom it speaks of, only if that was asked."""
    row = LogRow(
        slot="cli",
        seq=3,
        at_us=DAY_US + 5,
        kind="looked",
        account="local:root",
        fields='{"reveal":["a","b"],"mask":["c"]}',
    )

    assert told_entry(row) == {
        "at": "2027-01-16T00:00:00.000005Z",
        "log": "cli",
        "seq": 3,
        "kind": "looked",
        "account": "local:root",
        "fields": "reveal a b; mask c",
        "rows": 0,
        "bytes": 0,
        "people": 0,
    }
    assert told_entry(row, 7)["person"] == 7


def test_a_place_and_a_moment_are_read_as_they_are_told() -> None:
    """So a list goes on where it ended."""
    place = LogPlace(DAY_US, "door-0.x", 12)

    assert asked_of([("cursor", told_place(place))]).after == place
    assert moment_us(told_moment(DAY_US + 1)) == DAY_US + 1


def test_a_count_that_is_not_whole_says_so() -> None:
    """And only such a one."""
    count = LogCount(facet="day", value="2027-01-16", entries=1, rows=2, bytes=3)

    assert "at_least" not in told_count(count)
    assert told_count(count, at_least=True) == {
        "facet": "day", "value": "2027-01-16", "entries": 1, "rows": 2, "bytes": 3, "at_least": True,
    }  # fmt: skip
