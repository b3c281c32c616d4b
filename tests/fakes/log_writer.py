# SPDX-License-Identifier: Apache-2.0
"""A process that appends as fast as it can and prints each call once its entry is durable; made to be killed."""

import asyncio
import itertools
import os
import sys
from pathlib import Path

from gateway.record.limits import Limits
from gateway.record.sequencer import Sequencer
from tests.fakes.log import NAME, Ticking, key_of, part, release

N_CALLERS = 8


async def main(slot: Path) -> None:
    """Append for ever. Segments are small and checkpoints frequent, so that a kill meets them too."""
    limits = Limits(segment_bytes=20_000, publish_after_s=0.002)
    async with Sequencer(slot, name=NAME, signer=key_of(NAME), clock=Ticking(), version="test", limits=limits) as log:
        places = itertools.count()

        async def call() -> None:
            for place in places:
                name = f"{os.getpid()}-{place}"
                await log.append(release(name), part(place))
                os.write(1, f"{name}\n".encode())

        await asyncio.gather(*(call() for _ in range(N_CALLERS)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
