# SPDX-License-Identifier: Apache-2.0
"""Somebody is erased in the gateway and in the store; nobody's import brings them back, their own act does."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from gateway.app.slots import DOOR_SLOT
from gateway.app.surrogates.erasing import erasing_of, remaining
from gateway.demo.people import Customer
from gateway.domain.choice import ChoiceState
from gateway.domain.entry import Changed, Refused
from gateway.domain.names import PersonNumber
from gateway.settings.loading import Settings
from gateway.transform.identifying import identified
from tests.story.conftest import CUSTOMER, EMAIL, SUPPORT, Reply, World, fill, opened
from tests.story.test_writes import stored, written

GONE = 150


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store that a test may write to."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


async def erased(world: World, gone: Customer) -> PersonNumber:
    """Erase somebody, who is known by phone, mail and name besides, in the store and then in the gateway."""
    assert (await written(world, "DELETE", f"/crm/customers/{gone.id}")).status == 204
    [number] = await world.numbers([gone.id])
    known = identified(
        [("phone", gone.phone), ("email", gone.email), ("name", gone.name), ("birth_date", gone.birth_date or "")]
    )
    await erasing_of(world.rooms, slot=DOOR_SLOT).erase(number, "local:officer", "case 7", known)
    return number


def record_of(gone: Customer, **other: object) -> dict[str, object]:
    """Return somebody's record as a synchronisation writes it."""
    return {"name": gone.name, "email": gone.email, "phone": gone.phone, "birth_date": gone.birth_date, **other}


async def without_reference(world: World, record: dict[str, object]) -> Reply:
    """Create somebody by a call that names no reference."""
    told = {
        "Authorization": "Bearer " + await world.bearer("service-agent"),
        "Data-Purpose": SUPPORT,
        "Content-Type": "application/json",
    }
    return await world.ask("POST", "/crm/customers", told, json.dumps(record).encode())


async def test_an_import_does_not_bring_the_erased_back(world: World) -> None:
    """Neither whole nor by two of their values; the log says that it was refused, and says nothing of whom."""
    gone = world.crowd[GONE]
    number = await erased(world, gone)
    assert await remaining(world.rooms, [number], []) == ()

    for record in (record_of(gone), {"email": gone.email.upper(), "phone": gone.phone, "name": "Somebody"}):
        reply = await written(world, "POST", "/crm/customers", record)
        assert (reply.status, reply.json["reason"], reply.json.get("fields", [])) == (409, "erased-person", [])
        [entry] = [body for body, _ in world.entries_of(reply.headers["decision-id"])]
        assert isinstance(entry, Refused)
        assert (entry.reason, entry.fields) == ("erased-person", ())
    assert (await world.straight(f"/crm/customers?email={gone.email}"))["items"] == []
    assert world.verdict().is_right


async def test_rows_are_named_and_no_person(world: World) -> None:
    """Of many records, by their places; nothing of them is written."""
    gone = world.crowd[GONE]
    await erased(world, gone)
    contacts = [
        {"id": f"n-{n}", "customer_id": f"c-0001{n:02}", "channel": "phone", "duration_s": 60, "outcome": "answered"}
        for n in range(30)
    ]
    contacts[3]["customer_id"] = gone.id
    reply = await written(world, "POST", "/crm/contacts/bulk", contacts)

    assert (reply.status, reply.json["reason"], reply.json["fields"]) == (409, "erased-person", ["[3]"])
    assert gone.id not in reply.body.decode()
    assert not [one for one in await world.straight("/crm/contacts?limit=10000") if one["id"].startswith("n-")]
    contacts.pop(3)
    assert (await written(world, "POST", "/crm/contacts/bulk", contacts)).status == 201


async def test_whoever_shares_a_phone_with_the_erased_is_written_as_before(world: World) -> None:
    """Family phones block nobody else, also where somebody takes the phone over."""
    gone, stays = world.crowd[GONE], world.crowd[GONE + 1]
    await erased(world, gone)
    reply = await written(world, "PATCH", f"/crm/customers/{stays.id}", {"phone": gone.phone})
    assert reply.status == 200
    assert (await stored(world, f"/crm/customers/{stays.id}"))["phone"] == gone.phone
    made = await written(world, "POST", "/crm/customers", {"name": "Jan Berg", "phone": gone.phone})
    assert made.status == 201


async def test_the_own_act_of_the_person_lifts_it_and_an_import_never(
    settings: Settings, store_port: int, crowd: list[Customer], tmp_path: Path
) -> None:
    """A route that says `by: person` creates, and is entered with its reference; then they are like anybody."""
    gone, wire = crowd[GONE], tmp_path / "wire.log"
    async with opened(settings, store_port, crowd, wire) as world:
        await fill(world.rooms, crowd)
        old = await erased(world, gone)
        assert (await written(world, "POST", "/crm/customers", record_of(gone))).json["reason"] == "erased-person"
    path = settings.policies_dir / "datasets" / "crm.yaml"
    text = path.read_text("utf-8")
    signs_up = "path: /crm/customers\n              operation: create\n"
    assert signs_up in text
    path.write_text(text.replace(signs_up, signs_up + "              by: person\n", 1), "utf-8")
    async with opened(settings, store_port, crowd, wire) as world:
        # An import that goes there names nothing by which an act of the person could be shown.
        assert (await without_reference(world, record_of(gone))).json["reason"] == "erased-person"
        reply = await written(
            world, "POST", "/crm/customers", record_of(gone), headers={"Data-Reference": "form-of-3-May"}
        )
        assert reply.status == 201
        call = reply.headers["decision-id"]
        [lifted] = [
            body for body, _ in world.entries() if isinstance(body, Changed) and body.what == "tombstone-lifted"
        ]
        assert lifted.facts == {"how": "own-act", "call": call, "reference": "form-of-3-May"}
    path.write_text(text, "utf-8")
    async with opened(settings, store_port, crowd, wire) as world:
        assert (await written(world, "POST", "/crm/customers", record_of(gone))).status == 201
        [new] = await world.numbers([reply.json["id"]])
        assert new != old
        assert await world.rooms.choices.of(new) == ()
        assert world.verdict().is_right


async def test_an_erased_person_is_no_longer_found_by_anything_that_chose(world: World) -> None:
    """Their choice stays under a number that stands for nobody; a filter by their id meets no number."""
    gone = world.crowd[GONE]
    await world.choose(gone.id, EMAIL, ChoiceState.OBJECTED)
    number = await erased(world, gone)
    assert await world.rooms.people.find(CUSTOMER, gone.id) is None
    assert await world.rooms.people.identities(number) == []
    assert await world.rooms.choices.of(number)


async def test_writes_and_an_erasure_at_the_same_time_bring_nobody_back(world: World) -> None:
    """Whatever comes behind the erasure is refused; what was written before it is in the store, where it is erased."""
    gone = world.crowd[GONE]
    async with asyncio.TaskGroup() as group:
        writes = [group.create_task(written(world, "POST", "/crm/customers", record_of(gone))) for _ in range(3)]
        group.create_task(erased(world, gone))
    answers = {task.result().status for task in writes}
    assert answers <= {201, 409}
    last = await written(world, "POST", "/crm/customers", record_of(gone))
    assert last.json["reason"] == "erased-person"
