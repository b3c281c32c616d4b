# SPDX-License-Identifier: Apache-2.0
"""A caller's own decisions, looked up in the log."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from gateway.domain.entry import End, Facts, Intent, Observed, Passed, Refused, Release
from gateway.domain.names import DecisionId
from gateway.doors.http.view import stepped
from gateway.flows.access.releasing import LEAST_COUNTED_ROWS
from gateway.record.reading.index_rows import call_of
from gateway.record.reading.reader import records

NEWEST = 200_000
"""How far back a caller's own decision is looked for: entries of one slot, newest first."""

FIRST = Release | Refused | Intent | Observed
"""Entries that hold the facts of a call."""


def own_decisions(logs: Path) -> Callable[[str, DecisionId], Awaitable[dict[str, object] | None]]:
    """Return what looks a decision up for the account whose own it is; for any other there is none."""

    async def decision(account: str, call: DecisionId) -> dict[str, object] | None:
        return await asyncio.to_thread(_looked_up, logs, account, call)

    return decision


def withheld_told(facts: Facts, released: Sequence[Release], withheld: Mapping[str, int]) -> dict[str, int]:
    """Return the stepped counts of withheld rows, where the answer itself would have told them."""
    is_chosen = any(not one.startswith("sort ") for one in facts.filters)
    n_rows = sum(body.rows for body in released) + sum(withheld.values())
    if is_chosen or n_rows < LEAST_COUNTED_ROWS:
        return {}
    return {cause: stepped(n) for cause, n in withheld.items()}


def _looked_up(logs: Path, account: str, call: DecisionId) -> dict[str, object] | None:
    """Return the entries of a call as one outcome, if the call was the account's own."""
    bodies = []
    for slot in sorted(path.parent for path in logs.glob("*/log.pub")):
        for place, record in enumerate(records(slot, newest_first=True)):
            if place >= NEWEST:
                break
            if call_of(record.line.body) == call:
                bodies.append(record.line.body)
    bodies.reverse()
    first = next((body for body in bodies if isinstance(body, FIRST) and body.facts), None)
    facts = None if first is None else first.facts
    if facts is None or facts.account != account:
        return None
    released = [body for body in bodies if isinstance(body, Release)]
    left = [body for body in bodies if isinstance(body, Release | Passed)]
    refused = next((body for body in bodies if isinstance(body, Refused)), None)
    end = next((body for body in bodies if isinstance(body, End)), None)
    withheld: dict[str, int] = {}
    for body in released:
        for cause, n in body.withheld.items():
            withheld[cause] = withheld.get(cause, 0) + n
    return {
        "decision_id": call,
        "decision": "deny" if refused else "permit",
        "reason": refused.reason if refused else None,
        "purpose": facts.purpose,
        "dataset": facts.dataset,
        "fields": facts.fields,
        "rows": sum(body.rows for body in released),
        "bytes": sum(body.bytes for body in left),
        "rows_withheld": withheld_told(facts, released, withheld),
        "end": end.how if end else ("complete" if any(body.last for body in left) else None),
    }
