# SPDX-License-Identifier: Apache-2.0
"""A process that appends as fast as it can and prints each call once its entry is durable; made to be killed.

With a second folder it writes to two disks; under ``either`` one after the other of them fails for a while.
"""

import asyncio
import errno
import itertools
import os
import sys
from pathlib import Path
from typing import cast

from gateway.record.writing.limits import Limits
from gateway.record.writing.pairing import Second
from gateway.record.writing.sequencer import Sequencer
from gateway.record.writing.sinks import Rule
from tests.fakes.log import NAME, FaultyDisk, Ticking, key_of, part, release

N_CALLERS = 8
TURN_S = 0.02


async def main(slot: Path, second: Path | None = None, rule: Rule = "both") -> None:
    """Append for ever. Segments are small and checkpoints frequent, so that a kill meets them too."""
    limits = Limits(segment_bytes=20_000, publish_after_s=0.002, look_again_s=0.002)
    disks = FaultyDisk(), FaultyDisk()
    sink = None if second is None else Second(directory=second, rule=rule, files=disks[1])
    async with Sequencer(
        slot,
        name=NAME,
        signer=key_of(NAME),
        clock=Ticking(),
        version="test",
        files=disks[0],
        limits=limits,
        second=sink,
    ) as log:
        places = itertools.count()

        async def call() -> None:
            for place in places:
                name = f"{os.getpid()}-{place}"
                await log.append(release(name), part(place))
                os.write(1, f"{name}\n".encode())

        async def fail() -> None:
            for disk in itertools.cycle(disks) if rule == "either" else ():
                while log.lost:  # noqa: ASYNC110 - it is the log that is waited for
                    await asyncio.sleep(0)
                await asyncio.sleep(TURN_S)
                disk.fail = {"sync": errno.EIO}
                await asyncio.sleep(TURN_S)
                disk.fail = {}

        await asyncio.gather(fail(), *(call() for _ in range(N_CALLERS)))


if __name__ == "__main__":
    where, *more = sys.argv[1:]
    if more:
        asyncio.run(main(Path(where), Path(more[0]), cast("Rule", more[1])))
    asyncio.run(main(Path(where)))
