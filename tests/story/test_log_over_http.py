# SPDX-License-Identifier: Apache-2.0
"""An officer reads the log over HTTP: through the same flow as any data, for a purpose, entered like any other call."""

import json
from collections.abc import AsyncIterator

import pytest

from gateway.app.index.indexing import fill, index_place
from gateway.domain.entry import Release
from gateway.store.engine import Base, open_index
from gateway.store.log.index import LogIndex
from tests.story.conftest import ANALYST, World

LEGAL = "essential.legal_obligation"


@pytest.fixture
async def index(world: World) -> AsyncIterator[Base]:
    """The index of the world's log; nobody keeps it up but the test."""
    base = await open_index(index_place(world.rooms.settings))
    yield base
    await base.close()


async def catch_up(world: World, index: Base) -> None:
    """Bring the index up to the log."""
    assert await fill(LogIndex(index), world.state / "log") == {}


async def test_an_officer_finds_every_entry_of_a_call(world: World) -> None:
    """By its identifier, with who, for what and what came of it; also before any index was made."""
    call = await world.get("/crm/customers?limit=5", "analyst", ANALYST)

    found = await world.get(f"/-/log/entries?decision_id={call.headers['decision-id']}", "officer", LEGAL)

    assert found.status == 200
    (entry,) = found.json["entries"]
    account = next(body.facts for body, _ in world.entries_of(call.headers["decision-id"]) if isinstance(body, Release))
    assert account is not None
    assert entry == {
        **entry,
        "kind": "release",
        "decision": "permit",
        "decision_id": call.headers["decision-id"],
        "account": account.account,
        "purpose": ANALYST,
        "dataset": "crm.customers",
        "reference": "story-1",
        "operation": "read",
        "place": "127.0.0.1",
        "rows": 5,
        "people": 5,
    }
    assert "mask email" in entry["fields"]
    assert "person" not in entry


async def test_every_look_at_the_log_is_in_the_log(world: World) -> None:
    """As a release with its facts; the next look finds it."""
    first = await world.get("/-/log/entries?kind=opened&since=2020-01-01", "officer", LEGAL)

    ((entry, part),) = world.entries_of(first.headers["decision-id"])
    assert isinstance(entry, Release)
    assert entry.facts is not None
    assert (entry.facts.dataset, entry.facts.purpose, entry.facts.filters) == (
        "gateway.access_log",
        LEGAL,
        ("kind eq", "at ge"),
    )
    assert entry.rows == len(first.json["entries"])
    assert part is not None
    found = await world.get("/-/log/entries?dataset=gateway", "officer", LEGAL)
    assert [one["decision_id"] for one in found.json["entries"]] == [first.headers["decision-id"]]


async def test_a_look_for_a_person_is_entered_with_the_number(world: World) -> None:
    """So the person's own list of accesses can tell of it."""
    call = await world.get("/crm/customers?limit=3", "analyst", ANALYST)
    (_, part), *_ = world.entries_of(call.headers["decision-id"])
    (number, *_) = await world.numbers([(await world.straight("/crm/customers?limit=3"))["items"][0]["id"]])
    assert part is not None

    found = await world.get(f"/-/log/entries?person={number}&dataset=crm", "officer", LEGAL)

    assert [one["decision_id"] for one in found.json["entries"]] == [call.headers["decision-id"]]
    assert found.json["entries"][0]["person"] == number
    ((_, met),) = world.entries_of(found.headers["decision-id"])
    assert met is not None
    assert met.met == (number,)


async def test_a_look_for_somebodys_doings_is_entered_with_the_account(world: World) -> None:
    """By its identifier; what else may have been typed, such as an address of mail, stands nowhere."""
    record = await world.rooms.accounts.named("analyst")
    assert record is not None
    for path in ("entries?", "facets?facet=day&"):
        for typed, kept in ((record.account.id, (record.account.id,)), ("anna.berg@example.com", ())):
            for name in ("account", "principal"):
                found = await world.get(f"/-/log/{path}{name}={typed}", "officer", LEGAL)

                assert found.status == 200
                ((entry, _),) = world.entries_of(found.headers["decision-id"])
                assert isinstance(entry, Release)
                assert entry.facts is not None
                assert entry.facts.asked == kept
    files = [one.read_bytes() for one in (world.state / "log").rglob("*.ndjson")]
    assert files
    assert not [one for one in files if b"anna.berg@" in one]


@pytest.mark.parametrize("path", ["/-/log/entries", "/-/log/facets"])
async def test_whoever_has_no_grant_on_the_log_is_refused(world: World, path: str) -> None:
    """Like any other call without one; and nobody at all without a sign-in."""
    assert (await world.get(path)).status == 401
    for role, purpose in (("analyst", ANALYST), ("admin", LEGAL), ("analyst", LEGAL)):
        refused = await world.get(path, role, purpose)
        assert refused.status == 403
        assert refused.json["decision_id"] == refused.headers["decision-id"]
    assert (await world.get(path, "officer")).status == 400


