# SPDX-License-Identifier: Apache-2.0
"""Whom calls reached and who used the data of a person, worked out from every entry in the plainest way."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyroaring import BitMap

from gateway.domain.entry import Changed, End, Facts, Intent, Looked, Passed, Refused, Release
from gateway.domain.log_query import LogQuery
from gateway.record.format.layout import slots
from gateway.record.reading.reader import Record, records

Told = dict[str, Any]


def read(logs: Path) -> list[tuple[str, Record, Facts, bool]]:
    """Return every entry with the facts of its call, and whether it is the first of it."""
    found = []
    for slot in slots(logs):
        facts: dict[str, Facts] = {}
        for record in records(logs / slot):
            body: Any = record.line.body
            call = getattr(body, "call", "")
            own = None if isinstance(body, Changed) else getattr(body, "facts", None)
            if call and call not in facts and own is not None:
                facts[call] = own
            found.append((slot, record, facts.get(call, Facts()), own is not None))
    return found


def means(asked: LogQuery, record: Record, facts: Facts) -> bool:
    at_us = record.line.at_us
    ip = "" if record.part is None else record.part.ip
    return (
        (asked.since_us is None or at_us >= asked.since_us)
        and (asked.until_us is None or at_us < asked.until_us)
        and asked.account in (None, facts.account)
        and asked.client in (None, facts.client)
        and asked.session in (None, facts.session)
        and asked.place in (None, ip)
        and (asked.dataset is None or f"{facts.dataset}.".startswith(f"{asked.dataset}."))
    )


def scope(everything: list[tuple[str, Record, Facts, bool]], asked: LogQuery, merged: Mapping[int, int]) -> Told:
    """Return what a scope must tell."""
    people: set[int] = set()
    written: set[int] = set()
    fields: dict[tuple[str, str, str], set[int]] = {}
    purposes: dict[str, set[int]] = {}
    n: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    times: list[int] = []
    for _, record, facts, _ in everything:
        body = record.line.body
        if not means(asked, record, facts):
            continue
        part = record.part
        if isinstance(body, Release):
            them = {merged.get(one, one) for one in BitMap.deserialize(part.people)} if part and part.people else set()
            n.update(entries=1, rows=body.rows, bytes=body.bytes)
            times.append(record.line.at_us)
            people |= them
            purposes.setdefault(facts.purpose, set()).update(them)
            for word, names in facts.fields.items():
                for name in names:
                    fields.setdefault((facts.dataset, name, word), set()).update(them)
            if body.people and part is None:
                n.update(bare=1, bare_people=body.people)
        elif isinstance(body, Intent):
            n.update(writes=1, records=body.records, bare_writes=part is None)
            written |= {merged.get(one, one) for one in (part.met if part else ())}
        elif isinstance(body, Refused):
            refused[body.reason] += 1
        elif isinstance(body, Passed):
            n.update(passed=1, passed_bytes=body.bytes)
        elif isinstance(body, End):
            n.update(cut=1)
    return {
        "people": people,
        "written": len(written),
        "fields": {key: len(them) for key, them in fields.items()},
        "purposes": {key: len(them) for key, them in purposes.items()},
        "n": {name: n[name] for name in NUMBERS},
        "refused": dict(refused),
        "times": (min(times), max(times)) if times else (None, None),
    }


NUMBERS = (
    "entries", "rows", "bytes", "bare", "bare_people", "writes", "records", "bare_writes", "passed", "passed_bytes", "cut",
)  # fmt: skip


def accesses(everything: list[tuple[str, Record, Facts, bool]], numbers: set[int]) -> dict[str, str]:
    """Return what was done with a person's data: by decision, or by place in the log for a look, the action."""
    calls: dict[tuple[str, str], Told] = {}
    found: dict[str, str] = {}
    for slot, record, facts, _ in everything:
        body: Any = record.line.body
        part = record.part
        them = set(BitMap.deserialize(part.people)) if part and part.people else set()
        named = numbers & ({*part.met} | them if part else set())
        if isinstance(body, Looked | Changed):
            if named:
                is_look = isinstance(body, Looked) or body.what == "incident-list-opened"
                found[f"{slot}:{record.line.seq}"] = "looked-up" if is_look else "recorded"
            continue
        call = getattr(body, "call", "")
        if not call:
            continue
        one = calls.setdefault(
            (slot, call), {"own": False, "released": False, "named": False, "intent": False, "refused": 0, "out": 0}
        )
        one["own"] |= facts.dataset.startswith("gateway.")
        if isinstance(body, Release):
            one["out"] += 1
            one["released"] |= bool(numbers & them)
            one["named"] |= bool(named)
        elif isinstance(body, Intent):
            one["intent"] |= bool(named)
        elif isinstance(body, Refused):
            one["refused"] = max(one["refused"], body.status)
    for (_, call), one in calls.items():
        if one["intent"] and not (one["refused"] and one["refused"] < 500 and not one["released"]):
            found[call] = "written"
        elif not one["intent"] and one["own"] and (one["released"] or one["named"]):
            found[call] = "looked-up"
        elif not one["intent"] and one["released"]:
            found[call] = "read"
        elif not one["intent"] and one["named"]:
            found[call] = "looked-for"
    return found
