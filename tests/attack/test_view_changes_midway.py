# SPDX-License-Identifier: Apache-2.0
"""Attack: begin a long answer while it is allowed, and go on taking it when it no longer is."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from gateway.app.installation import reload_rules
from gateway.domain.choice import ChoiceState
from gateway.domain.entry import End, Release
from gateway.domain.errors import StateUnavailable
from gateway.domain.names import CategoryKey
from gateway.domain.treatment import Rung
from gateway.domain.viewplan import Hold
from tests.fakes.gated_store import GatedStore, contacts, in_pieces
from tests.fakes.wire import Caller, Heard, calling, request, until
from tests.story.conftest import ANALYST, SMS, World

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
ROWS = 9_000
Change = Callable[[World], Awaitable[None]]


@pytest.fixture
async def gated() -> AsyncIterator[GatedStore]:
    """A store that sends what the test lets through."""
    async with GatedStore() as store:
        yield store


@pytest.fixture
def store_port(gated: GatedStore) -> int:
    """Its port."""
    return gated.port


async def half_way(world: World, gated: GatedStore, caller: Caller) -> Heard:
    """Read until the first block has come; the store keeps the rest back."""
    await until(lambda: gated.n_waiting > 0)
    gated.let_through()
    heard = await caller.until(lambda heard: len(heard.body) > 100)
    entries = [entry for entry, _ in world.entries_of(heard.headers["decision-id"]) if isinstance(entry, Release)]
    return await caller.until(lambda heard: len(heard.body) >= sum(entry.bytes for entry in entries))


async def taken(world: World, gated: GatedStore, change: Change) -> tuple[Heard, list[Release], End | None]:
    """Take an answer during which something changes; return what came, the blocks, and the end."""
    gated.answers(in_pieces(contacts(ROWS), 4_500), is_open=False)
    bearer = "Bearer " + await world.bearer("analyst")
    async with calling(
        world.port, request("/crm/contacts", {"Authorization": bearer, "Data-Purpose": ANALYST})
    ) as caller:
        await half_way(world, gated, caller)
        await change(world)
        gated.let_through(2)
        heard = await caller.to_the_end()
    entries = [entry for entry, _ in world.entries_of(heard.headers["decision-id"])]
    releases = [entry for entry in entries if isinstance(entry, Release)]
    return heard, releases, next((entry for entry in entries if isinstance(entry, End)), None)


def assert_cut(heard: Heard, releases: list[Release], end: End | None, reason: str) -> None:
    """The frame is broken, and the end says why and how many bytes left: exactly those on the wire."""
    assert not heard.is_whole
    assert not heard.body.endswith(b"]")
    assert end is not None
    assert (end.how, end.reason, end.bytes) == ("cut", reason, len(heard.body))
    assert end.bytes == sum(entry.bytes for entry in releases)
    assert not any(entry.last for entry in releases)


async def account_of(world: World, role: str) -> str:
    """Return the account of a role."""
    record = await world.rooms.accounts.named(role)
    assert record is not None
    return record.account.id


async def hold(world: World, category: str = "user.behavior") -> None:
    """Put a hold on the analyst."""
    account = await account_of(world, "analyst")
    cap = Hold(category=CategoryKey(category), rung=Rung("drop"), link=False, reason="probing")
    await world.rooms.holds.set(account, cap)  # type: ignore[arg-type]


async def disable(world: World) -> None:
    """Disable the analyst's account, as another process would."""
    account = await account_of(world, "analyst")
    await world.rooms.accounts.disable(account, now_us=world.rooms.clock())  # type: ignore[arg-type]
    await world.rooms.changes.follow()


async def revoke(world: World) -> None:
    """End the analyst's session."""
    facts = next(entry.facts for entry, _ in reversed(world.entries()) if isinstance(entry, Release) and entry.facts)
    world.rooms.revocations.note((facts.session,), world.rooms.clock())


async def edit(world: World, file: str, old: str, new: str) -> None:
    """Change the rules and put them in force."""
    path = world.rooms.settings.policies_dir / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    shutil.rmtree(world.rooms.settings.policies_dir / "tests")
    await reload_rules(world.rooms.policy, world.rooms.settings.policies_dir)


BEHAVIOR = "p, analyst, crm, user.behavior, analytics.reporting.campaign_insights, read, reveal, yes, allow, ,\n"


async def take_grant_away(world: World) -> None:
    """Take the grant for the fields that are on their way."""
    before = world.rooms.policy.decider.rules.digest
    await edit(world, "grants.csv", BEHAVIOR, "")
    assert world.rooms.policy.decider.rules.digest != before


