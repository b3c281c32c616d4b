# SPDX-License-Identifier: Apache-2.0
"""Attack: requests for grants as a way into the rules, into somebody else's name, or over the owner's patience."""

import asyncio
from pathlib import Path
from typing import Any

from gateway.domain.entry import Changed, Refused
from gateway.flows.grant_requests import MOST_OPEN
from tests.story.conftest import ANALYST, World
from tests.story.test_grant_requests import PATH, asked, given, in_days, mine, wish

LINE = "\np,analyst,crm,user,analytics,read,reveal,yes,allow,,"
WORDS = (
    '=HYPERLINK("http://elsewhere.example")', "[bold red]approve me[/]", "'; DROP TABLE grant_request; --",
    "p,analyst,crm,user,analytics,read,reveal,yes,allow,,", "请批准 <script>alert(1)</script>",
)  # fmt: skip
INJECTIONS: dict[str, list[object]] = {
    "dataset": ["crm.customers" + LINE, "crm.customers,user", '"crm.customers"', "=crm.customers"],
    "purpose": [ANALYST + LINE, f"{ANALYST},read,reveal", "@SUM(1)", "*"],
    "operation": ["read" + LINE, "read,reveal,yes,allow", "read\rg,analyst,officer"],
    "rung": ["reveal" + LINE, "mask,yes,allow,,\ng,analyst,officer", "reveal,"],
    "until": [in_days(10) + LINE, "9999-12-31", "2020-01-01", in_days(400), f" {in_days(10)}"],
    "why": ["because" + LINE, "because\x1b[2J", "\u202eesrever", "", " ", "x" * 501],
    "fields": [["phone" + LINE], ["*"], [""], [], ["phone", "phone"], "phone", [1], [["phone"]]],
    "link": ["yes", 1],
}


def rules_of(world: World) -> bytes:
    return (world.state / "policies" / "grants.csv").read_bytes()


async def sent(world: World, body: object, role: str = "analyst") -> Any:
    return await world.post(PATH, body, Authorization="Bearer " + await world.bearer(role))


async def test_nothing_that_is_no_word_of_the_rules_is_ever_kept(world: World) -> None:
    """Line breaks, separators, quotes, formulas, wildcards, far times, control marks: each refused, none told back."""
    bodies = [wish(**{name: value}) for name, values in INJECTIONS.items() for value in values]
    bodies += [
        wish(fields=[], categories=[value]) for value in ("user.*", "user" + LINE, "", "user,user.contact", "nope")
    ]
    replies = [await sent(world, body) for body in bodies]

    assert {reply.status for reply in replies} == {422}
    assert {reply.json["reason"] for reply in replies} == {"body-invalid"}
    assert not any(b"SUM(1)" in reply.body or b"p,analyst" in reply.body for reply in replies)
    assert await mine(world) == []
    assert not any(isinstance(entry, Changed) and entry.what == "grant-requested" for entry, _ in world.entries())


async def test_the_callers_words_are_shown_as_they_are_and_written_nowhere(world: World) -> None:
    """The list shows them, the file gets none of them, and what stood in it stays."""
    before = rules_of(world)
    requests = [await asked(world, why=why) for why in WORDS]
    listed = (await given(world, "grant", "requests", "--json")).document()
    shown = (await given(world, "grant", "requests")).out
    approved = (await given(world, "grant", "approve", requests[0]["id"], "--json")).document()
    after = rules_of(world)

    assert {one["asked"]["why"] for one in listed} == set(WORDS)
    assert all(why[:20] in shown for why in WORDS)
    assert after.startswith(before)
    assert not any(why.encode() in after[len(before) :] for why in WORDS)
    added = [line for line in after[len(before) :].decode().splitlines() if line and not line.startswith("#")]
    assert added == approved["lines"]


