# SPDX-License-Identifier: Apache-2.0
"""Every kind of entry has its sentence."""

import typing

import msgspec
import pytest

from gateway.cli.log.words import facts_lines, sentence
from gateway.domain.entry import (
    Amended,
    Answered,
    Changed,
    Closed,
    End,
    Entry,
    Facts,
    Intent,
    LogSeen,
    Looked,
    Numbered,
    Observed,
    Opened,
    Passed,
    RefusalsCounted,
    Refused,
    Release,
    RulesInForce,
    RulesRefused,
    SignIn,
)
from gateway.domain.names import DecisionId

CALL = DecisionId("d_1")
SENTENCES: tuple[tuple[Entry, str], ...] = (
    (Opened(version="1", public_key="00", resumed_at=3), "log opened by version 1 after 3 entries"),
    (Closed(), "log closed in order"),
    (
        Release(call=CALL, n=2, rows=4096, bytes=1_000_000, people=4000, last=True),
        "d_1: released block 2: 4,096 rows, 4,000 people, 1,000,000 bytes; complete",
    ),
    (
        Refused(call=CALL, reason="malformed", status=400, facts=Facts()),
        "d_1: refused malformed to nobody known",
    ),
    (
        Intent(call=CALL, records=2, written={"clear": ("city",)}, facts=Facts(dataset="crm.customers", account="a_1")),
        "d_1: about to write 2 records of crm.customers by a_1; clear: city",
    ),
    (
        Observed(
            call=CALL,
            store="crm",
            would="deny",
            reason="filter-not-permitted",
            fields=("email",),
            facts=Facts(client="web"),
        ),
        "d_1: passing on to crm, which is not enforced; would deny filter-not-permitted (email) to nobody known through web",
    ),
    (
        Passed(call=CALL, n=0, bytes=1_000, last=True),
        "d_1: passed on block 0 as the store sent it: 1,000 bytes; complete",
    ),
    (Numbered(people=12), "12 people got numbers"),
    (RefusalsCounted(since_us=0, reasons={"malformed": 7}), "refused before identification: malformed=7"),
    (Answered(since_us=0, counts={"livez": 60}), "answered: livez=60"),
    (End(call=CALL, how="cut", bytes=12, reason="held"), "d_1: ended cut after 12 bytes (held)"),
    (End(call=CALL, how="unknown"), "d_1: ended unknown"),
    (
        SignIn(call=CALL, step="totp", account="", ok=False, reason="unknown"),
        "d_1: sign-in of nobody known: totp not right (unknown)",
    ),
    (
        SignIn(call=CALL, step="client", account="a_1", client="x", ok=True),
        "d_1: sign-in of a_1 through x: client right",
    ),
    (RulesInForce(rules="a" * 64, before=None), "rules aaaaaaaaaaaa put in force"),
    (RulesInForce(rules="a" * 64, before="b" * 64), "rules aaaaaaaaaaaa put in force after bbbbbbbbbbbb"),
    (
        RulesInForce(rules="a" * 64, before="b" * 64, by="local:ops"),
        "rules aaaaaaaaaaaa put in force by local:ops after bbbbbbbbbbbb",
    ),
    (RulesRefused(rules="a" * 64, problems=("x:1: y",)), "rules aaaaaaaaaaaa refused, 1 problem: x:1: y"),
    (
        Changed(by="local:root", what="key-retired", target="totp", facts={"version": 1}),
        "local:root: key-retired totp version=1",
    ),
    (
        Changed(by="local:root", what="person-erased", target="7", facts={"because": "case 7", "digests": "aa bb"}),
        "local:root: person-erased 7 because=case 7",
    ),
    (Looked(by="local:root", what="log", query="kind:end", rows=2), "local:root: looked at log (kind:end): 2 rows"),
    (
        Amended(origin="i/n/s", place=7, taken=2, digest="00"),
        "part of entry i/n/s:7 amended: 2 people taken out",
    ),
    (LogSeen(origin="i/n/s", checkpoint="i/n/s\n42\nroot\n\n— x y\n"), "saw log i/n/s at 42 entries"),
)


@pytest.mark.parametrize(("entry", "expected"), SENTENCES)
def test_an_entry_is_told_in_one_sentence(entry: Entry, expected: str) -> None:
    """What it says, and nothing that has to be looked up."""
    assert sentence(entry) == expected


def test_no_kind_of_entry_is_without_a_sentence() -> None:
    """A new kind is told here too."""
    assert {type(entry) for entry, _ in SENTENCES} == set(typing.get_args(Entry))


def test_facts_are_lines_without_the_empty_ones() -> None:
    """A field of the facts that says nothing takes no line."""
    facts = Facts(account="a_1", purpose="p", fields={"mask": ("email", "phone")}, assurance=3)

    assert facts_lines(facts) == [
        ("account", "a_1"),
        ("purpose", "p"),
        ("leaves: mask", "email phone"),
        ("assurance", "3"),
    ]
    assert len(facts_lines(msgspec.structs.replace(facts, choices=9))) == 5