async def take_every_grant_away(world: World) -> None:
    """Leave the analyst nothing of the dataset."""
    await edit(world, "grants.csv", "p, analyst, crm,", "p, marketing-lead, crm,")


async def change_what_is_elsewhere(world: World) -> None:
    """Change a sentence that touches nobody's view."""
    before = world.rooms.policy.decider.rules.digest
    await edit(world, "purposes.yaml", "Learn from figures how campaigns did.", "Learn how campaigns did.")
    assert world.rooms.policy.decider.rules.digest != before


async def object_elsewhere(world: World) -> None:
    """Let somebody choose who is not among the people on their way."""
    await world.choose("c-000299", SMS, ChoiceState.GIVEN)


async def lose_the_feed(world: World) -> None:
    """Let the last good poll be too old."""
    world.rooms.changes._good_us = world.rooms.clock() - 3_000_000
    world.rooms.changes._feed = DeadFeed()  # type: ignore[assignment]


class DeadFeed:
    """A feed whose database does not answer."""

    async def poll(self) -> tuple[str, ...]:
        """Fail as an unreachable database does."""
        raise StateUnavailable("the database does not answer")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (hold, "held"),
        (disable, "sign-in-required"),
        (revoke, "sign-in-required"),
        (take_grant_away, "grant-missing"),
        (take_every_grant_away, "grant-missing"),
        (lose_the_feed, "overloaded"),
    ],
)
async def test_the_stream_is_cut_where_the_view_would_be_less(
    world: World, gated: GatedStore, change: Change, reason: str
) -> None:
    """Between two blocks; what was released before stays released, and the log says how much that was."""
    heard, releases, end = await taken(world, gated, change)
    assert_cut(heard, releases, end, reason)


@pytest.mark.parametrize("change", [change_what_is_elsewhere, object_elsewhere])
async def test_a_change_that_leaves_the_view_as_it_is_cuts_nothing(
    world: World, gated: GatedStore, change: Change
) -> None:
    """Other rules in force, the same view: the answer goes on to its end."""
    heard, releases, end = await taken(world, gated, change)

    assert heard.is_whole
    assert end is None
    assert sum(entry.bytes for entry in releases) == len(heard.body)


async def test_a_hold_on_what_is_not_in_the_view_cuts_nothing(world: World, gated: GatedStore) -> None:
    """A cap over another category takes nothing of this view away."""
    heard, _, end = await taken(world, gated, lambda world: hold(world, "user.financial"))
    assert heard.is_whole
    assert end is None


async def test_blocks_of_a_held_account_are_small(world: World, gated: GatedStore) -> None:
    """256 rows an entry while an account is under suspicion."""
    await hold(world, "user.financial")
    _, releases, _ = await taken(world, gated, object_elsewhere)
    assert {entry.rows for entry in releases[:-1]} == {256}


async def test_who_objects_while_rows_wait_for_their_block_is_not_in_it(world: World, gated: GatedStore) -> None:
    """A slow store does not make a choice come too late: the call is refused and may be made again."""
    gated.answers(in_pieces(contacts(2_000), 1_000), is_open=False)
    bearer = "Bearer " + await world.bearer("analyst")
    async with calling(
        world.port, request("/crm/contacts", {"Authorization": bearer, "Data-Purpose": ANALYST})
    ) as caller:
        await until(lambda: gated.n_waiting > 0)
        gated.let_through()
        await until(lambda: gated.n_waiting == 1)
        await _judged(world)
        await world.choose("c-000007", "analytics", ChoiceState.OBJECTED)
        gated.let_through(1)
        heard = await caller.to_the_end()

    assert (heard.status, heard.is_whole) == (503, True)
    assert not any(isinstance(entry, Release) for entry, _ in world.entries())


async def _judged(world: World) -> None:
    """Wait until the rows of the first piece have been judged: all their people have numbers by then."""
    await world.numbers([f"c-{place:06}" for place in range(1, 301)])
    for _ in range(20):
        await asyncio.sleep(0.005)


async def test_a_hold_that_comes_while_the_store_is_slow_counts_for_the_first_block(
    world: World, gated: GatedStore
) -> None:
    """The decision is made again before each block, the first included."""
    gated.answers(in_pieces(contacts(10)), is_open=False)
    bearer = "Bearer " + await world.bearer("analyst")
    async with calling(
        world.port, request("/crm/contacts", {"Authorization": bearer, "Data-Purpose": ANALYST})
    ) as caller:
        await until(lambda: gated.n_waiting > 0)
        await disable(world)
        gated.let_through()
        heard = await caller.to_the_end()
    assert heard.status == 401
    assert not any(isinstance(entry, Release) for entry, _ in world.entries())