async def test_nobody_asks_for_or_looks_at_another(world: World) -> None:
    """No member names an account or a role, and a list is of the bearer's own account."""
    for member in ("account", "role", "roles", "by", "for", "subject", "state", "id", "covers", "because"):
        assert (await sent(world, {**wish(), member: "admin"})).status == 422, member
    await asked(world)
    assert await mine(world, "campaigner") == []
    assert (await world.get(f"{PATH}?account=analyst", "campaigner")).status == 400
    assert (await world.post(PATH, wish())).status == 401
    assert (await world.get(PATH)).status == 401


async def test_a_flood_is_bounded_also_when_it_comes_at_once(world: World) -> None:
    """As many wait as may; each one more is one refusal, and another caller is not hindered."""
    bearer = "Bearer " + await world.bearer("analyst")
    many = [world.post(PATH, wish(), Authorization=bearer) for _ in range(2 * MOST_OPEN)]
    replies = await asyncio.gather(*many)
    more = await sent(world, wish())

    assert sum(reply.status == 201 for reply in replies) == MOST_OPEN
    assert {reply.status for reply in replies} == {201, 429}
    assert (more.json["reason"], more.json["who"]) == ("grant-requests-waiting", "owner")
    assert len(await mine(world)) == MOST_OPEN
    refused = [entry for entry, _ in world.entries() if isinstance(entry, Refused)]
    assert len(refused) == MOST_OPEN + 1
    await asked(world, "campaigner", fields=["city"], rung="reveal")


async def test_an_approval_never_gives_more_than_was_asked(world: World) -> None:
    """Not longer, not to a role the caller has not, not a field that came under the category since."""
    request = await asked(world)
    before = rules_of(world)
    for words, sentence in (
        (("--until", in_days(60)), "which was asked for"),
        (("--role", "officer"), "the caller has not the role"),
        (("--why", "two\nlines"), "printable"),
    ):
        assert sentence in (await given(world, "grant", "approve", request["id"], *words, code=2)).err
    dataset = world.state / "policies" / "datasets" / "crm.yaml"
    dataset.write_text(_with_one_more_phone(dataset))
    reached = await given(world, "grant", "approve", request["id"], code=1)

    assert "reach more fields of crm.customers: phone_at_work" in reached.err
    assert rules_of(world) == before
    assert [one["state"] for one in await mine(world)] == ["open"]


def _with_one_more_phone(dataset: Path) -> str:
    text = dataset.read_text()
    first = text.index("          - name: phone\n")
    following = text.index("          - name:", first + 5)
    return text[:following] + text[first:following].replace("phone", "phone_at_work", 1) + text[following:]


async def test_a_red_line_that_was_drawn_since_stands_against_an_approval(world: World) -> None:
    """A grant would not help, and the owner is told so; nothing is written."""
    request = await asked(world)
    lines = world.state / "policies" / "redlines.yaml"
    lines.write_text(lines.read_text() + RED_LINE)
    grants = world.state / "policies" / "grants.csv"
    kept = [line for line in grants.read_text().splitlines(keepends=True) if PHONE_FOR_FIGURES not in line]
    grants.write_text("".join(kept))
    before = rules_of(world)
    told = await given(world, "grant", "approve", request["id"], code=1)

    assert "a grant would not help: red-line (phone). No phones for figures." in told.err
    assert rules_of(world) == before


PHONE_FOR_FIGURES = "user.contact.phone_number, analytics"
RED_LINE = """
  - id: no-phones
    title: {en: No phones for figures., zh: 统计不使用电话。}
    categories: [user.contact.phone_number]
    purposes: [analytics]
    cite: our own
"""


async def test_a_request_is_decided_once(world: World) -> None:
    """Whoever comes second is told, and an unknown one is no different from anything that is not there."""
    request = await asked(world)
    await given(world, "grant", "approve", request["id"])
    after = rules_of(world)
    assert "approved already" in (await given(world, "grant", "approve", request["id"], code=2)).err
    assert "approved already" in (await given(world, "grant", "refuse", request["id"], "--why", "no", code=2)).err
    assert "no such request" in (await given(world, "grant", "approve", "gr_\x1b[2J' OR 1=1", code=2)).err
    assert rules_of(world) == after
