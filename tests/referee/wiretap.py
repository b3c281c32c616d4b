# SPDX-License-Identifier: Apache-2.0
"""Wiretap: a TCP proxy that records every byte of every connection in both directions, and parses nothing.

One stands between callers and the gateway, another between the gateway and its stores. What a side sent is
written down before it is passed on. A side that closes or resets does so to the other; a side that reads
slowly slows the other down. With a pause, each whole piece of what a server sends takes that long, so that
long answers arrive as they do over a network. It shares no code with the gateway.

    python tests/referee/wiretap.py --to PORT --record DIR [--listen PORT] [--piece BYTES] [--pause SECONDS] [--up-only]

``DIR/000001.up`` holds what the client of the first connection sent, ``DIR/000001.down`` what it was sent,
and ``DIR/ends`` one line for each that ended: its number and which side ended it. With ``--up-only`` what the
server sent is passed on and not kept, such as a store's rows, which are all that may not leave.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from io import FileIO
from pathlib import Path

HOST = "127.0.0.1"
PIECE_BYTES = 1 << 16


class Tap:
    """The connections of one listening port."""

    def __init__(self, to_port: int, record: Path, piece_bytes: int, pause_s: float) -> None:
        """Keep where to pass bytes on to, where to write them down, and how fast."""
        self.keeps_down = True
        self._to_port, self._record = to_port, record
        self._piece_bytes, self._pause_s = piece_bytes, pause_s
        self._n_connections = 0
        self._ends = FileIO(str(record / "ends"), "a")

    async def take(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Carry one connection, until it ends or the program does."""
        with contextlib.suppress(asyncio.CancelledError):
            await self._carry(client, to_client)

    async def _carry(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        self._n_connections += 1
        number = self._n_connections
        try:
            server, to_server = await asyncio.open_connection(HOST, self._to_port, limit=PIECE_BYTES)
        except OSError:
            self._end(number, "refused", to_client)
            return
        up = FileIO(str(self._record / f"{number:06}.up"), "w")
        down = FileIO(str(self._record / f"{number:06}.down") if self.keeps_down else os.devnull, "w")
        with up, down:
            async with asyncio.TaskGroup() as group:
                pumps = {
                    "client": group.create_task(_pumped(client, to_server, up, PIECE_BYTES, 0.0)),
                    "server": group.create_task(_pumped(server, to_client, down, self._piece_bytes, self._pause_s)),
                }
                done, _ = await asyncio.wait(pumps.values(), return_when=asyncio.FIRST_COMPLETED)
                side = "server" if pumps["server"] in done else "client"
                if side == "server":
                    # What the server sent last is still on its way to the client.
                    with contextlib.suppress(OSError, TimeoutError):
                        async with asyncio.timeout(5):
                            await to_client.drain()
                            to_client.write_eof()
                for pump in pumps.values():
                    pump.cancel()
        self._end(number, side, to_client, to_server)

    def _end(self, number: int, side: str, *writers: asyncio.StreamWriter) -> None:
        self._ends.write(f"{number} {side}\n".encode())
        for writer in writers:
            if side == "client":
                writer.transport.abort()
            writer.close()


async def _pumped(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, record: FileIO, piece_bytes: int, pause_s: float
) -> None:
    """Carry one direction until its end."""
    with contextlib.suppress(OSError):
        while piece := await reader.read(piece_bytes):
            record.write(piece)
            writer.write(piece)
            await writer.drain()
            if pause_s and len(piece) == piece_bytes:
                await asyncio.sleep(pause_s)


async def serve(tap: Tap, listen_port: int, say: Callable[[str], object]) -> None:
    """Carry connections until the process is told to end."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = await asyncio.start_server(tap.take, HOST, listen_port, limit=PIECE_BYTES, backlog=1024)
    say(f"wiretap on http://{HOST}:{server.sockets[0].getsockname()[1]}\n")
    await stop.wait()
    server.close()


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(description="Record every byte between a client and a server of this machine.")
    parser.add_argument("--to", type=int, required=True, help="port of the server")
    parser.add_argument("--listen", type=int, default=0, help="0 takes a free port; the first line tells it")
    parser.add_argument("--record", type=Path, required=True, help="folder for what was recorded")
    parser.add_argument(
        "--piece", type=int, default=PIECE_BYTES, help="bytes of what a server sends, passed on at once"
    )
    parser.add_argument("--up-only", action="store_true", help="do not keep what the server sent")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds after each whole piece")
    asked = parser.parse_args()

    def say(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    asked.record.mkdir(parents=True, exist_ok=True)
    tap = Tap(asked.to, asked.record, asked.piece, asked.pause)
    tap.keeps_down = not asked.up_only
    asyncio.run(serve(tap, asked.listen, say))


if __name__ == "__main__":
    main()
