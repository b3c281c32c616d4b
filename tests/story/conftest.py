# SPDX-License-Identifier: Apache-2.0
"""A whole world for stories: a sample store full of canaries, an installation, its door on a real socket."""

import asyncio
import contextlib
import http.client
import json
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvicorn
from typing_extensions import override

from gateway.app.doors import http_door
from gateway.app.installation import Rooms, open_installation
from gateway.app.making import enrol_at_once, issue_locally, make_installation
from gateway.app.roads import open_stores
from gateway.app.serving.serve import bound_socket, server_config
from gateway.app.slots import DOOR_SLOT
from gateway.demo.people import Customer, people
from gateway.demo.store import app as store_app
from gateway.demo.tables import make
from gateway.domain.choice import Choice, ChoiceState
from gateway.domain.entry import Entry, Part
from gateway.domain.names import IdentityKind, PersonNumber, PurposeKey
from gateway.record.proof.verify import Verdict, verify_logs
from gateway.record.reading.reader import records
from gateway.settings.loading import FILE_NAME, Settings, load
from gateway.settings.sections import PasswordSettings, StoreSettings
from tests.conftest import postgres_url, run_on_server
from tests.fakes.canaries import N_CANARIES, SECRET_FIELDS, canary

TODAY = date(2026, 6, 15)
ANALYST, EMAIL, SMS = (
    "analytics.reporting.campaign_insights",
    "marketing.communications.email",
    "marketing.communications.sms",
)
SUPPORT, ADNET = "essential.service.operations.support", "marketing.advertising.third_party.targeted"
CUSTOMER = IdentityKind("crm.customer_id")
ROLES = ("analyst", "campaigner", "service-agent", "officer", "admin")


class Reply(msgspec.Struct, frozen=True):
    """An answer as it came over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def ids(self) -> list[str]:
        """The ids of the rows of an object answer."""
        return [row["id"] for row in self.json["items"]]


class World:
    """What a story acts on."""

    def __init__(self, rooms: Rooms, port: int, store_port: int, crowd: list[Customer], wire: Path) -> None:
        """Keep what was started."""
        self.rooms, self.port, self.store_port, self.crowd, self._wire = rooms, port, store_port, crowd, wire
        self.state = rooms.settings.state
        self.refused: list[Reply] = []

    async def bearer(self, role: str, *, ago_s: int = 0) -> str:
        """Return a bearer of a role's account."""
        told = await issue_locally(self.rooms, role, signed_in_ago_us=ago_s * 1_000_000, by="local:test")
        assert told is not None
        return told

    async def get(
        self, path: str, role: str | None = None, purpose: str | None = None, *, ago_s: int = 0, **headers: str
    ) -> Reply:
        """Ask the gateway; header names are given with underscores."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        if role is not None:
            told.setdefault("Authorization", "Bearer " + await self.bearer(role, ago_s=ago_s))
        if purpose is not None:
            told["Data-Purpose"] = purpose
            told.setdefault("Data-Reference", "story-1")
        return await self.ask("GET", path, told)

    async def post(self, path: str, content: object, **headers: str) -> Reply:
        """Send JSON to the gateway."""
        told = {"Content-Type": "application/json", **{name.replace("_", "-"): v for name, v in headers.items()}}
        return await self.ask("POST", path, told, json.dumps(content).encode())

    async def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Reply:
        """Send one call and keep what came back for the search for canaries."""
        reply = await asyncio.to_thread(_ask, self.port, method, path, dict(headers), body)
        with self._wire.open("ab") as file:
            file.write(repr(reply.headers).encode() + b"\n" + reply.body + b"\n")
        if reply.status >= 400:
            self.refused.append(reply)
        return reply

    async def straight(self, path: str) -> Any:
        """Ask the store itself."""
        return (await asyncio.to_thread(_ask, self.store_port, "GET", path, {}, None)).json

    async def choose(self, customer_id: str, purpose: str, state: ChoiceState, at_us: int | None = None) -> None:
        """Record a choice as another process would, and wait until the door follows it."""
        (number,) = await self.rooms.people.numbers(CUSTOMER, [customer_id])
        at = self.rooms.clock() if at_us is None else at_us
        await self.rooms.choices.record(
            [Choice(person=number, purpose=PurposeKey(purpose), state=state, at_us=at)], "story"
        )
        await self.rooms.changes.follow()

    async def numbers(self, ids: list[str]) -> list[PersonNumber]:
        """Return the numbers of customers."""
        return await self.rooms.people.numbers(CUSTOMER, ids)

    def entries(self) -> list[tuple[Entry, Part | None]]:
        """Return what the door's log holds."""
        return [(record.line.body, record.part) for record in records(self.state / "log" / DOOR_SLOT)]

    def entries_of(self, decision_id: str) -> list[tuple[Entry, Part | None]]:
        """Return the entries of one call."""
        return [pair for pair in self.entries() if getattr(pair[0], "call", None) == decision_id]

    def verdict(self) -> Verdict:
        """Verify every log."""
        return verify_logs(self.state / "log")


@pytest.fixture(scope="session")
def crowd() -> list[Customer]:
    """300 sample people, the first of whom have canaries in fields that may not leave."""
    return _sample()


