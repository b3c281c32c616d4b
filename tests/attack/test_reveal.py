# SPDX-License-Identifier: Apache-2.0
"""Attack: have values revealed of others' surrogates, in slices, on one's own word, twice on one word, or by asking long."""

import asyncio
import secrets
from collections.abc import Sequence

import pytest
from pyroaring import BitMap

from gateway.app.installation import reload_rules
from gateway.app.making import enrol_at_once
from gateway.app.surrogates.revealing import may_approve
from gateway.domain.approval import ApprovalState
from gateway.domain.entry import Refused, Release
from gateway.domain.names import AccountId
from gateway.domain.replay import ApprovalRefused, ApprovalSpent
from gateway.store.approvals import RevealApprovals
from gateway.store.engine import Store
from gateway.store.replay import Replay
from tests.fakes.budgeted import budgeted
from tests.fakes.clock import FakeClock
from tests.story.conftest import ANALYST, SUPPORT, Reply, World
from tests.unit.store.test_approvals import BEN, approval, approvals, kept

__all__ = ["approvals"]

LEGAL = "essential.legal_obligation"
ROLE = "case-worker"
on_sqlite = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


@pytest.fixture
async def desk(world: World) -> World:
    """The world with a case worker, and one who is an officer as well."""
    for name, roles in ((ROLE, (ROLE,)), ("both", (ROLE, "officer"))):
        await enrol_at_once(
            world.rooms, name, f"{name} correct horse battery", roles=roles, recipient="own", by="local:test"
        )
    return world


async def listed(world: World, n: int, role: str = ROLE, purpose: str = SUPPORT) -> list[str]:
    """Return the surrogates of so many customers as a role gets them."""
    answer = await world.get(f"/crm/customers?limit={n}&fields=id", role, purpose)
    assert answer.status == 200, answer.body
    return [row["id"] for row in answer.json["items"]]


async def revealed(world: World, listed: Sequence[object], role: str = ROLE, /, **members: object) -> Reply:
    """Ask for the values."""
    body = {"dataset": "crm.customers", "field": "id", "surrogates": list(listed), **members}
    return await world.post(
        "/-/surrogates/reveal",
        body,
        Authorization="Bearer " + await world.bearer(role),
        Data_Purpose=SUPPORT,
        Data_Reference="case-1",
    )


async def decided(world: World, approval_id: str, role: str, word: str = "approve") -> Reply:
    """Say a word about what somebody asked for."""
    return await world.post(
        f"/-/approvals/{approval_id}",
        {"decision": word},
        Authorization="Bearer " + await world.bearer(role),
        Data_Purpose=LEGAL,
        Data_Reference="case-2",
    )


def values(answer: Reply) -> list[str]:
    """Return what was revealed."""
    assert answer.status == 200, answer.body
    return [one["value"] for one in answer.json["values"] if "value" in one]


def people_revealed(world: World) -> BitMap:
    """Return everybody of whom the log says that something was revealed."""
    found = BitMap()
    for entry, part in world.entries():
        if isinstance(entry, Release) and entry.facts and entry.facts.operation == "reveal" and part and part.people:
            found |= BitMap.deserialize(part.people)
    return found


@on_sqlite
async def test_surrogates_of_another_purpose_or_of_nobody_reveal_nothing_and_are_told_alike(desk: World) -> None:
    """An analyst's are of no use to a case worker; neither is any change of their own, nor chance."""
    own, foreign = (await listed(desk, 1))[0], await listed(desk, 30, "analyst", ANALYST)
    changed = [own[:place] + ("0" if own[place] != "0" else "1") + own[place + 1 :] for place in range(4, len(own))]
    chance = [f"sv1_{secrets.token_hex(48)}" for _ in range(100)]
    answer = await revealed(desk, [*foreign, *changed[:20], *chance[:40], "c-000001", own.upper(), ""])
    assert values(answer) == []
    assert {one["cause"] for one in answer.json["values"]} == {"not-recognised"}
    ((entry, part),) = desk.entries_of(answer.headers["decision-id"])
    assert isinstance(entry, Release)
    assert (entry.rows, entry.people) == (0, 0)
    assert part is not None
    assert not part.met


@on_sqlite
async def test_ten_thousand_and_one_are_refused_before_any_is_opened(desk: World) -> None:
    """Of one and the same, too."""
    own = (await listed(desk, 1))[0]
    answer = await revealed(desk, [own] * 10_001)
    assert (answer.status, answer.json["reason"]) == (422, "body-invalid")
    assert not people_revealed(desk)


@on_sqlite
async def test_nothing_else_can_be_asked_for(desk: World) -> None:
    """Nor does a word that a caller made up come into the log."""
    cases: tuple[dict[str, object], ...] = (
        {"field": "no_such"}, {"dataset": "crm.no_such"}, {"dataset": "gateway.access_log", "field": "account"},
        {"more": 1}, {"surrogates": [["x"]]}, {"surrogates": {}}, {"field": "notes"}, {"field": "national_id"},
    )  # fmt: skip
    for members in cases:
        answer = await revealed(desk, ["sv1_00"], **members)
        assert 400 <= answer.status < 500, members
        ((entry, _),) = desk.entries_of(answer.headers["decision-id"])
        assert isinstance(entry, Refused), members
        assert "no_such" not in repr(entry), members


