# SPDX-License-Identifier: Apache-2.0
"""An account was taken over: whom it reached, who is told of it, and what each of them sees of who used their data."""

import base64

import pytest

from gateway.app.evidence.incidents import accesses, is_officer, may_open_lists, opening, people_behind, scope
from gateway.app.index.indexing import fill as fill_index
from gateway.app.index.indexing import index_place
from gateway.app.making import enrol_at_once
from gateway.app.proving import proven
from gateway.app.rule_files import read_folder
from gateway.domain.choice import ChoiceState
from gateway.domain.log_query import LogQuery
from gateway.domain.names import AccountId, CategoryKey, PersonNumber, RoleName
from gateway.domain.treatment import DROP
from gateway.domain.viewplan import Hold
from gateway.flows.accesses.ports import Access, Action
from gateway.flows.accesses.telling import Told
from gateway.flows.incident.opening import Answer, Heard, everybody, read_list, sealed_list
from gateway.flows.incident.scope import Found
from gateway.identify.totp import code_at, step_at
from gateway.store.engine import open_index
from gateway.store.log.index import LogIndex
from tests.story.conftest import ANALYST, CUSTOMER, EMAIL, World

BY = "local:test"


async def account(world: World, role: str) -> str:
    """Return the account of a role."""
    record = await world.rooms.accounts.named(role)
    assert record is not None
    return str(record.account.id)


async def scoped(world: World, asked: LogQuery) -> Found:
    """Measure by the index, by the files alone, and by an index that lags; all say the same."""
    rooms = world.rooms
    lagging = await scope(rooms, asked, by=BY, from_files=False, done=lambda _n: None)
    base = await open_index(index_place(rooms.settings))
    await fill_index(LogIndex(base), world.state / "log")
    await base.close()
    found = await scope(rooms, asked, by=BY, from_files=False, done=lambda _n: None)
    files = await scope(rooms, asked, by=BY, from_files=True, done=lambda _n: None)
    for other in (lagging, files):
        assert other.people == found.people
        assert (other.scope.fields, other.scope.rows) == (found.scope.fields, found.scope.rows)
        assert other.scope.refused == found.scope.refused
    return found


async def told_to(world: World, person: PersonNumber) -> Told:
    """Return what a person is told."""
    return await accesses(
        world.rooms, person, since_us=None, until_us=None, by=BY, from_files=False, done=lambda _n: None
    )


async def test_the_scope_of_an_account_is_what_it_was_given(world: World) -> None:
    """Distinct people over all calls, fields by what left of them, refused calls apart."""
    first = await world.get("/crm/customers?limit=20", "analyst", ANALYST)
    await world.get("/crm/customers?limit=30", "analyst", ANALYST)
    await world.get("/crm/customers?limit=5", "campaigner", EMAIL)
    refused = await world.get("/crm/customers?religion=x", "analyst", ANALYST)
    assert (first.status, refused.status) == (200, 403)

    scope = (await scoped(world, LogQuery(account=await account(world, "analyst")))).scope

    assert (scope.people, scope.rows, scope.entries) == (30, 50, 2)
    assert (scope.with_identity, dict(scope.identities)) == (30, {CUSTOMER: 30})
    forms = {one.field: (one.treatment, one.people) for one in scope.fields}
    assert forms["id"] == ("surrogate", 30)
    assert forms["city"] == ("reveal", 30)
    assert forms["birth_date"] == ("generalise", 30)
    assert {one.name for one in scope.purposes} == {ANALYST}
    assert (scope.refused.calls, dict(scope.refused.reasons)) == (1, {refused.json["reason"]: 1})
    assert all(one.root for one in scope.rests_on.logs)


async def test_erased_and_merged_people_are_counted_right(world: World) -> None:
    """Who was erased counts still, as a number without an identity; who was merged counts once."""
    reply = await world.get("/crm/customers?limit=10", "analyst", ANALYST)
    assert reply.status == 200
    ids = [row["id"] for row in (await world.straight("/crm/customers?limit=10"))["items"]]
    numbers = await world.numbers(ids)
    await world.rooms.people.shred(numbers[0])
    await world.rooms.people.merge(numbers[1], numbers[2])

    scope = (await scoped(world, LogQuery(dataset="crm"))).scope

    assert (scope.people, scope.with_identity, scope.without_identity) == (9, 8, 1)
    assert dict(scope.identities) == {CUSTOMER: 9}
    assert len((await told_to(world, numbers[1])).accesses) == len((await told_to(world, numbers[2])).accesses) - 1


