# SPDX-License-Identifier: Apache-2.0
"""What is counted of entries: decisions with their reasons, rows and bytes, and of withheld rows no more than was told."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import pytest

from gateway.app.clock import ticks_s
from gateway.app.current import CURRENT, Span
from gateway.app.own_decisions import withheld_told
from gateway.app.signals.exposition import told
from gateway.app.signals.hearing import Hearing
from gateway.app.signals.meters import Meters
from gateway.app.signals.page import Region
from gateway.domain.entry import (
    Answered,
    End,
    Entry,
    Facts,
    Intent,
    Observed,
    RefusalsCounted,
    Refused,
    Release,
    SignIn,
)
from gateway.domain.names import DecisionId

CALL = DecisionId("0" * 32)
FACTS = Facts(
    account="a_1",
    client="c-1",
    purpose="analytics.reporting",
    operation="read",
    route="/crm/customers/{id}",
    reference="case-7",
)
LABELS = 'store="crm",operation="read",purpose="analytics.reporting"'


class Ear:
    """Hears entries and says what is told."""

    def __init__(self) -> None:
        """Begin in silence."""
        self._region = Region.alone()
        self._hearing = Hearing(Meters(self._region), withheld_told)
        self.failed = self._hearing.failed

    def hear(self, *entries: Entry) -> None:
        """Hear entries, all durable after a millisecond."""
        for entry in entries:
            self._hearing.appended(entry, 0.001)

    def told(self, name: str) -> list[str]:
        """Return what is told of a metric, without its name."""
        text = told({"door-0": self._region})
        return [line.removeprefix(name) for line in text.splitlines() if line.startswith(name)]


@pytest.fixture
def ear() -> Iterator[Ear]:
    """Hear inside one call."""
    token = CURRENT.set(Span(CALL, ticks_s()))
    yield Ear()
    CURRENT.reset(token)


def release(n: int = 0, **changes: object) -> Release:
    entry = Release(call=CALL, n=n, rows=30, bytes=900, people=30, last=True, facts=FACTS if n == 0 else None)
    return msgspec.structs.replace(entry, **changes)


def test_a_permitted_call_is_one_call_with_all_its_rows(ear: Ear) -> None:
    """However many blocks it has."""
    ear.hear(release(last=False), release(1, last=False), release(2))
    assert ear.told("gateway_calls_total") == [f'{{{LABELS},decision="permit",reason=""}} 1.0']
    assert ear.told("gateway_rows_released_total") == ['{store="crm",operation="read"} 90.0']
    assert ear.told("gateway_bytes_released_total") == ['{store="crm",operation="read"} 2700.0']
    assert ear.told("gateway_log_append_seconds_count") == [" 3.0"]
    assert ear.told("gateway_own_seconds_count") == ['{operation="read"} 1.0']
    assert ear.told("gateway_log_entries_total") == ['{kind="release"} 3.0']


def test_a_refusal_is_counted_by_its_reason(ear: Ear) -> None:
    """With what was known of it by then."""
    ear.hear(Refused(call=CALL, reason="budget-spent", status=429, facts=FACTS))
    ear.hear(Refused(call=CALL, reason="sign-in-required", status=401))
    assert ear.told("gateway_calls_total") == [
        '{store="",operation="",purpose="",decision="deny",reason="sign-in-required"} 1.0',
        f'{{{LABELS},decision="deny",reason="budget-spent"}} 1.0',
    ]


def test_a_write_is_counted_when_it_is_known_how_it_ended(ear: Ear) -> None:
    """Its intent tells whose it is and counts as nothing."""
    ear.hear(Intent(call=CALL, records=1, facts=FACTS))
    assert ear.told("gateway_calls_total") == []
    ear.hear(Refused(call=CALL, reason="store-timeout", status=504))
    assert ear.told("gateway_calls_total") == [f'{{{LABELS},decision="deny",reason="store-timeout"}} 1.0']


def test_a_flood_is_counted_as_the_log_counts_it(ear: Ear) -> None:
    """Refusals and sign-ins apart."""
    ear.hear(RefusalsCounted(since_us=0, reasons={"sign-in-required": 40, "sign-in-password": 7}))
    assert ear.told("gateway_calls_total") == [
        '{store="",operation="",purpose="",decision="deny",reason="sign-in-required"} 40.0'
    ]
    assert ear.told("gateway_sign_ins_total") == ['{step="password",result="wrong",reason="unknown"} 7.0']


def test_calls_that_are_passed_on_are_counted_by_what_would_have_come_of_them(ear: Ear) -> None:
    """An owner sees how many would be refused before the store is enforced."""
    ear.hear(
        Observed(call=CALL, store="crm", would="deny", reason="grant-missing"),
        Observed(call=CALL, store="crm", would="permit"),
    )
    assert ear.told("gateway_calls_not_enforced_total") == [
        '{store="crm",would="deny",reason="grant-missing"} 1.0',
        '{store="crm",would="permit",reason=""} 1.0',
    ]


def test_sign_ins_ends_and_own_answers_are_counted(ear: Ear) -> None:
    """Nobody's account is told."""
    ear.hear(
        SignIn(call=CALL, step="password", account="a_1", ok=False, reason="locked"),
        SignIn(call=CALL, step="totp", account="a_1", ok=True),
        End(call=CALL, how="hang-up"),
        Answered(since_us=0, counts={"live": 3, "turned-away": 2}),
    )
    ear.failed()
    assert ear.told("gateway_sign_ins_total") == [
        '{step="password",result="wrong",reason="locked"} 1.0',
        '{step="totp",result="right",reason=""} 1.0',
    ]
    assert ear.told("gateway_calls_cut_total") == ['{how="hang-up",reason=""} 1.0']
    assert ear.told("gateway_own_answers_total") == ['{what="live"} 3.0', '{what="turned-away"} 2.0']
    assert ear.told("gateway_log_failures_total") == [" 1.0"]


