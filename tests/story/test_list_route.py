# SPDX-License-Identifier: Apache-2.0
"""A list route, end to end: what leaves, what is refused, and what the log says of both."""

from pyroaring import BitMap

from gateway.demo.people import Customer
from gateway.domain.choice import ChoiceState
from gateway.domain.entry import Refused, Release
from gateway.domain.names import PurposeKey
from tests.story.conftest import ADNET, ANALYST, EMAIL, SMS, SUPPORT, Reply, World


async def test_an_analyst_gets_exactly_the_view_that_the_rules_allow(world: World) -> None:
    """Names and IDs are absent, identifiers are surrogates, figures are in bands."""
    reply = await world.get("/crm/customers?limit=5", "analyst", ANALYST)
    straight = await world.straight("/crm/customers?limit=5")

    assert reply.status == 200
    for row, stored in zip(reply.json["items"], straight["items"], strict=True):
        assert not {"name", "national_id", "religion", "health_note", "notes", "address"} & row.keys()
        assert row["id"].startswith("sv1_")
        assert row["phone"].startswith("sv1_")
        assert row["city"] == stored["city"]
        assert row["birth_date"] == (stored["birth_date"] and stored["birth_date"][:4])
    assert reply.headers["cache-control"] == "no-store"


async def test_one_block_has_one_entry_that_agrees_with_the_wire(world: World) -> None:
    """Rows, bytes and people of the entry are those of the answer."""
    reply = await world.get("/crm/customers?limit=20", "analyst", ANALYST)
    entries = world.entries_of(reply.headers["decision-id"])

    assert len(entries) == 1
    entry, part = entries[0]
    assert isinstance(entry, Release)
    assert (entry.rows, entry.bytes, entry.last) == (20, len(reply.body), True)
    ids = [row["id"] for row in (await world.straight("/crm/customers?limit=20"))["items"]]
    assert part is not None
    assert set(BitMap.deserialize(part.people)) == set(await world.numbers(ids))
    assert entry.people == len(set(await world.numbers(ids)))
    assert entry.facts is not None
    assert entry.facts.purpose == ANALYST
    assert "id" in entry.facts.fields["surrogate"]


async def test_the_log_of_a_story_verifies(world: World) -> None:
    """Whatever was asked, the log is right at any time."""
    await world.get("/crm/customers?limit=3", "analyst", ANALYST)
    await world.get("/nowhere", "analyst", ANALYST)
    assert world.verdict().is_right, world.verdict()


async def test_no_purpose_is_refused_before_the_route_is_looked_at(world: World) -> None:
    """The order of refusals is identity, purpose, route."""
    no_one = await world.get("/nowhere")
    no_purpose = await world.get("/nowhere", "analyst", None, Data_Reference="x")
    no_route = await world.get("/nowhere", "analyst", ANALYST)

    assert [no_one.status, no_one.json["reason"]] == [401, "sign-in-required"]
    # The analyst's bearer holds exactly one purpose, which then needs no stating.
    assert no_purpose.json["reason"] == "no-such-route"
    assert [no_route.status, no_route.json["reason"]] == [404, "no-such-route"]
    campaigner = await world.get("/nowhere", "campaigner", None)
    assert campaigner.json["reason"] == "purpose-missing"


async def test_a_purpose_outside_of_the_bearer_is_refused(world: World) -> None:
    """A bearer is for its purposes alone, whatever the roles of others are."""
    reply = await world.get("/crm/customers", "analyst", EMAIL)
    assert [reply.status, reply.json["reason"]] == [403, "purpose-not-in-scope"]


async def test_a_filter_on_a_red_line_is_refused_with_the_sentence_why(world: World) -> None:
    """Fields used are fields read; the refusal has an entry with the name and without the value."""
    reply = await world.get("/crm/customers?religion=zoroastrian", "campaigner", EMAIL)

    assert [reply.status, reply.json["reason"], reply.json["fields"]] == [403, "red-line", ["religion"]]
    assert "belief" in reply.json["detail"]
    [(entry, _)] = world.entries_of(reply.headers["decision-id"])
    assert isinstance(entry, Refused)
    assert entry.bytes == len(reply.body)
    assert entry.facts is not None
    assert entry.facts.filters == ("religion eq",)
    assert b"zoroastrian" not in (world.state / "log/door-0/000000.ndjson").read_bytes()


async def test_rows_without_consent_and_minors_are_withheld(world: World) -> None:
    """The rows that left are exactly those of people who gave consent and are of age."""
    reply = await world.get("/crm/customers?limit=300", "campaigner", EMAIL)
    left = {row["email"] for row in reply.json["items"]}
    wanted = {customer.email for customer in world.crowd if _may_be_mailed(customer)}

    assert left == wanted
    assert 0 < len(left) < 300
    assert "choice=" in reply.headers["rows-withheld"]
    assert "age=" in reply.headers["rows-withheld"]
    [(entry, _)] = world.entries_of(reply.headers["decision-id"])
    assert isinstance(entry, Release)
    assert entry.rows + sum(entry.withheld.values()) == 300


