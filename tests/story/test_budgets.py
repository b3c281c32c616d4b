# SPDX-License-Identifier: Apache-2.0
"""Budgets on the wire: whole pages or nothing, streams cut behind the last who fits, and no way round in a failure."""

from collections.abc import AsyncIterator, Sequence

import pytest

from gateway.app.installation import reload_rules
from gateway.domain.budget import BudgetKey, BudgetRule, Taken
from gateway.domain.entry import End, Refused, Release
from gateway.domain.errors import StateUnavailable
from gateway.domain.names import CategoryKey, PersonNumber
from gateway.domain.treatment import Rung
from gateway.domain.viewplan import Hold
from gateway.store.engine import open_store
from gateway.store.holds import Holds
from tests.fakes.budgeted import budgeted, released
from tests.fakes.gated_store import GatedStore, contacts, in_pieces
from tests.fakes.wire import Heard, calling, request, until
from tests.story.conftest import ANALYST, World

HOURS_S = 25 * 3600


async def limit(world: World, purpose: str, *budgets: str) -> None:
    """Put budgets in force."""
    budgeted(world.rooms.settings.policies_dir, purpose, *budgets)
    await reload_rules(world.rooms.policy, world.rooms.settings.policies_dir)
    assert len(world.rooms.policy.decider.rules.purposes[purpose].budgets) == len(budgets)  # type: ignore[index]


async def test_a_page_that_does_not_fit_is_refused_whole_and_costs_nothing(world: World) -> None:
    """With the reason, and the time when it may fit; a smaller page fits, and the refused one stays refused."""
    await limit(world, ANALYST, "people: 60, hours: 24")
    big = "/crm/customers?limit=100"
    refused = await world.get(big, "analyst", ANALYST)
    small = await world.get("/crm/customers?limit=50", "analyst", ANALYST)
    again = await world.get(big, "analyst", ANALYST)

    assert [refused.status, small.status, again.status] == [429, 200, 429]
    assert (refused.json["reason"], refused.json["retry"]) == ("budget-spent", "after")
    assert HOURS_S - 3601 <= int(again.headers["retry-after"]) <= HOURS_S
    assert len(small.ids) == 50
    people, n_rows = released(world.state / "log")
    assert (len(people), n_rows) == (50, 50)
    entries = [entry for entry, _ in world.entries_of(refused.headers["decision-id"])]
    assert [type(entry) for entry in entries] == [Refused]


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_what_was_released_may_be_asked_for_again_when_the_budget_is_spent(world: World) -> None:
    """The same people cost nothing; one more does not fit."""
    await limit(world, ANALYST, "people: 40, hours: 24")
    for _ in range(3):
        assert (await world.get("/crm/customers?limit=40", "analyst", ANALYST)).status == 200
    assert (await world.get("/crm/customers?limit=41", "analyst", ANALYST)).status == 429
    assert len(released(world.state / "log")[0]) == 40


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_rows_are_counted_each_time(world: World) -> None:
    """Another budget beside that for people."""
    await limit(world, ANALYST, "people: 1000, hours: 24", "rows: 100, hours: 1")
    statuses = [(await world.get("/crm/customers?limit=40", "analyst", ANALYST)).status for _ in range(3)]
    assert statuses == [200, 200, 429]


