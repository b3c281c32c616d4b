# SPDX-License-Identifier: Apache-2.0
"""Attack: kill -9 of the door while values get their tokens, by writes and by reads; no value is lost and none has two."""

import asyncio
import json
import random
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.app.installation import Rooms, open_installation
from gateway.app.making import enrol_at_once, issue_locally, make_installation
from gateway.domain.names import JoinDomain
from gateway.record.proof.verify import verify_logs
from gateway.settings.loading import Settings
from gateway.store.schema import vault_token, vault_value
from gateway.store.vault_tables import NOBODY
from tests.attack.test_kill_serving import heard_until_cut
from tests.fakes.processes import Served, ended, gateway_served
from tests.fakes.wire import Heard, request, until
from tests.referee.numbers import VAULT_KILLS
from tests.referee.report import progress, summary
from tests.story.conftest import ANALYST, SUPPORT
from tests.story.test_vault import SURROGATE, TOKEN, VAULTS, in_vault

NEW_ROWS = 12
"""Rows in clear that come into the store past the gateway before each kill."""
PAGE = 200
WRITERS, READERS = 3, 2


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store that a test may write to."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


@pytest.fixture
def installed(place: str, tmp_path: Path, store_port: int) -> Settings:
    """An installation whose store is to hold tokens of mail addresses and phones."""
    content: dict[str, object] = {
        "installation": "killed",
        "listen": {"port": 0},
        "stores": {"crm": {"base_url": f"http://127.0.0.1:{store_port}/crm"}},
        "passwords": {"memory_kib": 64, "time_cost": 1},
        "log": {"least_free_bytes": 0, "least_free_percent": 0},
    }
    state = Path(place) if "://" not in place else tmp_path / "state"
    made = make_installation(state, content | ({"database": place} if "://" in place else {}))
    in_vault(made)
    return made