def _may_be_mailed(customer: Customer) -> bool:
    chosen = [one for one in customer.choices if one.purpose == EMAIL or EMAIL.startswith(one.purpose + ".")]
    latest = max(chosen, key=lambda one: (one.at_us, one.state is not ChoiceState.GIVEN), default=None)
    born = customer.birth_date
    return latest is not None and latest.state is ChoiceState.GIVEN and born is not None and born <= "2008-06-15"


async def test_a_withdrawal_takes_the_person_off_the_next_answer(world: World) -> None:
    """Plans are cached, choices never are."""
    before = await world.get("/crm/customers?limit=300", "campaigner", EMAIL)
    email = before.json["items"][0]["email"]
    person = next(customer for customer in world.crowd if customer.email == email)

    await world.choose(person.id, EMAIL, ChoiceState.WITHDRAWN)

    after = await world.get("/crm/customers?limit=300", "campaigner", EMAIL)
    assert email not in {row["email"] for row in after.json["items"]}
    assert len(after.json["items"]) == len(before.json["items"]) - 1


async def test_an_absent_and_a_withheld_record_get_one_answer(world: World) -> None:
    """Nobody learns from a 404 whether the person exists."""
    person = next(customer for customer in world.crowd if not _may_be_mailed(customer))
    by_id = {row["id"]: row for row in (await world.straight("/crm/customers?limit=300"))["items"]}
    assert person.id in by_id
    withheld = await world.get(f"/crm/customers?email={person.email}&limit=20", "campaigner", EMAIL)
    absent = await world.get("/crm/customers?email=nobody@example.org&limit=20", "campaigner", EMAIL)
    small = await world.get(f"/crm/customers?email={person.email}&limit=1", "campaigner", EMAIL)

    assert withheld.json["items"] == absent.json["items"] == []
    assert _told(withheld) == _told(absent)
    assert [small.status, small.json["reason"], small.json["fields"]] == [400, "parameter-invalid", ["limit"]]
    mine = await world.get(f"/-/me/decisions/{withheld.headers['decision-id']}", "campaigner")
    assert mine.json["rows_withheld"] == {}


def _told(reply: Reply) -> dict[str, str]:
    """Return the head but for what differs between any two calls."""
    return {name: value for name, value in reply.headers.items() if name not in ("date", "decision-id")}


async def test_a_single_record_is_asked_for_by_its_surrogate(world: World) -> None:
    """A path parameter is an equality filter: an analyst names people by surrogates alone."""
    listed = await world.get("/crm/customers?limit=1", "analyst", ANALYST)
    surrogate = listed.json["items"][0]["id"]

    found = await world.get(f"/crm/customers/{surrogate}", "analyst", ANALYST)
    clear = await world.get("/crm/customers/c-000001", "analyst", ANALYST)
    foreign = await world.get(f"/crm/customers/{surrogate[:-2]}AA", "analyst", ANALYST)

    assert found.json["id"] == surrogate
    assert [clear.status, clear.json["reason"]] == [403, "surrogate-not-recognised"]
    assert foreign.json["reason"] == "surrogate-not-recognised"
    [(entry, part)] = world.entries_of(found.headers["decision-id"])
    assert isinstance(entry, Release)
    assert part is not None
    assert part.met == tuple(await world.numbers(["c-000001"]))


async def test_a_stale_sign_in_gets_less_and_is_told_so(world: World) -> None:
    """Unnamed, the field leaves masked with a hint; named, the call is challenged (RFC 9470)."""
    stale = await world.get("/crm/customers?limit=5", "campaigner", SMS, ago_s=600)
    named = await world.get("/crm/customers?phone=%2B4915112345678", "campaigner", SMS, ago_s=600)
    fresh = await world.get("/crm/customers?limit=5", "campaigner", SMS)

    assert 'step-up=("phone")' in stale.headers["data-view"]
    assert all("*" in row["phone"] for row in stale.json["items"])
    assert [named.status, named.json["reason"]] == [401, "step-up-required"]
    assert "insufficient_user_authentication" in named.headers["www-authenticate"]
    assert all("*" not in row["phone"] for row in fresh.json["items"])


async def test_sensitive_notes_reach_a_service_agent_with_numbers_masked(world: World) -> None:
    """Free text is revealed for support alone, and never with mails, phones or IDs inside."""
    reply = await world.get("/crm/customers?limit=300", "service-agent", SUPPORT)
    notes = " ".join(row["notes"] or "" for row in reply.json["items"])

    assert notes
    assert "@" not in notes
    assert all("health_note" not in row for row in reply.json["items"])


