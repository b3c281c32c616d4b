# SPDX-License-Identifier: Apache-2.0
"""A store's answer as it arrives, in blocks of whatever is there.

A slow answer is passed on as it comes, and a fast one in blocks of a mebibyte: while a block is entered,
the next pieces arrive. No more than ``WAITING_PIECES`` wait, so a caller that reads slowly slows the store.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.flows.rehearse.ports import RawAnswer

MOST_BLOCK_BYTES = 1 << 20
WAITING_PIECES = 16


class Pieces:
    """The pieces of one answer.

    Attributes:
        ended: All of the body is in the blocks that were given.
    """

    def __init__(self, answer: RawAnswer) -> None:
        """Begin before the first piece."""
        self._answer = answer
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue(WAITING_PIECES)
        self._problem: Exception | None = None
        self._n_bytes = 0
        self.ended = False

    async def read(self) -> None:
        """Take the pieces in until the body ends or breaks off."""
        try:
            async for piece in self._answer.chunks():
                await self._waiting.put(piece)
        except Exception as error:  # noqa: BLE001 - told behind the pieces that came before it
            self._problem = error
        await self._waiting.put(None)

    async def block(self) -> bytes:
        """Return what has arrived, once there is something; empty where only the end had not been told.

        Raises:
            Exception: What broke the body off, behind the pieces that came before.
        """
        pieces, n_bytes = list[bytes](), 0
        piece = await self._waiting.get()
        while piece is not None:
            pieces.append(piece)
            n_bytes += len(piece)
            if n_bytes >= MOST_BLOCK_BYTES or self._waiting.empty():
                break
            piece = self._waiting.get_nowait()
        self._n_bytes += n_bytes
        if piece is not None:
            self.ended = self._answer.length is not None and self._n_bytes >= self._answer.length
        elif self._problem is None:
            self.ended = True
        elif pieces:
            # What came before is passed on; the problem is told when the next block is asked for.
            self._waiting.put_nowait(None)
        else:
            raise self._problem
        return b"".join(pieces)


@asynccontextmanager
async def arriving(answer: RawAnswer) -> AsyncIterator[Pieces]:
    """Yield the pieces of an answer; leaving early ends the reading."""
    problem: Exception | None = None
    async with asyncio.TaskGroup() as group:
        pieces = Pieces(answer)
        reading = group.create_task(pieces.read())
        try:
            yield pieces
        except Exception as error:  # noqa: BLE001
            # Raised again outside: inside, the group would wrap it in another error.
            problem = error
        finally:
            if not pieces.ended or problem is not None:
                reading.cancel()
    if problem is not None:
        raise problem
