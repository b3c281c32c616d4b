# SPDX-License-Identifier: Apache-2.0
"""The crash loop: kill -9 under load, again and again, and what was seen must be in the log.

Callers call all the time. Each cycle kills one door, all doors, or the whole tree of processes. What a caller
saw of an answer, if only its head, was acknowledged: its entries must be there with as many bytes, its people
with their numbers, and the logs must verify after every kill. Some cycles run on a disk that is slow or that
tears writes, so that kills land inside of them (``disk_faults``).
"""

import asyncio
import json
import os
import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pyroaring import BitMap

from gateway.app.installation import open_installation
from gateway.domain.entry import Opened
from gateway.record.proof.verify import verify_logs
from gateway.record.reading.reader import follow
from tests.referee import rig
from tests.referee.callers import Crew, Line, request
from tests.referee.http1 import Answers, Message
from tests.referee.reckoner import Ledger, Reckoner

DISKS: tuple[dict[str, object], ...] = ({}, {"sync_s": 0.01}, {"short_bytes": 60, "pause_s": 0.002})
"""What the disk does: nothing, take its time, tear writes."""
KINDS = ("door", "door", "doors", "tree")
"""What is killed, in turn."""
AGENT = "service-agent-0"
WRITES = 0.2
"""Share of calls that are followed by a write."""
FAULTS = Path(__file__).with_name("disk_faults")

_ID = re.compile(rb'"id":"(c-\d{6})"')


@dataclass(frozen=True)
class Saw:
    """What came of one answer.

    Attributes:
        ids: Customers whose rows were seen.
    """

    call: str
    n_bytes: int
    ids: frozenset[str]


@dataclass
class Books:
    """The logs of all slots, read on from where they were left.

    Attributes:
        n_opened: Openings by slot.
    """

    logs: Path
    ledger: Ledger = field(default_factory=Ledger)
    people: dict[str, BitMap] = field(default_factory=dict)
    n_opened: dict[str, int] = field(default_factory=dict)
    _after: dict[str, int] = field(default_factory=dict)

    def read_on(self) -> None:
        """Take in what is new."""
        for slot in sorted(path.parent for path in self.logs.glob("*/log.pub")):
            for record in follow(slot, lambda: False, after=self._after.get(slot.name, -1)):
                body, call = record.line.body, getattr(record.line.body, "call", "")
                self._after[slot.name] = record.line.seq
                self.ledger.note(body)
                if isinstance(body, Opened):
                    self.n_opened[slot.name] = self.n_opened.get(slot.name, 0) + 1
                if call and record.part is not None:
                    seen = BitMap.deserialize(record.part.people) if record.part.people else BitMap()
                    self.people.setdefault(call, BitMap()).update(seen | BitMap(record.part.met))


@dataclass
class Outcome:
    """What a crash loop came to.

    Attributes:
        back_s: Seconds until a whole tree, or all doors, answered as ready again.
        own_s: The same without the time in which others had the processor; the bound is on these.
    """

    n_cycles: int = 0
    n_seen: int = 0
    n_people: int = 0
    back_s: list[float] = field(default_factory=list)
    own_s: list[float] = field(default_factory=list)
    reopened_s: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def sentence(self) -> str:
        """Return the outcome in one line."""
        back, own = sorted(self.back_s) or [0.0], sorted(self.own_s) or [0.0]
        again = sorted(self.reopened_s) or [0.0]
        return (
            f"{self.n_cycles} kills, {self.n_seen} answers seen with {self.n_people} rows of people; ready after "
            f"{back[len(back) // 2]:.2f} s (median), {back[-1]:.2f} s (most), without waiting for the processor "
            f"{own[len(own) // 2]:.2f} s and {own[-1]:.2f} s; one door of two back after "
            f"{again[len(again) // 2]:.2f} s, {again[-1]:.2f} s; {len(self.wrong)} wrong"
        )