class Broken:
    """Budgets whose database does not answer."""

    async def take(
        self, key: BudgetKey, rules: Sequence[BudgetRule], people: Sequence[PersonNumber], n_rows: int, **_: object
    ) -> Taken:
        """Fail."""
        raise StateUnavailable("the database does not answer")


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_while_nothing_can_be_counted_nothing_leaves(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own failure closes the gate."""
    monkeypatch.setattr(type(world.rooms.budgets), "take", Broken.take)
    refused = await world.get("/crm/customers?limit=5", "analyst", ANALYST)

    assert refused.status >= 500
    assert released(world.state / "log")[1] == 0


CONTACTS = "/crm/contacts?fields=customer_id,duration_s"
"""So few fields that blocks are full of rows before they are full of bytes."""


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
class TestStreams:
    """Answers of many blocks from a store that sends what the test lets through."""

    @pytest.fixture
    async def gated(self) -> AsyncIterator[GatedStore]:
        """The store."""
        async with GatedStore() as store:
            yield store

    @pytest.fixture
    def store_port(self, gated: GatedStore) -> int:
        """Its port."""
        return gated.port

    async def heard(self, world: World) -> tuple[Heard, list[Release], End | None]:
        """Take the contacts; return what came, its blocks and its end."""
        bearer = "Bearer " + await world.bearer("analyst")
        headers = {"Authorization": bearer, "Data-Purpose": ANALYST}
        async with calling(world.port, request(CONTACTS, headers)) as caller:
            heard = await caller.to_the_end()
        entries = [entry for entry, _ in world.entries_of(heard.headers["decision-id"])]
        ends = [entry for entry in entries if isinstance(entry, End)]
        return heard, [entry for entry in entries if isinstance(entry, Release)], ends[0] if ends else None

    async def test_a_stream_is_cut_behind_the_last_person_who_fits(self, world: World, gated: GatedStore) -> None:
        """In the middle of a block: exactly so many people left, and the end says why and how many bytes."""
        gated.answers(in_pieces(contacts(9_000, people=6_000), 3_000, 6_000))
        await limit(world, ANALYST, "people: 4500, hours: 24")
        heard, releases, end = await self.heard(world)

        people, n_rows = released(world.state / "log")
        assert (len(people), n_rows) == (4_500, 4_500)
        assert [entry.rows for entry in releases] == [4_096, 404]
        assert (heard.status, heard.is_whole, heard.body.count(b'"duration_s"')) == (200, False, 4_500)
        assert end is not None
        assert (end.how, end.reason, end.bytes) == ("cut", "budget-spent", len(heard.body))
        assert end.bytes == sum(entry.bytes for entry in releases)

        refused, nothing, _ = await self.heard(world)
        assert refused.status == 200
        assert sum(entry.rows for entry in nothing) == 4_500
        assert len(released(world.state / "log")[0]) == 4_500

    async def test_a_stream_of_which_the_first_row_does_not_fit_is_refused(
        self, world: World, gated: GatedStore
    ) -> None:
        """Before its first byte."""
        await limit(world, ANALYST, "rows: 10, hours: 24")
        gated.answers(in_pieces(contacts(10)))
        assert (await self.heard(world))[0].status == 200
        gated.answers(in_pieces(contacts(9_000, people=6_000)))
        heard, releases, end = await self.heard(world)

        assert (heard.status, heard.is_whole, releases, end) == (429, True, [], None)

    async def test_a_hold_that_another_process_sets_cuts_a_stream(
        self, world: World, gated: GatedStore, place: str
    ) -> None:
        """The change feed brings it between two blocks."""
        reason, sizes = await self._held_midway(world, gated, place, "user.behavior")
        assert (reason, sizes) == ("held", [4_096])

    async def test_a_hold_that_takes_nothing_of_the_view_makes_blocks_small(
        self, world: World, gated: GatedStore, place: str
    ) -> None:
        """256 rows each from the next block on, those that waited for theirs included."""
        reason, sizes = await self._held_midway(world, gated, place, "user.financial")
        assert reason is None
        assert sizes[0] == 4_096
        assert set(sizes[1:-1]) == {256}
        assert sum(sizes) == 12_000

    async def _held_midway(
        self, world: World, gated: GatedStore, place: str, category: str
    ) -> tuple[str | None, list[int]]:
        """Let another process set a hold when the first block is out; return the end's reason and the blocks."""
        gated.answers(in_pieces(contacts(12_000), 4_500), is_open=False)
        bearer = "Bearer " + await world.bearer("analyst")
        headers = {"Authorization": bearer, "Data-Purpose": ANALYST}
        async with calling(world.port, request(CONTACTS, headers)) as caller:
            await until(lambda: gated.n_waiting > 0)
            gated.let_through()
            await caller.until(lambda heard: len(heard.body) > 100)
            await self._hold_elsewhere(world, place, category)
            gated.let_through(2)
            heard = await caller.to_the_end()
        entries = [entry for entry, _ in world.entries_of(heard.headers["decision-id"])]
        end = next((entry for entry in entries if isinstance(entry, End)), None)
        return end.reason if end else None, [entry.rows for entry in entries if isinstance(entry, Release)]

    async def _hold_elsewhere(self, world: World, place: str, category: str) -> None:
        """Set a hold as another process does, and wait until the door's own feed has brought it."""
        account = next(one.account.id for one in await world.rooms.accounts.all() if one.name == "analyst")
        cap = Hold(category=CategoryKey(category), rung=Rung("drop"), link=False, reason="probing")
        other = await open_store(place if "://" in place else world.state, upgrade=False)
        await Holds(other, world.rooms.clock).set(account, cap)
        await other.close()
        await until(lambda: bool(world.rooms.holds.for_account(account)), timeout_s=3)
