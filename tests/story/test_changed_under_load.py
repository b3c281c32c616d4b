# SPDX-License-Identifier: Apache-2.0
"""Keys are rotated, rows sealed anew, the KEK changed and a column turned over by commands that are killed, under load.

The gateway runs as an operator would start it, and so do the commands; clients read, search and write all the while.
"""

import asyncio
import contextlib
import json
import random
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from gateway.app.installation import Rooms, open_installation
from gateway.app.making import enrol_at_once, issue_locally, make_installation
from gateway.domain.catalog import Form
from gateway.domain.entry import Changed
from gateway.domain.names import IdentityKind
from gateway.record.proof.verify import verify_logs
from gateway.record.reading.reader import records
from gateway.settings.loading import Settings
from gateway.transform.normalise import SPELLINGS
from tests.fakes.processes import Kept, Served, ended, gateway_served
from tests.fakes.wire import Heard, request, until
from tests.referee.numbers import CHANGE_ROUNDS
from tests.referee.report import progress, summary
from tests.story.conftest import SUPPORT
from tests.story.test_migrating import at_rest

CUSTOMER = IdentityKind("crm.customer_id")
N_PEOPLE = 1_500
"""Known besides, so that there is something to seal anew."""
N_WRITTEN = 40
"""Records that clients change; others are searched for by what they have."""
MIGRATE = ("surrogate", "migrate", "crm.customers", "--accept-normalised")


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store that a test may write to."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


@pytest.fixture
def installed(place: str, tmp_path: Path, store_port: int) -> Settings:
    """An installation whose store is to hold surrogates of phones."""
    content: dict[str, object] = {
        "installation": "changed",
        "listen": {"port": 0},
        "stores": {"crm": {"base_url": f"http://127.0.0.1:{store_port}/crm"}},
        "passwords": {"memory_kib": 64, "time_cost": 1},
        "log": {"least_free_bytes": 0, "least_free_percent": 0},
    }
    state = Path(place) if "://" not in place else tmp_path / "state"
    made = make_installation(state, content | ({"database": place} if "://" in place else {}))
    at_rest(made, {"phone": "phones"})
    return made


