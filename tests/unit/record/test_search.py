# SPDX-License-Identifier: Apache-2.0
"""The log is searched by what its entries say, and by whom they were about."""

from pathlib import Path

import msgspec
import pytest
from pyroaring import BitMap

from gateway.domain.entry import Changed, End, Facts, Looked, Part, RefusalsCounted, Refused, SignIn
from gateway.domain.names import DecisionId
from gateway.record.search import Query, search
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
        (Query(call="two"), [3, 5]),
        (Query(account="a:analyst"), [1, 2, 4, 7]),
        (Query(account="a:campaigner"), [3, 5]),
        (Query(account="a:officer"), [8]),
        (Query(account="local:root"), [9]),
        (Query(client="partner-adnet"), [4]),
        (Query(purpose="marketing"), [1, 2, 3, 5]),
        (Query(purpose="market"), []),
        (Query(dataset="shop"), [4]),
        (Query(dataset="crm.customers", kind="end"), [5]),
        (Query(kind="refusal"), [4]),
        (Query(reason="red-line"), [4]),
        (Query(reason="held"), [5]),
        (Query(reason="malformed"), [10]),
        (Query(since_us=START_US + 3, until_us=START_US + 5), [3, 4]),
        (Query(person=7), [1, 3]),
        (Query(person=70_000), [1]),
        (Query(person=8, account="a:analyst"), [2]),
        (Query(person=9), []),
    ],
)
def test_a_query_finds_the_entries_that_answer_it(slots: list[Path], query: Query, places: list[int]) -> None:
    """Told by their times; later entries of a call are found by the facts of its first."""
    found = [record.line.at_us - START_US for record in search(slots, query)]

    assert found == places[::-1]
    assert [record.line.at_us - START_US for record in search(slots, query, newest_first=False)] == places


def test_an_empty_query_finds_everything(slots: list[Path]) -> None:
    """Every entry of every slot."""
    assert len(list(search(slots, Query()))) == 13


def test_every_figure_of_a_query_is_asked() -> None:
    """A new field of the query must be tried here too."""
    assert {field.name for field in msgspec.structs.fields(Query)} == {
        "call",
        "account",
        "client",
        "purpose",
        "dataset",
        "kind",
        "reason",
        "since_us",
        "until_us",
        "person",
    }
