# SPDX-License-Identifier: Apache-2.0
"""Attack: an import brings somebody back who was erased: in other spellings, among many, in pieces, through others."""

import shutil
from pathlib import Path

import pytest

from gateway.app.slots import DOOR_SLOT
from gateway.app.surrogates.erasing import erasing_of
from gateway.demo.people import Customer
from gateway.domain.identifier import Identifier
from gateway.transform.identifying import identified
from tests.story.conftest import World
from tests.story.test_writes import stored, written

GONE = 150
MANY = 1_000


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store that a test may write to."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


def known_by(gone: Customer) -> tuple[Identifier, ...]:
    """Return what whoever asked to be erased has told of themselves."""
    return identified(
        [("phone", gone.phone), ("email", gone.email), ("name", gone.name), ("birth_date", gone.birth_date or "")]
    )


@pytest.fixture
async def gone(world: World) -> Customer:
    """Somebody who was erased, in the store and in the gateway."""
    one = world.crowd[GONE]
    assert (await written(world, "DELETE", f"/crm/customers/{one.id}")).status == 204
    [number] = await world.numbers([one.id])
    await erasing_of(world.rooms, slot=DOOR_SLOT).erase(number, "local:officer", "case 7", known_by(one))
    return one


def spellings(gone: Customer) -> list[dict[str, object]]:
    """Return the erased person as lists of others spell them."""
    digits = "".join(filter(str.isdigit, gone.phone))
    wide = gone.phone.translate({ord("0") + n: chr(0xFF10 + n) for n in range(10)})
    mailbox, _, domain = gone.email.partition("@")
    names = " ".join(reversed(gone.name.split()))
    return [
        {"phone": f"00{digits}", "email": gone.email.upper()},
        {"phone": " ".join(digits), "email": f" {gone.email} "},
        {"phone": f"tel:{wide}", "email": f"{mailbox}+news@{domain.upper()}"},
        {"phone": digits[-9:], "name": names.upper(), "birth_date": gone.birth_date},
        {"email": gone.email, "name": f"{names}, Dr.".replace(", Dr.", ""), "birth_date": gone.birth_date},
        {"id": f" {gone.id} ", "name": "Somebody"},
    ]


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_no_other_spelling_brings_somebody_back(world: World, gone: Customer) -> None:
    """Signs, blanks, wide digits, a label in the mailbox, the order of names, blanks around an id."""
    for record in spellings(gone):
        reply = await written(world, "POST", "/crm/customers", {"name": "Somebody", "country": "DE"} | record)
        assert (reply.status, reply.json["reason"]) == (409, "erased-person"), record.keys()


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_one_of_a_thousand_is_found_and_named_by_its_place(world: World, gone: Customer) -> None:
    """And none of the others is written."""
    path = world.rooms.settings.policies_dir / "datasets" / "crm.yaml"
    path.write_text(
        path.read_text("utf-8").replace("kind: records, most: 500", f"kind: records, most: {MANY}"), "utf-8"
    )
    await world.rooms.changes.follow()
    from gateway.app.installation import reload_rules

    await reload_rules(world.rooms.policy, world.rooms.settings.policies_dir)
    contacts = [{"id": f"m-{n}", "customer_id": f"c-{n + 10:06}", "channel": "phone"} for n in range(MANY)]
    contacts[637]["customer_id"] = gone.id
    contacts[GONE - 10 + 1]["customer_id"] = "c-000001"
    reply = await written(world, "POST", "/crm/contacts/bulk", contacts)

    named = {f"[{n}]" for n, one in enumerate(contacts) if one["customer_id"] == gone.id}
    assert (reply.status, reply.json["reason"], set(reply.json["fields"])) == (409, "erased-person", named)
    assert "[637]" in named
    assert not [one for one in await world.straight("/crm/contacts?limit=10000") if one["id"].startswith("m-")]


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_in_two_calls_nobody_comes_back_either(world: World, gone: Customer) -> None:
    """The first call has one of their values and creates; the second would add another."""
    made = await written(world, "POST", "/crm/customers", {"name": "Somebody", "phone": gone.phone})
    assert made.status == 201
    one = f"/crm/customers/{made.json['id']}"
    reply = await written(world, "PATCH", one, {"email": gone.email})
    assert (reply.status, reply.json["reason"]) == (409, "erased-person")
    assert (await stored(world, one))["email"] is None


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_nobody_else_is_turned_into_the_erased(world: World, gone: Customer) -> None:
    """Neither at once nor by one field after the other."""
    other = f"/crm/customers/{world.crowd[GONE + 1].id}"
    before = await stored(world, other)
    whole = {"name": gone.name, "email": gone.email, "phone": gone.phone, "birth_date": gone.birth_date}
    assert (await written(world, "PATCH", other, whole)).json["reason"] == "erased-person"
    answers = [await written(world, "PATCH", other, {name: value}) for name, value in whole.items()]
    assert "erased-person" in {reply.json.get("reason") for reply in answers if reply.status == 409}
    after = await stored(world, other)
    same = {name for name, value in whole.items() if after[name] == value} - {"birth_date", "name"}
    assert len(same) <= 1
    assert before["id"] == after["id"]


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_a_refusal_tells_nothing_by_which_the_erased_could_be_found(world: World, gone: Customer) -> None:
    """One value alone is never refused, so nobody learns from a phone or a mail address who was erased."""
    for record in ({"phone": gone.phone}, {"email": gone.email}, {"name": gone.name}):
        reply = await written(world, "POST", "/crm/customers", {"name": "Somebody"} | record)
        assert reply.status == 201
