# SPDX-License-Identifier: Apache-2.0
"""What the referee lets run: a sample store full of canaries, an installation, and the gateway as its own process.

Everything is started as an operator would start it, over the command line, and talked to over sockets.
"""

import asyncio
import os
import re
import shutil
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from gateway.app.installation import open_installation
from gateway.app.making import enrol_at_once, make_installation
from gateway.demo.people import Customer, people
from gateway.demo.tables import make
from gateway.domain.choice import Choice
from gateway.domain.names import CategoryKey, IdentityKind, PurposeKey
from gateway.domain.treatment import DROP
from gateway.domain.viewplan import Hold
from gateway.settings.loading import Settings
from tests.fakes.canaries import N_CANARIES, SECRET_FIELDS, canary
from tests.referee.http1 import Answers

HOST = "127.0.0.1"
BY = "local:referee"
ANALYST = "analytics.reporting.campaign_insights"
EMAIL = "marketing.communications.email"
SMS = "marketing.communications.sms"
SUPPORT = "essential.service.operations.support"
ADNET = "marketing.advertising.third_party.targeted"
ROLES = ("analyst", "campaigner", "service-agent", "officer")
CLIENTS = (("newsletter-app", "mail-service", EMAIL), ("partner-adnet", "adnet", ADNET))
ACCOUNTS_A_ROLE = 4
"""A code of an account is good once, so sign-ins are spread over several."""
LOG_SETTINGS = {"least_free_bytes": 0, "least_free_percent": 0, "segment_bytes": 4 << 20}
CUSTOMER = IdentityKind("crm.customer_id")
SUSPECT = "analyst-1"
"""Under suspicion, so that it gets answers in blocks of 256 rows."""
HOLD = Hold(category=CategoryKey("user.financial.bank_account"), rung=DROP, link=False, reason="referee")
_PORT = re.compile(rb":(\d+)\s*$")


@dataclass(frozen=True)
class Person:
    """An account of somebody who signs in with a password and codes."""

    name: str
    role: str
    password: str
    totp_secret: str


@dataclass(frozen=True)
class Rig:
    """An installation before a sample store, made once; processes come and go over it.

    Attributes:
        crowd: The people of the sample store, in its order.
        clients: Secret and purpose of each service, by its id.
    """

    folder: Path
    settings: Settings
    crowd: tuple[Customer, ...]
    persons: tuple[Person, ...]
    clients: Mapping[str, tuple[str, str]]
    store_port: int
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.settings.state

    @property
    def logs(self) -> Path:
        """The folder of all logs."""
        return self.settings.state / "log"

    @property
    def output(self) -> Path:
        """What the gateway's processes wrote to their output."""
        return self.folder / "gateway.output"


def crowd(n_people: int) -> tuple[Customer, ...]:
    """Return people, the first of whom have canaries in fields that no role of the referee may see."""
    found = list(people(None, n_people, today=datetime.fromtimestamp(time.time(), UTC).date()))
    for number in range(1, min(N_CANARIES, n_people) + 1):
        marks = {name: canary(number, name) for name in SECRET_FIELDS}
        found[number - 1] = msgspec.structs.replace(found[number - 1], **marks)
    return tuple(found)


async def made(folder: Path, n_people: int, *, store_port: int, database: str | None = None) -> Rig:
    """Make the sample store's file, the installation, its accounts and everybody's choices.

    Args:
        folder: Everything goes below it.
        n_people: In the sample store.
        store_port: Where the gateway finds the store; a tap may listen there.
        database: SQLAlchemy URL; SQLite in the state folder if not given.
    """
    folk = crowd(n_people)
    make(folder / "store.db", folk)
    content: dict[str, object] = {
        "installation": "referee",
        "listen": {"port": 0},
        "stores": {name: {"base_url": f"http://{HOST}:{store_port}/{name}"} for name in ("crm", "shop")},
        "passwords": {"memory_kib": 64, "time_cost": 1},
        "log": LOG_SETTINGS,
    }
    if database is not None:
        content["database"] = database
    settings = make_installation(folder / "state", content)
    _widen(settings.policies_dir / "datasets" / "crm.yaml")
    async with open_installation(settings, "cli") as rooms:
        persons = []
        for role in ROLES:
            for number in range(ACCOUNTS_A_ROLE):
                name, password = f"{role}-{number}", f"correct horse battery {role} {number}"
                enrolled = await enrol_at_once(rooms, name, password, roles=(role,), recipient="own", by=BY)
                persons.append(Person(name, role, password, enrolled.totp_secret))
                if name == SUSPECT:
                    await rooms.holds.set(enrolled.account, HOLD)
        clients = {}
        for name, recipient, purpose in CLIENTS:
            scopes = (PurposeKey(purpose),)
            _, secret = await rooms.enrolment.add_client(
                name, name=name, roles=(name,), recipient=recipient, scopes=scopes, by=BY
            )
            clients[name] = (secret, purpose)
        told = [one for customer in folk for one in customer.choices]
        numbers = await rooms.people.numbers(CUSTOMER, [one.customer_id for one in told])
        choices = [
            Choice(person=number, purpose=one.purpose, state=one.state, at_us=one.at_us)
            for number, one in zip(numbers, told, strict=True)
        ]
        await rooms.choices.record(choices, BY)
    return Rig(folder, settings, folk, tuple(persons), clients, store_port)


