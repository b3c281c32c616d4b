# SPDX-License-Identifier: Apache-2.0
"""A night's messages: a service without a human sends to everybody by surrogates, while people object.

Every byte that it receives is kept. At the end no address is in them, and exactly who was permitted at the moment
when their message was judged has one message.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from gateway.demo.people import Customer, people
from gateway.demo.tables import make
from gateway.domain.choice import ChoiceState
from gateway.settings import Settings, StoreSettings
from tests.fakes.mail import MailApi, mail_api
from tests.fakes.sending import Sender, a_sender, message
from tests.referee.numbers import MESSAGES
from tests.referee.report import ROWS
from tests.story.conftest import EMAIL, TODAY, Reply, World, settings, store_port, world

__all__ = ["settings", "store_port", "world"]

pytestmark = [pytest.mark.alone, pytest.mark.referee]

N_MESSAGES = MESSAGES.of(referee=True)
AT_ONCE = 1_000
"""Messages of a call, and rows of a page."""
MOST_TRIES = 60
OBJECTIONS = 5
"""People who object between two calls."""


@pytest.fixture(scope="session")
def crowd() -> list[Customer]:
    """People enough that so many of them agreed and are of age."""
    return list(people(None, N_MESSAGES * 5 // 4, today=TODAY))


@pytest.fixture(scope="session")
def store_file(crowd: list[Customer], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a sample store with these people."""
    path = tmp_path_factory.mktemp("sample-store") / "store.db"
    make(path, crowd)
    return path


@pytest.fixture
async def api() -> AsyncIterator[MailApi]:
    """A mail API that takes what it is given."""
    async with mail_api() as api:
        yield api


@pytest.fixture(name="settings")
def with_mailer(settings: Settings, api: MailApi) -> Settings:
    """The settings of a story, with a mail API beside the stores."""
    mailer = StoreSettings(base_url=f"http://127.0.0.1:{api.port}", read_s=30)
    return settings.model_copy(update={"stores": {**settings.stores, "mailer": mailer}})


async def patiently(ask: Callable[[], Awaitable[Reply]]) -> Reply:
    """Return an answer; a gateway that says that it is busy, of which nothing was done, is asked again."""
    reply = await ask()
    for _ in range(MOST_TRIES):
        if reply.status != 503:
            break
        await asyncio.sleep(1)
        reply = await ask()
    return reply


async def surrogates(sender: Sender) -> list[tuple[str, str]]:
    """Return the surrogates of so many people, page by page."""
    found: list[tuple[str, str]] = []
    for offset in range(0, N_MESSAGES * 2, AT_ONCE):
        path = f"/crm/customers?limit={AT_ONCE}&offset={offset}&fields=id,email"
        page = await patiently(lambda path=path: sender.read(path))  # type: ignore[misc]
        found += [(row["id"], row["email"]) for row in page.json["items"]]
        if len(found) >= N_MESSAGES:
            return found[:N_MESSAGES]
    raise AssertionError(f"only {len(found)} people may be written to")


async def sent(sender: Sender, messages: list[dict[str, str]]) -> list[str]:
    """Send as a service does that means to be done by morning, and return why some went to nobody.

    What certainly did not go, because the gateway was busy or the call was stopped, is sent again.
    """
    causes: list[str] = []
    for _ in range(MOST_TRIES):
        reply = await patiently(lambda some=messages: sender.send(some))  # type: ignore[misc]
        assert reply.status == 200, reply.body
        causes += [row["cause"] for row in reply.json["rows"] if row["cause"] != "stopped"]
        messages = [messages[row["row"]] for row in reply.json["rows"] if row["cause"] == "stopped"]
        if not messages:
            return causes
    raise AssertionError(f"{len(messages)} messages are left after {MOST_TRIES} tries")


async def test_a_night_of_messages_reaches_exactly_the_permitted_people(
    world: World,
    api: MailApi,
    crowd: list[Customer],
) -> None:
    """Once each; who objected before their message was judged has none, and the sender never saw an address."""
    sender = await a_sender(world)
    known, objected = await surrogates(sender), set[str]()
    by_address = {one.email.lower(): one.id for one in crowd}
    mine, told, began_s = list(crowd[::37]), list[str](), time.monotonic()
    for first in range(0, N_MESSAGES, AT_ONCE):
        for one in (mine.pop() for _ in range(OBJECTIONS) if mine):
            await world.choose(one.id, EMAIL, ChoiceState.OBJECTED)
            # Who has the message already keeps it.
            objected |= {one.id} - {by_address[to] for to in api.reached}
        some = [message(address, f"n{first + n}") for n, (_, address) in enumerate(known[first : first + AT_ONCE])]
        told += await sent(sender, some)
    took_s = time.monotonic() - began_s
    reached = [by_address[to] for to in api.reached]
    assert len(reached) == len(set(reached)) == N_MESSAGES - len(told)
    assert set(told) <= {"choice"}
    assert objected.isdisjoint(reached)
    heard = bytes(sender.received).lower()
    assert not [one.id for one in crowd if one.email.lower().encode() in heard]
    assert world.verdict().is_right
    ROWS.append(
        (f"{N_MESSAGES} messages", f"{len(reached)} reached once, {len(told)} left out, 0 addresses, {took_s:.0f} s")
    )