async def test_a_caller_that_names_fields_gets_no_others(world: World) -> None:
    """What was not asked for does not leave, and the entry and the head say only what did."""
    reply = await world.get("/crm/customers?limit=5&fields=city,id", "analyst", ANALYST)
    unknown = await world.get("/crm/customers?fields=shoe_size", "analyst", ANALYST)
    hidden = await world.get("/crm/customers?fields=city,religion", "analyst", ANALYST)

    assert {frozenset(row) for row in reply.json["items"]} == {frozenset({"id", "city"})}
    assert reply.headers["data-view"] == 'reveal=("city"), surrogate=("id")'
    [(entry, _)] = world.entries_of(reply.headers["decision-id"])
    assert isinstance(entry, Release)
    assert entry.facts is not None
    assert entry.facts.fields == {"reveal": ("city",), "surrogate": ("id",)}
    assert [unknown.status, unknown.json["fields"]] == [400, ["fields"]]
    assert [hidden.status, hidden.json["reason"], hidden.json["fields"]] == [
        403,
        "field-not-permitted",
        ["religion"],
    ]


async def test_the_total_is_told_only_where_no_row_can_be_withheld(world: World) -> None:
    """A total that counts withheld rows would tell of them."""
    mailing = await world.get("/crm/customers?limit=5", "campaigner", EMAIL)
    assert "total" not in mailing.json
    assert "limit" not in mailing.json


async def test_pages_follow_sealed_cursors_to_the_end(world: World) -> None:
    """Each person comes once over all pages, and the last page says that it is the last."""
    path, seen, reply = "/crm/customers?limit=120", list[str](), None
    while path:
        reply = await world.get(path, "analyst", ANALYST)
        seen += reply.ids
        path = reply.headers.get("link", "").partition(">")[0].removeprefix("<")
    assert reply is not None
    assert reply.headers["data-page"] == "last"
    assert len(seen) == len(set(seen)) == 300


async def test_a_cursor_is_of_no_use_to_another_query(world: World) -> None:
    """A cursor is bound to principal, purpose, query and rules."""
    reply = await world.get("/crm/customers?limit=100", "analyst", ANALYST)
    cursor = reply.headers["link"].partition("cursor=")[2].partition(">")[0]
    other = await world.get(f"/crm/customers?limit=99&cursor={cursor}", "analyst", ANALYST)
    assert [other.status, other.json["fields"]] == [400, ["cursor"]]


async def test_a_third_party_gets_surrogates_and_no_row_without_a_mechanism(world: World) -> None:
    """A service at level 1 of a separate controller: no clear mail, no person from China."""
    _, secret = await world.rooms.enrolment.add_client(
        "partner-adnet",
        name="partner",
        roles=("partner-adnet",),
        recipient="adnet",
        scopes=(PurposeKey(ADNET),),
        by="local:test",
    )
    for customer in world.crowd:
        await world.rooms.people.numbers("crm.customer_id", [customer.id])  # type: ignore[arg-type]
    token = await world.ask(
        "POST",
        "/-/oauth/token",
        {"Content-Type": "application/x-www-form-urlencoded"},
        f"grant_type=client_credentials&client_id=partner-adnet&client_secret={secret}".encode(),
    )
    bearer = token.json["access_token"]
    for customer in world.crowd[:40]:
        await world.choose(customer.id, ADNET, ChoiceState.GIVEN)
    reply = await world.get("/crm/customers?limit=40", None, ADNET, Authorization=f"Bearer {bearer}")

    assert reply.status == 200, reply.body
    assert reply.json["items"]
    assert {row["country"] for row in reply.json["items"]}.isdisjoint({"CN"})
    assert all(row["email"].startswith("sv1_") for row in reply.json["items"])
    assert "transfer=" in reply.headers["rows-withheld"]


async def test_a_caller_can_ask_what_became_of_its_own_decision_and_of_no_other(world: World) -> None:
    """The outcome is told to whoever made the call."""
    reply = await world.get("/crm/customers?limit=7", "analyst", ANALYST)
    mine = await world.get(f"/-/me/decisions/{reply.headers['decision-id']}", "analyst")
    others = await world.get(f"/-/me/decisions/{reply.headers['decision-id']}", "campaigner")

    assert [mine.status, mine.json["rows"], mine.json["end"]] == [200, 7, "complete"]
    assert others.status == 404


async def test_the_evaluation_endpoint_says_what_the_road_would_do(world: World) -> None:
    """The question "could I?" is answered by the same decider, and leaves an entry."""
    bearer = "Bearer " + await world.bearer("campaigner")
    asked = {
        "action": {"name": "read"},
        "resource": {"type": "dataset", "id": "crm.customers", "properties": {"filters": ["religion=x"]}},
        "context": {"purpose": EMAIL, "reference": "story-1"},
    }
    no = await world.post("/-/access/v1/evaluation", asked, Authorization=bearer)
    asked["resource"]["properties"] = {}  # type: ignore[index]
    yes = await world.post("/-/access/v1/evaluation", asked, Authorization=bearer)

    assert [no.json["decision"], no.json["context"]["reason"]] == [False, "red-line"]
    assert yes.json["decision"] is True
    assert yes.json["context"]["view"]["email"] == "reveal"
