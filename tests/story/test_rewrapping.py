# SPDX-License-Identifier: Apache-2.0
"""A key is rotated under load: the worker seals every row anew, is killed and goes on, and no call fails."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest

from gateway.app.installation import Rooms, open_installation
from gateway.app.making import enrol_at_once, issue_locally, make_installation
from gateway.app.rewrapping import announce_keys
from gateway.domain.entry import Changed, Entry
from gateway.domain.errors import KeyUnavailable
from gateway.domain.names import IdentityKind
from gateway.keys.keyring import Keyring
from gateway.keys.providers import FileKek, HeldKek
from gateway.record.proof.verify import verify_logs
from gateway.record.reading.reader import records
from gateway.settings.loading import Settings, load
from gateway.store.engine import KEYS_FILE
from gateway.store.schema import KEYS_SCHEMA
from gateway.store.sealed_rows import rows_of
from tests.fakes.gated_store import GatedStore, contacts, in_pieces
from tests.fakes.processes import KeptCaller, ended, gateway_served
from tests.fakes.wire import request, until
from tests.story.conftest import ANALYST

pytestmark = pytest.mark.alone

CUSTOMER = IdentityKind("crm.customer_id")
LABEL = "people/wrap"
N_PEOPLE = 8_000
ROWS = 20


@pytest.fixture
async def gated() -> AsyncIterator[GatedStore]:
    """A store each of whose answers is about people whom nobody met before."""
    async with GatedStore() as store:
        yield store


@pytest.fixture
def served_settings(place: str, tmp_path: Path, gated: GatedStore) -> Settings:
    """An installation on the engine of the test."""
    state = Path(place) if "://" not in place else tmp_path / "state"
    content: dict[str, object] = {
        "installation": "rewrapped",
        "listen": {"port": 0},
        "stores": {"crm": {"base_url": f"http://127.0.0.1:{gated.port}/crm"}},
        "passwords": {"memory_kib": 64, "time_cost": 1},
        "log": {"least_free_bytes": 0, "least_free_percent": 0},
    }
    return make_installation(state, content | ({"database": place} if "://" in place else {}))


async def versions(rooms: Rooms) -> dict[int, int]:
    """Return how many keys of people are under which version."""
    rows = rows_of(rooms.store, rooms.keyring, LABEL)
    assert rows is not None
    return await rows.by_version()


async def until_under(rooms: Rooms, is_so: object, timeout_s: float = 60) -> dict[int, int]:
    """Return the counts once they are so."""
    async with asyncio.timeout(timeout_s):
        while not is_so(found := await versions(rooms)):  # type: ignore[operator]  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.02)
    return found


@contextmanager
def held_on_postgres(url: str) -> Iterator[None]:
    """Lock the key of one person behind the first 600: whoever seals keys anew in their order stands still there."""
    plain = url.replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(plain) as connection:
        connection.execute(f"SET search_path = {KEYS_SCHEMA}")
        query = "SELECT number FROM person_key ORDER BY number OFFSET 600 LIMIT 1 FOR UPDATE"
        assert connection.execute(query).fetchone() is not None
        yield
        connection.rollback()


@contextmanager
def held_on_sqlite(file: Path, n_done: int) -> Iterator[threading.Event]:
    """Take the lock of all who write behind the batch that has sealed more than so many keys anew, and then keep it."""
    is_held, let_go = threading.Event(), threading.Event()
    query = "SELECT count(*) > ? FROM person_key WHERE substr(wrapped, 1, 4) = x'00000002'"

    def hold() -> None:
        connection = sqlite3.connect(file, timeout=60, isolation_level=None)
        while not connection.execute(query, (n_done,)).fetchone()[0] and not let_go.wait(0.001):
            continue
        connection.execute("BEGIN IMMEDIATE")
        is_held.set()
        let_go.wait()
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        yield is_held
    finally:
        let_go.set()
        thread.join()


@asynccontextmanager
async def standing_midway(settings: Settings, rooms: Rooms, n_done: int = 500) -> AsyncIterator[dict[int, int]]:
    """Rotate, and yield the counts once the worker has sealed so many keys anew and can seal no further ones.

    What it waits for is let go at the end of the block.
    """
    if settings.database is not None:
        with held_on_postgres(settings.database.get_secret_value()):
            rooms.keyring.rotate(LABEL)
            await announce_keys(rooms)
            await until(lambda: has_begun(settings))
            yield await until_under(rooms, lambda found: found.get(2, 0) > n_done)
    else:
        with held_on_sqlite(settings.state / KEYS_FILE, n_done) as is_held:
            rooms.keyring.rotate(LABEL)
            await announce_keys(rooms)
            assert await asyncio.to_thread(is_held.wait, 60)
            await until(lambda: has_begun(settings))
            yield await until_under(rooms, lambda found: found.get(2, 0) > n_done)


def has_begun(settings: Settings) -> bool:
    """Tell whether the worker seals anew; new people alone come under the newer version as well."""
    return any(one.what == "key-rewrap-begun" for one in changes(settings, "worker"))


async def new_people(gated: GatedStore, stop: asyncio.Event) -> None:
    """Let each answer be about other people than the one before."""
    for number in count():
        if stop.is_set():
            return
        gated.answers(in_pieces(contacts(ROWS, first=500_000 + number * ROWS, people=2_000_000)))
        await asyncio.sleep(0.01)


def changes(settings: Settings, slot: str) -> list[Changed]:
    """Return what a log says was changed of keys."""
    bodies: list[Entry] = [record.line.body for record in records(settings.state / "log" / slot)]
    return [one for one in bodies if isinstance(one, Changed) and one.what.startswith(("key-", "kek-"))]


async def callers_of(rooms: Rooms) -> list[KeptCaller]:
    """Return callers that read contacts."""
    told = await issue_locally(rooms, "analyst", signed_in_ago_us=0, by="local:test")
    call = request("/crm/contacts", {"Authorization": f"Bearer {told}", "Data-Purpose": ANALYST})
    return [KeptCaller(call) for _ in range(3)]


async def test_rotation_under_load_fails_no_call_and_a_kill_loses_nothing(
    served_settings: Settings, gated: GatedStore
) -> None:
    """Rows move to the new version while new people are met; the worker is killed midway, and the rest moves too."""
    known = [f"known-{n}" for n in range(N_PEOPLE)]
    async with open_installation(served_settings, "cli") as rooms:
        await enrol_at_once(
            rooms, "analyst", "analyst correct horse battery", roles=("analyst",), recipient="own", by="local:test"
        )
        numbers = await rooms.people.numbers(CUSTOMER, known)
        async with gateway_served(served_settings) as served:
            callers, stop = await callers_of(rooms), asyncio.Event()
            async with asyncio.TaskGroup() as group:
                group.create_task(new_people(gated, stop))
                for caller in callers:
                    group.create_task(caller.run(served.port, stop, pause_s=0.005))
                await until(lambda: all(caller.answers for caller in callers))
                async with standing_midway(served_settings, rooms) as begun:
                    served.kill("worker")
                    assert begun[1] > N_PEOPLE // 2
                    before = await versions(rooms)
                done = await until_under(rooms, lambda found: not found.get(1))
                n_then = sum(len(caller.answers) for caller in callers)
                await until(lambda: sum(len(caller.answers) for caller in callers) > n_then + 20)
                stop.set()
            assert await ended(served) == 0
        assert [caller.failures for caller in callers] == [[]] * len(callers)
        assert all(heard.status == 200 for caller in callers for heard in caller.answers)
        assert before.get(1, 0) > 0
        assert done[2] >= N_PEOPLE
        assert not (await versions(rooms)).get(1)
        # Nothing needs the old version any more: it goes, and everybody is still known.
        rooms.keyring.shred(LABEL, 1)
        for place in range(0, N_PEOPLE, 1_000):
            assert [one.value for one in await rooms.people.identities(numbers[place])] == [known[place]]
    kinds = [one.what for one in changes(served_settings, "worker")]
    assert kinds.count("key-rewrap-begun") >= 2
    assert kinds[-1] == "key-rewrapped"
    assert verify_logs(served_settings.state / "log").is_right


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_the_key_encryption_key_is_changed_under_load(served_settings: Settings, gated: GatedStore) -> None:
    """Doors follow: people whom nobody met before get keys all the while, and no call fails."""
    folder = served_settings.state / "keys"
    async with open_installation(served_settings, "cli") as rooms:
        await enrol_at_once(
            rooms, "analyst", "analyst correct horse battery", roles=("analyst",), recipient="own", by="local:test"
        )
        async with gateway_served(served_settings, "--workers", "2") as served:
            callers, stop = await callers_of(rooms), asyncio.Event()
            async with asyncio.TaskGroup() as group:
                group.create_task(new_people(gated, stop))
                for caller in callers:
                    group.create_task(caller.run(served.port, stop, pause_s=0.005))
                await until(lambda: all(caller.answers for caller in callers))
                for number in range(3):
                    new = HeldKek(bytes([number + 1]) * 32)
                    rooms.keyring.begin_change(new)
                    await announce_keys(rooms)
                    new.put(folder / "kek")
                    rooms.keyring.end_change(FileKek(folder / "kek"))
                    rooms.keyring.rotate(LABEL)
                    await announce_keys(rooms)
                    n_then = sum(len(caller.answers) for caller in callers)
                    await until(lambda n=n_then: sum(len(caller.answers) for caller in callers) > n + 20)  # type: ignore[misc]
                await served.restarted()
                stop.set()
            assert await ended(served) == 0
        assert [caller.failures for caller in callers] == [[]] * len(callers)
        assert {heard.status for caller in callers for heard in caller.answers} == {200}


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_a_key_that_the_environment_names_is_changed_by_a_restart_that_fails_no_call(
    served_settings: Settings, gated: GatedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both open everything, the file is replaced, every process is started anew, and the old one opens nothing."""
    file = tmp_path / "kek-of-the-environment"
    (served_settings.state / "keys" / "kek").rename(file)
    monkeypatch.setenv("GATEWAY_KEK_FILE", str(file))
    gated.answers(in_pieces(contacts(ROWS)))
    before, new = HeldKek.from_text(file.read_text(), "before"), HeldKek(bytes([7]) * 32)
    settings = load(state=served_settings.state)
    async with open_installation(settings, "cli") as rooms:
        await enrol_at_once(
            rooms, "analyst", "analyst correct horse battery", roles=("analyst",), recipient="own", by="local:test"
        )
        async with gateway_served(settings) as served:
            callers, stop = await callers_of(rooms), asyncio.Event()
            async with asyncio.TaskGroup() as group:
                for caller in callers:
                    group.create_task(caller.run(served.port, stop, pause_s=0.005))
                await until(lambda: all(caller.answers for caller in callers))
                rooms.keyring.begin_change(new)
                new.put(file)
                await served.restarted()
                rooms.keyring.end_change(new)
                await announce_keys(rooms)
                n_then = sum(len(caller.answers) for caller in callers)
                await until(lambda: sum(len(caller.answers) for caller in callers) > n_then + 20)
                stop.set()
            assert await ended(served) == 0
    assert [caller.failures for caller in callers] == [[]] * len(callers)
    assert {heard.status for caller in callers for heard in caller.answers} == {200}
    with pytest.raises(KeyUnavailable):
        Keyring(settings.state / "keys", before, lambda: 0).current("totp")
