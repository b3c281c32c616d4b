# SPDX-License-Identifier: Apache-2.0
"""Part ``evidence``: a log of a million entries verified, indexed, searched, and asked whom calls reached.

The log is made by ``bench.made_log``. What the index answers is held against a reading of all files by ``bench.brute``:
a figure of an answer that is not exactly equal is none, and ends the run. Reference for verifying: a plain reading of the
same files with SHA-256; for building the index: plain ``executemany`` of as many rows of as many columns.
"""

import asyncio
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

import psycopg

from bench import brute
from bench.evidence_world import (
    HOUR_US,
    NoRules,
    Unheard,
    database,
    index_at,
    people_of,
    plainly,
    questions,
    reading,
    sampled,
)
from bench.made_calls import N_PEOPLE
from bench.made_log import DAYS, SLOTS, START_US, made_log
from bench.report import Figure, figure, marked, spin_s
from gateway.app.index.building import check
from gateway.app.index.indexing import fill
from gateway.domain.log_query import LogQuery
from gateway.flows.accesses.ports import Action, RuleWords
from gateway.flows.accesses.telling import accesses_to
from gateway.flows.incident.scope import scope_of
from gateway.flows.incident.values import Scope
from gateway.record.proof.verify import verify_logs
from gateway.store.engine import Base
from gateway.store.log.index import LogIndex
from gateway.store.log.people import LogPeople
from gateway.store.people_behind import PeopleBehind

N_QUESTIONS, PAGE = 200, 100
N_LAID_BESIDE = 12
"""Questions whose first page is held against a reading of all files."""
N_PEOPLE_ASKED = 5
VERIFY_S, ENTRIES_S, SEARCH_MS, SCOPE_S, PERSON_S = 30.0, 20_000.0, 300.0, 2.0, 2.0
"""Lines for a million entries."""
COLUMNS = 21
"""As many as a row of the index has."""


class World:
    """What is measured, and what the slow reading says of it."""

    def __init__(self, logs: Path, behind: PeopleBehind, n_entries: int, n_questions: int) -> None:
        """Draw what is asked, and read everything plainly once for the answers."""
        self.logs, self.behind, self.n_entries = logs, behind, n_entries
        chance = random.Random(n_entries)
        samples = sampled(logs, chance, 60)
        self.questions = questions(samples, chance, n_questions)
        self.asked = asked_of(samples)
        self.people = [next(iter(one.people)) for one in samples if one.people][:N_PEOPLE_ASKED]
        self.laid = chance.sample(self.questions, N_LAID_BESIDE)
        reaching, accessing = brute.Reaching(self.asked), brute.Accessing(self.people)
        placing = brute.Placing([partial(plainly, one) for one in self.laid])
        brute.read(logs, (reaching, accessing, placing))
        self.reached, self.accesses = reaching.found, accessing.found
        self.places = [sorted(some) for some in placing.found]

    @property
    def word(self) -> str:
        """How the figures of this log begin."""
        return f"{self.n_entries:,} entries"


def asked_of(samples: Sequence[brute.Line]) -> list[brute.Asked]:
    """Return the incidents that are asked for: an account, a client, a session, an address, a store, three days of all."""
    one, other = samples[0], samples[1]
    middle = START_US + DAYS * 12 * HOUR_US
    return [
        brute.Asked(account=one.facts["account"]),
        brute.Asked(account=one.facts["account"], since_us=middle, until_us=middle + 200 * HOUR_US),
        brute.Asked(client=other.facts["client"], since_us=middle - 100 * HOUR_US + 1),
        brute.Asked(session=one.facts["session"]),
        brute.Asked(place=other.place),
        brute.Asked(store="crm"),
        brute.Asked(since_us=middle + 7, until_us=middle + 72 * HOUR_US),
    ]


def query_of(asked: brute.Asked) -> LogQuery:
    """Return an incident in the words of the gateway."""
    return LogQuery(
        account=asked.account, client=asked.client, session=asked.session, place=asked.place, dataset=asked.store,
        since_us=asked.since_us, until_us=asked.until_us,
    )  # fmt: skip


def measure(disk: Path, sizes: Sequence[int]) -> list[Figure]:
    """Return the figures for logs of so many entries."""
    found: list[Figure] = []
    reference = [spin_s()]
    for n_entries in sizes:
        with tempfile.TemporaryDirectory(prefix="gateway-bench-", dir=disk) as folder:
            found += asyncio.run(_of(Path(folder), n_entries))
        reference.append(spin_s())
    return marked(found, reference)


