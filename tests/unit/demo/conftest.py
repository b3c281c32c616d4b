# SPDX-License-Identifier: Apache-2.0
"""Sample people for all tests of the demo, and a caller that needs no port."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.applications import Starlette

from gateway.demo.people import Customer, people

TODAY = date(2025, 6, 1)

Get = Callable[[str], Awaitable[tuple[int, bytes]]]


@pytest.fixture(scope="session")
def today() -> date:
    """Return the reference day of all tests."""
    return TODAY


@pytest.fixture(scope="session")
def crowd() -> tuple[Customer, ...]:
    """Make up 3,000 people."""
    return tuple(people(None, 3_000, today=TODAY))


@pytest.fixture
def campaign_file() -> Path:
    """Return the real campaign data, or skip."""
    path = Path(__file__).parents[4] / "shared/data/bank-marketing/bank-full.csv.gz"
    if not path.is_file():
        pytest.skip("the campaign data does not lie at ../shared/data/bank-marketing beside the repository")
    return path


@asynccontextmanager
async def calling(store: Starlette) -> AsyncIterator[Get]:
    """Start the application and give a function that gets a path with its query."""

    async def get(target: str) -> tuple[int, bytes]:
        path, _, query = target.partition("?")
        sent: list[dict[str, object]] = []

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: "dict[str, object] | object") -> None:
            assert isinstance(message, dict)
            sent.append(message)

        scope = {
            "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "path": path, "raw_path": quote(path).encode(),
            "query_string": quote(query, safe="=&%+,-").encode(), "root_path": "", "headers": [], "server": ("127.0.0.1", 1), "client": ("127.0.0.1", 2),
        }  # fmt: skip
        await store(scope, receive, send)
        status, bodies = sent[0]["status"], [message["body"] for message in sent[1:]]
        assert isinstance(status, int)
        return status, b"".join(body for body in bodies if isinstance(body, bytes))

    async with store.router.lifespan_context(store):
        yield get
