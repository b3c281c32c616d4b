# SPDX-License-Identifier: Apache-2.0
"""Fields that nobody has reviewed, behind a real door: nothing of them leaves, whoever asks, and people still count."""

import pytest
from pyroaring import BitMap

from gateway.domain.entry import Release
from gateway.settings.loading import Settings
from tests.story.conftest import ANALYST, World

MARKED = {
    "gateway: {join_domain: crm.customer_id, identifies: yes}": "gateway: {join_domain: crm.customer_id, identifies: yes, reviewed: no}",
    "data_categories: [user.contact.address.city]\n            fides_meta: {data_type: string}\n": (
        "data_categories: [user.contact.address.city]\n            fides_meta: {data_type: string}\n            gateway: {reviewed: no}\n"
    ),
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The installation, in which the key and the city of customers await review."""
    path = settings.policies_dir / "datasets" / "crm.yaml"
    text = path.read_text("utf-8")
    for old, new in MARKED.items():
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text, "utf-8")
    for file in (settings.policies_dir / "tests").glob("*.yaml"):
        file.unlink()
    return settings


async def test_neither_value_nor_surrogate_of_an_unreviewed_field_leaves(world: World) -> None:
    """The analyst has a clear city and a surrogate of the key where both are reviewed."""
    reply = await world.get("/crm/customers?limit=20", "analyst", ANALYST)
    straight = (await world.straight("/crm/customers?limit=20"))["items"]
    assert reply.status == 200
    assert len(reply.json["items"]) == 20
    assert not any({"id", "city"} & row.keys() for row in reply.json["items"])
    assert not any(row["id"].encode() in reply.body for row in straight)
    assert "city" not in reply.headers["data-view"]


async def test_people_are_counted_by_a_subject_that_nobody_reviewed(world: World) -> None:
    """The entry names as many as the rows are about."""
    reply = await world.get("/crm/customers?limit=20", "analyst", ANALYST)
    ((entry, part),) = world.entries_of(reply.headers["decision-id"])
    ids = [row["id"] for row in (await world.straight("/crm/customers?limit=20"))["items"]]
    assert isinstance(entry, Release)
    assert part is not None
    assert set(BitMap.deserialize(part.people)) == set(await world.numbers(ids))


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/crm/customers?city=Berlin", "filter-not-permitted"),
        ("/crm/customers/c-000001", "filter-not-permitted"),
        ("/crm/customers?fields=city,job", "field-not-permitted"),
    ],
)
async def test_an_unreviewed_field_is_used_for_nothing(world: World, path: str, reason: str) -> None:
    """Neither by a filter, nor by a path, nor by its name."""
    reply = await world.get(path, "analyst", ANALYST)
    assert (reply.status, reply.json["reason"]) == (403, reason)
