# SPDX-License-Identifier: Apache-2.0
"""Bodies: read only where one is declared, of one media type, no further than their kind needs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from gateway.domain.catalog import BodyKind, BodyShape, Route
from gateway.domain.decision import Deny, Reason
from gateway.domain.errors import HangUp
from gateway.domain.names import AccountId, FieldName
from gateway.domain.parameters import Comparison, FilterParameter
from gateway.doors.http.out import Message, opened
from gateway.doors.http.reading.bodies import (
    LONG_BYTES,
    MERGE_PATCH,
    MOST_BYTES,
    MOST_LONG,
    MOST_LONG_OF_ONE,
    Bodies,
    Body,
)
from gateway.doors.http.reading.headers import Stated
from tests.fakes.customers import COLLECTION, LIST, ONE

JSON = Stated(content_type="application/json")
SEARCH = BodyShape(kind=BodyKind.SEARCH, parameters={"ids": FilterParameter(FieldName("id"), Comparison.IN)})


def taking(shape: BodyShape | None) -> Route:
    return msgspec.structs.replace(LIST, method="POST", body=shape)


class Sender:
    """A caller that sends pieces, and counts how often it was asked for one."""

    def __init__(self, *pieces: bytes, then_gone: bool = False) -> None:
        self.pieces, self.then_gone, self.n_asked = list(pieces), then_gone, 0
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def receive(self) -> Message:
        """Tell the next piece."""
        self.n_asked += 1
        await self.may_go_on.wait()
        if self.pieces:
            return {
                "type": "http.request",
                "body": self.pieces.pop(0),
                "more_body": bool(self.pieces) or self.then_gone,
            }
        if self.then_gone:
            return {"type": "http.disconnect"}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: Message) -> None:
        """Take no answer."""


async def read(
    shape: BodyShape | None,
    *pieces: bytes,
    stated: Stated = JSON,
    bodies: Bodies | None = None,
    sender: Sender | None = None,
    account: str = "a_1",
) -> Body | Deny:
    sender = sender or Sender(*pieces)
    async with opened(sender.receive, sender.send, has_body=bool(sender.pieces)) as out:
        return await (bodies or Bodies()).read(taking(shape), COLLECTION, stated, out, AccountId(account))


def reason_of(outcome: Body | Deny) -> Reason:
    assert isinstance(outcome, Deny)
    return outcome.reason


async def test_a_search_gives_members_and_a_write_gives_records() -> None:
    """However the body is cut into pieces."""
    search = await read(SEARCH, b'{"ids": ["a"', b', "b"]}')
    write = await read(BodyShape(kind=BodyKind.FIELDS), b'{"email": ', b'"x"}')
    assert isinstance(search, Body)
    assert search.members == (("ids", ("a", "b")),)
    assert isinstance(write, Body)
    assert [one.values for one in write.written] == [(("email", "x"),)]


async def test_a_route_without_a_body_takes_none() -> None:
    """And nothing is read to find out what it says."""
    sender = Sender(b"{}")
    assert reason_of(await read(None, sender=sender)) is Reason.BODY_INVALID
    assert sender.n_asked == 0
    assert isinstance(await read(None), Body)


@pytest.mark.parametrize(
    "told",
    [None, "", "text/json", "application/json, application/json", "application/json; charset=utf-16", MERGE_PATCH,
     "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp"],
)  # fmt: skip
async def test_another_media_type_is_refused_unread(told: str | None) -> None:
    """Before a byte is asked for."""
    sender = Sender(b"{}")
    outcome = await read(SEARCH, stated=Stated(content_type=told), sender=sender)
    assert reason_of(outcome) is Reason.CONTENT_TYPE_NOT_SUPPORTED
    assert sender.n_asked == 0


async def test_a_merge_patch_has_its_own_media_type() -> None:
    """A body of fields is not one and the other at once."""
    shape, content = BodyShape(kind=BodyKind.MERGE_PATCH), b'{"email": null}'
    assert isinstance(await read(shape, content, stated=Stated(content_type="Application/Merge-Patch+JSON")), Body)
    assert reason_of(await read(shape, content)) is Reason.CONTENT_TYPE_NOT_SUPPORTED


@pytest.mark.parametrize("kind", list(BodyKind))
async def test_a_body_is_read_up_to_its_bound(kind: BodyKind) -> None:
    """An announced length beyond it is refused unread; without one, at the first byte beyond."""
    shape = msgspec.structs.replace(SEARCH, kind=kind)
    media_type = MERGE_PATCH if kind is BodyKind.MERGE_PATCH else "application/json"
    sender = Sender(b"{}")
    announced = Stated(content_type=media_type, content_length=MOST_BYTES[kind] + 1)
    assert reason_of(await read(shape, stated=announced, sender=sender)) is Reason.BODY_TOO_LARGE
    assert sender.n_asked == 0

    piece = b" " * 65_536
    endless = Sender(*[piece] * (MOST_BYTES[kind] // len(piece) + 50))
    outcome = await read(shape, stated=Stated(content_type=media_type), sender=endless)
    assert reason_of(outcome) is Reason.BODY_TOO_LARGE
    assert endless.n_asked == MOST_BYTES[kind] // len(piece) + 1


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b'{"ids": ["a"], "ids": ["b"]}', b"\xff", b"\xef\xbb\xbf{}", b"[" * 100_000, b'{"ids": NaN}', b"{}{}"],
)
async def test_what_is_not_strict_json_is_malformed(raw: bytes) -> None:
    """The sentence says why and repeats nothing."""
    outcome = await read(SEARCH, *([raw] if raw else []))
    assert reason_of(outcome) in (Reason.MALFORMED, Reason.BODY_TOO_LARGE)


FIELDS = BodyShape(kind=BodyKind.FIELDS)
LONG = b'{"email": "' + b"x" * LONG_BYTES + b'"}'
ANNOUNCED = Stated(content_type="application/json", content_length=len(LONG))


@asynccontextmanager
async def under_way(bodies: Bodies, accounts: list[str]) -> AsyncIterator[None]:
    """Hold one body of each account that has begun and of which nothing arrives; all are read in the end."""
    waiting = [Sender(LONG) for _ in accounts]
    for sender in waiting:
        sender.may_go_on.clear()
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(read(FIELDS, stated=ANNOUNCED, bodies=bodies, sender=sender, account=account))
            for sender, account in zip(waiting, accounts, strict=True)
        ]
        while not all(sender.n_asked for sender in waiting):  # noqa: ASYNC110 - each has begun
            await asyncio.sleep(0)
        yield
        for sender in waiting:
            sender.may_go_on.set()
    assert all(isinstance(task.result(), Body) for task in tasks)


async def test_long_bodies_are_read_a_few_at_a_time() -> None:
    """Who comes beyond that is told to come again, announced or not; short ones are not counted among them."""
    bodies = Bodies()
    async with under_way(bodies, [f"a_{place // MOST_LONG_OF_ONE}" for place in range(MOST_LONG)]):
        announced = Sender(LONG)
        outcome = await read(FIELDS, stated=ANNOUNCED, bodies=bodies, sender=announced, account="b")
        assert (reason_of(outcome), announced.n_asked) == (Reason.OVERLOADED, 0)
        assert reason_of(await read(FIELDS, LONG[:9], LONG[9:], bodies=bodies, account="b")) is Reason.OVERLOADED
        assert isinstance(await read(FIELDS, b'{"email": "x"}', bodies=bodies, account="b"), Body)
        assert isinstance(await read(SEARCH, b"{}", bodies=bodies, account="b"), Body)
    assert isinstance(await read(FIELDS, LONG, bodies=bodies, account="b"), Body)


async def test_one_account_has_fewer_of_them() -> None:
    """Another's are read meanwhile, and its own again once there is room."""
    bodies = Bodies()
    async with under_way(bodies, ["a"] * MOST_LONG_OF_ONE):
        assert reason_of(await read(FIELDS, LONG, bodies=bodies, account="a")) is Reason.OVERLOADED
        assert isinstance(await read(FIELDS, LONG, bodies=bodies, account="b"), Body)
    for _ in range(MOST_LONG + 1):
        assert isinstance(await read(FIELDS, LONG, bodies=bodies, account="a"), Body)


