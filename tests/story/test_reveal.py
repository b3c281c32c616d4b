# SPDX-License-Identifier: Apache-2.0
"""Values of surrogates, had back by a call of their own: with a purpose, a grant, a fresh sign-in, and within bounds."""

import asyncio
from collections.abc import Sequence
from urllib.parse import quote

import pytest
from pyroaring import BitMap

from gateway.app.making import enrol_at_once
from gateway.domain.choice import ChoiceState
from gateway.domain.entry import Changed, Refused, Release
from tests.fakes.command_line import CommandLine
from tests.story.conftest import ANALYST, SUPPORT, Reply, World

LEGAL = "essential.legal_obligation"
ROLE = "case-worker"


@pytest.fixture
async def desk(world: World) -> World:
    """The world with a case worker in it, who sees customers by surrogates."""
    await enrol_at_once(world.rooms, ROLE, "case-worker correct horse", roles=(ROLE,), recipient="own", by="local:test")
    return world


async def _listed(world: World, n: int, field: str = "id") -> list[str]:
    answer = await world.get(f"/crm/customers?limit={n}&fields={field}", ROLE, SUPPORT)
    assert answer.status == 200, answer.body
    return [row[field] for row in answer.json["items"]]


async def _revealed(
    world: World,
    surrogates: Sequence[str],
    *,
    role: str = ROLE,
    purpose: str = SUPPORT,
    field: str = "id",
    ago_s: int = 0,
) -> Reply:
    body = {"dataset": "crm.customers", "field": field, "surrogates": list(surrogates)}
    return await world.post(
        "/-/surrogates/reveal",
        body,
        Authorization="Bearer " + await world.bearer(role, ago_s=ago_s),
        Data_Purpose=purpose,
        Data_Reference="case-1",
    )


async def test_a_surrogate_comes_back_as_the_value_that_it_was_made_of(desk: World) -> None:
    """Each in its place, the row counted, its people in the part, and the entry there before the answer."""
    shown = await _listed(desk, 20)
    assert all(one.startswith("sv1_") for one in shown)
    answer = await _revealed(desk, shown)
    assert answer.status == 200, answer.body
    values = answer.json["values"]
    assert [one["surrogate"] for one in values] == shown
    ids = [one["value"] for one in values]
    assert len(set(ids)) == 20
    assert set(ids) <= {one.id for one in desk.crowd}
    assert answer.headers["data-view"] == 'reveal=("id")'
    ((entry, part),) = desk.entries_of(answer.headers["decision-id"])
    assert isinstance(entry, Release)
    assert entry.last
    assert entry.facts is not None
    assert part is not None
    assert (entry.rows, entry.people, entry.bytes) == (20, 20, len(answer.body))
    assert (entry.facts.operation, entry.facts.dataset, entry.facts.fields) == (
        "reveal", "crm.customers", {"reveal": ("id",)},
    )  # fmt: skip
    assert sorted(BitMap.deserialize(part.people)) == sorted(await desk.numbers(ids))


async def test_who_objected_is_withheld_and_the_others_are_told(desk: World) -> None:
    """A choice counts at once, for one of them alone."""
    shown = await _listed(desk, 5)
    before = (await _revealed(desk, shown)).json["values"]
    await desk.choose(before[2]["value"], SUPPORT, ChoiceState.OBJECTED)
    answer = await _revealed(desk, shown)
    assert [one.get("cause") for one in answer.json["values"]] == [None, None, "choice", None, None]
    assert answer.headers["rows-withheld"] == "choice=5"
    ((entry, part),) = desk.entries_of(answer.headers["decision-id"])
    assert isinstance(entry, Release)
    assert part is not None
    assert (entry.rows, entry.withheld) == (4, {"choice": 1})
    assert list(part.met) == await desk.numbers([before[2]["value"]])


async def test_of_whom_nobody_knows_whose_it_is_nothing_leaves_where_choices_count(desk: World) -> None:
    """A phone that lies in no vault is nobody's who is known."""
    shown = await _listed(desk, 3, "phone")
    answer = await _revealed(desk, shown, field="phone")
    assert {one["cause"] for one in answer.json["values"]} == {"no-subject"}


async def test_a_grant_to_read_gives_no_reveal(desk: World) -> None:
    """An agent reads phones in clear for the same purpose, and may reveal nothing."""
    shown = await _listed(desk, 1)
    answer = await _revealed(desk, shown, role="service-agent")
    assert (answer.status, answer.json["reason"]) == (403, "grant-missing")


