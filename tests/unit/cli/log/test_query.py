# SPDX-License-Identifier: Apache-2.0
"""Qualifiers become a query, and nothing that could be a value of a person gets through."""

import msgspec
import pytest

from gateway.cli.desk.desk import Stop
from gateway.cli.log.query import query_of, spelled
from gateway.domain.log_query import LogQuery

NOW_US = 1_800_000_000_000_000


def test_every_qualifier_has_its_place_in_the_query() -> None:
    """``decision`` is a word or a call; a value may itself have a colon."""
    words = [
        "account:local:root", "client:app-1", "purpose:a.b", "dataset:crm", "decision:d_1", "kind:release",
        "reason:red-line", "person:4294967295", "since:1h", "until:2027-01-16", "decision:step-up", "session:s_1",
        "place:2001:db8::1", "reference:case 7/2027 (b)",
    ]  # fmt: skip

    assert query_of(words, NOW_US) == LogQuery(
        account="local:root",
        client="app-1",
        purpose="a.b",
        dataset="crm",
        call="d_1",
        decision="step-up",
        session="s_1",
        place="2001:db8::1",
        reference="case 7/2027 (b)",
        kind="release",
        reason="red-line",
        person=4_294_967_295,
        since_us=NOW_US - 3_600_000_000,
        until_us=1_800_057_600_000_000,
    )


def test_a_principal_is_an_account_and_a_store_the_dataset_above_its_collections() -> None:
    """Two words for one thing, and so not both at once."""
    assert query_of(["principal:a_1", "store:crm"], NOW_US) == LogQuery(account="a_1", dataset="crm")
    with pytest.raises(Stop, match="account: stands twice"):
        query_of(["principal:a_1", "account:a_2"], NOW_US)


def test_every_figure_of_a_query_can_be_asked() -> None:
    """A new field of the query must have a qualifier."""
    asked = query_of(
        [f"{name}:{value}" for name, value in (
            ("account", "a"), ("client", "a"), ("session", "a"), ("place", "::1"), ("purpose", "a"), ("dataset", "a"),
            ("reference", "a"), ("decision", "permit"), ("decision", "d_1"), ("kind", "end"), ("reason", "a"),
            ("person", "1"), ("since", "2h"), ("until", "1h"),
        )],
        NOW_US,
    )  # fmt: skip

    assert all(value is not None for value in msgspec.structs.asdict(asked).values())


def test_no_qualifier_asks_for_everything() -> None:
    """And is spelled as nothing."""
    assert query_of([], NOW_US) == LogQuery()
    assert spelled(LogQuery()) == ""


def test_a_query_is_spelled_by_what_it_asks() -> None:
    """As it is entered in the log, which keeps it for ever: without the address, and without the person's number."""
    assert spelled(query_of(["kind:end", "client:a"], NOW_US)) == "client:a kind:end"
    assert spelled(query_of(["person:7", "place:192.0.2.7"], NOW_US)) == "place:* person:*"


@pytest.mark.parametrize(
    "word",
    [
        "someone@example.org", "name:x", "account:", "account: x", "client:a b", "person:-1", "person:4294967296",
        "person:٧", "reason:a\nb", "purpose:" + "x" * 201,
        "client:someone@example.org", "session:someone@example.org", "purpose:+4915112345678",
    ],
)  # fmt: skip
def test_anything_else_stops_without_being_repeated(word: str) -> None:
    """The word may be a person's, so the sentence does not hold it."""
    with pytest.raises(Stop) as stopped:
        query_of([word], NOW_US)

    value = word.partition(":")[2] if ":" in word else word
    assert not value or value not in str(stopped.value)


def test_a_qualifier_stands_once() -> None:
    """Two of a kind would be one that is dropped."""
    with pytest.raises(Stop, match="kind: stands twice"):
        query_of(["kind:end", "kind:release"], NOW_US)


def test_a_word_that_is_no_decision_is_told_and_not_taken_for_an_identifier() -> None:
    """Nor is a time in which nothing can lie searched: an empty answer would read as: nothing of the kind happened."""
    with pytest.raises(Stop, match="decision: is followed by permit, deny, step-up, or by a Decision-Id"):
        query_of(["decision:permited"], NOW_US)
    with pytest.raises(Stop, match="until: must be later than since:"):
        query_of(["since:2027-01-15", "until:2027-01-15"], NOW_US)


def test_an_address_is_asked_for_as_the_log_spells_it() -> None:
    """One address has many spellings, of which the log has one."""
    assert query_of(["place:2001:DB8:0::0001"], NOW_US).place == "2001:db8::1"
    assert query_of(["place:::FFFF:192.0.2.7"], NOW_US).place == "::ffff:192.0.2.7"
    with pytest.raises(Stop, match="place: is followed by an address"):
        query_of(["place:192.0.2.700"], NOW_US)


def test_a_kind_that_no_entry_has_is_told_and_not_searched_for() -> None:
    """An empty answer would read as: nothing of the kind happened."""
    with pytest.raises(Stop, match=r"kind: is followed by one of .*changed.*release"):
        query_of(["kind:field-appeared"], NOW_US)
