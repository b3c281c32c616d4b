# SPDX-License-Identifier: Apache-2.0
"""One entry of every kind, with what it can have beside it, and rows and records made of entries."""

import msgspec
from pyroaring import BitMap

from gateway.domain.entry import (
    Amended,
    Answered,
    Changed,
    Closed,
    End,
    Entry,
    Facts,
    Intent,
    Line,
    LogSeen,
    Looked,
    Numbered,
    Observed,
    Opened,
    Part,
    Passed,
    RefusalsCounted,
    Refused,
    Release,
    RulesInForce,
    RulesRefused,
    SignIn,
)
from gateway.domain.log_query import LogRow
from gateway.domain.names import DecisionId
from gateway.record.reading.index_rows import row_of, with_facts_of
from gateway.record.reading.reader import Record

CALL, WRITE = DecisionId("0" * 31 + "1"), DecisionId("0" * 31 + "2")
AT_US = 1_790_000_000_123_456
FACTS = Facts(
    account="a_someone",
    client="newsletter-app",
    recipient="mail-service",
    session="s_1",
    purpose="marketing.communications.email",
    reference="=spring",
    dataset="crm.customers",
    operation="read",
    method="GET",
    route="/crm/customers/{id}",
    fields={"reveal": ("email", "name"), "surrogate": ("id",)},
    filters=("country eq", "sort -age"),
    rules="ab" * 32,
    grants=("g:000000000001",),
    assurance=1,
)
UPDATING = msgspec.structs.replace(FACTS, operation="update", method="PATCH", fields={})
FROM = Part(ip="192.0.2.7", user_agent="app/1")

EVERY: tuple[tuple[Entry, Part | None], ...] = (
    (Opened(version="1", public_key="00" * 32, resumed_at=0), None),
    (
        Release(call=CALL, n=0, rows=2, bytes=90, people=2, withheld={"choice": 7}, facts=FACTS),
        Part(ip="2001:db8::7", user_agent="app/1", people=BitMap([11, 12]).serialize()),
    ),
    (Release(call=CALL, n=1, rows=1, bytes=40, people=1, last=True), FROM),
    (End(call=CALL, how="hang-up", bytes=90), None),
    (End(call=CALL, how="failed", bytes=0, reason="log-unavailable"), None),
    (End(call=CALL, how="unknown"), None),
    (Intent(call=WRITE, records=1, written={"clear": ("email",)}, facts=UPDATING), FROM),
    (Release(call=WRITE, n=0, rows=0, bytes=0, people=0, status=204, last=True), FROM),
    (Refused(call=CALL, reason="red-line", status=403, bytes=400, fields=("religion",), rule="x", facts=FACTS), FROM),
    (Refused(call=CALL, reason="sign-in-required", status=401, facts=Facts(method="PROPFIND")), None),
    (Observed(call=CALL, store="crm", would="deny", reason="purpose-missing", bytes=3, facts=FACTS), FROM),
    (Passed(call=CALL, n=0, bytes=9, status=404, last=True), FROM),
    (Numbered(people=2, identity="crm.customer_id"), Part(numbered=bytes(72))),
    (RefusalsCounted(since_us=AT_US - 5, reasons={"sign-in-required": 3, "overloaded": 2}), None),
    (Answered(since_us=AT_US - 5, counts={"livez": 4}), None),
    (SignIn(call=CALL, step="password", account="a_someone", ok=True), FROM),
    (SignIn(call=CALL, step="totp", account="a_someone", ok=True, session="s_1", spent="55"), FROM),
    (SignIn(call=CALL, step="recovery", account="", ok=False, reason="sign-in-failed"), FROM),
    (SignIn(call=CALL, step="client", account="a_app", ok=True, client="newsletter-app", session="s_2"), FROM),
    (SignIn(call=CALL, step="refresh", account="a_someone", ok=True, session="s_1"), None),
    (SignIn(call=CALL, step="revoked", account="a_someone", ok=True, session="s_1"), None),
    (RulesInForce(rules="ab" * 32, before=None), None),
    (RulesRefused(rules="cd" * 32, problems=("grants.csv:1: no",)), None),
    (Changed(by="local:root", what="account-added", target="a_someone", facts={"role": "analyst"}), None),
    (Changed(by="a_admin", what="key-shredded", target="totp 1"), None),
    (Changed(by="gateway", what="database-marked", target="main", facts={"beat": 3}), None),
    (Looked(by="local:root", what="log", query="purpose:marketing", rows=4), None),
    (LogSeen(origin="demo/node-1/cli", checkpoint="demo/node-1/cli\n4\nAAAA\n"), None),
    (Amended(origin="demo/node-1/door-0", place=1, taken=1, digest="ef" * 32), None),
    (Closed(), None),
)


def pairs(entries: tuple[tuple[Entry, Part | None], ...] = EVERY, slot: str = "door-0") -> list[tuple[LogRow, Record]]:
    """Return entries as the index and the files tell them, in one log; each millisecond one."""
    first: dict[str, LogRow] = {}
    found = []
    for seq, (body, part) in enumerate(entries):
        held = None if part is None else "ef" * 32
        line = Line(log=f"demo/node-1/{slot}", seq=seq, prev="0" * 64, at_us=AT_US + seq * 1_000, body=body, part=held)
        row = row_of(slot, line, part.ip if part else "", 0, 0, -1)
        if row.call and getattr(body, "facts", None) is not None:
            first[row.call] = row
        elif row.call in first:
            row = with_facts_of(first[row.call], row)
        found.append((row, Record(line, msgspec.json.encode(line), part)))
    return found
