# SPDX-License-Identifier: Apache-2.0
"""Devices over a real store: one for all of a person's where that person lets them be, each its own where not."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.app.making import enrol_at_once
from gateway.app.surrogates.tracing import tracing
from gateway.demo.people import Customer
from gateway.domain.choice import ChoiceState
from gateway.settings.loading import Settings
from tests.story.conftest import ANALYST, SUPPORT, World, fill, opened

LINKING = "personalize.content.profiled"
CHANNEL = """          - name: channel
            data_categories: [user.behavior]
            fides_meta: {data_type: string}
"""
DEVICE = """          - name: channel
            data_categories: [user.device.device_id]
            fides_meta: {data_type: string}
            gateway: {links: device, surrogate: siv}
"""


@pytest.fixture
async def linking(settings: Settings, store_port: int, crowd: list[Customer], tmp_path: Path) -> AsyncIterator[World]:
    """A gateway whose rules take the channel of a contact for a device, and let support see devices too."""
    _edit(settings, "datasets/crm.yaml", CHANNEL, DEVICE)
    ceiling = "      - {category: user.government_id, rung: mask, link: no}\n"
    _edit(settings, "purposes.yaml", ceiling, ceiling + "      - {category: user.device, rung: drop, link: yes}\n")
    grants = settings.policies_dir / "grants.csv"
    with grants.open("a") as file:
        file.write(f"p, service-agent, crm, user.device, {SUPPORT}, read, drop, yes, allow, ,\n")
    async with opened(settings, store_port, crowd, tmp_path / "wire.log") as world:
        await fill(world.rooms, crowd)
        await enrol_at_once(
            world.rooms, "agency", "agency correct horse battery", roles=("analyst",), recipient="mail-service",
            by="local:test",
        )  # fmt: skip
        yield world


def _edit(settings: Settings, name: str, old: str, new: str) -> None:
    path = settings.policies_dir / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    # Cases of the shipped rules say what the shipped datasets are.
    for case in (settings.policies_dir / "tests").glob("*.yaml"):
        case.unlink()


async def somebody(world: World) -> str:
    """Return a customer with contacts over more than one channel, none of whose choices stand in the way."""
    rows = await world.straight("/crm/contacts?limit=1000")
    channels: dict[str, set[str]] = {}
    for row in rows:
        channels.setdefault(row["customer_id"], set()).add(row["channel"])
    chose = {customer.id for customer in world.crowd if customer.choices}
    return next(who for who, those in channels.items() if len(those) > 1 and who not in chose)


async def devices(world: World, who: str, role: str = "analyst", purpose: str = ANALYST) -> list[str]:
    """Return the devices of somebody's contacts as a role sees them, by the order of the store."""
    straight = await world.straight("/crm/contacts?limit=1000")
    reply = await world.get("/crm/contacts?limit=1000", role, purpose)
    assert reply.status == 200, reply.body
    # Nobody is withheld from these, so places are the same.
    told: list[dict[str, Any]] = reply.json
    assert len(told) == len(straight)
    return [shown["channel"] for shown, row in zip(told, straight, strict=True) if row["customer_id"] == who]


async def test_a_choice_links_and_its_withdrawal_sets_apart(linking: World) -> None:
    """Without one, and after it, each device is its own: of a value, whosever it is."""
    who = await somebody(linking)
    straight = [r["channel"] for r in await linking.straight("/crm/contacts?limit=1000") if r["customer_id"] == who]

    before = await devices(linking, who)
    await linking.choose(who, LINKING, ChoiceState.GIVEN)
    linked = await devices(linking, who)
    await linking.choose(who, LINKING, ChoiceState.WITHDRAWN)
    after = await devices(linking, who)

    assert len(set(before)) == len(set(straight)) > 1
    assert len(set(linked)) == 1
    assert set(linked).isdisjoint(before)
    assert after == before


async def test_linked_devices_are_apart_between_classes_and_recipients(linking: World) -> None:
    """The same person's devices, seen by three: nothing in common."""
    who = await somebody(linking)
    await linking.choose(who, LINKING, ChoiceState.GIVEN)
    seen = [
        set(await devices(linking, who, "analyst", ANALYST)),
        set(await devices(linking, who, "service-agent", SUPPORT)),
        set(await devices(linking, who, "agency", ANALYST)),
    ]
    assert [len(one) for one in seen] == [1, 1, 1]
    assert len(set.union(*seen)) == 3


async def test_a_linked_device_is_asked_for_by_nobody(linking: World) -> None:
    """A filter by it is refused as a surrogate that is none; one that is apart finds its rows."""
    who = await somebody(linking)
    apart = (await devices(linking, who))[0]
    await linking.choose(who, LINKING, ChoiceState.GIVEN)
    linked = (await devices(linking, who))[0]

    found = await linking.get(f"/crm/contacts?limit=20&channel={apart}", "analyst", ANALYST)
    refused = await linking.get(f"/crm/contacts?limit=20&channel={linked}", "analyst", ANALYST)

    assert found.status == 200
    assert found.json
    assert (refused.status, refused.json["reason"]) == (403, "surrogate-not-recognised"), refused.body


async def test_a_leaked_list_of_linked_devices_names_people_and_call(linking: World) -> None:
    """They hold the person's number, so a list without any other column is enough."""
    who = await somebody(linking)
    await linking.choose(who, LINKING, ChoiceState.GIVEN)
    reply = await linking.get("/crm/contacts?limit=1000", "agency", ANALYST)
    straight = await linking.straight("/crm/contacts?limit=1000")
    leaked = [s["channel"] for s, row in zip(reply.json, straight, strict=True) if row["customer_id"] == who]

    async with tracing(linking.rooms, is_thorough=False, from_files=False) as found:
        told = await found.trace(["\n".join(leaked)], by="local:test", most=5)

    (party,) = told.parties
    assert (party.recipient, party.key_class, party.people) == ("mail-service", "analytics", 1)
    assert party.rows_with_person == party.rows_explained == len(leaked)
    assert party.decisions[0].decision == reply.headers["decision-id"]
