# SPDX-License-Identifier: Apache-2.0
"""The log is searched by what its entries say, and by whom they were about."""

from pathlib import Path

import msgspec
import pytest
from pyroaring import BitMap

from gateway.domain.entry import Changed, End, Facts, Looked, Part, RefusalsCounted, Refused, SignIn
from gateway.domain.log_query import LogPlace, LogQuery
from gateway.domain.names import DecisionId
from gateway.record.reading.search import met_from, of_call, search
from tests.fakes.log import START_US, enter, opened, part, release


@pytest.fixture(scope="module")
def slots(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    logs = tmp_path_factory.mktemp("log")
    door, cli = logs / "door-0", logs / "cli"
    log = opened(door, clock=lambda: START_US)
    people = Part(people=BitMap([7, 70_000]).serialize())
    enter(log, release("one", last=False), people, START_US + 1)
    enter(log, release("one", n=1), part(8), START_US + 2)
    enter(log, release("two", account="a:campaigner"), part(7), START_US + 3)
    facts = Facts(account="a:analyst", client="partner-adnet", purpose="analytics.reporting", dataset="shop.orders")
    enter(log, Refused(call=DecisionId("three"), reason="red-line", status=403, facts=facts), None, START_US + 4)
    enter(log, End(call=DecisionId("two"), how="cut", reason="held"), None, START_US + 5)
    log.close(START_US + 6)
    log = opened(cli, "demo/node-1/cli", clock=lambda: START_US)
    sign_in = SignIn(call=DecisionId("four"), step="totp", account="a:analyst", ok=False, reason="sign-in-failed")
    enter(log, sign_in, None, START_US + 7)
    enter(log, Changed(by="a:officer", what="account-added", target="a:1"), None, START_US + 8)
    enter(log, Looked(by="local:root", what="gateway.access_log", query="", rows=1), None, START_US + 9)
    enter(log, RefusalsCounted(since_us=0, reasons={"malformed": 3}), None, START_US + 10)
    log.close(START_US + 11)
    return [door, cli]


@pytest.mark.parametrize(
    ("query", "places"),
    [
        (LogQuery(call="two"), [3, 5]),
        (LogQuery(account="a:analyst"), [1, 2, 4, 7]),
        (LogQuery(account="a:campaigner"), [3, 5]),
        (LogQuery(account="a:officer"), [8]),
        (LogQuery(account="local:root"), [9]),
        (LogQuery(client="partner-adnet"), [4]),
        (LogQuery(purpose="marketing"), [1, 2, 3, 5]),
        (LogQuery(purpose="market"), []),
        (LogQuery(dataset="shop"), [4]),
        (LogQuery(dataset="crm.customers", kind="end"), [5]),
        (LogQuery(kind="refusal"), [4]),
        (LogQuery(reason="red-line"), [4]),
        (LogQuery(reason="held"), [5]),
        (LogQuery(reason="malformed"), [10]),
        (LogQuery(decision="permit"), [1, 2, 3]),
        (LogQuery(decision="deny"), [4, 7, 10]),
        (LogQuery(since_us=START_US + 3, until_us=START_US + 5), [3, 4]),
        (LogQuery(person=7), [1, 3]),
        (LogQuery(person=70_000), [1]),
        (LogQuery(person=8, account="a:analyst"), [2]),
        (LogQuery(person=9), []),
    ],
)
def test_a_query_finds_the_entries_that_answer_it(slots: list[Path], query: LogQuery, places: list[int]) -> None:
    """Told by their times; later entries of a call are found by the facts of its first."""
    found = [row.at_us - START_US for row in search(slots, query)]

    assert found == places[::-1]
    assert [row.at_us - START_US for row in search(slots, query, newest_first=False)] == places


def test_a_page_begins_behind_a_place_and_has_a_length(slots: list[Path]) -> None:
    """In both orders; the place itself is not told again."""
    behind = LogPlace(START_US + 3, "door-0", 3)

    assert [row.at_us - START_US for row in search(slots, LogQuery(), after=behind, limit=2)] == [2, 1]
    newer = search(slots, LogQuery(), after=behind, limit=3, newest_first=False)
    assert [row.at_us - START_US for row in newer] == [4, 5, 6]


def test_the_entries_of_a_call_are_told_oldest_first(slots: list[Path]) -> None:
    """From every log; another call's are none of them."""
    assert [record.line.at_us - START_US for record in of_call(slots, "two")] == [3, 5]


def test_people_are_found_in_the_parts_of_a_stretch(slots: list[Path]) -> None:
    """By the places of the entries, the last of the stretch not among them."""
    door, _ = slots

    assert met_from(door, 0, 9, 7) == [1, 3]
    assert met_from(door, 2, 9, 7) == [3]
    assert met_from(door, 0, 3, 7) == [1]
    assert met_from(door, 0, 9, 70_000) == [1]
    assert met_from(door, 0, 9, 9) == []


def test_an_empty_query_finds_everything(slots: list[Path]) -> None:
    """Every entry of every slot."""
    assert len(list(search(slots, LogQuery()))) == 13


def test_every_figure_of_a_query_is_asked() -> None:
    """A new field of the query must be tried here too."""
    assert {field.name for field in msgspec.structs.fields(LogQuery)} == {
        "call",
        "account",
        "client",
        "session",
        "place",
        "purpose",
        "dataset",
        "reference",
        "decision",
        "kind",
        "reason",
        "since_us",
        "until_us",
        "person",
    }