class CrashLoop:
    """Kills a gateway under load; ``run`` goes through the cycles."""

    def __init__(self, made: rig.Rig, *, seed: int, n_callers: int = 6, n_in_line: int = 1) -> None:
        """Begin with nothing seen.

        Args:
            made: What is killed; its environment names the folder of the disk's faults.
            seed: Of the choices of victims and moments.
            n_callers: How many call at the same time.
            n_in_line: How many processes wait for the processor one behind the other at a start: the gateway,
                and its database server if that is a process of this machine.
        """
        self._n_in_line = n_in_line
        self._made, self._rng, self._n_callers = made, random.Random(seed), n_callers
        self._books = Books(made.logs)
        self._saw: list[Saw] = []
        self._checked = 0
        self._port = rig.free_port()
        self._crew = Crew(made, self._port, 0)
        self._is_over = False
        self.outcome = Outcome()

    async def run(self, n_cycles: int, progress: Callable[[int], None] = lambda _: None) -> Outcome:
        """Go through the cycles, end in order, and hold everything that was seen against the log."""
        cycle = 0
        async with asyncio.TaskGroup() as group:
            callers: list[asyncio.Task[None]] = []
            while cycle < n_cycles:
                async with rig.gateway(self._made, "--workers", "2", port=self._port) as running:
                    if cycle:
                        self._note(running.ready_s, running.waited_s)
                    callers = callers or [
                        group.create_task(self._call(Line(self._crew, seed))) for seed in range(self._n_callers)
                    ]
                    cycle = await self._until_the_tree_is_dead(running.process.pid, cycle, n_cycles)
                progress(cycle)
            async with rig.gateway(self._made, "--workers", "2", port=self._port) as running:
                self._note(running.ready_s, running.waited_s)
                self._is_over = True
                await asyncio.gather(*callers)
        await self._check_all()
        return self.outcome

    async def _until_the_tree_is_dead(self, supervisor: int, cycle: int, n_cycles: int) -> int:
        """Run cycles until one has killed everything, or none is left; return the number of the next."""
        while cycle < n_cycles:
            kind = KINDS[cycle % len(KINDS)]
            self._let_disk(DISKS[cycle % len(DISKS)])
            await asyncio.sleep(self._rng.uniform(0.05, 0.3))
            cycle += 1
            await self._kill(kind, supervisor)
            self.outcome.n_cycles += 1
            await asyncio.to_thread(self._check_cycle)
            if kind == "tree":
                break
        return cycle

    async def _kill(self, kind: str, supervisor: int) -> None:
        doors = {slot: pid for pid, slot in slots_below(supervisor) if slot.startswith("door-")}
        if kind == "tree":
            for pid in (supervisor, *(pid for pid, _ in slots_below(supervisor))):
                kill(pid)
            # A start is measured on the disk as it is.
            self._let_disk({})
            return
        if not doors:
            self.outcome.wrong.append("no door was found to kill")
            return
        killed = sorted(doors) if kind == "doors" else [self._rng.choice(sorted(doors))]
        killed_s = time.monotonic()
        for slot in killed:
            kill(doors[slot])
        self._let_disk({})
        async with asyncio.timeout(30):
            while not all(self._is_back(supervisor, slot, doors[slot]) for slot in killed):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            if kind == "doors":
                while not await rig.is_ready(self._port):  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
        back_s = time.monotonic() - killed_s
        if kind == "doors":
            self._note(back_s, max(rig.waited_s(pid) for pid, slot in slots_below(supervisor) if slot in doors))
        else:
            self.outcome.reopened_s.append(back_s)

    def _note(self, back_s: float, waited_s: float) -> None:
        self.outcome.back_s.append(back_s)
        self.outcome.own_s.append(max(0.0, back_s - self._n_in_line * waited_s))

    def _is_back(self, supervisor: int, slot: str, before: int) -> bool:
        """Tell whether another process holds the slot and has entered its opening."""
        holders = {found: pid for pid, found in slots_below(supervisor)}
        checkpoint = self._made.logs / slot / "checkpoint"
        return holders.get(slot, before) != before and checkpoint.exists()

    def _let_disk(self, faults: dict[str, object]) -> None:
        folder = Path(self._made.environment["GATEWAY_TEST_FAULTS"])
        (folder / "faults.new").write_text(json.dumps(faults))
        (folder / "faults.new").rename(folder / "faults")

    def _check_cycle(self) -> None:
        """Hold the logs against what was seen so far; every log verifies, whatever was killed."""
        verdict = verify_logs(self._made.logs)
        self.outcome.wrong += [f"{log.slot}: {problem}" for log in verdict.logs for problem in log.problems]
        self.outcome.wrong += list(verdict.problems)
        seen = list(self._saw)
        self._books.read_on()
        for saw in seen[self._checked :]:
            authorised = self._books.ledger.authorised(saw.call)
            if saw.call not in self._books.ledger.calls:
                self.outcome.wrong.append(f"{saw.call} was seen and is not in the log")
            elif saw.n_bytes > authorised:
                self.outcome.wrong.append(f"{saw.call}: {saw.n_bytes} bytes were seen, {authorised} authorised")
        self._checked = len(seen)

    async def _check_all(self) -> None:
        await asyncio.to_thread(self._check_cycle)
        reckoner = Reckoner(self._books.ledger)
        for call, entries in self._books.ledger.calls.items():
            reckoner.check_closing(call, entries)
        self.outcome.wrong += reckoner.result.wrong
        self.outcome.n_seen = len(self._saw)
        async with open_installation(self._made.settings, "cli", with_rules=False) as rooms:
            numbers = {}
            for saw in self._saw:
                for customer in saw.ids:
                    if customer not in numbers:
                        numbers[customer] = await rooms.people.find(rig.CUSTOMER, customer)
                    self.outcome.n_people += 1
                    number = numbers[customer]
                    if number is None or number not in self._books.people.get(saw.call, BitMap()):
                        self.outcome.wrong.append(f"{saw.call}: a person was seen who is not in the entry")

    async def _call(self, line: Line) -> None:
        """Call until it is over, whatever happens to connections."""
        while not self._is_over:
            try:
                name, purpose, target = self._what(line.rng)
                headers = {"Authorization": await line.bearer(name), "Data-Purpose": purpose}
                if line.rng.random() < WRITES:
                    await self._heard(_change(line.rng.choice(self._made.crowd).id, await line.bearer(AGENT)))
                await self._heard(request(target, headers))
            except Exception:  # noqa: BLE001 - a kill can end a caller in any way; what it saw is already kept
                await line.close()
                await asyncio.sleep(0.02)
        await line.close()

    def _what(self, rng: random.Random) -> tuple[str, str, str]:
        customer = rng.choice(self._made.crowd).id
        return rng.choice(
            [
                (AGENT, rig.SUPPORT, f"/crm/customers/{customer}"),
                (AGENT, rig.SUPPORT, f"/crm/customers?limit={rng.randint(1, 200)}&fields=id"),
                (rig.SUSPECT, rig.ANALYST, "/crm/contacts?limit=10000"),
                ("newsletter-app", rig.EMAIL, f"/crm/customers?limit={rng.randint(1, 200)}"),
                (rig.SUSPECT, rig.ANALYST, "/crm/customers?religion=x"),
            ]
        )

    async def _heard(self, content: bytes) -> None:
        """Make one call on a connection of its own and keep what was seen, however it ends."""
        answers, found = Answers(["GET"]), list[Message]()
        reader, writer = await asyncio.open_connection(rig.HOST, self._port)
        try:
            writer.write(content)
            with suppress(ConnectionError):
                async with asyncio.timeout(30):
                    while not found and (piece := await reader.read(1 << 14)):
                        found += answers.feed(piece)
        finally:
            writer.close()
            seen = found[0] if found else answers.cut_off()
            call = seen.headers.get("decision-id") if seen else None
            if seen is not None and call is not None:
                ids = frozenset(one.decode() for one in _ID.findall(bytes(seen.body)))
                self._saw.append(Saw(call, len(seen.body), ids))


def _change(customer: str, bearer: str) -> bytes:
    headers = {
        "Authorization": bearer,
        "Data-Purpose": rig.SUPPORT,
        "Content-Type": "application/merge-patch+json",
    }
    return request(f"/crm/customers/{customer}", headers, method="PATCH", body=b'{"notes":"called back"}')


def kill(pid: int) -> None:
    """End a process as a crash does."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def slots_below(supervisor: int) -> Iterator[tuple[int, str]]:
    """Yield the children of a process that hold the log of a slot, and which."""
    for pid in rig.children(supervisor):
        with suppress(OSError):
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    target = descriptor.readlink()
                    if target.name == "lock" and target.parent.parent.name == "log":
                        yield pid, target.parent.name