async def test_two_officers_open_the_list_by_what_they_know_and_have(world: World) -> None:
    """Each by password and code at the terminal; the list names who is known today, in the order of their numbers."""
    await world.get("/crm/customers?limit=4", "analyst", ANALYST)
    rooms = world.rooms
    secrets = {
        name: (await enrol_at_once(rooms, name, f"{name} reads the log slowly", roles=(role,), recipient="own", by=BY))
        for name, role in (("officer-1", "officer"), ("officer-2", "officer"), ("clerk", "analyst"))
    }
    found = await scoped(world, LogQuery(dataset="crm"))
    content = await sealed_list(
        found.people, query=found.scope.query, vault=rooms.keyring, recorder=rooms.log, clock=rooms.clock, by=BY
    )
    listed = read_list(content)
    await rooms.people.shred(PersonNumber(found.people[0]))

    codes: dict[tuple[str, str | None], str] = {}

    async def say(name: str, *, password: str | None = None) -> Answer | None:
        secret = base64.b32decode(secrets[name].totp_secret)
        # Asked for again it is the same code, also where its half minute ended in between.
        code = codes.setdefault((name, password), code_at(secret, step_at(rooms.clock())))
        officer = await proven(rooms, name, password or f"{name} reads the log slowly", code)
        if officer is None:
            return None
        return await opening(rooms).say(listed, officer, by=BY)

    assert await say("officer-1", password="another one altogether") is None
    clerk, first, second = await say("clerk"), await say("officer-1"), await say("officer-2")
    assert [one and one.heard for one in (clerk, first, second)] == [Heard.NO_OFFICER, Heard.WAITS, Heard.OPENED]
    # The code of this moment was spent on the first word.
    assert await say("officer-1") is None

    assert second is not None
    assert second.people is not None
    behind = [one async for one in everybody(second.people, people_behind(rooms))]
    ids = {row["id"] for row in (await world.straight("/crm/customers?limit=4"))["items"]}
    assert [len(one.identities) for one in behind] == [0, 1, 1, 1]
    assert {value for one in behind for kind, value in one.identities if kind == CUSTOMER} < ids
    for person in second.people:
        told = await told_to(world, PersonNumber(person))
        assert [one.what for one in told.accesses if one.what.startswith("incident")] == ["incident-list-opened"]


async def test_a_person_is_told_who_had_what_of_them_and_why(world: World) -> None:
    """By legal name and own team, with purpose, ground and form; the withheld and the refused are no accesses."""
    ids = [row["id"] for row in (await world.straight("/crm/customers?limit=3"))["items"]]
    person = (await world.numbers(ids))[1]
    await world.choose(ids[1], EMAIL, ChoiceState.WITHDRAWN)
    await world.get("/crm/customers?limit=3", "campaigner", EMAIL)
    await world.get("/crm/customers?limit=3", "analyst", ANALYST, Data_Reference="case-17")
    await world.get(f"/crm/customers/{ids[1]}", "analyst", ANALYST)

    told = await told_to(world, person)
    again = await told_to(world, person)

    read = [one for one in told.accesses if one.action is Action.READ]
    assert [(one.purpose, one.reference) for one in read] == [(ANALYST, "case-17")]
    (one,) = read
    assert (one.recipient, one.is_own, one.team) == ("Example Trading (demo)", True, "marketing")
    assert one.ground == "legitimate_interests"
    assert one.purpose_words["zh"].startswith("通过统计")
    assert "city" in one.fields["reveal"]
    assert "id" in one.fields["surrogate"]
    assert told.organisation == "Example Trading (demo)"
    assert [each.what for each in again.accesses if each.action is Action.LOOKED_UP] == ["accesses"]