async def test_pages_go_on_where_they_ended_whatever_is_entered_meanwhile(world: World, index: Base) -> None:
    """The cursor is bound to the question and to who asked it."""
    calls = [(await world.get("/crm/customers?limit=1", "analyst", ANALYST)).headers["decision-id"] for _ in range(7)]
    await catch_up(world, index)
    path = f"/-/log/entries?purpose={ANALYST}&kind=release&limit=3"

    found: list[str] = []
    page = await world.get(path, "officer", LEGAL)
    while True:
        found += [one["decision_id"] for one in page.json["entries"]]
        if page.json["next"] is None:
            break
        assert page.headers["data-page"] == "more"
        await world.get("/crm/customers?limit=1", "analyst", ANALYST)
        await catch_up(world, index)
        page = await world.get(f"{path}&cursor={page.json['next']}", "officer", LEGAL)

    assert found == calls[::-1]
    assert page.headers["data-page"] == "last"


async def test_a_cursor_is_of_no_use_to_anybody_else(world: World) -> None:
    """Not with another question, not for another account, and not if a letter of it was changed."""
    for _ in range(3):
        await world.get("/crm/customers?limit=1", "analyst", ANALYST)
    page = await world.get("/-/log/entries?limit=1", "officer", LEGAL)
    cursor = page.json["next"]

    other_question = await world.get(f"/-/log/entries?limit=1&kind=release&cursor={cursor}", "officer", LEGAL)
    changed = await world.get(f"/-/log/entries?limit=1&cursor={cursor[:-6]}AAAAAA", "officer", LEGAL)
    forged = await world.get("/-/log/entries?limit=1&cursor=1790000000000000.3.door-0", "officer", LEGAL)

    for refused in (other_question, changed, forged):
        assert (refused.status, refused.json["reason"]) == (400, "parameter-invalid")


async def test_the_log_comes_as_lines_and_as_csv(world: World) -> None:
    """In the forms that any data comes in, with the next page in the link."""
    await world.get("/crm/customers?limit=1", "analyst", ANALYST)

    lines = await world.get("/-/log/entries?limit=2", "officer", LEGAL, Accept="application/x-ndjson")
    table = await world.get("/-/log/entries?limit=2&fields=at,log,seq,kind", "officer", LEGAL, Accept="text/csv")

    assert [set(json.loads(line)) >= {"at", "log", "seq", "kind"} for line in lines.body.splitlines()] == [True, True]
    head, *rows = table.body.decode().splitlines()
    assert head == "at,log,seq,kind"
    assert len(rows) == 2
    assert 'rel="next"' in table.headers["link"]


async def test_facets_count_what_a_question_finds(world: World, index: Base) -> None:
    """By whom, for what and what came of it; from the index and what came behind it."""
    for _ in range(3):
        await world.get("/crm/customers?limit=2", "analyst", ANALYST)
    await catch_up(world, index)
    await world.get("/crm/customers?limit=2", "analyst", ANALYST)
    await world.get("/shop/orders", "campaigner", ANALYST)

    found = await world.get("/-/log/facets?facet=decision,purpose,day&since=2020-01-01", "officer", LEGAL)

    assert found.status == 200
    counts = {(one["facet"], one["value"]): one for one in found.json["counts"]}
    assert counts["purpose", ANALYST]["entries"] == 5
    assert counts["purpose", ANALYST]["rows"] == 8
    assert counts["decision", "deny"]["entries"] == 1
    assert {facet for facet, _ in counts} == {"decision", "purpose", "day"}


async def test_what_cannot_be_asked_is_refused_by_its_name(world: World) -> None:
    """Nothing is passed over: a filter that is not understood would show more."""
    for query in (
        "since=yesterday", "since=2027-01-31T18:00:00", "person=1e3", "person=4294967296", "decision=maybe",
        "decision_id=../../etc", "kind=everything", "sort=account", "limit=100000", "limit=0", "account=a&principal=b",
    ):  # fmt: skip
        refused = await world.get(f"/-/log/entries?{query}", "officer", LEGAL)

        assert (refused.status, refused.json["reason"]) == (400, "parameter-invalid"), query
        assert refused.json["fields"][0] in query


async def test_the_description_of_what_a_caller_may_do_has_the_log_for_an_officer_alone(world: World) -> None:
    """With its parameters and the fields of a row; whoever has no grant does not learn that it is there."""
    for_officer = (await world.get("/-/openapi.json", "officer")).json["paths"]
    for_analyst = (await world.get("/-/openapi.json", "analyst")).json["paths"]

    names = {one["name"] for one in for_officer["/-/log/entries"]["get"]["parameters"] if "name" in one}
    assert names >= {"principal", "person", "since", "cursor", "limit"}
    assert "/-/log/facets" in for_officer
    assert not [path for path in for_analyst if path.startswith("/-/log/e")]


async def test_a_parameter_that_is_not_declared_is_refused(world: World) -> None:
    """As with any store."""
    refused = await world.get("/-/log/entries?order=at", "officer", LEGAL)

    assert (refused.status, refused.json["reason"]) == (400, "parameter-undeclared")


async def test_without_a_dataset_there_is_no_such_path(world: World) -> None:
    """What nobody declared does not exist, and other own paths are none of it."""
    for path in ("/-/log", "/-/log/entries/1", "/-/log/other"):
        assert (await world.get(path, "officer", LEGAL)).status == 404
