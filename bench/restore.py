# SPDX-License-Identifier: Apache-2.0
"""What holding the database against the log costs a start, and how fast a restored database is brought up.

Run: ``PYTHONPATH=. python bench/restore.py``. SQLite in a temporary folder; the disk counts.
"""

import asyncio
import shutil
import tempfile
import time
from pathlib import Path

from pyroaring import BitMap

from gateway.app.installation import Rooms, open_installation
from gateway.app.making import make_installation
from gateway.app.restoring import StateLock, _restore
from gateway.app.slots import CLI_SLOT, DOOR_SLOT
from gateway.domain.choice import Choice, ChoiceState, packed
from gateway.domain.entry import Changed, Facts, Part, Release
from gateway.domain.names import DecisionId, IdentityKind, PurposeKey
from gateway.settings.loading import Settings

N_TAIL, N_PEOPLE, N_BLOCKS = 100_000, 50_000, 2_000
ROWS = 100
CUSTOMER, PURPOSE = IdentityKind("crm.customer_id"), "analytics.reporting.campaign_insights"


def block(place: int, rules: str) -> Release:
    """Return an answer of one block."""
    facts = Facts(
        account="a_1", client="gateway:login", recipient="own", purpose=PURPOSE, dataset="crm.customers",
        method="GET", route="/crm/customers", fields={"reveal": ("city", "job")}, rules=rules,
        grants=tuple(f"g:{n:012}" for n in range(6)),
    )  # fmt: skip
    return Release(
        call=DecisionId(f"{place:032x}"),
        n=0,
        rows=ROWS,
        bytes=9_000,
        people=ROWS,
        digest="0" * 64,
        last=True,
        facts=facts,
    )


async def enter_blocks(rooms: Rooms, n: int, rules: str) -> None:
    """Enter many answers, some at a time."""
    part = Part(ip="192.0.2.1", user_agent="bench", people=BitMap(range(ROWS)).serialize())
    for first in range(0, n, 250):
        await asyncio.gather(*(rooms.log.append(block(place, rules), part) for place in range(first, first + 250)))


async def look_s(settings: Settings, rooms: Rooms) -> float:
    """Return how long it takes to find that nothing is to be done."""
    lock = StateLock(settings.state)
    began = time.perf_counter()
    await _restore(settings, rooms.keyring, rooms.store, rooms.log, lock).bring_up()
    lock.close()
    return time.perf_counter() - began


async def starts(settings: Settings) -> None:
    """Measure a start after an orderly end, and one behind a crash of a busy door."""
    async with open_installation(settings, DOOR_SLOT) as rooms:
        await rooms.keeper.tick()
        await rooms.keeper.tick()
        print(f"nothing behind the mark: {await look_s(settings, rooms) * 1000:.1f} ms")
        await enter_blocks(rooms, N_TAIL, rooms.policy.decider.rules.digest)
        print(f"{N_TAIL:,} answers behind the mark: {await look_s(settings, rooms) * 1000:.0f} ms")


async def replays(settings: Settings) -> None:
    """Measure bringing an older copy up to people, choices and budgets."""
    async with open_installation(settings, DOOR_SLOT):
        pass
    copy = settings.state.parent / "copy"
    copy.mkdir()
    for name in ("gateway.db", "people-keys.db"):
        shutil.copy(settings.state / name, copy / name)
    async with open_installation(settings, CLI_SLOT) as rooms:
        for first in range(0, N_PEOPLE, 10_000):
            values = [f"c-{place}" for place in range(first, first + 10_000)]
            numbers = await rooms.people.numbers(CUSTOMER, values)
            told = [
                Choice(person=n, purpose=PurposeKey("marketing"), state=ChoiceState.GIVEN, at_us=1) for n in numbers
            ]
            entry = Changed(by="bench", what="choices-imported", target="bench", facts={"new": len(told)})
            await rooms.log.append(entry, Part(choices=packed(told)))
        rules = rooms.policy.decider.rules.digest
        await enter_blocks(rooms, N_BLOCKS, rules)
    for name in ("gateway.db", "people-keys.db"):
        for suffix in ("-wal", "-shm"):
            (settings.state / (name + suffix)).unlink(missing_ok=True)
        shutil.copy(copy / name, settings.state / name)
    began = time.perf_counter()
    async with open_installation(settings, DOOR_SLOT, with_rules=False) as rooms:
        took_s = time.perf_counter() - began
        assert rooms.restored is not None
        print(
            f"{N_PEOPLE:,} people and choices, {N_BLOCKS:,} blocks put back in {took_s:.1f} s: {dict(rooms.restored.counts)}"
        )


def main() -> None:
    """Measure both."""
    for measure in (starts, replays):
        with tempfile.TemporaryDirectory() as folder:
            content: dict[str, object] = {"installation": "b", "log": {"least_free_bytes": 0, "least_free_percent": 0}}
            asyncio.run(measure(make_installation(Path(folder) / "state", content)))


if __name__ == "__main__":
    main()
