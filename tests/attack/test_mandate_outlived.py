# SPDX-License-Identifier: Apache-2.0
"""Attack: a mandate is used after what it was given by has gone, or is not so any more."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from gateway.app.installation import reload_rules
from gateway.demo.people import Customer
from gateway.domain.choice import ChoiceState
from gateway.domain.names import AccountId, CategoryKey
from gateway.domain.treatment import DROP
from gateway.domain.viewplan import Hold
from gateway.flows.access.carrying import STRETCH
from gateway.settings.loading import Settings
from gateway.settings.sections import StoreSettings
from tests.fakes.mail import MailApi, mail_api
from tests.fakes.sending import Sender, a_mandate, a_sender, message, office
from tests.story.conftest import EMAIL, Reply, World

N_MESSAGES = 100
HELD = Hold(category=CategoryKey("user.contact"), rung=DROP, link=False, reason="lock")


@pytest.fixture
async def api() -> AsyncIterator[MailApi]:
    """A mail API that takes what it is given."""
    async with mail_api() as api:
        yield api


@pytest.fixture
def settings(settings: Settings, api: MailApi) -> Settings:
    """The settings of a story, with a mail API beside the stores."""
    mailer = StoreSettings(base_url=f"http://127.0.0.1:{api.port}", read_s=60)
    return settings.model_copy(update={"stores": {**settings.stores, "mailer": mailer}})


@pytest.fixture
async def sender(world: World) -> Sender:
    """A service with a mandate."""
    return await a_sender(world)


async def edit(world: World, file: str, old: str, new: str) -> None:
    """Change the rules and put them in force."""
    path = world.rooms.settings.policies_dir / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    shutil.rmtree(world.rooms.settings.policies_dir / "tests", ignore_errors=True)
    before = world.rooms.policy.decider.rules.digest
    await reload_rules(world.rooms.policy, world.rooms.settings.policies_dir)
    assert world.rooms.policy.decider.rules.digest != before


async def test_a_word_counts_as_long_as_who_gave_it_is_there(world: World, sender: Sender, api: MailApi) -> None:
    """Held back from, the word waits; an officer who left leaves a mandate without one, whoever else approved it."""
    who, (_, address) = await office(world.rooms), (await sender.surrogates())[0]

    async def tried(key: str, mandate: str) -> object:
        sender.mandate = mandate
        reply = await sender.send(message(address, key))
        return reply.json["sent"] if reply.status == 200 else (reply.status, reply.json["reason"])

    mine, other = sender.mandate, await a_mandate(world, approvers=("three", "two"))
    refused = (403, "mandate-not-in-force")
    held = await world.rooms.holds.set(who["one"], HELD)
    assert [await tried("a", mine), await tried("b", other)] == [refused, 1]
    await world.rooms.holds.lift(held)
    assert await tried("c", mine) == 1
    await world.rooms.accounts.disable(who["two"], now_us=world.rooms.clock())
    assert [await tried("d", mine), await tried("e", other)] == [refused, refused]
    assert len(api.taken) == 2


async def test_an_officer_who_is_none_any_more_leaves_a_mandate_without_one(
    world: World, sender: Sender, api: MailApi
) -> None:
    """What a role means is in the rules, and those of now count."""
    who, (_, address) = await office(world.rooms), (await sender.surrogates())[0]
    mine = f"g, {who['three']}, officer\n"
    sender.mandate = await a_mandate(world, approvers=("one", "three"))
    assert (await sender.send(message(address, "a"))).status == 403
    await edit(world, "grants.csv", "g, marketing-lead, analyst\n", f"g, marketing-lead, analyst\n{mine}")
    assert (await sender.send(message(address, "b"))).json["sent"] == 1
    await edit(world, "grants.csv", mine, "")
    assert (await sender.send(message(address, "c"))).status == 403
    assert len(api.taken) == 1


async def hold_the_sender(world: World) -> None:
    """Hold addresses back from the service."""
    found = await world.rooms.clients.find("night-mailer")
    assert found is not None
    await world.rooms.holds.set(AccountId(found[0].account.id), HELD)


async def dismiss_the_officer(world: World) -> None:
    """Switch off the account of one who approved."""
    await world.rooms.accounts.disable((await office(world.rooms))["two"], now_us=world.rooms.clock())


async def move_a_red_line(world: World) -> None:
    """Let more people be minors, who are left out of marketing whatever they agreed to."""
    await edit(world, "regimes/eu_dsa.yaml", "under_years: 18", "under_years: 25")


async def take_the_grant(world: World) -> None:
    """Let the role send nothing."""
    grant = "p, mail-sender, crm.customers, user.contact.email, marketing.communications.email, send, reveal, yes, allow, ,\n"
    await edit(world, "grants.csv", grant, "")


async def midway(sender: Sender, api: MailApi, change: Callable[[], Awaitable[None]]) -> Reply:
    """Send messages, and let something change while the first stretch is on its way."""
    known = (await sender.surrogates())[:N_MESSAGES]
    api.gate.clear()
    async with asyncio.TaskGroup() as group:
        call = group.create_task(sender.send([message(address, f"m{n}") for n, (_, address) in enumerate(known)]))
        await asyncio.wait_for(api.came.wait(), 20)
        await change()
        api.gate.set()
    return call.result()


@pytest.mark.parametrize("change", [hold_the_sender, dismiss_the_officer, move_a_red_line, take_the_grant])
async def test_what_changes_while_messages_are_on_their_way_stops_those_behind(
    world: World, sender: Sender, api: MailApi, change: Callable[[World], Awaitable[None]]
) -> None:
    """A stretch that was begun goes, and nothing behind it; the mandate stands in for none of this."""
    reply = await midway(sender, api, lambda: change(world))
    assert reply.json["sent"] == STRETCH == len(api.taken)
    assert reply.json["rows"] == [{"row": n, "cause": "stopped"} for n in range(STRETCH, N_MESSAGES)]
    # Whom a red line takes is somebody who is not there; everything else refuses the call.
    again = await sender.send(message("sv1_00", "again"))
    assert again.status == (200 if change is move_a_red_line else 403)
    assert len(api.taken) == STRETCH


async def test_an_objection_while_messages_are_on_their_way_keeps_its_own_back(
    world: World, sender: Sender, api: MailApi, crowd: list[Customer]
) -> None:
    """Under a mandate as without one."""

    async def object_behind() -> None:
        # Messages are in the order of the store, and these people behind the first stretch of those who agreed.
        for one in crowd[90:110]:
            await world.choose(one.id, EMAIL, ChoiceState.OBJECTED)

    reply = await midway(sender, api, object_behind)
    rows = reply.json["rows"]
    assert {row["cause"] for row in rows} == {"choice"}
    assert all(row["row"] >= STRETCH for row in rows)
    assert reply.json["sent"] == len(api.taken) == N_MESSAGES - len(rows)
    assert {one.email.lower() for one in crowd[90:110]}.isdisjoint(api.reached)


async def test_rules_of_a_dataset_that_change_after_the_approval_widen_nothing(
    world: World, sender: Sender, api: MailApi
) -> None:
    """A condition that the store cannot be asked for any more, another recipient, another field: each ends it."""
    known = (await sender.surrogates())[:3]
    narrow = await a_mandate(world, conditions=(("country", "DE"),))
    crm = "datasets/crm.yaml"

    async def refusals() -> list[tuple[int, str]]:
        told = []
        for mandate in (wide, narrow):
            sender.mandate = mandate
            reply = await sender.send([message(address, f"k{n}") for n, (_, address) in enumerate(known)])
            told.append((reply.status, reply.json.get("reason", "")))
        return told

    wide, no = sender.mandate, (403, "mandate-not-in-force")
    await edit(world, crm, "                country: {field: country}\n", "")
    assert await refusals() == [(200, ""), no]
    await edit(world, crm, "recipient: mail-service\n", "recipient: own\n")
    assert await refusals() == [no, no]
    assert len(api.taken) <= 3
