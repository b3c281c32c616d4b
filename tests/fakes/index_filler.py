# SPDX-License-Identifier: Apache-2.0
"""A process that brings an index up to logs in small batches and tells each once it is entered; made to be killed."""

import asyncio
import os
import sys
from pathlib import Path

from gateway.app.clock import now_us
from gateway.app.indexing import LogFiles
from gateway.flows.indexing import Indexing
from gateway.store.engine import open_index
from gateway.store.log_index import LogIndex

BATCH = 499
"""No divisor of a span, so that spans end inside of batches that begin before them."""


async def main(place: str, logs: Path) -> None:
    """Fill until all is entered; ``done`` is the last line then."""
    index = LogIndex(await open_index(place))
    indexing = Indexing(index, LogFiles(logs), now_us, most=BATCH)
    await indexing.catch_up(lambda n_entries: (os.write(1, f"{n_entries}\n".encode()), None)[1])
    await index.close()
    os.write(1, b"done\n" if not indexing.troubles else b"trouble\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
