# SPDX-License-Identifier: Apache-2.0
"""An index of logs for tests, and what it must hold, worked out from the files in the plainest way."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from pyroaring import BitMap, BitMap64

from gateway.domain.entry import Changed, Facts, Line, Looked, Part, Refused, Release, SignIn
from gateway.domain.log_index import SPAN, Hour, Use, call_bytes, use_of
from gateway.domain.log_query import LogRow
from gateway.domain.names import DecisionId
from gateway.record.format.layout import parts_path, segments, slots
from gateway.record.format.parts import parse_part
from gateway.record.reading.reader import Record, records
from gateway.record.writing.drafts import Draft, draft
from gateway.store.log.index import LogIndex
from tests.fakes.log import START_US, opened

Everything = dict[str, Any]


def long_log(directory: Path, n_entries: int, name: str = "demo/node-1/door-0", by: str = "a") -> None:
    """Write an open log of releases to a few people each, by a few accounts, and of refusals."""
    log = opened(directory, name)
    drafts = [_draft(place, by) for place in range(log.size, n_entries)]
    for first in range(0, len(drafts), 250):
        log.append(drafts[first : first + 250])
    log.close(None)


def _draft(place: int, by: str) -> Draft:
    call = DecisionId(f"{place:032x}")
    facts = Facts(
        account=f"{by}_{place % 3}", client="app", purpose="marketing", dataset="crm.customers", operation="read"
    )
    at_us = START_US + place * 1_000_000
    if place % 10 == 9:
        return draft(Refused(call=call, reason="held", status=403, facts=facts), None, at_us)
    people = BitMap([place % 997, place % 89, 4_000_000_000])
    entry = Release(call=call, n=0, rows=3, bytes=120, people=len(people), last=True, facts=facts)
    return draft(entry, Part(ip=f"192.0.2.{place % 7}", people=people.serialize(), met=(place % 5,)), at_us)


def delete_parts(directory: Path, seqs: set[int]) -> None:
    """Delete the parts of entries as a program would: another file in the place of the old one."""
    for number in segments(directory):
        path = parts_path(directory, number)
        kept = [line for line in path.read_bytes().splitlines(keepends=True) if parse_part(line[:-1]).seq not in seqs]
        fresh = path.with_suffix(".new")
        fresh.write_bytes(b"".join(kept))
        fresh.replace(path)


async def everything(index: LogIndex) -> Everything:
    """Return what an index holds, in words; hints of where parts lie are left out of positions."""
    held = index.held
    positions = await held.positions()
    words, places, uses = await held.words()
    return {
        "positions": {slot: msgspec.structs.replace(one, part_at=0) for slot, one in positions.items()},
        "rows": [row for one in positions.values() for row in await held.entries(one.slot, 0, one.size)],
        "hours": await held.hours(),
        "words": (words, places, uses),
        "spans": [
            _plain(await held.span(one.slot, number))
            for one in positions.values()
            for number in range(one.size // SPAN + 1)
        ],
        "strays": await held.strays({}),
    }


def expected(logs: Path) -> tuple[list[LogRow], dict[Hour, tuple[int, ...]]]:
    """Return the rows and the counts that follow from the files; where they lie in them is left out."""
    rows, hours = list[LogRow](), dict[Hour, Counter[str]]()
    for slot in slots(logs):
        first: dict[str, LogRow] = {}
        for record in records(logs / slot):
            row = _row(slot, record, first)
            inherits = row.kind in {"release", "intent", "observed", "passed", "refusal", "end"}
            begins = bool(row.call) and not (inherits and row.call in first)
            if begins and inherits:
                first[row.call] = row
            call = call_bytes(row.call).hex() if row.call else ""
            rows.append(msgspec.structs.replace(row, call=call))
            key = Hour(row.at_us // 3_600_000_000, use_of(row), row.kind, row.decision, row.reason)
            hours.setdefault(key, Counter()).update(entries=1, calls=begins, rows=row.rows, bytes=row.bytes)
    return rows, {key: (one["entries"], one["calls"], one["rows"], one["bytes"]) for key, one in hours.items()}


def without_places(rows: Sequence[LogRow]) -> list[LogRow]:
    """Return rows without where their lines and parts lie."""
    return [msgspec.structs.replace(row, segment=0, line_at=0, part_at=-1) for row in rows]


def _row(slot: str, record: Record, first: dict[str, LogRow]) -> LogRow:
    line: Line = record.line
    body: Any = line.body
    call = getattr(body, "call", "")
    kind = body.__struct_config__.tag
    facts: Facts = getattr(body, "facts", None) or Facts() if not isinstance(body, Changed) else Facts()
    own: dict[str, Any] = {
        "account": facts.account, "client": facts.client, "recipient": facts.recipient, "session": facts.session,
        "purpose": facts.purpose, "dataset": facts.dataset, "operation": facts.operation,
        "reference": facts.reference or "", "fields": msgspec.json.encode(facts.fields, order="sorted").decode(),
    }  # fmt: skip
    if call in first and not isinstance(body, SignIn | Looked):
        own = {name: getattr(first[call], name) for name in own}
    if isinstance(body, SignIn):
        own |= {"account": body.account, "client": body.client, "session": body.session}
    if isinstance(body, Changed | Looked):
        own |= {"account": body.by}
    decision = {"release": "permit", "intent": "permit", "passed": "permit"}.get(kind, "")
    if isinstance(body, Refused):
        decision = "step-up" if body.reason == "step-up-required" else "deny"
    if isinstance(body, SignIn):
        decision = "permit" if body.ok else "deny"
    return LogRow(
        slot=slot,
        seq=line.seq,
        at_us=line.at_us,
        kind=kind,
        call=call,
        place="" if record.part is None else record.part.ip,
        decision=getattr(body, "would", decision),
        reason=getattr(body, "reason", None) or "",
        rows=getattr(body, "rows", 0),
        bytes=getattr(body, "bytes", None) or 0,
        people=body.people if isinstance(body, Release) else 0,
        **own,
    )


def span_of(logs: Path, slot: str, number: int, rows: Sequence[LogRow]) -> Everything:
    """Return the people of a span that follow from the files and from who read what."""
    uses: dict[Use, set[int]] = {}
    totals: dict[Use, Counter[str]] = {}
    postings: dict[int, set[int]] = {}
    of_span = [row for row in rows if row.slot == slot and row.seq // SPAN == number]
    for record, row in zip(list(records(logs / slot))[number * SPAN : (number + 1) * SPAN], of_span, strict=True):
        released = set(BitMap.deserialize(record.part.people)) if record.part and record.part.people else set()
        met = set(record.part.met) if record.part else set()
        if row.kind == "release":
            uses.setdefault(use_of(row), set()).update(released)
            totals.setdefault(use_of(row), Counter()).update(entries=1, rows=row.rows, bytes=row.bytes)
        for person in released | met:
            postings.setdefault(person % 64, set()).add(person << 16 | row.seq % SPAN)
    return {
        "uses": {
            use: (people, totals[use]["entries"], totals[use]["rows"], totals[use]["bytes"])
            for use, people in uses.items()
        },
        "postings": postings,
        "times": (min(row.at_us for row in of_span), max(row.at_us for row in of_span)),
    }


def _plain(span: Any) -> Everything | None:
    if span is None:
        return None
    return {
        "uses": {
            use: (set(BitMap.deserialize(one.people)), one.entries, one.rows, one.bytes)
            for use, one in span.uses.items()
        },
        "postings": {bucket: set(BitMap64.deserialize(held)) for bucket, held in span.postings.items()},
        "times": (span.first_us, span.last_us),
    }
