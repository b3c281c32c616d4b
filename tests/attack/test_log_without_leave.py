# SPDX-License-Identifier: Apache-2.0
"""Attack: whoever has no role, no purpose or no case for it wants to learn what is in the log, by any road.

Also by inference: an entry that is there and one that is not, a person who is known and one who is not, must be refused
in one way. What an officer gets in any form has an entry of its own with exactly these bytes.
"""

import itertools
import re
from collections.abc import Mapping
from functools import partial

import msgspec
import pytest

from gateway.app.making import enrol_at_once
from gateway.domain.entry import Release
from gateway.domain.names import PurposeKey, RoleName
from tests.fakes.wire import calling, request, until
from tests.story.conftest import ANALYST, ROLES, World

LEGAL = "essential.legal_obligation"
ID = re.compile(r"[0-9a-f]{32}")
FORMS = ("application/json", "application/x-ndjson", "text/csv")

ROADS = (
    "/gateway/log/entries", "/gateway/-/log/entries", "/gateway/access_log", "/-/log/entries/", "/-//log/entries",
    "//-/log/entries", "/-/log/%65ntries", "/%2d/log/entries", "/-/LOG/entries", "/-/log/./entries", "/-/log/x/../entries",
    "/-/log/entries;x", "/-/log/entries%00", "/-/log/entries%2f", "/-\\log\\entries", "/-/log/Entries", "/-/log", "/-/log/",
    "/-/log/door-0", "/-/log/door-0/0", "/-/log/door-0/entries", "/-/log/door-0/000000.ndjson", "/-/log/..%2f/checkpoint",
    "/-/log/cli/parts/000000.ndjson", "/crm/../-/log/entries", "/crm/-/log/entries",
)  # fmt: skip


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_no_other_road_leads_to_the_log(world: World) -> None:
    """Not for an officer either: what is decided is the one spelling of the path."""
    for path in ROADS:
        reply = await world.get(path, "officer", LEGAL)
        assert reply.status in (400, 404), (path, reply.status)
        assert b"entries" not in reply.body.replace(path.encode(), b""), path
    for method in ("POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"):
        told = {
            "Authorization": "Bearer " + await world.bearer("officer"),
            "Data-Purpose": LEGAL,
            "Data-Reference": "x",
        }
        reply = await world.ask(method, "/-/log/entries", told, None)
        assert reply.status in (400, 404, 405, 415), method
        assert b'"seq"' not in reply.body


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_whoever_may_not_ask_learns_not_what_there_is(world: World) -> None:
    """One answer whether or not there is such an entry, person or account; in any form, by any role and purpose."""
    call = (await world.get("/crm/customers?limit=1", "analyst", ANALYST)).headers["decision-id"]
    (number,) = await world.numbers([(await world.straight("/crm/customers?limit=1"))["items"][0]["id"]])
    pairs = [
        (f"decision_id={call}", f"decision_id={'0' * 32}"),
        (f"person={number}", "person=4000000000"),
        ("dataset=crm", "dataset=nothing"),
        ("kind=release", "kind=looked"),
    ]

    for path in ("/-/log/entries", "/-/log/facets"):
        for role, purpose in _who():
            for there, nowhere in pairs:
                one = await _asked(world, f"{path}?{there}", role, purpose)
                other = await _asked(world, f"{path}?{nowhere}", role, purpose)
                assert one[0] in (400, 401, 403), (role, purpose)
                assert one == other, (path, role, purpose)


def _who() -> list[tuple[str | None, str | None]]:
    """Return callers none of whom may read the log: every role but one by each purpose, and the one for others."""
    others: list[tuple[str | None, str | None]] = [(None, LEGAL), (None, None)]
    for role in ROLES:
        others += [(role, purpose) for purpose in (LEGAL, ANALYST) if (role, purpose) != ("officer", LEGAL)]
    return others


async def _asked(world: World, path: str, role: str | None, purpose: str | None) -> tuple[int, str, Mapping[str, str]]:
    """Return an answer without what differs from call to call."""
    reply = await world.get(path, role, purpose)
    headers = {name: value for name, value in reply.headers.items() if name not in ("date", "decision-id")}
    return reply.status, ID.sub("", reply.body.decode()), headers


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_an_officer_without_a_case_or_with_another_purpose_gets_nothing(world: World) -> None:
    """The purpose of the law asks for a case number; a bearer of somebody who is no officer any more is no officer's."""
    bearer = await world.bearer("officer")
    for headers in (
        {"Data-Purpose": LEGAL},
        {"Data-Purpose": LEGAL, "Data-Reference": ""},
        {"Data-Reference": "case-1", "Data-Purpose": "essential"},
        {"Data-Reference": "case-1", "Data-Purpose": LEGAL + ".x"},
    ):
        refused = await world.ask("GET", "/-/log/entries", {"Authorization": f"Bearer {bearer}", **headers})
        assert refused.status in (400, 403), headers
        assert b'"seq"' not in refused.body
    account = await world.rooms.accounts.named("officer")
    assert account is not None
    await world.rooms.enrolment.disable(account.account.id, by="local:test")
    await world.rooms.changes.follow()

    refused = await world.ask(
        "GET", "/-/log/entries", {"Authorization": f"Bearer {bearer}", "Data-Purpose": LEGAL, "Data-Reference": "c"}
    )

    assert refused.status == 401