async def _of(folder: Path, n_entries: int) -> list[Figure]:
    async with world_in(folder, n_entries) as (world, made):
        (folder / "index").mkdir()
        found = made + await on(folder / "index", "SQLite", world)
        with database() as url:
            if url is not None:
                found += await on(url, "PostgreSQL", world)
    return found


@asynccontextmanager
async def world_in(
    folder: Path,
    n_entries: int,
    *,
    slots: Sequence[str] = SLOTS,
    n_people: int = N_PEOPLE,
    n_questions: int = N_QUESTIONS,
) -> AsyncIterator[tuple[World, list[Figure]]]:
    """Make people and a log in an empty folder, verify it, and yield it with the figures of that."""
    logs = folder / "log"
    for name in ("keys", "state"):
        (folder / name).mkdir(mode=0o700)
    async with people_of(folder / "state", folder / "keys", n_people) as (behind, everybody):
        started_s = time.perf_counter()
        made = await asyncio.to_thread(made_log, logs, n_entries, slots=slots, everybody=everybody)
        made_s = time.perf_counter() - started_s
        found = [
            figure("evidence", f"{n_entries:,} entries: made", "entries/s", [n_entries / made_s]),
            figure("evidence", f"{n_entries:,} entries: bytes of one", "bytes", [made.n_bytes / n_entries]),
            *await asyncio.to_thread(_verified, logs, n_entries),
        ]
        yield await asyncio.to_thread(World, logs, behind, n_entries, n_questions), found


def _verified(logs: Path, n_entries: int) -> list[Figure]:
    plain_s = _plainly_read_s(logs)
    started_s, before_s = time.perf_counter(), time.process_time()
    verdict = verify_logs(logs)
    took_s, used_s = time.perf_counter() - started_s, time.process_time() - before_s
    assert verdict.is_right, verdict
    name = f"{n_entries:,} entries: verified"
    return [
        figure("evidence", name, "s", [took_s], target=VERIFY_S * max(1, n_entries / 1e6), at_most=True),
        figure("evidence", f"{name}, by processor time", "cpu-s", [used_s]),
        figure("evidence", f"{name} ÷ read with SHA-256 alone", "", [took_s / plain_s]),
    ]


def _plainly_read_s(logs: Path) -> float:
    started_s, digest = time.perf_counter(), sha256()
    for path in sorted(logs.rglob("*.ndjson")):
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    assert digest.digest()
    return time.perf_counter() - started_s


async def on(place: str | Path, engine: str, world: World) -> list[Figure]:
    """Return the figures of an index on one engine."""
    async with index_at(place) as base:
        found = await _built(base, place, engine, world)
        found += await _searched(base, engine, world)
        found += await _scoped(base, engine, world)
        return found + await _persons(base, engine, world)


async def _built(base: Base, place: str | Path, engine: str, world: World) -> list[Figure]:
    index, name = LogIndex(base), f"{world.word}, {engine}: index built"
    started_s, before_s = time.perf_counter(), _used_s()
    await index.drop_indexes()
    troubles = await fill(index, world.logs)
    await index.make_indexes()
    built_s, used_s = time.perf_counter() - started_s, _used_s() - before_s
    assert not troubles, troubles
    compared = await check(index, world.logs)
    assert compared.is_same, compared
    plain = await asyncio.to_thread(_plainly_entered, place, min(world.n_entries, 200_000))
    rate = world.n_entries / built_s
    return [
        figure("evidence", name, "entries/s", [rate], target=ENTRIES_S),
        figure("evidence", f"{name}, by processor time of ours", "entries/cpu-s", [world.n_entries / used_s]),
        figure("evidence", f"{name} ÷ plain executemany", "", [rate / plain]),
    ]


