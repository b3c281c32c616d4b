# SPDX-License-Identifier: Apache-2.0
"""Attack: pass a surrogate of a field that nobody shows one off as of another field of its join domain, which is shown."""

import shutil
from pathlib import Path

import pytest

from gateway.app.making import enrol_at_once
from gateway.settings.loading import Settings
from tests.story.conftest import SUPPORT, Reply, World
from tests.story.test_writes import stored, written

LEGAL = "essential.legal_obligation"
WORKER = "case-worker"
on_sqlite = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store, since these tests write."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Phones and national ids in one join domain; support sees phones, and national ids as surrogates."""
    folder = settings.policies_dir
    file = folder / "datasets" / "crm.yaml"
    text = file.read_text()
    for name in ("phone", "national_id"):
        before, mark, behind = text.partition(f"          - name: {name}\n")
        assert mark
        text = before + mark + behind.replace("{identifies: yes}", "{identifies: yes, join_domain: who}", 1)
    file.write_text(text)
    grants = folder / "grants.csv"
    id_ = "user.government_id.national_identification_number"
    granted = grants.read_text().replace(f"{id_}, {SUPPORT}, read, mask, no,", f"{id_}, {SUPPORT}, read, drop, yes,")
    legal = [
        f"p, {WORKER}, crm.customers, {category}, {LEGAL}, {operation}, {rung}, yes, allow, ,\n"
        for category, operation, rung in (
            (id_, "read", "drop"),
            ("user.unique_id", "read", "drop"),
            ("user.contact.phone_number", "read", "drop"),
            ("user.contact.phone_number", "reveal", "reveal"),
        )
    ]
    grants.write_text(granted + "".join(legal))
    purposes = folder / "purposes.yaml"
    before, mark, behind = purposes.read_text().partition(f"key: {SUPPORT}\n")
    assert mark
    behind = behind.replace(
        "{category: user.government_id, rung: mask, link: no}",
        "{category: user.government_id, rung: mask, link: yes}",
        1,
    )
    reveals = "operations: [read, approve, reveal]\n    reveal: {second_person_above: 100}"
    purposes.write_text((before + mark + behind).replace("operations: [read, approve]", reveals))
    return settings


async def shown(world: World, field: str, role: str, purpose: str) -> list[str]:
    """Return what a role is shown of a field."""
    answer = await world.get(f"/crm/customers?limit=100&fields=id,{field}", role, purpose)
    assert answer.status == 200, answer.body
    return [row[field] for row in answer.json["items"] if row.get(field)]


async def revealed(world: World, field: str, surrogates: list[str]) -> Reply:
    """Ask for values by the name of a field."""
    return await world.post(
        "/-/surrogates/reveal",
        {"dataset": "crm.customers", "field": field, "surrogates": surrogates},
        Authorization="Bearer " + await world.bearer(WORKER),
        Data_Purpose=LEGAL,
        Data_Reference="case-1",
    )


@on_sqlite
async def test_a_grant_to_reveal_one_field_reveals_no_other_of_its_join_domain(world: World) -> None:
    """Whoever may have phones revealed gets no national id by calling it a phone."""
    await enrol_at_once(
        world.rooms, WORKER, f"{WORKER} correct horse battery", roles=(WORKER,), recipient="own", by="local:test"
    )
    texts = (await shown(world, "national_id", WORKER, LEGAL))[:20]
    assert texts
    assert all(one.startswith("sv1_") for one in texts)

    for field in ("national_id", "phone"):
        reply = await revealed(world, field, texts)

        assert reply.status == 403, field
        assert not any(one.national_id.encode() in reply.body for one in world.crowd)


@on_sqlite
async def test_no_value_is_shown_by_writing_its_surrogate_into_another_field(world: World, store_file: Path) -> None:
    """A national id's surrogate is not written where support sees what stands there; the record's own may be."""
    hidden = (await shown(world, "national_id", "service-agent", SUPPORT))[0]
    made = await written(world, "POST", "/crm/customers", {"name": "Mine", "country": "DE"})
    path = f"/crm/customers/{made.json['id']}"

    reply = await written(world, "PATCH", path, {"phone": hidden})

    assert (reply.status, reply.json["reason"], reply.json["fields"]) == (409, "unrevealed-value-written", ["phone"])
    created = await written(world, "POST", "/crm/customers", {"name": "Another", "country": "DE", "phone": hidden})
    assert created.status == 409


@on_sqlite
async def test_what_a_record_holds_is_written_back_by_its_surrogate(world: World) -> None:
    """Of the same field of the same record it is no change, and the store's own spelling stays; of another it is one."""
    await enrol_at_once(
        world.rooms, WORKER, f"{WORKER} correct horse battery", roles=(WORKER,), recipient="own", by="local:test"
    )
    path = "/crm/customers/c-000150"
    before = await stored(world, path)
    answer = await world.get("/crm/customers?limit=200&fields=id,phone", WORKER, SUPPORT)
    phones = [row["phone"] for row in answer.json["items"]]
    own = world.crowd.index(next(one for one in world.crowd if one.id == "c-000150"))

    replies = [await written(world, "PATCH", path, {"phone": phones[place]}) for place in (own, own - 1)]

    assert [reply.status for reply in replies] == [200, 409]
    assert await stored(world, path) == before