@on_sqlite
async def test_slices_reach_nobody_beyond_the_budget(desk: World) -> None:
    """By threes and one by one, many at once, with surrogates that a colleague got: seven people and no eighth."""
    shown = await listed(desk, 20)
    budgeted(desk.rooms.settings.policies_dir, SUPPORT, "people: 7, hours: 744")
    await reload_rules(desk.rooms.policy, desk.rooms.settings.policies_dir)
    slices = [shown[place : place + 3] for place in range(0, 20, 3)] + [[one] for one in shown]
    answers = await asyncio.gather(*(revealed(desk, one, "both") for one in slices))
    assert {answer.status for answer in answers} == {200, 429}
    assert len(people_revealed(desk)) == 7
    assert (await revealed(desk, shown, "both")).status == 429


@on_sqlite
async def test_the_same_value_again_and_again_counts_as_rows(desk: World) -> None:
    """In one call or in many: what was read counts too."""
    budgeted(desk.rooms.settings.policies_dir, SUPPORT, "rows: 25, hours: 744")
    await reload_rules(desk.rooms.policy, desk.rooms.settings.policies_dir)
    own = (await listed(desk, 20))[:1]
    assert (await revealed(desk, own * 6)).status == 429
    answers = await asyncio.gather(*(revealed(desk, own) for _ in range(9)))
    assert sorted(answer.status for answer in answers) == [200] * 5 + [429] * 4


@on_sqlite
async def test_slices_do_not_get_round_the_second_person(desk: World) -> None:
    """A hundred in a day on one's own word, in however many calls at once; then none without somebody else's."""
    shown = await listed(desk, 130)
    slices = [shown[place : place + 10] for place in range(0, 130, 10)]
    answers = await asyncio.gather(*(revealed(desk, one) for one in slices))
    assert sorted(answer.status for answer in answers) == [200] * 10 + [403] * 3
    assert {answer.json["reason"] for answer in answers if answer.status == 403} == {"approval-required"}
    assert (await revealed(desk, shown[:1])).status == 403
    assert len(people_revealed(desk)) == 100


@on_sqlite
async def test_nobody_approves_what_they_asked_for_whatever_their_roles(desk: World) -> None:
    """Not by the door, and not by another name of the same account."""
    shown = await listed(desk, 101)
    refused = (await revealed(desk, shown, "both")).json
    answer = await decided(desk, refused["approval"], "both")
    assert (answer.status, answer.json["reason"]) == (403, "approval-required")
    assert (await revealed(desk, shown, "both")).status == 403
    assert (await decided(desk, refused["approval"], ROLE)).status == 403
    assert (await decided(desk, "ap_" + "a" * 16, "officer")).status == 404


async def test_an_approval_is_good_for_one_call_of_many_at_once(desk: World) -> None:
    """Once means once, and for nobody else's call."""
    shown = await listed(desk, 101)
    one = (await revealed(desk, shown)).json["approval"]
    assert (await decided(desk, one, "officer")).status == 200
    assert (await revealed(desk, shown, "both")).status == 403
    answers = await asyncio.gather(*(revealed(desk, shown) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [200] + [403] * 7
    assert (await decided(desk, one, "officer")).status == 404


@on_sqlite
async def test_the_word_of_somebody_who_fell_in_between_is_none(desk: World) -> None:
    """Disabled before the call came that it was for."""
    shown = await listed(desk, 101)
    one = (await revealed(desk, shown)).json["approval"]
    assert (await decided(desk, one, "officer")).status == 200
    record = await desk.rooms.accounts.named("officer")
    assert record is not None
    assert await may_approve(desk.rooms, record.account.id)
    await desk.rooms.enrolment.disable(record.account.id, by="local:test")
    assert not await may_approve(desk.rooms, record.account.id)
    assert not await may_approve(desk.rooms, AccountId("a_none"))
    assert (await revealed(desk, shown)).status == 403


async def test_an_older_database_that_is_put_back_has_nothing_open_that_was_refused(
    approvals: object, store: Store, clock: FakeClock
) -> None:
    """Neither as it was asked for nor as somebody had approved it; told twice it is so once."""
    owner = RevealApprovals(store)
    for n, was_approved in enumerate((False, True), 1):
        one = await kept(owner, approval(n, until_us=clock() + 1_000))
        assert not was_approved or await owner.decide(one.id, ApprovalState.APPROVED, BEN, clock())
        replay, refused = Replay(store, clock), ApprovalRefused(approval=one.id, by=BEN, at_us=clock())
        assert await replay.apply([refused]) == {"approvals refused": 1}
        assert await replay.apply([refused]) == {}
        assert await owner.find(one.id, clock()) is None
        assert not await owner.decide(one.id, ApprovalState.APPROVED, BEN, clock())
        assert not await owner.spend(one.id, clock())


async def test_an_older_database_that_is_put_back_has_no_approval_that_was_spent(
    approvals: object, store: Store, clock: FakeClock
) -> None:
    """The log says that it was; told twice it is so once."""
    owner = RevealApprovals(store)
    one = await kept(owner, approval(1, until_us=clock() + 1_000))
    assert await owner.decide(one.id, ApprovalState.APPROVED, BEN, clock())
    replay, spent = Replay(store, clock), ApprovalSpent(approval=one.id, at_us=clock())
    assert await replay.apply([spent]) == {"approvals spent": 1}
    assert await replay.apply([spent]) == {}
    assert not await owner.spend(one.id, clock())
