# SPDX-License-Identifier: Apache-2.0
"""Speed of the vault; ``python bench/vault.py [PLACE] [N]``.

PLACE is a directory or a PostgreSQL URL that may be filled; left out, a directory that is removed. The seconds of the
processor stand beside those of the clock: on a machine that does other things they say what it would do alone.

A door asks for the values of one field in one block of an answer at a time, for people it has met: so the line to hold
is that of new values 1,000 at a time. Each call returns once its transaction is on the disk. Objects that live as long as the
process are kept out of the collector's way as ``gateway serve`` does.
"""

import asyncio
import gc
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from gateway.domain.names import IdentityKind, JoinDomain
from gateway.keys import envelope
from gateway.keys.keyring import Keyring
from gateway.keys.providers import HeldKek
from gateway.store.engine import Store, open_store
from gateway.store.people import People
from gateway.store.vault import Vault

N = int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
BLOCK = 1_000
OPENED = 10_000
PHONES, MAILS, CODES = JoinDomain("phones"), JoinDomain("mails"), JoinDomain("codes")


@contextmanager
def timed(what: str, n: int) -> Iterator[None]:
    """Print how long the block took by the clock and of the processor, and what that makes a second."""
    start, worked = time.perf_counter(), time.process_time()
    yield
    took_s, worked_s = time.perf_counter() - start, time.process_time() - worked
    print(f"{what:46} {took_s * 1000:8.0f} ms {n / took_s:10,.0f} /s   processor {worked_s * 1000:8.0f} ms")


async def bench(store: Store, directory: Path) -> None:
    """Measure new, known and opened values, all at once and a block at a time."""
    clock = count(1).__next__
    keyring = Keyring(directory, HeldKek(envelope.new_key()), clock)
    vault = Vault(store, keyring, envelope)
    people = await People(store, keyring, envelope, clock).numbers(
        IdentityKind("crm.customer_id"), [f"customer-{n}" for n in range(N)]
    )
    values = [f"+86138{n:08}" for n in range(N)]
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    with timed("new values of people", N):
        tokens = await vault.tokens(PHONES, values, people)
    with timed("new values of nobody", N):
        await vault.tokens(MAILS, values, [None] * N)
    with timed("new values of people, 1,000 at a time", N):
        for first in range(0, N, BLOCK):
            await vault.tokens(CODES, values[first : first + BLOCK], people[first : first + BLOCK])
    with timed("known values", N):
        await vault.tokens(PHONES, values, people)
    with timed("values that were looked for", OPENED):
        await vault.find(PHONES, values[:OPENED])
    with timed("values of 10,000 tokens", OPENED):
        await vault.opened(PHONES, tokens[:OPENED])
    with timed("values of 1,000 tokens in the rows of people", BLOCK):
        await vault.read(PHONES, tokens[:BLOCK], people[:BLOCK])


async def main() -> None:
    """Open a place and measure there."""
    with tempfile.TemporaryDirectory() as made:
        directory = Path(made)
        (directory / "state").mkdir()
        store = await open_store(sys.argv[1] if len(sys.argv) > 1 else str(directory / "state"))
        try:
            await bench(store, directory)
        finally:
            await store.close()


if __name__ == "__main__":
    asyncio.run(main())
