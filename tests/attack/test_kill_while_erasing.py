# SPDX-License-Identifier: Apache-2.0
"""Attack: kill -9 of a process that erases somebody, behind each of its steps; whoever opens next ends it."""

import asyncio
import signal
import sys
from pathlib import Path

import msgspec

from gateway.app.installation import open_installation
from gateway.app.making import make_installation
from gateway.app.slots import CLI_SLOT, DOOR_SLOT
from gateway.app.surrogates.erasing import Past, erasing_of, remaining
from gateway.domain.names import IdentityKind, JoinDomain, PersonNumber
from gateway.keys import envelope
from gateway.record.proof.verify import verify_logs
from gateway.settings.loading import Settings, load
from gateway.store.vault import Vault
from gateway.transform.identifying import identified, identity_of

KIND, PHONES = IdentityKind("crm.customer_id"), JoinDomain("phones")
STEPS = ("nothing", "entered", "tombstone", "vault", "shredded first", "shredded last")
AGAIN = ("nothing", "tombstone")
"""Steps after which it is begun again as well."""
PROGRAM = """
import asyncio, os, signal, sys
from pathlib import Path
from gateway.app.surrogates.erasing import erasing_of
from gateway.app.installation import open_installation
from gateway.app.slots import CLI_SLOT
from gateway.settings.loading import load
from gateway.transform.identifying import identified

state, number, step = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]

def reached(now):
    if now == step:
        os.kill(os.getpid(), signal.SIGKILL)

async def erase():
    async with open_installation(load(state=state), CLI_SLOT, with_rules=False) as rooms:
        reached("nothing")
        known = identified([("phone", f"+49 151 {number:07}"), ("email", f"{number}@example.org")])
        await erasing_of(rooms, reached=reached).erase(number, "local:officer", "case 7", known)

asyncio.run(erase())
"""


async def killed(settings: Settings, number: int, step: str) -> int:
    """Erase somebody in a process that is killed behind a step; return how it ended."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(settings.state), str(number), step
    )
    return await process.wait()


async def installed(place: str, tmp_path: Path) -> Settings:
    """Return a new installation on the engine of the test."""
    state = Path(place) if "://" not in place else tmp_path / "state"
    content: dict[str, object] = {"installation": "killed", "log": {"least_free_bytes": 0, "least_free_percent": 0}}
    return make_installation(state, content | ({"database": place} if "://" in place else {}))


async def test_an_erasure_that_was_entered_ends_whatever_happens(place: str, tmp_path: Path) -> None:
    """The next opening shreds, deletes and sets the tombstone; what was not entered did not happen."""
    settings = await installed(place, tmp_path)
    async with open_installation(settings, DOOR_SLOT) as rooms:
        values = [f"c-{n}" for n in range(2 * len(STEPS))]
        numbers = await rooms.people.numbers(KIND, values)
        for source, target in zip(numbers[len(STEPS) :], numbers, strict=False):
            await rooms.people.merge(source, target)
        vault = Vault(rooms.store, rooms.keyring, envelope)
        await vault.tokens(PHONES, [f"+{number}" for number in numbers[: len(STEPS)]], numbers[: len(STEPS)])
        merged = dict(zip(numbers, numbers[len(STEPS) :], strict=False))

    # What ends it is the replay, which is the same on both; the steps are told apart on one.
    for place_, step in enumerate(STEPS if "://" not in place else STEPS[:2]):
        number = numbers[place_]
        word = {"shredded first": f"shredded {number}", "shredded last": f"shredded {merged[number]}"}.get(step, step)
        assert await killed(settings, number, word) == -signal.SIGKILL
        async with open_installation(load(state=settings.state), DOOR_SLOT) as rooms:
            entered = await Past(settings.state / "log").erasure_of(number)
            assert (entered is None) == (step == "nothing")
            await is_erased(rooms, number, values[place_], is_it=step != "nothing")
        if step not in AGAIN:
            continue
        assert await killed(settings, number, "never") == 0
        async with open_installation(load(state=settings.state), DOOR_SLOT) as rooms:
            await is_erased(rooms, number, values[place_], is_it=True)
    assert verify_logs(settings.state / "log").is_right


async def is_erased(rooms: object, number: PersonNumber, value: str, *, is_it: bool) -> None:
    """Make sure that nothing of somebody opens and that they are known again; or that they are as they were."""
    from gateway.app.installation import Rooms

    assert isinstance(rooms, Rooms)
    numbers = await rooms.people.numbers_of(number)
    assert len(numbers) == 2
    assert bool(await remaining(rooms, numbers, [])) != is_it
    assert (await rooms.people.find(KIND, value) is None) == is_it
    known = identified([("phone", f"0151 {number:07}"), ("email", f"{number}@example.org")])
    own = identity_of(KIND, value)
    assert own is not None
    assert [bool(one) for one in await rooms.tombstones.matching([known, (own,)])] == [is_it, is_it]


async def test_an_erasure_begun_again_is_the_one_of_before(tmp_path: Path) -> None:
    """One entry, however often it is begun; so the certificate names the first time."""
    settings = await installed(str(tmp_path / "state"), tmp_path)
    async with open_installation(settings, DOOR_SLOT) as rooms:
        [number] = await rooms.people.numbers(KIND, ["c-1"])
    assert await killed(settings, number, "entered") == -signal.SIGKILL
    async with open_installation(settings, CLI_SLOT, with_rules=False) as rooms:
        first = await Past(settings.state / "log").erasure_of(number)
        again = await erasing_of(rooms).erase(number, "local:officer", "case 8")
        assert first is not None
        assert (again.is_again, again.entered) == (True, first)
        own = identity_of(KIND, "c-1")
        assert own is not None
        assert await erasing_of(rooms).again(own) == number
        assert msgspec.json.encode(first.body).count(b"case 7") == 1
