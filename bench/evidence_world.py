# SPDX-License-Identifier: Apache-2.0
"""What the part ``evidence`` measures: a log, its index on SQLite or PostgreSQL, people with identities, questions.

Nothing of an installation runs: flows and stores are joined as ``app`` joins them, over a log that was made.
"""

import json
import os
import random
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import count, islice
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from bench import brute
from bench.made_calls import N_PEOPLE
from gateway.app.index.reading import LogFiles, LogIndexJoin
from gateway.domain.entry import Entry, Part
from gateway.domain.log_query import LogQuery
from gateway.domain.names import IdentityKind
from gateway.flows.accesses.ports import RuleWords
from gateway.flows.log_reading import LogReading
from gateway.keys import envelope
from gateway.keys.keyring import Keyring
from gateway.keys.providers import HeldKek
from gateway.store.engine import Base, open_index, open_store
from gateway.store.people import People
from gateway.store.people_behind import PeopleBehind

POSTGRES = "GATEWAY_TEST_POSTGRES"
KIND = IdentityKind("crm.customer_id")
AT_ONCE = 4_096
HOUR_US = 3_600_000_000


class Unheard:
    """A log that keeps nothing: what asks is entered in none of the logs that are measured."""

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Take an entry."""
        del entry, part
        return 0


class NoRules:
    """Rules that are lost: words are those of the log."""

    def words(self, digest: str) -> RuleWords | None:
        """Return nothing."""
        del digest
        return None


@asynccontextmanager
async def people_of(
    place: str | Path, keys: Path, n_people: int = N_PEOPLE
) -> AsyncIterator[tuple[PeopleBehind, list[int]]]:
    """Yield who stands behind numbers, and the numbers, in a store with so many people."""
    clock = count(1).__next__
    store, keyring = await open_store(place), Keyring(keys, HeldKek(envelope.new_key()), clock)
    try:
        people, numbers = People(store, keyring, envelope, clock), list[int]()
        for first in range(0, n_people, AT_ONCE):
            values = [f"c-{n:06}" for n in range(first, min(n_people, first + AT_ONCE))]
            numbers += map(int, await people.numbers(KIND, values))
        yield PeopleBehind(store, keyring, envelope), numbers
    finally:
        await store.close()


@contextmanager
def database() -> Iterator[str | None]:
    """Yield the URL of an empty PostgreSQL database, dropped afterwards; ``None`` where no server is known."""
    if POSTGRES not in os.environ:
        yield None
        return
    server = make_url(os.environ[POSTGRES]).set(drivername="postgresql")
    name = f"gateway_bench_{secrets.token_hex(6)}"
    told = server.render_as_string(hide_password=False)
    with psycopg.connect(told, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
        try:
            yield server.set(drivername="postgresql+psycopg", database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@asynccontextmanager
async def index_at(place: str | Path) -> AsyncIterator[Base]:
    """Yield the index at a place."""
    base = await open_index(place)
    try:
        yield base
    finally:
        await base.close()


def reading(base: Base, logs: Path) -> LogReading:
    """Return what answers questions of the log."""
    return LogReading(LogIndexJoin(base), LogFiles(logs))


def sampled(logs: Path, chance: random.Random, n: int) -> list[brute.Line]:
    """Return some calls with facts, from all over the logs of doors, read plainly."""
    found: list[brute.Line] = []
    for directory in sorted(path for path in logs.iterdir() if path.name.startswith("door")):
        for segment in sorted(directory.glob("[0-9]*.ndjson")):
            parts = brute.parts(directory / "parts" / segment.name, most=4 * n)
            with segment.open("rb") as file:
                known = ((json.loads(raw)) for raw in islice(file, 4 * n))
                found += [
                    one
                    for line in known
                    if line["seq"] in parts and (one := brute.line(directory.name, line, parts, {})).facts
                ]
    return chance.sample(found, min(n, len(found)))


def questions(samples: Sequence[brute.Line], chance: random.Random, n: int) -> list[LogQuery]:
    """Return a mix of questions such as an officer asks, all of which can find something."""
    found: list[LogQuery] = []
    while len(found) < n:
        found += _about(chance.choice(samples), chance)
    return found[:n]


def _about(one: brute.Line, chance: random.Random) -> list[LogQuery]:
    facts, at_us = one.facts, one.at_us
    account, client, purpose, dataset = (facts[name] for name in ("account", "client", "purpose", "dataset"))
    person = chance.choice(list(one.people)) if one.people else None
    day, week = (at_us - 12 * HOUR_US, at_us + 12 * HOUR_US), (at_us - 84 * HOUR_US, at_us + 84 * HOUR_US)
    found = [
        LogQuery(call=one.body["call"]),
        LogQuery(session=facts["session"]),
        LogQuery(account=account),
        LogQuery(account=account, since_us=day[0], until_us=day[1]),
        LogQuery(account=account, decision="deny"),
        LogQuery(client=client, purpose=purpose),
        LogQuery(client=client, dataset=dataset, since_us=week[0], until_us=week[1]),
        LogQuery(purpose=purpose.rpartition(".")[0], decision="step-up"),
        LogQuery(dataset=dataset.partition(".")[0], reason="red-line"),
        LogQuery(reason="budget-spent", since_us=week[0], until_us=week[1]),
        LogQuery(place=one.place),
        LogQuery(kind="sign-in", account=account),
        LogQuery(kind="changed"),
        LogQuery(since_us=day[0], until_us=day[1]),
    ]
    if facts.get("reference"):
        found.append(LogQuery(reference=facts["reference"]))
    if person is not None:
        found += [LogQuery(person=person), LogQuery(person=person, client=client)]
    return found


def plainly(asked: LogQuery, line: brute.Line) -> bool:
    """Tell whether an entry answers a question, by the words of docs/reference/log-format.md alone."""
    body, facts = line.body, line.facts
    account = facts.get("account") or body.get("account") or body.get("by") or ""
    session = facts.get("session") or body.get("session") or ""
    wanted = (
        (asked.call, body.get("call")),
        (asked.session, session),
        (asked.account, account),
        (asked.client, facts.get("client") or body.get("client") or ""),
        (asked.place, line.place),
        (asked.reference, facts.get("reference")),
        (asked.kind, body["kind"]),
        (asked.reason, body.get("reason")),
    )
    return (
        all(one is None or one == other for one, other in wanted)
        and (asked.decision is None or asked.decision == _decision(body))
        and (asked.purpose is None or _is_under(facts.get("purpose", ""), asked.purpose))
        and (asked.dataset is None or _is_under(facts.get("dataset", ""), asked.dataset))
        and (asked.since_us is None or asked.since_us <= line.at_us)
        and (asked.until_us is None or line.at_us < asked.until_us)
        and (
            asked.person is None
            or asked.person in line.met
            or (line.people is not None and asked.person in line.people)
        )
    )


def _decision(body: "brute.Body") -> str:
    kind = body["kind"]
    if kind == "refusal":
        return "step-up" if body["reason"] == "step-up-required" else "deny"
    if kind == "sign-in":
        return "permit" if body["ok"] else "deny"
    if kind == "observed":
        return str(body["would"])
    return "permit" if kind in ("release", "intent", "passed") else ""


def _is_under(key: str, above: str) -> bool:
    return key == above or key.startswith(f"{above}.")