async def test_a_sign_in_that_is_not_fresh_is_told_to_step_up(desk: World) -> None:
    """Level 4 is needed of every reveal."""
    shown = await _listed(desk, 1)
    answer = await _revealed(desk, shown, ago_s=301)
    assert (answer.status, answer.json["reason"]) == (401, "step-up-required")
    ((entry, _),) = desk.entries_of(answer.headers["decision-id"])
    assert isinstance(entry, Refused)
    assert entry.facts is not None
    assert entry.facts.operation == "reveal"


async def test_a_purpose_that_does_not_reveal_refuses(desk: World) -> None:
    """Purposes say by themselves whether values may be had back."""
    for role, purpose in (("analyst", ANALYST), ("officer", LEGAL)):
        answer = await _revealed(desk, ["sv1_00"], role=role, purpose=purpose)
        assert (answer.status, answer.json["reason"]) == (403, "purpose-not-allowed"), purpose


async def test_beyond_so_many_a_second_person_approves_exactly_this_and_once(desk: World) -> None:
    """Asked for, listed, approved by somebody else, used, used up."""
    every = await _listed(desk, 102)
    shown = every[:101]
    refused = await _revealed(desk, shown)
    assert (refused.status, refused.json["reason"]) == (403, "approval-required")
    approval = refused.json["approval"]
    assert (await _revealed(desk, shown)).json["approval"] == approval

    waiting = await desk.get("/-/approvals", "officer", LEGAL)
    assert waiting.status == 200, waiting.body
    (row,) = waiting.json["approvals"]
    assert (row["id"], row["surrogates"], row["dataset"], row["field"]) == (approval, 101, "crm.customers", "id")

    assert (await _decided(desk, approval, ROLE, SUPPORT)).status == 403
    told = await _decided(desk, approval, "officer", LEGAL)
    assert (told.status, told.json["state"]) == (200, "approved"), told.body

    other = await _revealed(desk, every[1:])
    assert (other.status, other.json["reason"]) == (403, "approval-required")
    assert other.json["approval"] != approval
    answer = await _revealed(desk, list(reversed(shown)))
    assert answer.status == 200, answer.body
    assert sum("value" in one for one in answer.json["values"]) == 101
    again = await _revealed(desk, shown)
    assert (again.status, again.json["reason"]) == (403, "approval-required")
    changes = [entry.what for entry, _ in desk.entries() if isinstance(entry, Changed)]
    assert [one for one in changes if one.startswith("reveal")] == [
        "reveal-asked", "reveal-approved", "reveal-asked", "reveal-approval-spent", "reveal-asked",
    ]  # fmt: skip


async def test_a_refused_approval_is_of_no_use(desk: World) -> None:
    """The next call asks anew."""
    shown = await _listed(desk, 101)
    approval = (await _revealed(desk, shown)).json["approval"]
    assert (await _decided(desk, approval, "officer", LEGAL, "refuse")).json["state"] == "refused"
    assert (await _revealed(desk, shown)).json["approval"] != approval
    assert (await _decided(desk, approval, "officer", LEGAL)).status == 404


async def test_nothing_of_a_reveal_lies_about_afterwards(desk: World) -> None:
    """Neither values nor surrogates are in any entry."""
    shown = await _listed(desk, 3)
    values = [one["value"] for one in (await _revealed(desk, shown)).json["values"]]
    logs = b"".join(path.read_bytes() for path in (desk.state / "log").rglob("*") if path.is_file())
    assert not any(one.encode() in logs for one in (*shown, *values))
    assert desk.verdict().is_right


async def _decided(world: World, approval: str, role: str, purpose: str, word: str = "approve") -> Reply:
    return await world.post(
        f"/-/approvals/{quote(approval)}",
        {"decision": word},
        Authorization="Bearer " + await world.bearer(role),
        Data_Purpose=purpose,
        Data_Reference="case-2",
    )


async def test_a_reveal_of_the_past_is_decided_again_as_it_was(desk: World) -> None:
    """Permitted, refused, asked to sign in, and sent to a second person: the rules of then say the same."""
    shown = await _listed(desk, 101)
    replies = [
        await _revealed(desk, shown[:3]),
        await _revealed(desk, shown[:3], role="service-agent"),
        await _revealed(desk, shown[:3], ago_s=600),
        await _revealed(desk, shown),
        await _revealed(desk, shown[:3], field="national_id"),
    ]
    assert [reply.status for reply in replies] == [200, 403, 401, 403, 403]
    database = desk.rooms.settings.database
    told = {} if database is None else {"GATEWAY_DATABASE": database.get_secret_value()}
    command = CommandLine(desk.state, told)
    for reply in replies:
        answer = await asyncio.to_thread(command, "explain", reply.headers["decision-id"], "--json")
        assert answer.document()["equal"], answer.out