@pytest.fixture(scope="session")
def store_file(crowd: list[Customer], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a sample store with these people; the one place where canaries may be."""
    path = tmp_path_factory.mktemp("sample-store") / "store.db"
    make(path, crowd)
    return path


@pytest.fixture
async def store_port(store_file: Path) -> AsyncIterator[int]:
    """Port of a running sample store."""
    async with _serving(uvicorn.Config(store_app(store_file), log_config=None)) as port:
        yield port


@pytest.fixture(scope="session")
def sqlite_world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """State of an installation on SQLite that has an account for each role and the sample people's choices."""
    state = tmp_path_factory.mktemp("world") / "state"
    shutil.copytree(sqlite_template, state)
    _make_world(state, None)
    return state


@pytest.fixture(scope="session")
def postgres_world(postgres_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The same on PostgreSQL: its state, and the name of its database."""
    state, name = tmp_path_factory.mktemp("world") / "state", f"gateway_world_{secrets.token_hex(6)}"
    run_on_server(f'CREATE DATABASE "{name}" TEMPLATE "{postgres_template}"')
    _make_world(state, postgres_url().set(database=name).render_as_string(hide_password=False))
    yield state, name
    run_on_server(f'DROP DATABASE "{name}" WITH (FORCE)')


def _make_world(state: Path, database: str | None) -> None:
    """Make and fill an installation that others are copied from, and close it in order."""
    made = _made(state, database)

    async def filled() -> None:
        async with open_installation(made, DOOR_SLOT) as rooms:
            await fill(rooms, _sample())

    # A thread has no loop yet, whatever loop the tests of this process run in.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, filled()).result()


@cache
def _sample() -> list[Customer]:
    found = list(people(None, 300, today=TODAY))
    for number in range(1, N_CANARIES + 1):
        marks = {field: canary(number, field) for field in SECRET_FIELDS}
        found[number - 1] = msgspec.structs.replace(found[number - 1], **marks)
    return found


def _made(state: Path, database: str | None) -> Settings:
    """Make an installation, or take the one that is there, and return its settings for tests."""
    content = {"installation": "story", "log": {"least_free_bytes": 0, "least_free_percent": 0}}
    made = load(state=state) if (state / FILE_NAME).exists() else make_installation(state, content)
    update: dict[str, object] = {"state": state.absolute(), "passwords": PasswordSettings(memory_kib=64, time_cost=1)}
    if database is not None:
        update["database"] = database
    return Settings.model_validate({**made.model_dump(), **update})


@pytest.fixture
def settings(place: str, request: pytest.FixtureRequest, tmp_path: Path, store_port: int) -> Settings:
    """Settings of an installation before that store, on the engine of the test: a new one, or a story's."""
    state = Path(place) if "://" not in place else tmp_path / "state"
    if "://" in place and "world" in request.fixturenames:
        kept, _ = request.getfixturevalue("postgres_world")
        if kept is not None:
            shutil.copytree(kept, state)
    stores = {
        name: StoreSettings(base_url=f"http://127.0.0.1:{store_port}/{name}", read_s=5) for name in ("crm", "shop")
    }
    return _made(state, place if "://" in place else None).model_copy(update={"stores": stores})


@pytest.fixture
async def world(settings: Settings, store_port: int, crowd: list[Customer], tmp_path: Path) -> AsyncIterator[World]:
    """A gateway that answers on a real socket, with an account for each role and the crowd's choices."""
    async with opened(settings, store_port, crowd, tmp_path / "wire.log") as world:
        if await world.rooms.accounts.named(ROLES[0]) is None:
            await fill(world.rooms, crowd)
        else:
            # The copy knows people by their ids and choices alone; whatever else a test changes of them is in the store.
            assert [(one.id, one.choices) for one in crowd] == [(one.id, one.choices) for one in _sample()]
        yield world


async def fill(rooms: Rooms, crowd: list[Customer]) -> None:
    """Give a new installation an account for each role and the crowd's choices."""
    for role in ROLES:
        await enrol_at_once(
            rooms, role, f"{role} correct horse battery", roles=(role,), recipient="own", by="local:test"
        )
    await _record_choices(rooms, crowd)


@contextlib.asynccontextmanager
async def opened(settings: Settings, store_port: int, crowd: list[Customer], wire: Path) -> AsyncIterator[World]:
    """Open an installation as one process, with its door on a real socket, until the block ends."""
    async with open_installation(settings, DOOR_SLOT) as rooms, open_stores(settings) as stores:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(rooms.changes.run(stop))
            group.create_task(rooms.counting.run(stop))
            async with _serving(server_config(http_door(rooms, stores))) as port:
                yield World(rooms, port, store_port, crowd, wire)
            stop.set()


async def _record_choices(rooms: Rooms, crowd: list[Customer]) -> None:
    told = [one for customer in crowd for one in customer.choices]
    numbers = await rooms.people.numbers(CUSTOMER, [one.customer_id for one in told])
    choices = [
        Choice(person=number, purpose=one.purpose, state=one.state, at_us=one.at_us)
        for number, one in zip(numbers, told, strict=True)
    ]
    await rooms.choices.record(choices, "story")
    await rooms.changes.follow()


@contextlib.asynccontextmanager
async def _serving(config: uvicorn.Config) -> AsyncIterator[int]:
    listening = bound_socket("127.0.0.1", 0)
    server = _QuietServer(config)
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve(sockets=[listening]))
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
    listening.close()


class _QuietServer(uvicorn.Server):
    @contextlib.contextmanager
    @override
    def capture_signals(self) -> Iterator[None]:
        yield


def _ask(port: int, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()
