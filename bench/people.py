# SPDX-License-Identifier: Apache-2.0
"""Speed of numbers for people and of the sets of choices; ``python bench/people.py [PLACE]``.

PLACE is a directory or a PostgreSQL URL that may be filled; left out, a directory that is removed.
"""

import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from gateway.domain.choice import Choice, ChoiceState
from gateway.domain.names import IdentityKind, PersonNumber, PurposeKey
from gateway.keys import envelope
from gateway.keys.keyring import Keyring
from gateway.keys.providers import HeldKek
from gateway.store.choices import Choices
from gateway.store.engine import Store, open_store
from gateway.store.people import People

KIND = IdentityKind("crm.customer_id")
PURPOSES = [PurposeKey(key) for key in ("marketing", "marketing.communications", "marketing.communications.email", "a")]
N_PEOPLE = 45_000
BLOCK = 4_096
N_CHOICES = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000


@contextmanager
def timed(what: str, n: int) -> Iterator[None]:
    """Print how long the block took, and how many of its things a second that makes."""
    start = time.perf_counter()
    yield
    took_s = time.perf_counter() - start
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what:42} {took_s:8.3f} s {n / took_s:14,.0f} /s   most memory so far {memory_mb:,.0f} MB")


async def ask(people: People) -> None:
    """Ask for all people, a block at a time."""
    values = [f"customer-{n:07}" for n in range(N_PEOPLE)]
    for first in range(0, N_PEOPLE, BLOCK):
        await people.numbers(KIND, values[first : first + BLOCK])


async def bench_people(store: Store, directory: Path) -> None:
    """Measure new, known and remembered people."""
    clock = count(1).__next__
    people = People(store, Keyring(directory, HeldKek(envelope.new_key()), clock), envelope, clock)
    for what in ("new people", "remembered people"):
        with timed(what, N_PEOPLE):
            await ask(people)
    people.forget()
    with timed("known people, nothing remembered", N_PEOPLE):
        await ask(people)
    with timed("orphans", BLOCK * 4):
        for _ in range(4):
            await people.orphan_numbers(BLOCK)


async def bench_choices(store: Store) -> None:
    """Measure recording, building, following and asking."""
    choices, states = Choices(store, count(1).__next__), list(ChoiceState)
    with timed("choices recorded", N_CHOICES):
        for first in range(0, N_CHOICES, 50_000):
            await choices.record(
                [
                    Choice(person=PersonNumber(n // 4), purpose=PURPOSES[n % 4], state=states[n % 7 % 4], at_us=n)
                    for n in range(first, first + 50_000)
                ],
                "bench",
            )
    with timed("choices read into the set of e-mail", N_CHOICES):
        await choices.load([PURPOSES[2]])
    with timed("one new choice followed", 1):
        await choices.record(
            [Choice(person=PersonNumber(1), purpose=PURPOSES[0], state=ChoiceState.GIVEN, at_us=1)], "bench"
        )
        await choices.refresh()
    known, numbers = choices.sets_for(PURPOSES[2]), [PersonNumber(n * 7) for n in range(BLOCK)]
    with timed("rows judged, blocks of 4,096", BLOCK * 100):
        for _ in range(100):
            known.withheld(numbers, needs_consent=True, honours_objection=True)


async def main() -> None:
    """Measure on the place given, or on a directory of its own."""
    with tempfile.TemporaryDirectory() as directory:
        store = await open_store(sys.argv[1] if len(sys.argv) > 1 and sys.argv[1] != "-" else directory)
        await bench_people(store, Path(directory))
        await bench_choices(store)
        await store.close()


if __name__ == "__main__":
    asyncio.run(main())
