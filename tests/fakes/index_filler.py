# SPDX-License-Identifier: Apache-2.0
"""A process that brings an index up to logs and tells each batch once it is entered; made to be killed.

In small batches as the worker does, or with ``anew`` as a building anew does, whose logs are read by processes.
"""

import asyncio
import os
import sys
from pathlib import Path

from gateway.app.clock import now_us
from gateway.app.index import indexing
from gateway.flows.indexing import Indexing
from gateway.store.engine import open_index
from gateway.store.log.index import LogIndex

BATCH = 499
"""No divisor of a span, so that spans end inside of batches that begin before them."""


async def main(place: str, logs: Path, *, anew: bool) -> None:
    """Fill until all is entered; ``done`` is the last line then."""
    index = LogIndex(await open_index(place))
    if anew:
        indexing.WORTH_A_PROCESS = 1
        await index.drop_indexes()
        troubles = await indexing.fill(index, logs, _tell)
        await index.make_indexes()
    else:
        keeping = Indexing(index, indexing.LogFiles(logs), now_us, most=BATCH)
        await keeping.catch_up(_tell)
        troubles = keeping.troubles
    await index.close()
    os.write(1, b"done\n" if not troubles else b"trouble\n")


def _tell(n_entries: int) -> None:
    os.write(1, f"{n_entries}\n".encode())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), anew="anew" in sys.argv[3:]))
