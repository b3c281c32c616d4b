# SPDX-License-Identifier: Apache-2.0
"""Attack: take what is wanted of a long answer and hang up, so that the log tells of less than was seen."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from gateway.domain.entry import End, Entry, Intent, Refused, Release
from tests.fakes.gated_store import GatedStore, contacts, in_pieces
from tests.fakes.wire import calling, request, until
from tests.story.conftest import ANALYST, SUPPORT, World

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
ROWS = 20_000


@pytest.fixture
async def gated() -> AsyncIterator[GatedStore]:
    """A store that sends what the test lets through."""
    async with GatedStore() as store:
        yield store


@pytest.fixture
def store_port(gated: GatedStore) -> int:
    """Its port."""
    return gated.port


async def asking(world: World) -> bytes:
    """Return an analyst's request for contacts."""
    return request(
        "/crm/contacts?limit=1000",
        {"Authorization": "Bearer " + await world.bearer("analyst"), "Data-Purpose": ANALYST},
    )


def ends(world: World, decision_id: str = "") -> list[End]:
    """Return the ends that are entered, of one call or of all."""
    entries = world.entries_of(decision_id) if decision_id else world.entries()
    return [entry for entry, _ in entries if isinstance(entry, End)]


async def ended(world: World, decision_id: str) -> End:
    """Return the end of a call once it is entered."""
    await until(lambda: bool(ends(world, decision_id)))
    return ends(world, decision_id)[0]


async def test_an_answer_that_is_read_to_its_end_has_no_end_entry(world: World, gated: GatedStore) -> None:
    """The blocks say all: each has an entry, the last is marked, their bytes are those of the wire."""
    gated.answers(in_pieces(contacts(ROWS), 5_000, 10_000))
    async with calling(world.port, await asking(world)) as caller:
        heard = await caller.to_the_end()

    entries = [entry for entry, _ in world.entries_of(heard.headers["decision-id"])]
    releases = [entry for entry in entries if isinstance(entry, Release)]
    assert heard.is_whole
    assert releases == entries
    assert [entry.last for entry in releases] == [False] * (len(releases) - 1) + [True]
    assert sum(entry.bytes for entry in releases) == len(heard.body)
    assert sum(entry.rows for entry in releases) == ROWS
    assert max(entry.rows for entry in releases) <= 4096
    assert max(entry.bytes for entry in releases) <= 1 << 20


async def test_a_caller_that_hangs_up_between_blocks_is_entered_with_what_it_got(
    world: World, gated: GatedStore
) -> None:
    """The end says hang-up, and no more bytes than were authorised; nothing is left running."""
    gated.answers(in_pieces(contacts(ROWS), 9_000), is_open=False)
    async with calling(world.port, await asking(world)) as caller:
        await until(lambda: gated.n_waiting > 0)
        gated.let_through()
        heard = await caller.until(lambda heard: len(heard.body) > 1_000)
    gated.let_through(2)

    end = await ended(world, heard.headers["decision-id"])
    releases = [entry for entry, _ in world.entries_of(heard.headers["decision-id"]) if isinstance(entry, Release)]
    assert end.how == "hang-up"
    assert end.bytes is not None
    assert 0 < end.bytes <= sum(entry.bytes for entry in releases)
    assert not any(entry.last for entry in releases)
    await until(calls_are_over)


def calls_are_over() -> bool:
    """Tell whether the tasks of all calls have ended: the server's, and the watchers in them."""
    return not any("run_asgi" in repr(task) or "watch" in repr(task) for task in asyncio.all_tasks())


async def settled(world: World) -> list[Release]:
    """Return the blocks that are entered, once there are some and for a second no more came."""
    found: list[Release] = []
    n_equal = 0
    async with asyncio.timeout(60):
        while n_equal < 10:
            await asyncio.sleep(0.1)
            before, found = found, [entry for entry, _ in world.entries() if isinstance(entry, Release)]
            n_equal = n_equal + 1 if found and len(found) == len(before) else 0
    return found


async def test_a_caller_that_stops_reading_is_held_at_what_fits_its_buffers(world: World, gated: GatedStore) -> None:
    """Nothing runs ahead of a caller: blocks that it does not take are neither entered nor made."""
    rows = contacts(100_000)
    gated.answers(in_pieces(rows, *range(5_000, 100_000, 5_000)))
    call = await asking(world)
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", world.port))
        await asyncio.get_running_loop().sock_sendall(sock, call)
        releases = await settled(world)
        assert 0 < sum(entry.rows for entry in releases) < 100_000
        assert not any(entry.last for entry in releases)
    assert (await ended(world, releases[0].call)).how == "hang-up"


async def test_a_caller_that_hangs_up_before_its_answer_has_an_entry_all_the_same(
    world: World, gated: GatedStore
) -> None:
    """Whether its block was authorised is in the log; that it was not taken is as well."""
    gated.answers(in_pieces(contacts(10)), is_open=False)
    async with calling(world.port, await asking(world)):
        await until(lambda: gated.n_waiting > 0)
    await asyncio.sleep(0.05)
    gated.let_through()
    await until(lambda: any(isinstance(entry, End) for entry, _ in world.entries()))

    release, end = (entry for entry, _ in world.entries() if isinstance(entry, Release | End))
    assert isinstance(release, Release)
    assert isinstance(end, End)
    assert (end.call, end.how, end.bytes) == (release.call, "hang-up", 0)


async def test_a_caller_that_hangs_up_on_its_refusal_leaves_the_refusal_in_the_log(world: World) -> None:
    """A refusal is entered before it is told, and is no failure of the gateway's."""
    async with calling(world.port, request("/crm/contacts", {})):
        pass
    await until(lambda: any(isinstance(entry, Refused) for entry, _ in world.entries()))
    assert world.verdict().is_right


async def test_who_hangs_up_while_a_store_writes_stops_nothing(world: World, gated: GatedStore) -> None:
    """The write goes to its end at the store and is entered as told; then the end says that nobody heard it."""
    record = b'{"id":"c-000001","name":"Eve","city":"Ulm","birth_date":"1980-05-01"}'
    gated.answers([record], is_open=False)
    told = {
        "Authorization": "Bearer " + await world.bearer("service-agent"),
        "Data-Purpose": SUPPORT,
        "Content-Type": "application/merge-patch+json",
    }
    call = request("/crm/customers/c-000001", told, method="PATCH", body=b'{"city":"Ulm"}')
    async with calling(world.port, call):
        await until(lambda: gated.n_waiting > 0)
        # The record was looked at; now the write itself waits for the store.
        gated.let_through()
        await until(lambda: gated.n_calls == 2 and gated.n_waiting > 0)
    gated.let_through()

    await until(lambda: bool(ends(world)))
    assert [str(entry.__struct_config__.tag) for entry in written(world)] == ["intent", "release", "end"]
    assert (ends(world)[0].how, gated.n_calls) == ("hang-up", 2)
    await until(calls_are_over)


def written(world: World) -> list[Entry]:
    """Return the entries of calls that write."""
    calls = {entry.call for entry, _ in world.entries() if isinstance(entry, Intent)}
    return [entry for entry, _ in world.entries() if getattr(entry, "call", None) in calls]