def _used_s() -> float:
    """Return the processor time of this process and of those it started and that ended."""
    both = (getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


def _plainly_entered(place: str | Path, n_rows: int) -> float:
    """Return how many rows of plain numbers a second the engine takes by executemany, in one transaction."""
    columns = ", ".join(f"c{n} bigint" for n in range(COLUMNS))
    row = tuple(range(COLUMNS))
    if "://" not in str(place):
        with sqlite3.connect(Path(place) / "plain.db") as plain:
            plain.execute("PRAGMA journal_mode=WAL")
            plain.execute(f"CREATE TABLE plain ({columns})")
            started_s = time.perf_counter()
            plain.executemany(f"INSERT INTO plain VALUES ({', '.join('?' * COLUMNS)})", [row] * n_rows)  # noqa: S608
            plain.commit()
        return n_rows / (time.perf_counter() - started_s)
    with psycopg.connect(str(place).replace("postgresql+psycopg", "postgresql")) as connection:
        connection.execute(f"CREATE TABLE plain ({columns})".encode())
        started_s = time.perf_counter()
        with connection.cursor() as cursor:
            insert = f"INSERT INTO plain VALUES ({', '.join(['%s'] * COLUMNS)})"  # noqa: S608
            cursor.executemany(insert.encode(), [row] * n_rows)
        connection.commit()
        return n_rows / (time.perf_counter() - started_s)


async def _searched(base: Base, engine: str, world: World) -> list[Figure]:
    asking, took_ms = reading(base, world.logs), list[float]()
    for number, one in enumerate(world.questions):
        started_s = time.perf_counter()
        await asking.page(one, limit=PAGE, newest_first=number % 4 > 0)
        took_ms.append((time.perf_counter() - started_s) * 1000)
    for one, places in zip(world.laid, world.places, strict=True):
        page = await asking.page(one, limit=PAGE)
        told = [(row.at_us, row.slot, row.seq) for row in page.rows]
        assert told == places[::-1][:PAGE], one
    took_ms.sort()
    name, n = f"{world.word}, {engine}: a page of {PAGE} found", len(took_ms)
    return [
        figure("evidence", f"{name}, median of {n} questions", "ms", [statistics.median(took_ms)]),
        figure(
            "evidence", f"{name}, 95th of a hundred", "ms", [took_ms[n * 95 // 100]], target=SEARCH_MS, at_most=True
        ),
        figure("evidence", f"{name}, slowest", "ms", [took_ms[-1]]),
    ]


async def _scoped(base: Base, engine: str, world: World) -> list[Figure]:
    took_s = []
    for asked, known in zip(world.asked, world.reached, strict=True):
        started_s = time.perf_counter()
        scope = (
            await scope_of(
                query_of(asked), logs=world.logs, index=LogPeople(base), people=world.behind, recorder=Unheard(),
                clock=lambda: START_US, by="local:bench",
            )
        ).scope  # fmt: skip
        took_s.append(time.perf_counter() - started_s)
        assert_equal(scope, known)
    name = f"{world.word}, {engine}: whom an incident reached"
    return [
        figure("evidence", f"{name}, of {len(took_s)}", "s", took_s),
        figure("evidence", f"{name}, slowest", "s", [max(took_s)], target=SCOPE_S, at_most=True),
    ]


def assert_equal(scope: Scope, known: brute.Reached) -> None:
    """Hold a scope against what a reading of everything says, to the last person and row."""
    assert scope.people == scope.people_at_most == len(known.people)
    assert (scope.rows, scope.entries, scope.bytes) == (known.rows, known.entries, known.bytes)
    assert (scope.first_us, scope.last_us) == (known.first_us, known.last_us)
    assert scope.people_in_clear == len(known.clear)
    assert {one.name: one.rows for one in scope.purposes} == known.purposes
    assert {one.name: one.rows for one in scope.recipients} == known.recipients
    reached = {(one.dataset, one.field, one.treatment): one.people for one in scope.fields}
    assert reached == {key: len(people) for key, people in known.fields.items()}
    assert scope.written.people == len(known.written)
    assert scope.refused.calls == known.refused
    assert scope.with_identity == scope.people


async def _persons(base: Base, engine: str, world: World) -> list[Figure]:
    took_s = []
    for person in world.people:
        started_s = time.perf_counter()
        told = await accesses_to(
            (person,), since_us=None, until_us=None, logs=world.logs, index=LogPeople(base), rules=NoRules(), now=RuleWords(),
            recorder=Unheard(), clock=lambda: START_US, by="local:bench",
        )  # fmt: skip
        took_s.append(time.perf_counter() - started_s)
        calls = [one.decision for one in told.accesses if one.action in (Action.READ, Action.WRITTEN)]
        assert len(calls) == len(set(calls))
        assert set(calls) == world.accesses[person]
    name = f"{world.word}, {engine}: every access to a person"
    n_calls = statistics.median(len(calls) for calls in world.accesses.values())
    return [
        figure("evidence", f"{name} ({n_calls:.0f} calls)", "s", took_s),
        figure("evidence", f"{name}, slowest", "s", [max(took_s)], target=PERSON_S, at_most=True),
    ]