class Clients:
    """Who reads, searches and writes, and what came of it.

    Attributes:
        n_calls: Calls that were answered as they should be, by kind.
        failures: What came of the others.
        written: Of each record that was changed, the phone that was last acknowledged.
    """

    def __init__(self, rooms: Rooms, port: int, phones: dict[str, str]) -> None:
        """Begin with what the store has, by id."""
        self._rooms, self._port, self._phones = rooms, port, phones
        self._ids, self._chance = list(phones), random.Random(3)
        self._bearer = ""
        self.n_calls: Counter[str] = Counter()
        self.failures: list[str] = []
        self.written: dict[str, str] = {}

    async def sign_in(self) -> None:
        """Take a bearer that is good for the next minutes."""
        told = await issue_locally(self._rooms, "service-agent", signed_in_ago_us=0, by="local:test")
        assert told is not None
        self._bearer = told

    async def ask(self, path: str, said: object = None) -> Heard:
        """Call, on a connection of its own."""
        headers = {"Authorization": f"Bearer {self._bearer}", "Data-Purpose": SUPPORT, "Data-Reference": "case"}
        call = request(path, headers)
        if said is not None:
            headers["Content-Type"] = "application/merge-patch+json"
            call = request(path, headers, method="PATCH", body=json.dumps(said).encode())
        kept = Kept(*await asyncio.open_connection("127.0.0.1", self._port))
        try:
            return await kept.ask(call)
        finally:
            await kept.close()

    async def go_on(self, work: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
        """Do one thing again and again; whatever is not answered whole is a failure."""
        while not stop.is_set():
            try:
                await work()
            except (OSError, TimeoutError) as error:
                self.failures.append(type(error).__name__)
            await asyncio.sleep(0.01)

    async def read(self) -> None:
        """Read a page."""
        heard = await self.ask(f"/crm/customers?limit=20&offset={self._chance.randrange(280)}&fields=id,phone")
        rows = json.loads(heard.body)["items"] if heard.status == 200 and heard.is_whole else []
        changing = self._ids[:N_WRITTEN]
        right = [row for row in rows if row["id"] in changing or row["phone"] == self._phones[row["id"]]]
        self._count("read", heard, bool(rows) and len(right) == len(rows))

    async def search(self) -> None:
        """Look for somebody by a phone that stays."""
        row_id = self._chance.choice(self._ids[N_WRITTEN:])
        heard = await self.ask(f"/crm/customers?phone={quote(self._phones[row_id], safe='')}&fields=id")
        is_found = heard.status == 200 and row_id in [row["id"] for row in json.loads(heard.body)["items"]]
        self._count("search", heard, is_found)

    async def write(self) -> None:
        """Give somebody another phone."""
        row_id, phone = self._chance.choice(self._ids[:N_WRITTEN]), f"+4930{self._chance.randrange(10**7, 10**8)}"
        heard = await self.ask(f"/crm/customers/{row_id}", {"phone": phone})
        self._count("write", heard, heard.status == 200)
        if heard.status == 200:
            self.written[row_id] = phone

    def _count(self, kind: str, heard: Heard, is_right: bool) -> None:
        if is_right:
            self.n_calls[kind] += 1
        else:
            self.failures.append(f"{kind}: {heard.status} {heard.body[:200]!r}")


class Commands:
    """Gives commands as processes, and kills some.

    Attributes:
        n_killed: Commands that were killed before their end, by their first two words.
    """

    def __init__(self, settings: Settings) -> None:
        """Begin; kills come at moments of chance."""
        self._settings, self._chance = settings, random.Random(5)
        self.before: Callable[[], Awaitable[None]] | None = None
        """Called before each command: a bearer is good for five minutes, and a round on a busy machine takes longer."""
        self.n_killed: Counter[str] = Counter()

    async def give(self, *words: str) -> bytes:
        """Give a command and see it to its end."""
        process = await self._started(*words)
        async with asyncio.timeout(240):
            out, err = await process.communicate()
        assert process.returncode == 0, (words, out, err)
        return out

    async def kill(self, is_time: Callable[[], bool], *words: str, behind_s: float = 0.0) -> None:
        """Give a command and kill it when it is time, or a while behind that."""
        process = await self._started(*words)
        gone = asyncio.create_task(process.communicate())
        await until(lambda: gone.done() or is_time(), timeout_s=120)
        await asyncio.wait([gone], timeout=self._chance.random() * behind_s)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await gone
        self.n_killed[" ".join(words[:2])] += process.returncode == -9

    async def kill_worker(self, served: Served) -> None:
        """Rotate a key of rows, and kill the worker some time after it began to seal them anew."""
        has_begun = self.when_entered("worker", "key-rewrap-begun")
        await self.give("key", "rotate", "people/wrap")
        await until(has_begun, timeout_s=60)
        await asyncio.sleep(self._chance.random() * 0.2)
        served.kill("worker")
        self.n_killed["worker"] += 1

    def when_entered(self, slot: str, what: str) -> Callable[[], bool]:
        """Return what tells whether a log holds one entry of a kind more than now."""
        n_then = self._n_entered(slot, what)
        return lambda: self._n_entered(slot, what) > n_then

    def when_migrated(self, most_bytes: int = 90_000) -> Callable[[], bool]:
        """Return what tells whether a migration has entered some more than now; 300 records are some 250,000 bytes."""
        n_bytes = self._n_bytes() + self._chance.randint(2_000, most_bytes)
        return lambda: self._n_bytes() > n_bytes

    def _n_bytes(self) -> int:
        return sum(file.stat().st_size for file in (self._settings.state / "log" / "migration").glob("*.ndjson"))

    async def _started(self, *words: str) -> "asyncio.subprocess.Process":
        if self.before is not None:
            await self.before()
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", *words, "--state", str(self._settings.state)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    def _n_entered(self, slot: str, what: str) -> int:
        folder = self._settings.state / "log" / slot
        return sum(file.read_bytes().count(b'"what":"%s"' % what.encode()) for file in folder.glob("*.ndjson"))


async def a_round(commands: Commands, served: Served, n: int) -> None:
    """Change everything once; each process that does it is killed, and what it left is seen to its end."""
    await commands.kill_worker(served)
    await commands.give("key", "rewrap", "people/wrap")
    await commands.kill(commands.when_entered("cli", "kek-change-begun"), "key", "change-kek", behind_s=0.05)
    await commands.give("key", "change-kek")
    if n:
        await commands.give("key", "rotate", "at-rest/phones")
    await commands.kill(commands.when_migrated(), *MIGRATE)
    await commands.give(*MIGRATE)
    if n % 2:
        await commands.kill(commands.when_migrated(), *MIGRATE, "--back")
        await commands.give(*MIGRATE, "--back")
        await commands.give(*MIGRATE)


def phones_of(store_file: Path) -> dict[str, str]:
    """Return phones by id as the store has them."""
    with closing(sqlite3.connect(store_file)) as store:
        return {row[0]: str(row[1]) for row in store.execute("SELECT id, phone FROM customers ORDER BY id")}


def normalised(store_file: Path) -> dict[str, str]:
    """Let every phone of the store be in its one spelling, and return them by id."""
    with closing(sqlite3.connect(store_file)) as store, store:
        for row_id, phone, country in store.execute("SELECT id, phone, country FROM customers").fetchall():
            store.execute("UPDATE customers SET phone = ? WHERE id = ?", (spelled(phone, country), row_id))
    return phones_of(store_file)


def spelled(phone: str, country: str) -> str:
    """Return a phone in its one spelling."""
    return SPELLINGS[Form.PHONE](phone, country) or phone


async def changed(installed: Settings, store_file: Path, n_rounds: int) -> str:
    """Change everything so many times under load; return it in numbers."""
    before, commands = normalised(store_file), Commands(installed)
    async with open_installation(installed, "other") as rooms:
        words = "correct horse battery"
        await enrol_at_once(
            rooms, "service-agent", f"agent {words}", roles=("service-agent",), recipient="own", by="local:test"
        )
        known = [f"known-{n}" for n in range(N_PEOPLE)]
        numbers = await rooms.people.numbers(CUSTOMER, known)
        async with gateway_served(installed) as served:
            clients, stop = Clients(rooms, served.port, before), asyncio.Event()
            await clients.sign_in()
            commands.before = clients.sign_in
            tell = progress("rounds of changes under load", n_rounds)
            async with asyncio.TaskGroup() as group:
                for work in (clients.read, clients.search, clients.write):
                    group.create_task(clients.go_on(work, stop))
                await until(lambda: len(clients.n_calls) == 3 or bool(clients.failures), timeout_s=60)
                for n in range(n_rounds):
                    tell(n)
                    await a_round(commands, served, n)
                stop.set()
            assert await ended(served) == 0
        assert clients.failures == []
        rooms.keyring.reload()
        assert_every_phone_is_sealed(store_file)
        await commands.give(*MIGRATE, "--back")
        assert phones_of(store_file) == before | clients.written
        for place in range(0, N_PEOPLE, 100):
            assert [one.value for one in await rooms.people.identities(numbers[place])] == [known[place]]
    assert verify_logs(installed.state / "log").is_right
    assert commands.n_killed["worker"] == n_rounds
    assert commands.n_killed["surrogate migrate"] >= n_rounds
    entered = [record.line.body for record in records(installed.state / "log" / "cli")]
    assert [one.what for one in entered if isinstance(one, Changed) and one.what.startswith("kek-")][
        -1
    ] == "kek-changed"
    killed = ", ".join(f"{n} of {what}" for what, n in sorted(commands.n_killed.items()))
    calls = ", ".join(f"{n:,} {kind}" for kind, n in sorted(clients.n_calls.items()))
    return f"{calls}; 0 failed; killed: {killed}"


def assert_every_phone_is_sealed(store_file: Path) -> None:
    """No value is left in the column, whatever was written meanwhile."""
    assert [phone for phone in phones_of(store_file).values() if not phone.startswith("as")] == []


@pytest.mark.referee
@pytest.mark.alone
@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_no_call_fails_while_everything_is_changed_and_what_changes_it_is_killed(
    installed: Settings, store_file: Path
) -> None:
    """Once around: at the end every value is there, and every command that was killed went on."""
    await changed(installed, store_file, CHANGE_ROUNDS.of(referee=False))


@pytest.mark.referee
@pytest.mark.alone
async def test_no_call_fails_in_many_rounds_of_changes(installed: Settings, store_file: Path, place: str) -> None:
    """On both engines."""
    n_rounds = CHANGE_ROUNDS.of(referee=True)
    told = await changed(installed, store_file, n_rounds)
    summary(f"keys and columns changed under load, {n_rounds} rounds, {place.partition(':')[0][:8]}", told)
