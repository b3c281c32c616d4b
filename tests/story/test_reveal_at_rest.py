# SPDX-License-Identifier: Apache-2.0
"""Reveals of what the store holds only surrogates of: by key alone, and from the vault, by whose it is."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pyroaring import BitMap

from gateway.app.making import enrol_at_once
from gateway.domain.choice import ChoiceState
from gateway.domain.entry import Release
from gateway.keys import envelope
from gateway.settings.loading import Settings
from gateway.store.vault import Vault
from tests.story.conftest import SUPPORT, Reply, World

LEGAL = "essential.legal_obligation"
ROLE = "case-worker"
PHONE = """          - name: phone
            data_categories: [user.contact.phone_number]
            fides_meta: {data_type: string}
            gateway: {identifies: yes"""
EMAIL = """          - name: email
            data_categories: [user.contact.email]
            fides_meta: {data_type: string}
            gateway: {identifies: yes"""
GRANTS = """
p, case-worker, crm.customers, user.unique_id, essential.legal_obligation, read, drop, yes, allow, ,
p, case-worker, crm.customers, user.contact, essential.legal_obligation, read, drop, yes, allow, ,
p, case-worker, crm.customers, user.contact, essential.legal_obligation, reveal, reveal, yes, allow, ,
"""


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of one's own: what is written here is in no other story."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The settings, with addresses of mail at rest under a key and phones in a vault, and a duty of law that reveals."""
    crm = settings.policies_dir / "datasets" / "crm.yaml"
    text = crm.read_text(encoding="utf-8")
    text = text.replace(PHONE, PHONE + ", at_rest: {domain: phones, kind: vault}")
    crm.write_text(text.replace(EMAIL, EMAIL + ", at_rest: {domain: mails, kind: siv}"), encoding="utf-8")
    purposes = settings.policies_dir / "purposes.yaml"
    text = purposes.read_text(encoding="utf-8")
    reveals = "operations: [read, approve, reveal]\n    reveal: {second_person_above: 1000}"
    text = text.replace("{second_person_above: 100}", "{second_person_above: 1000}")
    purposes.write_text(text.replace("operations: [read, approve]", reveals), encoding="utf-8")
    grants = settings.policies_dir / "grants.csv"
    grants.write_text(grants.read_text(encoding="utf-8") + GRANTS, encoding="utf-8")
    return settings


@pytest.fixture
async def desk(world: World) -> World:
    """The world with a case worker in it."""
    await enrol_at_once(world.rooms, ROLE, "case-worker correct horse", roles=(ROLE,), recipient="own", by="local:test")
    return world


async def _write(world: World, customer: str, **values: str) -> dict[str, Any]:
    """Write fields through the gateway, and return the record as the store holds it."""
    headers = {
        "Authorization": "Bearer " + await world.bearer("service-agent"),
        "Data-Purpose": SUPPORT,
        "Content-Type": "application/merge-patch+json",
    }
    answer = await world.ask("PATCH", f"/crm/customers/{customer}", headers, json.dumps(values).encode())
    assert answer.status in (200, 204), answer.body
    told: dict[str, Any] = await world.straight(f"/crm/customers/{customer}")
    return told


async def _shown(world: World, field: str, purpose: str) -> list[str]:
    """Return the surrogates of a field of everybody."""
    answer = await world.get(f"/crm/customers?limit=300&fields={field}", ROLE, purpose)
    assert answer.status == 200, answer.body
    return [row[field] for row in answer.json["items"] if row.get(field) is not None]


async def _by_value(world: World, field: str, purpose: str) -> dict[str, str]:
    """Return the surrogates of a field by value, where it is told."""
    answer = await _revealed(world, field, await _shown(world, field, purpose), purpose)
    assert answer.status == 200, answer.body
    return {one["value"]: one["surrogate"] for one in answer.json["values"] if "value" in one}


async def _revealed(world: World, field: str, surrogates: Sequence[str], purpose: str) -> Reply:
    return await world.post(
        "/-/surrogates/reveal",
        {"dataset": "crm.customers", "field": field, "surrogates": list(surrogates)},
        Authorization="Bearer " + await world.bearer(ROLE),
        Data_Purpose=purpose,
        Data_Reference="case-1",
    )


async def test_what_is_at_rest_under_a_key_comes_back_and_its_text_at_rest_never(desk: World) -> None:
    """The surrogate is of the value, before and after it was turned over; nobody is known, so it counts as one new."""
    customer = desk.crowd[40]
    before = await _shown(desk, "email", LEGAL)
    held = await _write(desk, customer.id, email="Somebody.New@Example.com")
    assert held["email"].startswith("as1_")
    found = await _by_value(desk, "email", LEGAL)
    surrogate = found["somebody.new@example.com"]
    assert surrogate not in before
    assert len(set(before) & set(found.values())) == len(found) - 1
    ours = await _revealed(desk, "email", [surrogate], LEGAL)
    ((entry, part),) = desk.entries_of(ours.headers["decision-id"])
    assert isinstance(entry, Release)
    assert (entry.rows, entry.people) == (1, 1)
    assert part is not None
    at_rest = await _revealed(desk, "email", [held["email"], held["email"].upper()], LEGAL)
    assert [one["cause"] for one in at_rest.json["values"]] == ["not-recognised"] * 2


async def test_a_phone_of_the_vault_is_its_peoples_and_comes_back_while_none_of_them_objects(desk: World) -> None:
    """Two people share it: it counts both, and goes for neither once one of them says no."""
    one, other = desk.crowd[41].id, desk.crowd[42].id
    held = [await _write(desk, customer, phone="+49 30 901820") for customer in (one, other)]
    assert {each["phone"][:4] for each in held} == {"av1_"}
    surrogate = (await _by_value(desk, "phone", SUPPORT))["+4930901820"]
    answer = await _revealed(desk, "phone", [surrogate], SUPPORT)
    ((entry, part),) = desk.entries_of(answer.headers["decision-id"])
    assert isinstance(entry, Release)
    assert (entry.rows, entry.people) == (1, 2)
    assert part is not None
    assert sorted(BitMap.deserialize(part.people)) == sorted(await desk.numbers([one, other]))
    at_rest = await _revealed(desk, "phone", [held[0]["phone"]], SUPPORT)
    assert at_rest.json["values"][0]["cause"] == "not-recognised"
    await desk.choose(other, SUPPORT, ChoiceState.OBJECTED)
    answer = await _revealed(desk, "phone", [surrogate], SUPPORT)
    assert answer.json["values"] == [{"surrogate": surrogate, "cause": "choice"}]


async def test_of_somebody_who_was_erased_nothing_comes_back_and_no_other_word_is_told(desk: World) -> None:
    """Neither the identity nor what the vault had of it."""
    customer = desk.crowd[43].id
    await _write(desk, customer, phone="+49 30 901821")
    surrogate = (await _by_value(desk, "phone", SUPPORT))["+4930901821"]
    ids = await _by_value(desk, "id", SUPPORT)
    (number,) = await desk.numbers([customer])
    await Vault(desk.rooms.store, desk.rooms.keyring, envelope).forget([number])
    await desk.rooms.people.shred(number)
    for field, one in (("phone", surrogate), ("id", ids[customer])):
        answer = await _revealed(desk, field, [one], SUPPORT)
        assert answer.json["values"] == [{"surrogate": one, "cause": "erased"}]
