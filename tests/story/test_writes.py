# SPDX-License-Identifier: Apache-2.0
"""Writing through the gateway, whole: a store, an installation, its door, and agents who write things down."""

import asyncio
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.demo.people import Customer
from gateway.domain.choice import ChoiceState
from gateway.domain.entry import Entry, Intent, Refused, Release
from tests.fakes.wire import called, request, teed
from tests.story.conftest import ANALYST, CUSTOMER, SUPPORT, Reply, World
from tests.story.test_promises import Witness

ONE = "/crm/customers/c-000150"
MERGE = "application/merge-patch+json"


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store that a test may write to."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


async def written(
    world: World,
    method: str,
    path: str,
    said: object = None,
    *,
    role: str = "service-agent",
    purpose: str = SUPPORT,
    ago_s: int = 0,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Write as a role."""
    told = {
        "Authorization": "Bearer " + await world.bearer(role, ago_s=ago_s),
        "Data-Purpose": purpose,
        "Data-Reference": "story-1",
        **(headers or {}),
    }
    body = None if said is None else json.dumps(said).encode()
    if body is not None:
        told.setdefault("Content-Type", MERGE if method == "PATCH" else "application/json")
    return await world.ask(method, path, told, body)


async def stored(world: World, path: str = ONE) -> dict[str, Any]:
    """Return the record as the store has it."""
    found = await world.straight(path)
    assert isinstance(found, dict)
    return found


def kinds(world: World, reply: Reply) -> list[Entry]:
    """Return the entries of a call."""
    return kinds_of(world, reply.headers["decision-id"])


async def test_an_agent_changes_what_a_customer_told_them(world: World) -> None:
    """Only what was named changes; the answer is the agent's own view; the log has intent and release."""
    before = await stored(world)
    reply = await written(world, "PATCH", ONE, {"name": "Ida Berg", "city": "Ulm", "state": None})

    assert reply.status == 200
    assert await stored(world) == before | {"name": "Ida Berg", "city": "Ulm", "state": None}
    assert (reply.json["name"], reply.json["city"]) == ("Ida Berg", "Ulm")
    assert not {"religion", "health_note", "balance"} & reply.json.keys()
    assert reply.json["national_id"] != before["national_id"]
    intent, release = kinds(world, reply)
    assert isinstance(intent, Intent)
    assert isinstance(release, Release)
    assert intent.written == {"clear": ("name", "city", "state")}
    assert (release.rows, release.bytes, release.last) == (1, len(reply.body), True)
    assert world.verdict().is_right


async def test_the_people_of_a_write_are_in_its_parts(world: World) -> None:
    """By number: whom the path names, and who was made."""
    reply = await written(world, "PATCH", ONE, {"city": "Ulm"})
    (number,) = await world.numbers(["c-000150"])
    assert [part.met for _, part in world.entries_of(reply.headers["decision-id"]) if part] == [(number,)] * 2

    made = await written(world, "POST", "/crm/customers", {"name": "Eve Adler", "country": "DE"})
    assert made.status == 201
    (new,) = await world.numbers([made.json["id"]])
    _, last = world.entries_of(made.headers["decision-id"])[-1]
    assert last is not None
    assert last.met == (new,)


async def test_what_is_created_is_there_and_its_unseen_fields_are_empty(world: World) -> None:
    """201, with the id that the store gave."""
    reply = await written(world, "POST", "/crm/customers", {"name": "Eve Adler", "email": "eve@example.com"})
    assert reply.status == 201
    record = await stored(world, f"/crm/customers/{reply.json['id']}")
    assert (record["name"], record["email"], record["religion"]) == ("Eve Adler", "eve@example.com", None)


async def test_what_is_deleted_is_gone(world: World) -> None:
    """204 without a body or a length; then there is no such record, whoever asks."""
    reply = await written(world, "DELETE", ONE)
    assert (reply.status, reply.body) == (204, b"")
    assert not {"content-length", "content-type"} & reply.headers.keys()
    again = await written(world, "DELETE", ONE)
    assert (again.status, again.json["reason"]) == (404, "not-found")
    assert "outcome" not in again.json


async def test_many_contacts_are_written_at_once_or_none(world: World) -> None:
    """One bad record refuses all of them, by its place; a good call writes all."""
    good = [
        {"id": f"n-{n}", "customer_id": f"c-00015{n}", "channel": "phone", "duration_s": 60, "outcome": "answered"}
        for n in range(3)
    ]
    bad = [*good, {**good[0], "id": "n-9", "channel": "ph***", "duration_s": 61}]
    n_before = len(await world.straight("/crm/contacts?limit=10000"))
    refused = await written(world, "POST", "/crm/contacts/bulk", bad)
    assert (refused.status, refused.json["reason"]) == (409, "unrevealed-value-written")
    assert refused.json["fields"] == ["[3].channel"]
    assert len(await world.straight("/crm/contacts?limit=10000")) == n_before

    reply = await written(world, "POST", "/crm/contacts/bulk", good)
    assert (reply.status, reply.body) == (201, b"")
    assert len(await world.straight("/crm/contacts?limit=10000")) == n_before + 3
    intent = kinds(world, reply)[0]
    assert isinstance(intent, Intent)
    assert intent.records == 3
    _, part = world.entries_of(reply.headers["decision-id"])[0]
    assert part is not None
    assert set(part.met) == set(await world.numbers([f"c-00015{n}" for n in range(3)]))


async def test_a_write_that_nobody_may_make_never_reaches_the_store(world: World) -> None:
    """By role, purpose, collection whitelist and step-up; each is one refusal and no intent."""
    before = await stored(world)
    cases = [
        ({"role": "analyst", "purpose": ANALYST}, {"city": "Ulm"}, 403, "purpose-not-allowed"),
        ({"role": "admin"}, {"city": "Ulm"}, 403, None),
        ({}, {"religion": "x", "national_id": "y", "city": "z"}, 422, "field-not-collected"),
        ({"ago_s": 600}, {"phone": "+49 30 901820"}, 401, "step-up-required"),
        ({}, {"city": 5}, 422, "body-invalid"),
        ({}, {"nothing": 5}, 422, "body-invalid"),
        ({}, {"birth_date": "31.12.1980"}, 422, "body-invalid"),
        ({}, {"id": "c-000151"}, 422, "body-invalid"),
    ]
    for who, said, status, reason in cases:
        reply = await written(world, "PATCH", ONE, said, **who)  # type: ignore[arg-type]
        assert (reply.status, reason or reply.json["reason"]) == (status, reply.json["reason"])
        assert [type(entry) for entry in kinds(world, reply)] == [Refused]
    assert await stored(world) == before


async def test_what_a_view_made_up_is_not_stored(world: World, crowd: list[Customer]) -> None:
    """What an agent with an old sign-in reads cannot be written back as it is."""
    seen = (await world.get(ONE, "service-agent", SUPPORT, ago_s=600)).json
    before = await stored(world)
    for field in ("phone", "notes"):
        assert seen[field] != before[field]
        reply = await written(world, "PATCH", ONE, {"city": "Ulm", field: seen[field]})
        assert (reply.status, reply.json["reason"]) == (409, "unrevealed-value-written")
        assert reply.json["fields"] == [field]
    assert await stored(world) == before


async def test_absent_and_withheld_are_one_answer_to_a_write(world: World) -> None:
    """Nothing is written to a person who objected, and nobody learns that there is such a person."""
    await world.choose("c-000150", "essential.service", ChoiceState.OBJECTED)
    before = await stored(world)
    for method, said in (("PATCH", {"city": "Ulm"}), ("DELETE", None)):
        withheld = await written(world, method, ONE, said)
        absent = await written(world, method, "/crm/customers/c-999999", said)
        assert withheld.status == absent.status == 404
        assert strip(withheld) == strip(absent)
        assert [getattr(entry, "rule", None) for entry in kinds(world, withheld)] == ["withheld:choice"]
    assert await stored(world) == before
    assert await world.rooms.people.find(CUSTOMER, "c-999999") is None


def strip(reply: Reply) -> dict[str, Any]:
    """Return a problem without what names the call."""
    return {name: value for name, value in reply.json.items() if name not in ("decision_id", "instance")}


async def test_a_tag_is_sealed_and_says_whether_the_record_is_still_the_same(world: World) -> None:
    """Read, change with the tag, change again with the old one."""
    read = await world.get(ONE, "service-agent", SUPPORT)
    tag = read.headers["etag"]
    straight = await world.straight(ONE)
    assert straight
    changed = await written(world, "PATCH", ONE, {"city": "Ulm"}, headers={"If-Match": tag})
    assert changed.status == 200
    assert changed.headers["etag"] != tag
    stale = await written(world, "PATCH", ONE, {"city": "Bonn"}, headers={"If-Match": tag})
    assert (stale.status, stale.json["reason"]) == (412, "precondition-failed")
    assert (await stored(world))["city"] == "Ulm"
    gone = await written(world, "DELETE", ONE, headers={"If-Match": changed.headers["etag"]})
    assert gone.status == 204


async def test_an_idempotency_key_makes_one_record_of_two_calls(world: World) -> None:
    """For the same account; another account that counts alike makes its own."""
    said = {"name": "Eve Adler"}
    first, again = [
        await written(world, "POST", "/crm/customers", said, headers={"Idempotency-Key": "1"}) for _ in range(2)
    ]
    assert first.json["id"] == again.json["id"]
    other = await written(world, "POST", "/crm/customers", said, headers={"Idempotency-Key": "2"})
    assert other.json["id"] != first.json["id"]
    refused = await written(world, "DELETE", ONE, headers={"Idempotency-Key": "1"})
    assert (refused.status, refused.json["reason"]) == (400, "header-not-supported")


async def test_a_store_that_refuses_says_nothing_of_its_own(world: World) -> None:
    """An id that is taken: a conflict after the intent, without the store's words."""
    reply = await written(world, "POST", "/crm/customers", {"id": "c-000151", "name": "Eve"})
    assert (reply.status, reply.json["reason"]) == (409, "store-conflict")
    assert b"already" not in reply.body
    assert [type(entry) for entry in kinds(world, reply)] == [Intent, Refused]


async def test_no_value_of_a_write_is_in_the_log(world: World) -> None:
    """Neither what was written nor what came back."""
    marks = {"name": "Quenby Xylander", "address": "Zwölfergasse 77, 12345 Quuxheim", "notes": "quuxnote-17"}
    reply = await written(world, "PATCH", ONE, marks)
    assert reply.status == 200
    wrong = await written(world, "PATCH", ONE, {"name": 7, "city": "quux***city"})
    assert wrong.status in (409, 422)
    files = [path.read_bytes() for path in (world.state / "log").rglob("*") if path.is_file()]
    for text in (*marks.values(), "quux***city"):
        assert not any(text.encode() in content for content in files)


async def test_own_decisions_on_writes_can_be_looked_up(world: World) -> None:
    """The caller's own write is told as permitted and complete."""
    reply = await written(world, "PATCH", ONE, {"city": "Ulm"})
    told = await world.get(f"/-/me/decisions/{reply.headers['decision-id']}", "service-agent")
    assert told.status == 200
    assert (told.json["decision"], told.json["end"], told.json["dataset"]) == ("permit", "complete", "crm.customers")


async def test_writers_at_once_are_each_entered_and_each_done(world: World) -> None:
    """Twenty at once on one record: one intent and one release each, and the log verifies."""
    bearer = "Bearer " + await world.bearer("service-agent")
    told = {"Authorization": bearer, "Data-Purpose": SUPPORT, "Content-Type": MERGE}
    calls = [
        request(ONE, told, method="PATCH", body=json.dumps({"address": f"Weg {n}, 10115 Berlin"}).encode())
        for n in range(20)
    ]
    heard = await asyncio.gather(*(called(world.port, call) for call in calls))
    assert {one.status for one in heard} == {200}
    for one in heard:
        entries = [type(entry) for entry, _ in world.entries_of(one.headers["decision-id"])]
        assert entries == [Intent, Release]
    assert world.verdict().is_right


async def test_no_byte_of_a_write_leaves_before_its_entry(world: World) -> None:
    """Done, refused, created and deleted, seen on the wire: what came is what was durable by then."""
    witness = Witness(world)
    told = {"Authorization": "Bearer " + await world.bearer("service-agent"), "Data-Purpose": SUPPORT}
    said = [
        ("PATCH", ONE, {"city": "Ulm"}),
        ("PATCH", ONE, {"name": "A***"}),
        ("PATCH", ONE, {"religion": "x"}),
        ("PATCH", "/crm/customers/nobody", {"city": "Ulm"}),
        ("POST", "/crm/customers", {"name": "Eve Adler"}),
        ("POST", "/crm/customers", {"id": "c-000151"}),
        ("POST", "/crm/contacts/bulk", [{"id": "w-1", "customer_id": "c-000151"}]),
        ("DELETE", "/crm/customers/c-000152", None),
    ]
    async with teed(world.port, witness.on_bytes) as port:
        for method, path, body in said:
            kind = {"Content-Type": MERGE if method == "PATCH" else "application/json"} if body else {}
            content = json.dumps(body).encode() if body else b""
            heard = await called(port, request(path, {**told, **kind}, method=method, body=content))
            assert heard.is_whole
            entries = kinds_of(world, heard.headers["decision-id"])
            assert sum(getattr(entry, "bytes", 0) for entry in entries) == len(heard.body)
    assert witness.early == []


def kinds_of(world: World, call: str) -> list[Entry]:
    """Return the entries of a call by its id."""
    return [entry for entry, _ in world.entries_of(call)]
