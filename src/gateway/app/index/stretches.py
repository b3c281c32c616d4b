# SPDX-License-Identifier: Apache-2.0
"""Whole logs read for the index beside the process that writes it, or holds it against them.

Reading a log and writing tables each take a core. A long log is read by a process of its own, which sends what it
read; a short one in a thread. Such a process is asked nothing: it asks for the first entries of calls that it does not know.

A message is four bytes that tell its length, and as many bytes of MessagePack: ``Stretch``, ``Asked`` or ``Ended`` one
way, the rows of calls the other way.
"""

import asyncio
import gc
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from gateway.domain.errors import LogDamaged
from gateway.domain.log_packing import Stretch
from gateway.domain.log_query import LogRow
from gateway.record.reading.stretches import stretches

FirstOf = Callable[[Collection[str]], Awaitable[Mapping[str, LogRow]]]
"""Returns the first entries of those calls that have one before the stretch."""

_LENGTH_BYTES = 4
_BUFFER_BYTES = 1 << 22


class Asked(msgspec.Struct, frozen=True, tag="asked"):
    """The reading process asks for the first entries of calls."""

    calls: tuple[str, ...]


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """It has read all, or cannot read on."""

    trouble: str = ""


_encode = msgspec.msgpack.Encoder().encode
_heard: "msgspec.msgpack.Decoder[Stretch | Asked | Ended]" = msgspec.msgpack.Decoder(Stretch | Asked | Ended)
_told = msgspec.msgpack.Decoder(dict[str, LogRow])


async def read_in_thread(directory: Path, first_of: FirstOf, until: int | None = None) -> AsyncGenerator[Stretch, None]:
    """Yield the stretches of a log, as ``record.reading.stretches`` does.

    Raises:
        LogDamaged: An entry or a part cannot be read.
    """
    loop = asyncio.get_running_loop()

    def ask(calls: Collection[str]) -> Mapping[str, LogRow]:
        return asyncio.run_coroutine_threadsafe(_awaited(first_of(calls)), loop).result()

    found = stretches(directory, ask, until)
    while (one := await asyncio.to_thread(next, found, None)) is not None:
        yield one


async def read_by_process(
    directory: Path, first_of: FirstOf, until: int | None = None
) -> AsyncGenerator[Stretch, None]:
    """Yield the same, read by another process.

    Raises:
        LogDamaged: An entry or a part cannot be read, or the process ended before it was done.
    """
    async with _process(directory, until) as (told, heard):
        while True:
            match _heard.decode(await _message(heard, directory.name)):
                case Ended(trouble=trouble):
                    if trouble:
                        raise LogDamaged(trouble)
                    return
                case Asked(calls=calls):
                    told.write(_framed(_encode(dict(await first_of(calls)))))
                    await told.drain()
                case Stretch() as stretch:
                    yield stretch


@asynccontextmanager
async def _process(
    directory: Path, until: int | None
) -> AsyncIterator[tuple[asyncio.StreamWriter, asyncio.StreamReader]]:
    words = ["-P", "-m", "gateway.app.index.stretches", str(directory), *([] if until is None else [str(until)])]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, limit=_BUFFER_BYTES,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin is not None  # noqa: S101 - both were asked for as pipes
    assert process.stdout is not None  # noqa: S101
    try:
        yield process.stdin, process.stdout
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.stdin.close()
        # What it had sent; its end is not heard before.
        while await process.stdout.read(_BUFFER_BYTES):
            pass
        await process.wait()


async def _message(heard: asyncio.StreamReader, slot: str) -> bytes:
    try:
        n_bytes = int.from_bytes(await heard.readexactly(_LENGTH_BYTES), "big")
        return await heard.readexactly(n_bytes)
    except asyncio.IncompleteReadError:
        raise LogDamaged(f"what read {slot} ended before it was done") from None


async def _awaited(asked: Awaitable[Mapping[str, LogRow]]) -> Mapping[str, LogRow]:
    return await asked


def _framed(message: bytes) -> bytes:
    return len(message).to_bytes(_LENGTH_BYTES, "big") + message


def main(directory: Path, until: int | None, asked: BinaryIO, told: BinaryIO) -> None:
    """Read a log and send its stretches; what the process does that was started for it."""

    def first_of(calls: Collection[str]) -> Mapping[str, LogRow]:
        _send(told, Asked(tuple(calls)))
        return _told.decode(asked.read(int.from_bytes(asked.read(_LENGTH_BYTES), "big")))

    # Batches have no circles of references, and looking for some takes a fifth of the time.
    gc.disable()
    for message in _messages(stretches(directory, first_of, until)):
        _send(told, message)


def _messages(found: Iterator[Stretch]) -> Iterator[Stretch | Ended]:
    try:
        yield from found
    except LogDamaged as error:
        yield Ended(str(error))
    else:
        yield Ended()


def _send(told: BinaryIO, message: Stretch | Asked | Ended) -> None:
    told.write(_framed(_encode(message)))
    told.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None, sys.stdin.buffer, sys.stdout.buffer)
