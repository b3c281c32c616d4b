# SPDX-License-Identifier: Apache-2.0
"""Attack: take more people than a budget allows in 500 slices, 64 at once, over two doors, while processes are killed."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from gateway.app.installation import open_installation
from gateway.app.making import enrol_at_once, issue_locally, make_installation
from gateway.record.proof.verify import verify_logs
from gateway.settings.loading import Settings
from tests.fakes.budgeted import budgeted, released
from tests.fakes.paged_store import PagedStore
from tests.fakes.processes import Served, gateway_served
from tests.fakes.wire import AnswerParser, Heard, request
from tests.story.conftest import ANALYST

pytestmark = pytest.mark.alone

MOST_PEOPLE = 5_000
"""The budget. The number of CI is that of the referee."""
SLICES, SLICE = 500, 12
"""6,000 people in all."""
AT_ONCE = 64
TRIES = 200


@pytest.fixture
async def paged() -> AsyncIterator[PagedStore]:
    """A store that outlives the gateway."""
    async with PagedStore(SLICES * SLICE) as store:
        yield store


@pytest.fixture
async def settings(place: str, tmp_path: Path, paged: PagedStore) -> Settings:
    """An installation with an analyst, whose purpose has the budget."""
    state = Path(place) if "://" not in place else tmp_path / "state"
    made = make_installation(
        state,
        {
            "installation": "raced",
            "listen": {"port": 0},
            "stores": {"crm": {"base_url": f"http://127.0.0.1:{paged.port}/crm"}},
            "passwords": {"memory_kib": 64, "time_cost": 1},
            "log": {"least_free_bytes": 0, "least_free_percent": 0},
            **({"database": place} if "://" in place else {}),
        },
    )
    budgeted(made.policies_dir, ANALYST, f"people: {MOST_PEOPLE}, hours: 24")
    async with open_installation(made, "cli") as rooms:
        await enrol_at_once(
            rooms, "analyst", "analyst correct horse battery", roles=("analyst",), recipient="own", by="local:test"
        )
    return made


class Thieves:
    """64 callers that take one slice after the other, each until it was given or refused by the budget.

    Attributes:
        seen: Whom the wire told of, whole answer or not.
        n_given / n_refused: Slices.
    """

    def __init__(self, bearer: str) -> None:
        """Begin with all slices to take."""
        self._headers = {"Authorization": f"Bearer {bearer}", "Data-Purpose": ANALYST, "Connection": "close"}
        self._places: Iterator[int] = iter(range(SLICES))
        self.seen: set[str] = set()
        self.n_given = self.n_refused = 0
        self.port = 0

    @property
    def n_done(self) -> int:
        """How many slices were given or refused."""
        return self.n_given + self.n_refused

    async def run(self) -> None:
        """Take everything that can be had."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._steal())

    async def _steal(self) -> None:
        for place in self._places:
            call = request(f"/crm/contacts?limit={SLICE}&offset={place * SLICE}", self._headers)
            heard = Heard()
            for _ in range(TRIES):
                heard = await heard_until_cut(self.port, call)
                self._look_at(heard)
                if heard.is_whole and heard.status in {200, 429}:
                    self.n_given += heard.status == 200
                    self.n_refused += heard.status == 429
                    break
                # The process was killed, or is not ready yet.
                await asyncio.sleep(0.05)
            else:
                raise AssertionError(f"a slice was neither given nor refused: {heard.status} {heard.body[:200]!r}")

    def _look_at(self, heard: Heard) -> None:
        if heard.status == 200:
            whole = heard.body[: heard.body.rfind(b"}") + 1] + b"]"
            self.seen |= {row["customer_id"] for row in json.loads(whole)} if len(whole) > 1 else set()


async def heard_until_cut(port: int, content: bytes) -> Heard:
    """Return what comes of an answer, however its connection ends."""
    parser = AnswerParser()
    with suppress(ConnectionError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(content)
        with suppress(ConnectionError):
            while not parser.heard.is_whole and (piece := await reader.read(1 << 16)):
                parser.feed(piece)
        writer.close()
    return parser.heard


@asynccontextmanager
async def two_doors(settings: Settings, thieves: Thieves) -> AsyncIterator[Served]:
    """Serve, and let the callers know where."""
    async with gateway_served(settings, "--workers", "2") as served:
        thieves.port = served.port
        yield served


async def done(thieves: Thieves, n_slices: int) -> None:
    """Wait until so many slices are given or refused."""
    async with asyncio.timeout(60):
        while thieves.n_done < n_slices:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def bearer(settings: Settings) -> str:
    """Return a bearer for the analyst."""
    async with open_installation(settings, "cli") as rooms:
        told = await issue_locally(rooms, "analyst", signed_in_ago_us=0, by="local:test")
    assert told is not None
    return told


def assert_nobody_is_over(settings: Settings, thieves: Thieves) -> int:
    """Measure by the wire and by the log; return how many people were released."""
    people, _ = released(settings.state / "log")
    assert verify_logs(settings.state / "log").is_right
    assert len(thieves.seen) <= len(people) <= MOST_PEOPLE
    assert thieves.n_done == SLICES
    return len(people)


@pytest.mark.referee
async def test_nobody_is_over_and_nobody_is_refused_early(settings: Settings) -> None:
    """Two doors, 64 callers, no kills: exactly as many whole slices as fit."""
    thieves = Thieves(await bearer(settings))
    async with two_doors(settings, thieves):
        await thieves.run()

    n_people = assert_nobody_is_over(settings, thieves)
    assert n_people == len(thieves.seen) == MOST_PEOPLE // SLICE * SLICE
    assert thieves.n_given == MOST_PEOPLE // SLICE


async def test_nobody_is_over_while_processes_are_killed(settings: Settings) -> None:
    """A door is killed in the middle, then everything, and started again; only what was under way is lost to the caller."""
    thieves = Thieves(await bearer(settings))
    async with asyncio.TaskGroup() as group:
        async with two_doors(settings, thieves) as served:
            group.create_task(thieves.run())
            await done(thieves, SLICES // 5)
            gone = served.kill("door-0")
            await done(thieves, SLICES * 2 // 5)
            await served.another("door-0", gone)
            for pid in (*served.children().values(), served.process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        async with two_doors(settings, thieves):
            await done(thieves, SLICES)

    n_people = assert_nobody_is_over(settings, thieves)
    # At each kill, one slice for each caller may have been counted and not released.
    assert n_people > MOST_PEOPLE - (2 * AT_ONCE + 1) * SLICE
