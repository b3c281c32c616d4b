# SPDX-License-Identifier: Apache-2.0
"""A scope as text and Markdown says everything that its numbers say, and no more."""

import msgspec

from gateway.cli.incident.text import markdown, text
from gateway.flows.incident.values import Basis, Count, FieldReach, Refusals, Scope, Written
from gateway.record.reading.agreeing import Stand

SCOPE = Scope(
    format="gateway-incident-scope/1",
    made_us=1_790_000_000_000_000,
    made_by="local:root",
    asked={"principal": "a_1", "since": 1_789_900_000_000_000},
    query="principal:a_1 since:1789900000000000",
    people=1_200,
    people_at_most=1_230,
    with_identity=1_100,
    without_identity=100,
    identities={"crm.customer_id": 1_100, "crm.contact_id": 3},
    people_in_clear=900,
    people_in_coded_form_only=300,
    rows=5_000,
    entries=40,
    bytes=1_000_000,
    first_us=1_789_950_000_000_000,
    last_us=1_789_990_000_000_000,
    entries_without_people=2,
    fields=(
        FieldReach(dataset="crm.customers", field="email", treatment="reveal", people=900),
        FieldReach(dataset="crm.customers", field="id", treatment="surrogate", people=1_200),
    ),
    purposes=(Count(name="marketing|x", people=1_200, rows=5_000, entries=40),),
    recipients=(Count(name="", people=1_200, rows=5_000, entries=40),),
    datasets=(),
    accounts=(),
    clients=(),
    written=Written(
        entries=1, records=2, people=2, entries_without_people=1, fields={"clear": ("crm.customers.notes",)}
    ),
    refused=Refusals(calls=3, reasons={"red-line": 3}, datasets={"crm.customers": 3}),
    passed_on={"entries": 1, "bytes": 77},
    cut_short=4,
    rests_on=Basis(
        logs=(Stand(log="demo/node/door-0", entries=50, size=48, root="ab" * 32), Stand(log="cli", entries=2)),
        entries_from_files=9,
        remarks=("the index is empty: every entry was read",),
    ),
)
SAID = (
    "principal a_1, since 2026-09-20 ",
    "1,200 distinct, at most 1,230",
    "1,100 crm.customer_id, 3 crm.contact_id",
    "counted above: 100",
    "in clear: 900; in coded form only: 300",
    "Of 2 blocks",
    "they were 30 at most",
    "2 records of 2 people (in clear: crm.customers.notes)",
    "Of 1 writes",
    "77 bytes, of people whom nobody counted",
    "nobody knows how much: 4",
    "3 red-line",
    f"signed to 48, root {'ab' * 32}",
    "log cli: 2 entries; no checkpoint that could be read",
    "9 entries read from files",
    "the index is empty: every entry was read",
)


def test_both_forms_say_every_number() -> None:
    """The same sentences; in Markdown a bar is no column."""
    for spelled in (text(SCOPE), markdown(SCOPE)):
        assert [one for one in SAID if one not in spelled] == []
    assert "marketing\\|x" in markdown(SCOPE)
    assert "in coded form  1,200" in text(SCOPE)


def test_nothing_is_said_of_what_was_not() -> None:
    """No upper bound that is the number itself, no writes, no times."""
    none = msgspec.structs.replace(
        SCOPE,
        people_at_most=1_200,
        without_identity=0,
        entries_without_people=0,
        first_us=None,
        last_us=None,
        fields=(),
        written=Written(entries=0, records=0, people=0, entries_without_people=0, fields={}),
        passed_on={"entries": 0, "bytes": 0},
        cut_short=0,
    )
    for spelled in (text(none), markdown(none)):
        assert not any(
            word in spelled for word in ("at most", "Written", "First", "Passed", "Without one", "authorised")
        )
