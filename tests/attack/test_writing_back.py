# SPDX-License-Identifier: Apache-2.0
"""Attack: values that the gateway made up for somebody are written to the store, where they would destroy the true ones."""

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.decide.plan import Ask, compile_plan
from gateway.domain.principal import Assurance
from gateway.domain.viewplan import ViewPlan
from gateway.transform.codec import compile_codec
from tests.story.conftest import ANALYST, SUPPORT, World
from tests.story.test_writes import ONE, kinds, stored, written


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store that a test may write to."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


async def analysts_row(world: World) -> dict[str, Any]:
    """Return a customer as an analyst sees them: surrogates, masks and spans."""
    rows = (await world.get("/crm/customers?limit=200", "analyst", ANALYST)).json["items"]
    return dict(rows[150])


async def test_nothing_of_another_callers_view_can_be_written(world: World) -> None:
    """Each made-up value by itself, and all of them beside true ones; the store never hears of it."""
    seen, before = await analysts_row(world), await stored(world)
    made_up = {name: seen[name] for name in ("email", "phone", "birth_date")}
    assert all(before[name] != value for name, value in made_up.items())
    for said in (*({name: value} for name, value in made_up.items()), {"city": "Ulm", **made_up}):
        reply = await written(world, "PATCH", ONE, said)
        assert (reply.status, reply.json["reason"]) == (409, "unrevealed-value-written")
        assert reply.json["fields"] == [name for name in said if name != "city"]
        assert not any(str(value).encode() in reply.body for value in made_up.values())
        assert len(kinds(world, reply)) == 1
    assert await stored(world) == before


async def test_a_surrogate_of_another_recipient_names_no_record_and_is_no_value(world: World) -> None:
    """In the path it is nobody; in a body it is refused."""
    seen = (await analysts_row(world))["id"]
    foreign = await written(world, "PATCH", f"/crm/customers/{seen}", {"city": "Ulm"})
    nobody = await written(world, "PATCH", "/crm/customers/nobody", {"city": "Ulm"})
    assert (foreign.status, foreign.json["reason"]) == (nobody.status, nobody.json["reason"]) == (404, "not-found")
    for recipient, key_class in (("adnet", "support"), ("own", "analytics"), ("own", "support")):
        codec = compile_codec(_plan(world, recipient, key_class), world.rooms.codecs._keys)
        spec = codec.plan.collection.field("email")
        assert spec is not None
        surrogate = codec._surrogates.of(spec, "eve@example.com")
        reply = await written(world, "POST", "/crm/customers", {"name": "Eve", "email": surrogate})
        if (recipient, key_class) == ("own", "support"):
            # The caller's own class: it resolves, and what it stands for is what the store gets.
            assert reply.status == 201
            assert (await stored(world, f"/crm/customers/{reply.json['id']}"))["email"] == "eve@example.com"
        else:
            assert (reply.status, reply.json["reason"]) == (409, "unrevealed-value-written")


def _plan(world: World, recipient: str, key_class: str) -> ViewPlan:
    rules = world.rooms.policy.decider.rules
    purpose = rules.purposes[SUPPORT]  # type: ignore[index]
    plan = compile_plan(
        rules,
        Ask(
            purpose=purpose,
            recipient=rules.recipients["own"],  # type: ignore[index]
            collection=rules.catalog.collections["crm.customers"],  # type: ignore[index]
            operation="read",
            proof=Assurance.PERSON,
            grants=(),
            valid_until_us=0,
        ),
    )
    return msgspec.structs.replace(plan, recipient=recipient, key_class=key_class)


FORMS = (
    *("sv1_" + "a" * 43, "sh1_" + "b" * 22, "see sv12_" + "-" * 50),
    *("J***", "a***@example.com", "138****5678", "*****"),
)


async def test_no_form_of_ours_gets_in_by_any_field_of_text(world: World) -> None:
    """Whatever the chain of the field: names, mail, streets, towns and notes."""
    before = await stored(world)
    for text in FORMS:
        fields = ("name", "email", "phone", "address", "city", "notes")
        reply = await written(world, "PATCH", ONE, dict.fromkeys(fields, text))
        assert (reply.status, reply.json["reason"]) == (409, "unrevealed-value-written")
        assert reply.json["fields"] == list(fields)
    assert await stored(world) == before


async def test_a_refused_value_is_in_no_answer_and_no_log(world: World) -> None:
    """The place is named, never what stood there."""
    secret = "Zanzibar***Quux"
    reply = await written(world, "PATCH", ONE, {"name": secret})
    assert reply.status == 409
    assert b"Zanzibar" not in reply.body + json.dumps(dict(reply.headers)).encode()
    assert not any(b"Zanzibar" in path.read_bytes() for path in (world.state / "log").rglob("*") if path.is_file())