@pytest.mark.parametrize(
    ("facts", "rows", "withheld", "counted"),
    [
        (FACTS, 100, {"choice": 7}, ['{cause="choice"} 10.0']),
        (FACTS, 3, {"choice": 1}, []),
        (msgspec.structs.replace(FACTS, filters=("id eq",)), 100, {"choice": 7}, []),
    ],
    ids=["as the answer tells it, in steps", "of a handful of rows nothing", "of what a filter chose nothing"],
)
def test_of_withheld_rows_it_tells_what_the_answer_told(
    ear: Ear, facts: Facts, rows: int, withheld: dict[str, int], counted: list[str]
) -> None:
    """So nobody learns from metrics whether one person agreed."""
    ear.hear(release(facts=facts, rows=rows, withheld=withheld))
    assert ear.told("gateway_rows_withheld_told_total") == counted


def test_withheld_rows_of_a_stream_are_counted_once_for_all_of_it(ear: Ear) -> None:
    """Counted by blocks, small steps would add up to the exact number."""
    heard: list[tuple[int, Mapping[str, int]]] = []

    def tell(_facts: Facts, blocks: Sequence[Release], withheld: Mapping[str, int]) -> Mapping[str, int]:
        heard.append((sum(one.rows for one in blocks), dict(withheld)))
        return withheld

    hearing = Hearing(Meters(), tell)
    for n in range(3):
        hearing.appended(release(n, last=n == 2, withheld={"choice": 1, "age": n}), 0.001)
    assert heard == [(90, {"choice": 3, "age": 3})]


def test_outside_of_a_call_nothing_is_missed() -> None:
    """An entry that no task answers for is counted by what it says itself."""
    ear = Ear()
    ear.hear(release(), release(1))
    assert ear.told("gateway_calls_total") == [f'{{{LABELS},decision="permit",reason=""}} 1.0']
