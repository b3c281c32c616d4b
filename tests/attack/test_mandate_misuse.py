# SPDX-License-Identifier: Apache-2.0
"""Attack: a mandate is used for what it is not for, after its time, over its people, or while it is revoked."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.domain.mandate import DAY_US
from gateway.domain.names import PurposeKey
from gateway.settings.loading import Settings
from gateway.settings.sections import StoreSettings
from gateway.store.mandates import Mandates
from tests.fakes.mail import MailApi, mail_api
from tests.fakes.sending import Sender, a_mandate, a_sender, message, office
from tests.story.conftest import ANALYST, EMAIL, World

MOST_PEOPLE, CALLS = 20, 64


@pytest.fixture
async def api() -> AsyncIterator[MailApi]:
    """A mail API that takes what it is given."""
    async with mail_api() as api:
        yield api


@pytest.fixture
def settings(settings: Settings, api: MailApi) -> Settings:
    """The settings of a story, with a mail API beside the stores."""
    mailer = StoreSettings(base_url=f"http://127.0.0.1:{api.port}", read_s=5)
    return settings.model_copy(update={"stores": {**settings.stores, "mailer": mailer}})


@pytest.fixture
async def sender(world: World) -> Sender:
    """A service with a mandate."""
    return await a_sender(world)


async def refusal(sender: Sender, address: str, **headers: str) -> tuple[int, str]:
    """Return how a message is refused."""
    reply = await sender.send(message(address, "tried"), **headers)
    return reply.status, reply.json["reason"]


async def test_a_mandate_for_something_else_is_one_that_is_not_there(
    world: World, sender: Sender, api: MailApi
) -> None:
    """Another client's, purpose's, recipient's, dataset's, field's, reference's or time's, or an unknown one: one answer."""
    now_us, address = world.rooms.clock(), (await sender.surrogates())[0][1]
    wrong: tuple[dict[str, Any], ...] = (
        {"client": "day-mailer"},
        {"purpose": "marketing.communications.sms"},
        {"recipient": "adnet"},
        {"dataset": "crm.contacts"},
        {"fields": ("phone",)},
        {"reference": "story-2"},
        {"from_us": now_us - 9 * DAY_US, "until_us": now_us - 1},
        {"from_us": now_us + DAY_US, "until_us": now_us + 2 * DAY_US},
        {"approvers": ("one",)},
        {"approvers": ("two",)},
        {"approvers": ("one", "three")},
        {"approvers": ("two", "asked")},
        {"approvers": ("two", "two")},
    )
    made = [await a_mandate(world, **one) for one in wrong]
    for mandate in (*made, "m_aaaaaaaaaaaaaaaa"):
        sender.mandate = mandate
        assert await refusal(sender, address) == (403, "mandate-not-in-force")
    sender.mandate = await a_mandate(world)
    assert await refusal(sender, address, Data_Reference="story-2") == (403, "mandate-not-in-force")
    assert not api.taken


async def test_a_mandate_counts_nowhere_else(world: World, sender: Sender) -> None:
    """A call that is not made under a mandate refuses the header, and text that is none is malformed."""
    reply = await sender.world.get("/crm/customers?limit=20", "analyst", ANALYST, Data_Mandate=sender.mandate)
    assert (reply.status, reply.json["reason"]) == (400, "header-not-supported")
    for text in ("m_", "m_AAAAAAAAAAAAAAAA", "m_aaaaaaaaaaaaaaa!", "x" * 18):
        reply = await world.get("/crm/customers?limit=20", "analyst", ANALYST, Data_Mandate=text)
        assert (reply.status, reply.json["reason"]) == (400, "malformed")


async def test_a_mandate_gives_no_grant_and_overrides_no_choice(world: World, sender: Sender, api: MailApi) -> None:
    """A service without the grant to send is refused whatever mandate it names."""
    address = (await sender.surrogates())[0][1]
    other = await _without_grant(world)
    assert await refusal(other, address) == (403, "grant-missing")
    assert not api.taken


async def _without_grant(world: World) -> Sender:
    _, secret = await world.rooms.enrolment.add_client(
        "day-mailer",
        name="Day",
        roles=("newsletter-app",),
        recipient="own",
        scopes=(PurposeKey(EMAIL),),
        by="local:test",
    )
    other = Sender(world, "day-mailer", secret)
    other.mandate = await a_mandate(world, client="day-mailer")
    return other


async def test_its_people_are_the_limit_however_many_call_at_once(world: World, sender: Sender, api: MailApi) -> None:
    """64 calls at once for 64 people, of whom a mandate has 20: exactly 20 are reached, the others are told so."""
    known = (await sender.surrogates())[:CALLS]
    sender.mandate = await a_mandate(world, most_people=MOST_PEOPLE)
    replies = await asyncio.gather(*(sender.send(message(address, f"c{n}")) for n, (_, address) in enumerate(known)))
    told = [(reply.status, reply.json.get("sent")) for reply in replies]
    assert told.count((200, 1)) == MOST_PEOPLE == len(set(api.reached)) == len(api.taken)
    assert [reply.json["reason"] for reply in replies if reply.status != 200] == ["mandate-spent"] * (
        CALLS - MOST_PEOPLE
    )
    # Whom it reached before it may reach again; anybody new it may not.
    again = next(n for n, reply in enumerate(replies) if reply.status == 200)
    assert (await sender.send(message(known[again][1], "again"))).json["sent"] == 1
    fresh = next(n for n, reply in enumerate(replies) if reply.status != 200)
    none_left = await sender.send(message(known[fresh][1], "fresh"))
    assert (none_left.status, none_left.json["detail"]) == (403, "The mandate has room for 0 more people.")
    assert "retry-after" not in none_left.headers


async def test_a_mandate_that_is_revoked_midway_stops_what_waits(world: World, sender: Sender, api: MailApi) -> None:
    """What was under way goes; every message behind it is left out, was not sent, and is told as stopped."""
    known = (await sender.surrogates())[:150]
    api.gate.clear()
    async with asyncio.TaskGroup() as group:
        call = group.create_task(sender.send([message(address, f"r{n}") for n, (_, address) in enumerate(known)]))
        await asyncio.wait_for(api.came.wait(), 20)
        await Mandates(world.rooms.store).revoke(sender.mandate, "a_one", world.rooms.clock())
        api.gate.set()
    reply = call.result()
    n_sent, causes = reply.json["sent"], [row["cause"] for row in reply.json["rows"]]
    assert 0 < n_sent <= 64
    assert causes == ["stopped"] * (150 - n_sent)
    assert len(api.taken) == n_sent
    assert await refusal(sender, known[-1][1]) == (403, "mandate-not-in-force")


async def test_whoever_asked_for_a_mandate_cannot_approve_it_even_past_the_flow(world: World) -> None:
    """The database refuses it too, and a revoked one takes no approval."""
    kept, now_us = Mandates(world.rooms.store), world.rooms.clock()
    mandate, who = await a_mandate(world, approvers=()), await office(world.rooms)
    assert not await kept.approve(mandate, who["asked"], now_us)
    assert await kept.revoke(mandate, "a_one", now_us)
    assert not await kept.approve(mandate, who["one"], now_us)
