# SPDX-License-Identifier: Apache-2.0
"""What the index says of each kind of entry: who, for what, what came of it, how much."""

from collections.abc import Callable
from typing import Any

import msgspec

from gateway.domain.decision import Reason
from gateway.domain.entry import (
    Changed,
    End,
    Facts,
    Intent,
    Line,
    Looked,
    Observed,
    Passed,
    RefusalsCounted,
    Refused,
    Release,
    SignIn,
)
from gateway.domain.log_index import INHERITING
from gateway.domain.log_query import DENY, PERMIT, STEP_UP, LogRow

_CARRIED = (
    "account", "client", "recipient", "session", "purpose", "dataset", "operation", "reference", "fields",
)  # fmt: skip
_NO_FIELDS = "{}"
_encode = msgspec.json.Encoder(order="sorted").encode


def row_of(slot: str, line: Line, place: str, segment: int, line_at: int, part_at: int) -> LogRow:
    """Return an entry as its index holds it, with what it says itself.

    Args:
        slot: Name of the log's folder.
        line: The entry.
        place: Address in its part; empty for none.
        segment / line_at: The file and the byte in it at which the line begins.
        part_at: The byte in the file of parts at which its part begins, -1 for none.
    """
    body = line.body
    said = _SAID.get(type(body))
    return LogRow(
        slot=slot,
        seq=line.seq,
        at_us=line.at_us,
        kind=kind_of(body),
        call=call_of(body),
        place=place,
        segment=segment,
        line_at=line_at,
        part_at=part_at,
        **({} if said is None else said(body)),
    )


def kind_of(body: msgspec.Struct) -> str:
    """Return the tag of an entry."""
    return str(body.__struct_config__.tag)


def call_of(body: msgspec.Struct) -> str:
    """Return the call that an entry belongs to; empty for none."""
    return getattr(body, "call", "")


def with_facts_of(first: LogRow, row: LogRow) -> LogRow:
    """Return a row of a call with what the call's first entry says; other kinds say all of it themselves."""
    if row.kind not in INHERITING:
        return row
    return msgspec.structs.replace(row, **{name: getattr(first, name) for name in _CARRIED})


def _of_facts(facts: Facts | None) -> dict[str, Any]:
    if facts is None:
        return {}
    return {
        "account": facts.account,
        "client": facts.client,
        "recipient": facts.recipient,
        "session": facts.session,
        "purpose": facts.purpose,
        "dataset": facts.dataset,
        "operation": facts.operation,
        "reference": facts.reference or "",
        "fields": _encode(facts.fields).decode() if facts.fields else _NO_FIELDS,
    }


def _release(body: Release) -> dict[str, Any]:
    return {
        "decision": PERMIT,
        "rows": body.rows,
        "bytes": body.bytes,
        "people": body.people,
        **_of_facts(body.facts),
    }


def _intent(body: Intent) -> dict[str, Any]:
    return {"decision": PERMIT, **_of_facts(body.facts)}


def _observed(body: Observed) -> dict[str, Any]:
    return {"decision": body.would, "reason": body.reason or "", "bytes": body.bytes, **_of_facts(body.facts)}


def _passed(body: Passed) -> dict[str, Any]:
    return {"decision": PERMIT, "bytes": body.bytes}


def _refused(body: Refused) -> dict[str, Any]:
    decision = STEP_UP if body.reason == Reason.STEP_UP_REQUIRED else DENY
    return {"decision": decision, "reason": body.reason, "bytes": body.bytes, **_of_facts(body.facts)}


def _counted(body: RefusalsCounted) -> dict[str, Any]:
    # Entries of the first builds count several reasons; they are found by the one that was counted most.
    return {"decision": DENY, "reason": max(body.reasons, key=lambda one: body.reasons[one], default="")}


def _end(body: End) -> dict[str, Any]:
    return {"reason": body.reason or "", "bytes": body.bytes or 0}


def _sign_in(body: SignIn) -> dict[str, Any]:
    return {
        "decision": PERMIT if body.ok else DENY,
        "reason": body.reason or "",
        "account": body.account,
        "client": body.client,
        "session": body.session,
        "bytes": body.bytes,
    }


def _changed(body: Changed) -> dict[str, Any]:
    return {"account": body.by}


def _looked(body: Looked) -> dict[str, Any]:
    return {"account": body.by, "rows": body.rows, "bytes": body.bytes}


_SAID: dict[type, Callable[[Any], dict[str, Any]]] = {
    Release: _release,
    Intent: _intent,
    Observed: _observed,
    Passed: _passed,
    Refused: _refused,
    RefusalsCounted: _counted,
    End: _end,
    SignIn: _sign_in,
    Changed: _changed,
    Looked: _looked,
}
