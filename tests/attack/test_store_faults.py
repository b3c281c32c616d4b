# SPDX-License-Identifier: Apache-2.0
"""Attack: a store that does one of 130 wrong things, through a whole gateway, in every format.

What may come of each is in the catalogue (``tests/referee/faults.py``): a clean problem or a stream
that is visibly broken, or, where the fault is harmless, the answer of a good store.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from gateway.domain.entry import End, Entry, Refused, Release
from gateway.settings.loading import Settings
from tests.fakes.wire import Heard, called, request, until
from tests.referee.faults import CANARY, ENDS, EVERY, FAULTS, JSON, Fault
from tests.referee.hostile_store import BY_NAME, GOOD, HostileStore, good_answers
from tests.story.conftest import ANALYST, World

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)

N_ROWS, N_LONG = 3, 9_000
SLOW = frozenset(fault.name for fault in FAULTS if fault.then == "hang" or fault.name.startswith(("drip", "endless")))
PATHS = {
    "array": "/crm/contacts",
    "object": "/crm/contacts/object",
    "record": "/crm/contacts/success/record",
    "ndjson": "/crm/contacts/ndjson",
    "csv": "/crm/contacts/csv",
}
ROUTES = """
            - {method: GET, path: /crm/contacts/object, operation: read,
               answer: {kind: object, rows: items, members: {total: recount}}}
            - {method: GET, path: "/crm/contacts/{outcome}/record", operation: read, answer: {kind: record},
               parameters: {outcome: {field: outcome}}}
            - {method: GET, path: /crm/contacts/ndjson, operation: read, answer: {kind: ndjson}}
            - {method: GET, path: /crm/contacts/csv, operation: read, answer: {kind: csv}}
"""


@pytest.fixture
async def hostile() -> AsyncIterator[HostileStore]:
    """The store."""
    async with HostileStore(good_answers(N_ROWS)) as store:
        yield store


@pytest.fixture
def store_port(hostile: HostileStore) -> int:
    """Its port."""
    return hostile.port


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A route of contacts for each format, and little patience with the store."""
    with_routes(settings.policies_dir / "datasets" / "crm.yaml")
    # Store and gateway share a process with a hundred others: who stalls for half a second is no fault of the store.
    patience = {"read_s": 1.5, "total_s": 4.0, "pace_s": 1.5, "least_bytes_s": 2000, "failures": 1_000_000}
    impatient = {name: one.model_copy(update=patience) for name, one in settings.stores.items()}
    return settings.model_copy(update={"stores": impatient})


def with_routes(dataset: Path) -> None:
    """Declare the routes in the dataset file."""
    before, name, after = dataset.read_text("utf-8").partition("      - name: contacts\n")
    head, routes, rest = after.partition("          routes:\n")
    dataset.write_text(before + name + head + routes + ROUTES[1:] + rest, "utf-8")


class Ask:
    """An analyst who asks for contacts in one format."""

    def __init__(self, world: World, store: HostileStore, bearer: str) -> None:
        """Keep the world and its store."""
        self._world, self._store = world, store
        self._headers = {"Authorization": "Bearer " + bearer, "Data-Purpose": ANALYST}

    async def good(self, kind: str) -> Heard:
        """Return what a good answer comes to."""
        return (await self.heard([GOOD], kind))[GOOD.name]

    async def heard(self, faults: Sequence[Fault], kind: str) -> dict[str, Heard]:
        """Return what an answer with each fault comes to; those that take their time take it together."""
        tasks = {}
        async with asyncio.TaskGroup() as group:
            for fault in faults:
                self._store.fault, n_before = fault, self._store.n_calls
                one = group.create_task(called(self._world.port, request(PATHS[kind], self._headers)))
                await until(lambda n=n_before: self._store.n_calls > n)  # type: ignore[misc]
                if fault.name not in SLOW:
                    await one
                tasks[fault.name] = one
        return {name: task.result() for name, task in tasks.items()}


@pytest.fixture
async def ask(world: World, hostile: HostileStore) -> Ask:
    """The analyst."""
    return Ask(world, hostile, await world.bearer("analyst"))


