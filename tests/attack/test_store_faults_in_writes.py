# SPDX-License-Identifier: Apache-2.0
"""Attack: a store that does one of 130 wrong things with a write, through a whole gateway.

Nobody knows then whether it was done; what must hold is that it was sent once, that the caller is not
told that it was not sent, and that the log has its intent and one entry that closes it.
"""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from gateway.domain.entry import End, Intent, Refused, Release
from gateway.settings.loading import Settings
from tests.fakes.wire import Heard, called, request, until
from tests.referee.faults import CANARY, FAULTS, Fault, Good
from tests.referee.hostile_store import HostileStore
from tests.story.conftest import SUPPORT, World

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)

SLOW = frozenset(fault.name for fault in FAULTS if fault.then == "hang" or fault.name.startswith(("drip", "endless")))
RECORD = {"id": "c-900001", "name": "Eve Adler", "country": "DE", "religion": CANARY.decode(), "outcome": "success"}
"""What the store answers with; an agent may not read a religion."""


@pytest.fixture
async def hostile() -> AsyncIterator[HostileStore]:
    """The store."""
    body = json.dumps(RECORD, separators=(",", ":")).encode()
    async with HostileStore({"customers": Good("record", b"application/json", body)}) as store:
        yield store


@pytest.fixture
def store_port(hostile: HostileStore) -> int:
    """Its port."""
    return hostile.port


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Little patience with the store."""
    patience = {"read_s": 0.5, "total_s": 3.0, "pace_s": 0.5, "least_bytes_s": 2000, "failures": 1_000_000}
    impatient = {name: one.model_copy(update=patience) for name, one in settings.stores.items()}
    return settings.model_copy(update={"stores": impatient})


async def heard_of(world: World, store: HostileStore, faults: list[Fault]) -> dict[str, Heard]:
    """Return what a write comes to under each fault; those that take their time take it together."""
    told = {
        "Authorization": "Bearer " + await world.bearer("service-agent"),
        "Data-Purpose": SUPPORT,
        "Data-Reference": "case-1",
        "Content-Type": "application/json",
    }
    asked = request("/crm/customers", told, method="POST", body=b'{"name":"Eve Adler","country":"DE"}')
    tasks = {}
    async with asyncio.TaskGroup() as group:
        for fault in faults:
            store.fault, n_before = fault, store.n_calls
            one = group.create_task(called(world.port, asked))
            await until(lambda n=n_before: store.n_calls > n)  # type: ignore[misc]
            if fault.name not in SLOW:
                await one
            tasks[fault.name] = one
    return {name: task.result() for name, task in tasks.items()}


async def test_a_write_is_sent_once_and_closed_once_whatever_the_store_does(
    world: World, hostile: HostileStore
) -> None:
    """Done, refused by the store in so many words, or unknown: never silently, never twice."""
    faults = [fault for fault in FAULTS if "record" in fault.kinds]
    heard = await heard_of(world, hostile, faults)
    assert hostile.n_calls == len(faults)

    found: dict[str, object] = {}
    for name, one in heard.items():
        entries = [entry for entry, _ in world.entries_of(one.headers["decision-id"])]
        closing = [e for e in entries if isinstance(e, Refused | End) or (isinstance(e, Release) and e.last)]
        was_told = CANARY in one.body or CANARY in repr(one.headers).encode()
        if was_told or len(closing) != 1 or not isinstance(entries[0], Intent):
            found[name] = [type(entry).__name__ for entry in entries]
        if one.status in (502, 504) and json.loads(one.body)["outcome"] != "unknown":
            found[name] = one.body
        if one.status not in (200, 201, 204, 404, 422, 502, 504):
            found[name] = one.status
    assert found == {}
    assert {heard[name].status for name in ("moved", "broken", "body-cut", "html", "gzip", "unauthorised")} == {502}
    assert {heard[name].status for name in ("nothing-hang", "body-hang", "drip-body")} == {504}
    assert heard["created"].status == 201
    assert heard["trailers"].status == 200
    assert CANARY not in b"".join(path.read_bytes() for path in (world.state / "log").rglob("*.ndjson"))