def _widen(path: Path) -> None:
    """Let a page of contacts hold more rows than a block, so that answers come in several."""
    text = path.read_text(encoding="utf-8")
    before, marker, after = text.partition("path: /crm/contacts\n")
    path.write_text(before + marker + after.replace("most: 1000", "most: 10000", 1), encoding="utf-8")


def free_port() -> int:
    """Return a port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Running:
    """A process that listens.

    Attributes:
        ready_s: Seconds from its start until it answered as ready; 0 for programs that only listen.
        waited_s: Of these, the seconds in which it could have run and others had the processor.
    """

    process: "asyncio.subprocess.Process"
    port: int
    ready_s: float = 0.0
    waited_s: float = 0.0


@asynccontextmanager
async def program(
    command: Sequence[str], *, output: Path | None = None, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Running]:
    """Run a program that tells its port at the end of its first line; end it in order afterwards."""
    with (output or Path(os.devnull)).open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdout=asyncio.subprocess.PIPE,
            stderr=file if output else None,
            env={**_own_environment(), **(environment or {})},
        )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            line = await process.stdout.readline()
        told = _PORT.search(line)
        assert told is not None, f"{command} told no port"
        yield Running(process, int(told[1]))
    finally:
        await ended(process)


def _own_environment() -> dict[str, str]:
    """Return the environment without what would let every start compile the gateway anew."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


async def ended(process: "asyncio.subprocess.Process") -> int:
    """End a process in order, or by force after 20 seconds; return its exit code."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(20):
            return await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        return await process.wait()


def sample_store(rig_folder: Path, port: int) -> AbstractAsyncContextManager[Running]:
    """Run the sample store."""
    return program(
        (sys.executable, "-m", "gateway.demo.store", "--db", str(rig_folder / "store.db"), "--port", str(port))
    )


def wiretap(to_port: int, record: Path, *options: str) -> AbstractAsyncContextManager[Running]:
    """Run a wiretap before a port."""
    place = Path(__file__).with_name("wiretap.py")
    return program((sys.executable, str(place), "--to", str(to_port), "--record", str(record), *options))


def gateway(rig: Rig, *options: str, port: int = 0) -> AbstractAsyncContextManager[Running]:
    """Run the gateway until it says that it is ready; its output is kept for the search for canaries."""
    return gateway_by(rig, [sys.executable, "-m", "gateway", "serve", "--state", str(rig.state), *options], port)


@asynccontextmanager
async def gateway_by(rig: Rig, command: Sequence[str], port: int = 0) -> AsyncIterator[Running]:
    """Run the gateway by a command of one's own until it says that it is ready."""
    environment = {**rig.environment, "GATEWAY_LISTEN__PORT": str(port)}
    started_s = time.monotonic()
    async with program(command, output=rig.output, environment=environment) as running:
        async with asyncio.timeout(30):
            while not await is_ready(running.port):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.005)
        running.ready_s = time.monotonic() - started_s
        running.waited_s = waited_s(running.process.pid)
        yield running


def children(pid: int) -> list[int]:
    """Return the processes that a process has started and that are there."""
    with suppress(OSError):
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def waited_s(pid: int) -> float:
    """Return how long a process and the slowest of its children were ready to run and did not (schedstat)."""
    own, *others = [_run_delay_s(one) for one in (pid, *children(pid))]
    return own + max(others, default=0.0)


def _run_delay_s(pid: int) -> float:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    return 0.0


async def is_ready(port: int) -> bool:
    """Tell whether the gateway answers as ready."""
    call = b"GET /-/readyz HTTP/1.1\r\nHost: referee\r\nConnection: close\r\n\r\n"
    answers = Answers(["GET"])
    with suppress(OSError):
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(call)
        while piece := await reader.read(1 << 16):
            for answer in answers.feed(piece):
                writer.close()
                return answer.status == 200
        writer.close()
    return False


def removed(folder: Path) -> None:
    """Remove what was recorded, once it has been looked through; it is large."""
    shutil.rmtree(folder, ignore_errors=True)