async def test_a_cursor_of_another_officer_is_none(world: World) -> None:
    """It is bound to the account, the purpose and the question, in every form of the answer."""
    await enrol_at_once(
        world.rooms, "officer-2", "a second one reads slowly", roles=("officer",), recipient="own", by="local:test"
    )
    await world.rooms.changes.follow()
    for _ in range(3):
        await world.get("/crm/customers?limit=1", "analyst", ANALYST)
    cursor = (await world.get("/-/log/entries?limit=1", "officer", LEGAL)).json["next"]

    for form in FORMS:
        foreign = await world.get(f"/-/log/entries?limit=1&cursor={cursor}", "officer-2", LEGAL, Accept=form)
        assert (foreign.status, foreign.json["reason"]) == (400, "parameter-invalid")
        own = await world.get(f"/-/log/entries?limit=1&cursor={cursor}", "officer", LEGAL, Accept=form)
        assert own.status == 200


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_what_an_officer_gets_is_entered_to_the_byte_in_any_form(world: World) -> None:
    """Also an answer with no entry in it, which tells that there is none."""
    queries = ("", "?kind=opened", "?person=4000000000")
    paths = [f"{path}{query}" for path in ("/-/log/entries", "/-/log/facets") for query in queries]
    for path, form in itertools.product([*paths, "/-/log/entries?limit=1000&sort=at"], FORMS):
        found = await world.get(path, "officer", LEGAL, Accept=form)

        assert found.status == 200
        entries = [entry for entry, _ in world.entries_of(found.headers["decision-id"])]
        assert all(isinstance(entry, Release) for entry in entries)
        assert sum(entry.bytes for entry in entries if isinstance(entry, Release)) == len(found.body)
        assert [entry.last for entry in entries if isinstance(entry, Release)][-1]


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_whoever_hangs_up_on_the_log_is_in_the_log(world: World) -> None:
    """At once, or after the first byte: the question is entered with its case and what was released."""
    headers = {
        "Authorization": "Bearer " + await world.bearer("officer"),
        "Data-Purpose": LEGAL,
        "Data-Reference": "case-of-the-hasty",
        "Accept": "text/csv",
    }
    for n_asked in (1, 2, 3):
        async with calling(world.port, request("/-/log/entries?limit=1000", headers)) as caller:
            if n_asked > 1:
                await caller.until(lambda heard: bool(heard.body))
        await until(partial(_are_entered, world, n_asked))


def _are_entered(world: World, n_asked: int) -> bool:
    """Tell whether so many entries name the case of whoever hung up."""
    return sum(b"case-of-the-hasty" in msgspec.json.encode(entry) for entry, _ in world.entries()) >= n_asked


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
@pytest.mark.parametrize("path", ["/-/log/entries", "/-/log/facets"])
async def test_a_service_with_the_role_of_an_officer_learns_nothing_of_the_log(world: World, path: str) -> None:
    """Officers are people: a stolen secret of a client is no sign-in with two factors."""
    _, secret = await world.rooms.enrolment.add_client(
        "robot", name="robot", roles=(RoleName("officer"),), recipient="own", scopes=(PurposeKey(LEGAL),), by="local:test"
    )  # fmt: skip
    await world.rooms.changes.follow()
    form = f"grant_type=client_credentials&client_id=robot&client_secret={secret}".encode()
    token = await world.ask("POST", "/-/oauth/token", {"Content-Type": "application/x-www-form-urlencoded"}, form)
    told = {"Authorization": f"Bearer {token.json['access_token']}", "Data-Purpose": LEGAL, "Data-Reference": "c-1"}

    refused = await world.ask("GET", path, told)

    assert (refused.status, refused.json["reason"]) == (403, "field-not-permitted")


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
@pytest.mark.parametrize("path", ["/-/log/entries", "/-/log/facets"])
async def test_an_officer_who_signed_in_before_is_asked_to_do_so_again(world: World, path: str) -> None:
    """A desk that was left for ten minutes shows nobody the log."""
    stale = await world.get(path, "officer", LEGAL, ago_s=600)

    assert (stale.status, stale.json["reason"]) == (401, "step-up-required")
    assert (await world.get(path, "officer", LEGAL, ago_s=200)).status == 200


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_a_reference_is_no_formula_in_an_officers_spreadsheet(world: World) -> None:
    """A caller chooses its reference; an officer who asks for CSV opens it with what is at hand."""
    formula = "=HYPERLINK(0)"
    await world.get("/crm/customers?limit=1", "analyst", ANALYST, Data_Reference=formula)

    found = await world.get("/-/log/entries?fields=reference,rows", "officer", LEGAL, Accept="text/csv")
    lines = await world.get("/-/log/entries", "officer", LEGAL, Accept="application/x-ndjson")

    assert found.headers["content-type"] == "text/csv; charset=utf-8; header=present; formulas=escaped"
    assert f"'{formula},1" in found.body.decode().splitlines()
    assert f'"reference":"{formula}"' in lines.body.decode()
