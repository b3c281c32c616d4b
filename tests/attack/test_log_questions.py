# SPDX-License-Identifier: Apache-2.0
"""Attack: reading more of the log than one may, by what is asked of it, or reading it without leaving a trace.

The search goes through the same decision as any data, every value is a value to the database, and a cursor is
good for one question of one account. A question that fails is entered like one that is answered.
"""

import asyncio
import threading
from collections.abc import Iterable, Sequence
from urllib.parse import quote

import pytest
from sqlalchemy import select
from typing_extensions import override

from gateway.app import own_data
from gateway.app.index.indexing import fill, index_place
from gateway.app.index.reading import LogQuestions
from gateway.domain.catalog import AnswerShape
from gateway.domain.entry import Refused, Release
from gateway.domain.errors import Overloaded
from gateway.domain.log_facets import FACETS
from gateway.domain.log_query import LogQuery
from gateway.domain.names import DecisionId, StoreName
from gateway.flows.access.ports.stores import StoreCall
from gateway.flows.log_reading import Counts, LogReading
from gateway.store.engine import open_index
from gateway.store.log import facets
from gateway.store.log.index import LogIndex
from gateway.store.log_schema import log_use, log_word
from tests.story.conftest import ANALYST, World

LEGAL = "essential.legal_obligation"

HOSTILE = [
    "' OR '1'='1", "a' UNION SELECT text FROM log_word --", "%", "_", "a_%", "*", "\\", "a\\' OR 1=1", "x); DROP TABLE log_entry; --",
    "since:2020-01-01", "a account:b", "a&account=b", "a\u0000b", "\U0001f600", "..", "a" * 1024,
]  # fmt: skip


async def test_no_value_is_more_than_a_value(world: World) -> None:
    """Nothing that is not exactly in the log finds anything, and the tables stay as they are."""
    await world.get("/crm/customers?limit=1", "analyst", ANALYST)

    for name in ("account", "client", "purpose", "dataset", "reference", "reason", "session", "place"):
        for value in HOSTILE:
            found = await world.get(f"/-/log/entries?{name}={quote(value, safe='')}", "officer", LEGAL)

            if found.status == 200:
                assert found.json["entries"] == [], (name, value)
            else:
                assert found.status == 400, (name, value)
                assert found.json["reason"] in ("parameter-invalid", "malformed"), (name, value)
                assert value not in found.body.decode()
    assert (await world.get("/-/log/entries?limit=1", "officer", LEGAL)).json["entries"] != []


async def test_no_page_is_longer_than_declared(world: World) -> None:
    """A huge limit is refused and not made smaller in silence."""
    for limit in ("1001", "999999999", "-1", "1e9", "0x10", "1000000000000000000000"):
        refused = await world.get(f"/-/log/entries?limit={limit}", "officer", LEGAL)

        assert (refused.status, refused.json["reason"]) == (400, "parameter-invalid")


async def test_a_changed_cursor_is_none(world: World) -> None:
    """Not one letter of it can be another; and it does not tell where the page ended."""
    for _ in range(2):
        await world.get("/crm/customers?limit=1", "analyst", ANALYST)
    cursor = (await world.get("/-/log/entries?limit=1", "officer", LEGAL)).json["next"]

    for place in range(0, len(cursor), 7):
        other = "A" if cursor[place] != "A" else "B"
        refused = await world.get(
            f"/-/log/entries?limit=1&cursor={cursor[:place]}{other}{cursor[place + 1 :]}", "officer", LEGAL
        )
        assert (refused.status, refused.json["reason"]) == (400, "parameter-invalid")
    assert "door-0" not in cursor


async def test_questions_that_fail_are_entered_too(world: World) -> None:
    """Without their values; whoever tries around leaves a refusal for each try."""
    refused = await world.get("/-/log/entries?person=somebody", "officer", LEGAL)
    denied = await world.get("/-/log/entries?account=a_whoever", "analyst", ANALYST)

    for reply, reason in ((refused, "parameter-invalid"), (denied, denied.json["reason"])):
        ((entry, _),) = world.entries_of(reply.headers["decision-id"])
        assert isinstance(entry, Refused)
        assert entry.reason == reason
        assert "somebody" not in repr(entry)
        assert "a_whoever" not in repr(entry)