def closing(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries that close a call: a refusal, a last block, an end."""
    return [one for one in entries if isinstance(one, Refused | End) or (isinstance(one, Release) and one.last)]


def wrong(fault: Fault, good: Heard, heard: Heard, entries: list[Entry]) -> Iterator[str]:
    """Yield what is wrong with what a fault came to."""
    if CANARY in heard.body or CANARY in repr(heard.headers).encode():
        yield "the store's own words came through"
    is_answer = heard.status == 200
    if is_answer and fault.told == "refused" and heard.is_whole:
        yield "taken for whole"
    if fault.told == "same" and (heard.status, heard.is_whole, heard.body) != (200, True, good.body):
        yield f"not the answer of a good store: {heard.status}"
    if not is_answer:
        is_clean = heard.is_whole and heard.headers.get("content-type") == "application/problem+json"
        if not is_clean or heard.status not in (404, 502, 504):
            yield f"no clean problem: {heard.status}"
    closed = closing(entries)
    if len(closed) != 1:
        yield f"{len(closed)} closing entries"
        return
    [entry] = closed
    expected = (Release if heard.is_whole else End) if is_answer else Refused
    if not isinstance(entry, expected):
        yield f"entered as {type(entry).__name__}, came as {heard.status}, whole: {heard.is_whole}"
    released = sum(one.bytes for one in entries if isinstance(one, Release))
    if is_answer and len(heard.body) > released + (entry.told if isinstance(entry, End) else 0):
        yield "more came than was entered"


@pytest.mark.parametrize("kind", EVERY)
async def test_every_fault_is_a_clean_problem_or_visibly_broken(
    world: World, ask: Ask, hostile: HostileStore, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One answer, one closing entry, and nothing of the store's own words in answer or log."""
    caplog.set_level(logging.DEBUG)
    good = await ask.good(kind)
    assert (good.status, good.is_whole) == (200, True), good.body
    # What hangs or never ends takes its time and does not depend on the format.
    faults = [fault for fault in FAULTS if kind in fault.kinds and (kind == "array" or fault.name not in SLOW)]
    heard = await ask.heard(faults, kind)

    entries: dict[str, list[Entry]] = {}
    for entry, _ in world.entries():
        entries.setdefault(getattr(entry, "call", ""), []).append(entry)
    found = {
        fault.name: list(wrong(fault, good, one, entries.get(one.headers.get("decision-id", "-"), [])))
        for fault in faults
        for one in [heard[fault.name]]
    }
    assert {name: told for name, told in found.items() if told} == {}
    assert hostile.n_calls == len(faults) + 1
    assert CANARY not in b"".join(path.read_bytes() for path in (world.state / "log").rglob("*.ndjson"))
    assert CANARY.decode() not in caplog.text
    # The store was not given up: the next good answer is answered.
    assert (await ask.good(kind)).body == good.body


@pytest.mark.parametrize("kind", ["array", "object", "ndjson", "csv"])
async def test_a_long_answer_that_fails_midway_is_visibly_broken(
    world: World, ask: Ask, hostile: HostileStore, kind: str
) -> None:
    """Blocks that left are entered; the end says that the store failed; the frame is aborted."""
    hostile.goods = good_answers(N_LONG)
    cuts = [fault for fault in ENDS if fault.told == "refused" and not fault.name.startswith(("head", "nothing"))]
    cuts = [fault for fault in cuts if kind in fault.kinds and (kind == "array" or fault.name not in SLOW)]
    good = await ask.good(kind)
    found: dict[str, list[str]] = {}
    hows = Counter[str]()
    for name, heard in (await ask.heard(cuts, kind)).items():
        entries = [entry for entry, _ in world.entries_of(heard.headers["decision-id"])]
        found[name] = list(wrong(BY_NAME[name], good, heard, entries))
        hows.update(one.how for one in entries if isinstance(one, End))
        if heard.status == 200 and kind in JSON:
            assert good.body.startswith(heard.body)
    assert {name: told for name, told in found.items() if told} == {}
    assert set(hows) == {"store-failed"}
    assert hows["store-failed"] >= 8
