# SPDX-License-Identifier: Apache-2.0
"""Attack: a store whose connection is reset at each of the first 4,096 bytes of its reply."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from itertools import chain

import msgspec
import pytest

from gateway.domain.entry import End, Entry, Refused, Release
from gateway.settings.loading import Settings
from tests.fakes.gated_store import contacts
from tests.fakes.raw_store import JSON_HEAD, RawStore, Reply, json_reply
from tests.fakes.wire import Heard, called, request
from tests.story.conftest import ANALYST, World

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)

N_OFFSETS = 4096
AT_ONCE = 32
BODY = b"[" + b",".join(contacts(27)) + b"]"


def in_chunks(body: bytes) -> bytes:
    """Return a reply in chunks of uneven length."""
    pieces = [body[start : start + 97] for start in range(0, len(body), 97)]
    return (
        JSON_HEAD
        + b"Transfer-Encoding: chunked\r\n\r\n"
        + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        + b"0\r\n\r\n"
    )


REPLIES = {"length": json_reply(BODY).content, "chunked": in_chunks(BODY)}


class Scripted:
    """Replies of the raw store, one for each request; afterwards the whole one."""

    def __init__(self) -> None:
        """Begin whole."""
        self.replies: list[Reply] = []
        self.whole = json_reply(BODY)

    def __call__(self, number: int) -> Reply:
        """Return the reply to the n-th request."""
        return self.replies[number - 1] if number <= len(self.replies) else self.whole


@pytest.fixture
def script() -> Scripted:
    """What the store sends."""
    return Scripted()


@pytest.fixture
async def raw(script: Scripted) -> AsyncIterator[RawStore]:
    """A store of bytes."""
    async with RawStore(script) as store:
        yield store


@pytest.fixture
def store_port(raw: RawStore) -> int:
    """Its port."""
    return raw.port


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The store is asked again however often it failed."""
    stores = {name: one.model_copy(update={"failures": 1_000_000}) for name, one in settings.stores.items()}
    return settings.model_copy(update={"stores": stores})


async def heard_of_all(world: World, n_calls: int, *, at_once: int = AT_ONCE) -> list[Heard]:
    """Ask so often, some at once."""
    headers = {"Authorization": "Bearer " + await world.bearer("analyst"), "Data-Purpose": ANALYST}
    asked = request("/crm/contacts", headers)
    left = iter(range(n_calls))
    heard: list[Heard] = []

    async def caller() -> None:
        for _ in left:
            heard.append(await called(world.port, asked))  # noqa: PERF401 - callers share one counter

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(caller())
    return heard


def is_closing(entry: Entry) -> bool:
    return isinstance(entry, Refused | End) or (isinstance(entry, Release) and entry.last)


@pytest.mark.parametrize("framing", REPLIES)
async def test_a_reset_at_any_of_4096_bytes_is_never_taken_for_whole(
    world: World, raw: RawStore, script: Scripted, framing: str
) -> None:
    """Every call is refused cleanly, with one entry that closes it; the whole reply is answered."""
    whole = REPLIES[framing]
    assert len(whole) > N_OFFSETS
    script.replies = [Reply(whole[:offset], "reset") for offset in range(N_OFFSETS)]
    script.whole = Reply(whole)
    heard = await heard_of_all(world, N_OFFSETS)
    assert len(raw.heads) == N_OFFSETS

    assert Counter(one.status for one in heard) == {502: N_OFFSETS}
    assert all(one.is_whole and "problem+json" in one.headers["content-type"] for one in heard)
    calls = {one.headers["decision-id"] for one in heard}
    assert len(calls) == N_OFFSETS
    entries = [entry for entry, _ in world.entries()]
    closed = Counter(
        entry.call for entry in entries if isinstance(entry, Refused | End | Release) and is_closing(entry)
    )
    assert {call: n for call, n in closed.items() if call in calls} == dict.fromkeys(calls, 1)
    assert not any(isinstance(entry, Release) for entry in entries)

    [last] = await heard_of_all(world, 1)
    assert (last.status, last.is_whole) == (200, True)
    assert len(msgspec.json.decode(last.body)) == 27
    assert len(set(chain(calls, [last.headers["decision-id"]]))) == N_OFFSETS + 1


async def test_a_reset_anywhere_in_a_long_reply_breaks_what_left_visibly(
    world: World, raw: RawStore, script: Scripted
) -> None:
    """What left is a beginning of the whole answer, was entered, and does not parse."""
    body = b"[" + b",".join(contacts(9_000)) + b"]"
    script.whole = json_reply(body)
    [good] = await heard_of_all(world, 1)
    size = len(script.whole.content)
    script.replies = [Reply(b"")] + [Reply(script.whole.content[: size * n // 25], "reset") for n in range(1, 25)]
    heard = await heard_of_all(world, 24, at_once=2)

    assert {one.status for one in heard} == {200, 502}
    for one in heard:
        entries = [entry for entry, _ in world.entries_of(one.headers["decision-id"])]
        [closing] = [entry for entry in entries if is_closing(entry)]
        if one.status == 502:
            assert isinstance(closing, Refused)
            continue
        assert isinstance(closing, End)
        assert (closing.how, closing.bytes, one.is_whole) == ("store-failed", len(one.body), False)
        assert good.body.startswith(one.body)
        with pytest.raises(msgspec.DecodeError):
            msgspec.json.decode(one.body)