async def test_a_look_at_the_log_is_released_only_once_it_is_entered(world: World) -> None:
    """The entry authorises exactly the bytes that were read, like those of any store."""
    found = await world.get("/-/log/entries", "officer", LEGAL)

    ((entry, _),) = world.entries_of(found.headers["decision-id"])
    assert isinstance(entry, Release)
    assert entry.bytes == len(found.body)


async def test_no_value_of_a_store_and_no_name_is_in_the_index(world: World) -> None:
    """The index of the log holds what the log holds: identifiers, keys, counts and numbers."""
    await world.get("/crm/customers?limit=50", "campaigner", "marketing.communications.email")
    await world.get("/-/log/entries?account=campaigner", "officer", LEGAL)

    rows = await world.straight("/crm/customers?limit=50")
    base = await open_index(index_place(world.rooms.settings))
    assert await fill(LogIndex(base), world.state / "log") == {}
    async with base.connect() as connection:
        words = set((await connection.execute(select(log_word.c.text))).scalars())
        fields = set((await connection.execute(select(log_use.c.fields))).scalars())
    await base.close()

    assert "crm.customers" in words
    values = {str(row[name]) for row in rows["items"] for name in ("name", "email", "phone", "address", "id")}
    assert not [one for one in words | fields for value in values if value in one]
    assert "campaigner" not in words


class Questions(LogQuestions):
    """Who asks that log."""

    def __init__(self, log: LogReading) -> None:
        """Keep the log."""
        self._log = log

    @override
    async def reading(self) -> LogReading:
        """Return it."""
        return self._log


class Heavy(LogReading):
    """A log whose counts take as long as the test wants; knows how many were counted at the same time."""

    def __init__(self) -> None:
        """Begin with nothing asked."""
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()
        self.n_now = self.n_most = 0

    @override
    async def counts(self, query: LogQuery, facets: Sequence[str] = FACETS) -> Counts:
        """Count nothing."""
        self.n_now += 1
        self.n_most = max(self.n_most, self.n_now)
        self.asked.set()
        await self.go_on.wait()
        self.n_now -= 1
        return Counts((), whole=True)


async def test_questions_that_cost_much_come_one_after_the_other_and_not_without_end() -> None:
    """A process that answers calls counts for one officer at a time; who comes when many wait is told to come again."""
    heavy = Heavy()
    target = own_data.OwnTarget(Questions(heavy))
    call = StoreCall(
        store=StoreName("gateway"), method="GET", path="/log/facets", query=(), decision_id=DecisionId("0" * 32),
        shape=AnswerShape(kind="object"),
    )  # fmt: skip

    async def ask() -> None:
        async with target.call(call):
            pass

    waiting = [asyncio.create_task(ask()) for _ in range(own_data.MOST_COUNTING)]
    await heavy.asked.wait()
    with pytest.raises(Overloaded):
        await ask()
    waiting.pop().cancel()
    await asyncio.sleep(0)
    heavy.go_on.set()
    await asyncio.gather(*waiting)
    await ask()

    assert heavy.n_most == 1


async def test_many_entries_are_put_together_beside_the_loop(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody can be in every entry, and calls are answered by the same process."""
    reply = await world.get("/crm/customers?limit=1", "analyst", ANALYST)
    (number,) = await world.numbers([(await world.straight("/crm/customers?limit=1"))["items"][0]["id"]])
    base = await open_index(index_place(world.rooms.settings))
    assert await fill(LogIndex(base), world.state / "log") == {}
    await base.close()
    threads, gathered = list[int](), facets._gathered

    def noted(rows: Iterable[Sequence[int]]) -> tuple[list[facets._Group], list[facets._Group]]:
        threads.append(threading.get_ident())
        return gathered(rows)

    monkeypatch.setattr(facets, "_gathered", noted)
    for asked in (f"person={number}", f"decision_id={reply.headers['decision-id']}"):
        found = await world.get(f"/-/log/facets?{asked}", "officer", LEGAL)
        told = {(one["facet"], one["value"]): one["entries"] for one in found.json["counts"]}
        assert told["kind", "release"] == 1

    assert len(threads) == 2
    assert threading.get_ident() not in threads