async def test_somebody_who_was_looked_for_in_vain_is_told_so(world: World) -> None:
    """A record that is withheld is a refusal, and no access; a filter that finds nobody used the name all the same."""
    ids = [row["id"] for row in (await world.straight("/crm/customers?limit=3"))["items"]]
    person = (await world.numbers(ids))[0]
    found = await world.get(
        f"/crm/customers?id={ids[0]}&country=ZZ", "service-agent", "essential.service.operations.support"
    )
    assert (found.status, found.ids) == (200, [])

    told = await told_to(world, person)

    assert [(one.action, one.fields) for one in told.accesses] == [(Action.LOOKED_FOR, {})]


async def test_an_officer_who_searches_the_log_for_somebody_is_told_to_that_person(world: World) -> None:
    """Over the gateway's own path, as data like any other."""
    ids = [row["id"] for row in (await world.straight("/crm/customers?limit=1"))["items"]]
    person = (await world.numbers(ids))[0]
    await world.get("/crm/customers?limit=1", "analyst", ANALYST)
    found = await world.get(f"/-/log/entries?person={person}", "officer", "essential.legal_obligation")
    assert found.status == 200, found.body

    told = await told_to(world, person)

    assert [(one.action, one.what) for one in told.accesses] == [(Action.READ, ""), (Action.LOOKED_UP, "log")]


def test_a_person_is_told_nothing_of_staff() -> None:
    """What is for officers alone is named in one place, and each of it is a member of an access."""
    from gateway.cli.rights.commands import document
    from gateway.flows.accesses.ports import OFFICERS_ALONE

    access = Access(at_us=1, until_us=1, action=Action.READ, account="a_1", client="c", session="s", decision="d")
    told = Told(
        person=7, organisation="x", made_us=1, since_us=None, until_us=None, accesses=(access,), logs=(), remarks=()
    )

    plain, full = document(told, for_officer=False), document(told, for_officer=True)

    assert "person" not in plain
    assert not set(OFFICERS_ALONE) & set(plain["accesses"][0])  # type: ignore[index]
    assert full["accesses"][0]["account"] == "a_1"  # type: ignore[index]


@pytest.mark.parametrize("roles", [("analyst",), ("marketing-lead",), ()])
async def test_roles_that_contain_no_officer_make_none(world: World, roles: tuple[str, ...]) -> None:
    """By the rules in force."""
    rules = world.rooms.policy.decider.rules
    assert not is_officer(rules, "a_1", [RoleName(one) for one in roles])
    assert is_officer(rules, "a_1", [RoleName("officer"), *(RoleName(one) for one in roles)])


@pytest.mark.parametrize("fall", ["locked", "disabled", "gone"])
async def test_an_officer_who_fell_opens_no_list(world: World, fall: str) -> None:
    """A lock holds everything back from an account, which can still sign in; a disabled one cannot even that."""
    rooms = world.rooms
    record = await rooms.accounts.named("officer")
    assert record is not None
    account = record.account.id
    assert await may_open_lists(rooms, account)

    if fall == "locked":
        await rooms.holds.set(account, Hold(category=CategoryKey("user"), rung=DROP, link=False, reason="lock"))
    elif fall == "disabled":
        await rooms.enrolment.disable(account, by=BY)
    else:
        account = AccountId("a_nobody")

    assert not await may_open_lists(rooms, account)


async def test_a_line_of_the_folder_makes_nobody_an_officer_before_it_is_in_force(world: World) -> None:
    """Nor does one that was in force and is taken out: a command asks both."""
    rooms, folder = world.rooms, world.rooms.settings.policies_dir
    record = await rooms.accounts.named("analyst")
    assert record is not None
    account, policy = record.account.id, rooms.policy
    before = read_folder(folder)
    after = {**before, "grants.csv": before["grants.csv"] + f"g, {account}, officer\n".encode()}

    await policy.consult(after)
    assert is_officer(policy.decider.rules, account, record.account.roles)
    assert not await may_open_lists(rooms, account)

    await policy.consult(before)
    await policy.put_in_force(after)
    assert await may_open_lists(rooms, account)
    await policy.consult(before)
    assert not await may_open_lists(rooms, account)
