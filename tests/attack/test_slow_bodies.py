# SPDX-License-Identifier: Apache-2.0
"""Attack: a call whose body comes a byte at a time, to hold what it holds for as long as it can."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack

import pytest

from gateway.domain.entry import Refused
from gateway.doors.http import out
from gateway.doors.http.reading.bodies import LONG_BYTES, MERGE_PATCH, MOST_LONG, MOST_LONG_OF_ONE
from tests.fakes.wire import called, calling, request
from tests.story.conftest import ANALYST, SUPPORT, World

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


async def stated(world: World) -> dict[str, str]:
    return {
        "Authorization": "Bearer " + await world.bearer("analyst"),
        "Data-Purpose": ANALYST,
        "Content-Type": "application/json",
    }


async def test_a_body_that_drips_is_given_up_and_others_are_answered_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal is entered, and the connection closed."""
    monkeypatch.setattr(out, "FIRST_S", 0.5)
    headers = await stated(world)
    slow = request("/crm/customers/search", {**headers, "Content-Length": "1000"}, method="POST")
    whole = request("/crm/customers/search", headers, method="POST", body=b"{}")

    async def drip(writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b" ")
            await asyncio.sleep(0.02)

    async with calling(world.port, slow) as caller, asyncio.TaskGroup() as group:
        dripping = group.create_task(drip(caller.writer))
        async with calling(world.port, whole) as other:
            assert (await other.to_the_end()).status == 200
        heard = await caller.to_the_end()
        dripping.cancel()
    assert heard.status == 400
    assert json.loads(heard.body)["detail"] == "The body did not arrive in time."
    assert heard.headers["connection"] == "close"
    [(entry, _)] = world.entries_of(heard.headers["decision-id"])
    assert isinstance(entry, Refused)
    assert entry.reason == "malformed"


async def test_slow_writes_of_one_account_stop_no_other_write(world: World) -> None:
    """However many it begins; of those that say that they are long, it has a few."""
    headers = {
        "Authorization": "Bearer " + await world.bearer("service-agent"),
        "Data-Purpose": SUPPORT,
        "Data-Reference": "story-1",
        "Content-Type": MERGE_PATCH,
        "Expect": "100-continue",
    }
    # Nobody is called so: whether the record is there is asked once the body is whole.
    target = "/crm/customers/c-999999"
    short, long = (
        request(target, {**headers, "Content-Length": str(n_bytes)}, method="PATCH")
        for n_bytes in (1000, LONG_BYTES + 1)
    )
    async with AsyncExitStack() as slow:
        for head in [short] * (MOST_LONG + 1) + [long] * MOST_LONG_OF_ONE:
            caller = await slow.enter_async_context(calling(world.port, head))
            # Only a body that is read is told to go on.
            heard = await caller.until(lambda heard: heard.status == 100)
            assert (heard.status, heard.is_whole) == (100, False)
            caller.writer.write(b"{")
        [more, other] = [await called(world.port, one) for one in (long, _whole(target, headers))]
    assert (more.status, json.loads(more.body)["type"].rpartition("/")[2]) == (503, "overloaded")
    assert other.status == 404


def _whole(target: str, headers: Mapping[str, str]) -> bytes:
    told = {name: value for name, value in headers.items() if name != "Expect"}
    return request(target, told, method="PATCH", body=b'{"city": "Ulm"}')


async def test_nobody_unknown_is_waited_for(world: World) -> None:
    """Without an identity the refusal comes before the first byte of the body."""
    head = request("/crm/customers/search", {"Content-Length": "1000", "Expect": "100-continue"}, method="POST")
    async with calling(world.port, head) as caller:
        heard = await caller.to_the_end()
    assert [heard.status, heard.headers["connection"]] == [401, "close"]


async def test_who_goes_away_inside_its_body_leaves_nothing_behind(world: World) -> None:
    """The door answers the next call; nothing was asked of the store, so no entry speaks of rows."""
    before = len(world.entries())
    for _ in range(20):
        head = request("/crm/customers/search", {**await stated(world), "Content-Length": "1000"}, method="POST")
        async with calling(world.port, head + b"{"):
            pass
    async with calling(
        world.port, request("/crm/customers/search", await stated(world), method="POST", body=b"{}")
    ) as on:
        assert (await on.to_the_end()).status == 200
    kinds = [type(entry).__name__ for entry, _ in world.entries()[before:]]
    assert kinds.count("Release") == 1
