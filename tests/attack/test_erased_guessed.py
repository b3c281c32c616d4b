# SPDX-License-Identifier: Apache-2.0
"""Attack: find out who was erased by writing ranges of ids, or guesses of a phone, that are refused and change nothing."""

import shutil
from pathlib import Path

import pytest

from gateway.app.slots import DOOR_SLOT
from gateway.app.surrogates.erasing import erasing_of
from gateway.settings.loading import Settings
from gateway.transform.identifying import identified
from tests.story.conftest import SUPPORT, World
from tests.story.test_writes import written

MOST = 12
on_sqlite = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store, since these tests write."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """So few that a test reaches it."""
    limits = settings.limits.model_copy(update={"erased_told": MOST})
    return settings.model_copy(update={"limits": limits})


async def test_ranges_of_ids_tell_so_many_of_the_erased_and_then_nothing(world: World) -> None:
    """Three calls are told which rows; the next is told nothing, and nothing leaves to its account any more."""
    gone = sorted(world.crowd[n].id for n in (7, 42, 150, 151))
    for one in gone:
        [number] = await world.numbers([one])
        await erasing_of(world.rooms, slot=DOOR_SLOT).erase(number, "local:officer", "case 7", ())
    rows = [{"id": f"m-{n}", "customer_id": f"c-{n:06}", "channel": "phone"} for n in range(1, 201)]

    told = [await written(world, "POST", "/crm/contacts/bulk", rows) for _ in range(5)]

    assert [one.status for one in told] == [409, 409, 409, 403, 403]
    for reply in told[:3]:
        assert [rows[int(place.strip("[]"))]["customer_id"] for place in reply.json["fields"]] == gone
    assert {one.json["reason"] for one in told[3:]} == {"held"}
    assert not any(place.startswith("[") for one in told[3:] for place in one.json["fields"])
    read = await world.get("/crm/customers?limit=1&fields=id", "service-agent", SUPPORT)
    assert (read.status, read.json["reason"]) == (403, "held")


@on_sqlite
async def test_guesses_under_a_condition_that_fails_are_told_that_it_fails(world: World) -> None:
    """Who knows the mail address of somebody learns no digit of their phone from calls that the store would refuse."""
    one = world.crowd[150]
    assert (await written(world, "DELETE", f"/crm/customers/{one.id}")).status == 204
    [number] = await world.numbers([one.id])
    known_by = identified([("phone", one.phone), ("email", one.email)])
    await erasing_of(world.rooms, slot=DOOR_SLOT).erase(number, "local:officer", "case 7", known_by)
    made = await written(world, "POST", "/crm/customers", {"name": "Mine", "country": "DE", "email": one.email})
    path = f"/crm/customers/{made.json['id']}"
    stale = (await world.get(path, "service-agent", SUPPORT)).headers["etag"]
    assert (await written(world, "PATCH", path, {"city": "Ulm"})).status == 200

    digits = "".join(filter(str.isdigit, one.phone))
    guesses = [f"{digits[:-1]}{last}" for last in range(10)]
    told = {
        (reply.status, reply.json["reason"])
        for guess in guesses
        for reply in [await written(world, "PATCH", path, {"phone": guess}, headers={"If-Match": stale})]
    }

    assert told == {(412, "precondition-failed")}
    assert (await written(world, "PATCH", path, {"phone": digits})).json["reason"] == "erased-person"