async def test_a_body_that_may_be_long_holds_nothing_before_it_is() -> None:
    """However many of them are waited for."""
    bodies = Bodies()
    short = [Sender(b'{"em', b'ail": "x"}') for _ in range(MOST_LONG + 1)]
    for sender in short:
        sender.may_go_on.clear()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(read(FIELDS, bodies=bodies, sender=sender)) for sender in short]
        while not all(sender.n_asked for sender in short):  # noqa: ASYNC110 - each has begun
            await asyncio.sleep(0)
        assert isinstance(await read(FIELDS, LONG, bodies=bodies), Body)
        for sender in short:
            sender.may_go_on.set()
    assert all(isinstance(task.result(), Body) for task in tasks)


async def test_a_long_body_says_what_it_says() -> None:
    """Read in a thread, by the same reader."""
    value = "x" * (LONG_BYTES * 2)
    outcome = await read(BodyShape(kind=BodyKind.FIELDS), f'{{"email": "{value}"}}'.encode())
    assert isinstance(outcome, Body)
    assert outcome.written[0].values == (("email", value),)


async def test_who_goes_away_inside_a_body_hangs_up() -> None:
    """And its place is free again."""
    bodies = Bodies()
    for _ in range(MOST_LONG + 1):
        with pytest.raises(HangUp):
            await read(FIELDS, bodies=bodies, sender=Sender(LONG[:-2], then_gone=True))


async def test_a_body_is_read_where_the_path_names_a_record() -> None:
    """The path says which, the body what."""
    route = msgspec.structs.replace(ONE, method="PATCH", body=BodyShape(kind=BodyKind.FIELDS))
    sender = Sender(b'{"email": "x"}')
    async with opened(sender.receive, sender.send, has_body=True) as out:
        assert isinstance(await Bodies().read(route, COLLECTION, JSON, out, AccountId("a_1")), Body)
