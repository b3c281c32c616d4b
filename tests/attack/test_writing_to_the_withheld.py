# SPDX-License-Identifier: Apache-2.0
"""Attack: whoever may not read of a person writes to them instead, or learns by writing that they exist."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.choice import ChoiceState
from gateway.domain.entry import Refused
from tests.story.conftest import CUSTOMER, Reply, World
from tests.story.test_writes import kinds, stored, strip, written

OBJECTED, NOBODY = "c-000150", "c-999999"


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store that a test may write to."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


def calls_about(identity: str) -> list[tuple[str, str, object]]:
    """Return every way to write to or about somebody."""
    contact: Mapping[str, object] = {"id": "n-1", "customer_id": identity, "channel": "phone", "duration_s": 1}
    return [
        ("PATCH", f"/crm/customers/{identity}", {"city": "Ulm"}),
        ("PATCH", f"/crm/customers/{identity}", {"id": identity, "city": "Ulm"}),
        ("DELETE", f"/crm/customers/{identity}", None),
        ("POST", "/crm/contacts/bulk", [contact]),
        ("POST", "/crm/contacts/bulk", [{**contact, "id": "n-2", "customer_id": "c-000151"}, contact]),
        ("POST", "/crm/customers", {"id": identity, "name": "Eve"}),
    ]


async def test_nothing_is_written_to_or_about_somebody_who_objected(world: World) -> None:
    """By path, by body, alone or among others; no call reaches the store with a write."""
    await world.choose(OBJECTED, "essential.service", ChoiceState.OBJECTED)
    before = await stored(world, f"/crm/customers/{OBJECTED}")
    n_contacts = len(await world.straight("/crm/contacts?limit=10000"))
    for method, path, said in calls_about(OBJECTED):
        reply = await written(world, method, path, said)
        assert (reply.status, reply.json["reason"]) == (404, "not-found"), (method, path)
        [entry] = kinds(world, reply)
        assert isinstance(entry, Refused)
        assert entry.rule == "withheld:choice"
    assert await stored(world, f"/crm/customers/{OBJECTED}") == before
    assert len(await world.straight("/crm/contacts?limit=10000")) == n_contacts


async def test_an_answer_does_not_tell_who_is_withheld_from_who_is_not_there(world: World) -> None:
    """Problem and headers are alike, but for what names the call; and who was asked for gets no number."""
    await world.choose(OBJECTED, "essential.service", ChoiceState.OBJECTED)
    for one, other in zip(calls_about(OBJECTED)[:3], calls_about(NOBODY)[:3], strict=True):
        withheld, absent = await written(world, *one), await written(world, *other)
        assert strip(withheld) == strip(absent)
        assert shape(withheld) == shape(absent)
    assert await world.rooms.people.find(CUSTOMER, NOBODY) is None


def shape(reply: Reply) -> dict[str, Any]:
    """Return the headers without what differs from call to call."""
    return {
        name: value for name, value in reply.headers.items() if name not in ("decision-id", "date", "content-length")
    }


async def test_an_objection_counts_for_the_next_write(world: World) -> None:
    """As soon as the door follows it; and its withdrawal as well."""
    path = f"/crm/customers/{OBJECTED}"
    assert (await written(world, "PATCH", path, {"city": "Ulm"})).status == 200
    await world.choose(OBJECTED, "essential.service.operations.support", ChoiceState.OBJECTED)
    assert (await written(world, "PATCH", path, {"city": "Bonn"})).status == 404
    await world.choose(OBJECTED, "essential.service.operations.support", ChoiceState.GIVEN)
    assert (await written(world, "PATCH", path, {"city": "Bonn"})).status == 200