class Traffic:
    """Who writes and reads all the time, and what they gave and heard.

    Attributes:
        given: By name, the values of records that were given to the gateway or put into the store.
        answers: Of writes, by name, what came.
        pages: What came of reads.
    """

    def __init__(self, rooms: Rooms, store_file: Path) -> None:
        """Begin with what the store has."""
        self._rooms, self._store_file, self._chance = rooms, store_file, random.Random(7)
        self.given: dict[str, dict[str, str]] = {}
        self.answers: dict[str, Heard] = {}
        self.pages: list[Heard] = []
        self._bearers: dict[str, str] = {}
        self._n = 0

    async def sign_in(self) -> None:
        """Take bearers that are good for the next minutes."""
        for role in ("analyst", "service-agent"):
            told = await issue_locally(self._rooms, role, signed_in_ago_us=0, by="local:test")
            assert told is not None
            self._bearers[role] = told

    def call(self, path: str, role: str, said: object = None) -> bytes:
        """Return the bytes of a call."""
        purpose = ANALYST if role == "analyst" else SUPPORT
        headers = {"Authorization": f"Bearer {self._bearers[role]}", "Data-Purpose": purpose, "Data-Reference": "case"}
        if said is None:
            return request(path, headers)
        return request(
            path, {**headers, "Content-Type": "application/json"}, method="POST", body=json.dumps(said).encode()
        )

    def values(self) -> tuple[str, dict[str, str]]:
        """Return a new name, with a mail address of its own and a phone that some share."""
        self._n += 1
        name = f"Person {self._n:06}"
        phone = f"+4915{self._chance.randint(10**8, 2 * 10**8) if self._n % 3 else 111_000_000 + self._n // 9}"
        self.given[name] = {"email": f"p{self._n}@example.com", "phone": phone}
        return name, self.given[name]

    async def write(self, port: int, stop: asyncio.Event) -> None:
        """Create records until told to stop."""
        while not stop.is_set():
            name, values = self.values()
            said = {"name": name, "country": "DE", **values}
            self.answers[name] = await heard_until_cut(port, self.call("/crm/customers", "service-agent", said))
            await asyncio.sleep(0.005)

    async def read(self, port: int, stop: asyncio.Event) -> None:
        """Read pages until told to stop."""
        while not stop.is_set():
            offset = self._chance.randrange(0, self.n_rows(), PAGE // 2)
            page = self.call(f"/crm/customers?limit={PAGE}&offset={offset}", "analyst")
            await heard_until_cut(port, page, self.pages)
            await asyncio.sleep(0.005)

    def n_rows(self) -> int:
        """Return how many records the store has."""
        with closing(sqlite3.connect(self._store_file, timeout=30)) as store:
            return int(store.execute("SELECT count(*) FROM customers").fetchone()[0])

    def come_in_clear(self) -> None:
        """Put records into the store past the gateway."""
        with closing(sqlite3.connect(self._store_file, timeout=30)) as store, store:
            # Without columns that the store makes of others.
            columns = [one[1] for one in store.execute("PRAGMA table_xinfo(customers)") if one[6] == 0]
            names = ",".join(f'"{one}"' for one in columns)
            row = store.execute(f"SELECT {names} FROM customers WHERE id = 'c-000150'").fetchone()  # noqa: S608
            for _ in range(NEW_ROWS):
                name, values = self.values()
                changed = {**dict(zip(columns, row, strict=True)), "id": f"k-{self._n:06}", "name": name, **values}
                marks = ",".join("?" * len(columns))
                store.execute(f"INSERT INTO customers ({names}) VALUES ({marks})", [changed[one] for one in columns])  # noqa: S608


async def killed_again_and_again(served: Served, traffic: Traffic, n_kills: int) -> None:
    """Kill the door so many times while everybody goes on."""
    chance, stop, tell = random.Random(n_kills), asyncio.Event(), progress("kills of a door with a vault", n_kills)
    async with asyncio.TaskGroup() as group:
        for work in (*[traffic.write] * WRITERS, *[traffic.read] * READERS):
            group.create_task(work(served.port, stop))
        for n_done in range(n_kills):
            tell(n_done)
            await traffic.sign_in()
            n_then = sum(one.status == 201 for one in traffic.answers.values())
            await asyncio.to_thread(traffic.come_in_clear)
            await until(lambda n=n_then: sum(one.status == 201 for one in traffic.answers.values()) > n, timeout_s=60)  # type: ignore[misc]
            # Anywhere in the work on the next calls: sealing, committing, asking the store, taking over.
            await asyncio.sleep(chance.random() * 0.1)
            gone = served.kill("door-0")
            await served.another("door-0", gone)
        stop.set()


async def rows_of(port: int, traffic: Traffic, role: str) -> list[dict[str, str]]:
    """Return every row as a role sees it."""
    rows: list[dict[str, str]] = []
    for offset in range(0, traffic.n_rows(), PAGE):
        heard = await heard_until_cut(port, traffic.call(f"/crm/customers?limit={PAGE}&offset={offset}", role))
        assert heard.status == 200, heard.body
        rows += json.loads(heard.body)["items"]
    return rows


async def test_no_kill_of_a_door_loses_a_value_or_gives_it_two_tokens(installed: Settings, store_file: Path) -> None:
    """A few kills."""
    await kills(installed, store_file, VAULT_KILLS.of(referee=False))


@pytest.mark.referee
async def test_many_kills_of_a_door_lose_no_value(installed: Settings, store_file: Path, place: str) -> None:
    """Many kills."""
    n_kills = VAULT_KILLS.of(referee=True)
    told = await kills(installed, store_file, n_kills)
    summary(f"kill -9 of a door with a vault, {n_kills} times, {place.partition(':')[0][:8]}", told)


async def kills(installed: Settings, store_file: Path, n_kills: int) -> str:
    """Kill, then hold what everybody heard and what the store has against the vault; return it in numbers."""
    async with open_installation(installed, "cli") as rooms:
        for role in ("analyst", "service-agent"):
            words = "correct horse battery"
            await enrol_at_once(rooms, role, f"{role} {words}", roles=(role,), recipient="own", by="local:test")
        traffic = Traffic(rooms, store_file)
        await traffic.sign_in()
        async with gateway_served(installed) as served:
            await killed_again_and_again(served, traffic, n_kills)
            await traffic.sign_in()
            seen = await rows_of(served.port, traffic, "analyst")
            clear = await rows_of(served.port, traffic, "service-agent")
            assert await ended(served) == 0
        await assert_nothing_lost(rooms, traffic, store_file, clear)
        assert_what_left_still_stands(traffic, seen)
        n_tokens = await assert_one_token_each(rooms)
    assert verify_logs(installed.state / "log").is_right
    n_written = sum(one.status == 201 for one in traffic.answers.values())
    n_pages = sum(one.status == 200 for one in traffic.pages)
    return f"{n_written} records written, {n_pages} pages read, {n_tokens} tokens; 0 lost, 0 double"


async def assert_nothing_lost(rooms: Rooms, traffic: Traffic, store_file: Path, clear: list[dict[str, str]]) -> None:
    """Every record that the store has reads back as it was given, and whatever was acknowledged is there."""
    with closing(sqlite3.connect(store_file)) as store:
        held = {row[0]: row[1:] for row in store.execute("SELECT name, email, phone FROM customers")}
    by_name = {row["name"]: row for row in clear}
    mine = traffic.given.keys() & held.keys()
    assert {name: (by_name[name]["email"], by_name[name]["phone"]) for name in mine} == {
        name: (traffic.given[name]["email"], traffic.given[name]["phone"]) for name in mine
    }
    written = [name for name, heard in traffic.answers.items() if heard.status == 201]
    assert written
    for name in traffic.answers.keys() & held.keys():
        assert all(TOKEN.fullmatch(cell) for cell in held[name]), name
    assert set(written) <= held.keys()
    for place, (_, domain) in enumerate(VAULTS.items()):
        tokens = {name: bytes.fromhex(held[name][place][4:]) for name in traffic.answers.keys() & held.keys()}
        opened = await rooms.vault.opened(domain, tokens.values())
        field = list(VAULTS)[place]
        assert {name: opened.get(token) for name, token in tokens.items()} == {
            name: traffic.given[name][field] for name in tokens
        }


def assert_what_left_still_stands(traffic: Traffic, seen: list[dict[str, str]]) -> None:
    """Every surrogate of an answer, whole or cut, is that of a row now; in whole ones of the same row."""
    now = {row["id"]: (row["email"], row["phone"]) for row in seen}
    assert all(SURROGATE.fullmatch(phone) for _, phone in now.values())
    standing = {cell for row in seen for cell in row.values()}
    left = {
        one for heard in traffic.pages for one in re.findall(SURROGATE.pattern, heard.body.decode("utf-8", "replace"))
    }
    assert left
    assert left <= standing
    for heard in traffic.pages:
        if heard.status == 200 and heard.is_whole:
            for row in json.loads(heard.body)["items"]:
                assert now[row["id"]] == (row["email"], row["phone"])


async def assert_one_token_each(rooms: Rooms) -> int:
    """A value has one token, each of its people one copy that opens, and nobody's is beside no person's."""
    async with rooms.store.connect() as connection:
        tokens = [tuple(row) for row in await connection.execute(select(vault_token.c.token, vault_token.c.domain))]
        copies = [tuple(row) for row in await connection.execute(select(vault_value.c.token, vault_value.c.person))]
    people: dict[bytes, set[int]] = {}
    for token, person in copies:
        assert person not in people.setdefault(token, set())
        people[token].add(person)
    assert not [token for token, of in people.items() if NOBODY in of and len(of) > 1]
    for domain in VAULTS.values():
        own = [token for token, of in tokens if JoinDomain(of) == domain]
        opened = await rooms.vault.opened(domain, own)
        assert set(opened) == set(own)
        assert len(set(opened.values())) == len(own)
    return len(tokens)
