# SPDX-License-Identifier: Apache-2.0
"""The store of the part ``surrogates``: ``GET /COLLECTION/ROWS`` is answered by the next page of 1,000 rows.

    python -m bench.surrogate_store FILE

``warm`` rows are those of 10,000 people, over and over. Every ``cold`` and ``new`` page has values that no page had
before: a number is counted up in each of them as it is written, which costs some 100 µs a page. What is sealed cannot
be counted up, so it stands in FILE, a page a line: the first ones are the warm ones, and each of the others is
told once. A collection that has been told all of them is answered by 503, which ends the run.
"""

import asyncio
import re
import secrets
import sys
from collections.abc import Iterator, Sequence
from itertools import count, cycle, islice
from pathlib import Path
from typing import cast

import msgspec
import uvloop
from typing_extensions import override

from bench.backend import row
from bench.world import N_PEOPLE

N_ROWS = 1_000
N_WARM = N_PEOPLE // N_ROWS
"""Pages whose values come again and again."""
_MARK = b"~~~~~"
"""Stands where the number of a page goes, in as many digits."""
_PATH = re.compile(rb"GET /([a-z-]+)/([a-z]+)")
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
_NONE_LEFT = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"


def page(number: int, emails: Sequence[str], phones: Sequence[str]) -> bytes:
    """Return the rows of a page of people, with these in two of their fields."""
    rows = [row((number * N_ROWS + place) % N_PEOPLE) for place in range(N_ROWS)]
    for one, email, phone in zip(rows, emails, phones, strict=True):
        del one["name"]
        one |= {"email": email, "phone": phone}
    return msgspec.json.encode(rows)


def clear_values(number: int) -> tuple[list[str], list[str]]:
    """Return mail addresses and phones of a page."""
    places = range(number * N_ROWS, (number + 1) * N_ROWS)
    return [f"person.{place}@example.com" for place in places], [f"+49151{place:08}" for place in places]


def _fresh_clear(number: int) -> tuple[list[str], list[str]]:
    places, mark = range(N_ROWS), _MARK.decode()
    mails = [f"p{place:03}.{mark}.{number}@example.com" for place in places]
    return mails, [f"+49151{place:03}{mark}" for place in places]


def _tokens(mark: str) -> list[str]:
    return [f"av1_{secrets.token_hex(16)[: 32 - len(mark)]}{mark}" for _ in range(N_ROWS)]


def _warm(pages: Sequence[bytes]) -> Iterator[bytes]:
    return cycle(pages)


def _counted(pages: Sequence[bytes]) -> Iterator[bytes]:
    """Yield pages without end, each with a number of its own in the place of the marks."""
    for number, one in zip(count(), cycle(pages), strict=False):
        yield one.replace(_MARK, b"%05d" % number)


class Pages:
    """What comes next, by collection and rows."""

    def __init__(self, sealed: Path) -> None:
        self._sealed = sealed
        self._clear = [page(number, *clear_values(number)) for number in range(N_WARM)]
        self._fresh = [page(number, *_fresh_clear(number)) for number in range(N_WARM)]
        self._tokens = [page(number, _tokens(""), _tokens("")) for number in range(N_WARM)]
        self._fresh_tokens = [page(n, _tokens(_MARK.decode()), _tokens(_MARK.decode())) for n in range(N_WARM)]
        self._under_way: dict[tuple[str, str], Iterator[bytes]] = {}

    def next(self, collection: str, rows: str) -> bytes | None:
        """Return the next page; nothing where there is none left."""
        found = self._under_way.get((collection, rows))
        if found is None:
            found = self._under_way[collection, rows] = self._begun(collection.removeprefix("plain-"), rows)
        page = next(found, None)
        if not collection.startswith("plain-"):
            return page
        if page is None:
            # What is no surrogate is not cold either, so it may come again.
            found = self._under_way[collection, rows] = self._begun(collection.removeprefix("plain-"), rows)
            page = next(found)
        # Equally long, and of no shape of ours: what is at rest would be taken out of a field that does not say so.
        return page.replace(b'"as', b'"xs').replace(b'"av', b'"xv')

    def _begun(self, kind: str, rows: str) -> Iterator[bytes]:
        if kind == "siv-at-rest":
            with self._sealed.open("rb") as lines:
                if rows == "warm":
                    return _warm(list(islice(lines, N_WARM)))
                return iter(list(islice(lines, N_WARM, None)))
        if kind == "vault" and rows != "new":
            return _warm(self._tokens) if rows == "warm" else _counted(self._fresh_tokens)
        return _warm(self._clear) if rows == "warm" else _counted(self._fresh)


class Connection(asyncio.Protocol):
    """One kept-alive connection; requests have no body and come whole."""

    def __init__(self, pages: Pages) -> None:
        self._pages, self._waiting = pages, b""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        """Answer each head that is complete."""
        *heads, self._waiting = (self._waiting + data).split(b"\r\n\r\n")
        for head in heads:
            asked = _PATH.match(head)
            body = self._pages.next(asked[1].decode(), asked[2].decode()) if asked else None
            self._transport.write(_NONE_LEFT if body is None else _HEAD % len(body) + body)


async def serve(sealed: Path) -> None:
    """Listen until the process is ended."""
    pages, loop = Pages(sealed), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(pages), "127.0.0.1", 0, backlog=512)
    print(f"listening on port :{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(serve(Path(sys.argv[1])))
        except KeyboardInterrupt:
            sys.exit(0)
