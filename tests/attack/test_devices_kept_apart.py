# SPDX-License-Identifier: Apache-2.0
"""Attack: learn that devices are one person's who does not want that, by a long answer, a filter or a write."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from gateway.domain.choice import ChoiceState
from gateway.domain.entry import End, Numbered
from gateway.settings.loading import Settings
from tests.fakes.gated_store import GatedStore, contacts, in_pieces
from tests.fakes.wire import calling, request, until
from tests.story.conftest import ANALYST, World

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
ROWS, FIRST = 9_000, 5_300
WHO = "c-000001"
LINKING = "personalize.content.profiled"


@pytest.fixture
async def gated() -> AsyncIterator[GatedStore]:
    """A store that sends what the test lets through."""
    async with GatedStore() as store:
        yield store


@pytest.fixture
def store_port(gated: GatedStore) -> int:
    """Its port."""
    return gated.port


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The same, with a store that may take its time between two pieces."""
    stores = {name: one.model_copy(update={"read_s": 60}) for name, one in settings.stores.items()}
    return settings.model_copy(update={"stores": stores})


def rows(own: tuple[int, ...]) -> list[bytes]:
    """Return contacts, each with a device and a customer of its own, but for those places that are all of one's."""
    found = [msgspec.json.decode(one) for one in contacts(ROWS, people=ROWS)]
    told = [{**one, "device_id": f"d-{place}"} for place, one in enumerate(found)]
    return [msgspec.json.encode({**one, "customer_id": WHO} if n in own else one) for n, one in enumerate(told)]


def n_numbered(world: World) -> int:
    """Return how many people have a number."""
    return sum(entry.people for entry, _ in world.entries() if isinstance(entry, Numbered))


@pytest.mark.parametrize(("own", "is_cut"), [((0, 1, 2_800, 8_000), True), ((0, 1, 8_000, 8_001), False)])
async def test_an_objection_midway_keeps_what_has_not_left_apart(
    world: World, gated: GatedStore, own: tuple[int, ...], is_cut: bool
) -> None:
    """Rows that wait and show the person's devices as one are not released; later rows show each device alone."""
    await world.choose(WHO, LINKING, ChoiceState.GIVEN)
    gated.answers(in_pieces(rows(own), FIRST), is_open=False)
    bearer = "Bearer " + await world.bearer("analyst")
    async with calling(
        world.port, request("/crm/contacts", {"Authorization": bearer, "Data-Purpose": ANALYST})
    ) as caller:
        await until(lambda: gated.n_waiting > 0)
        gated.let_through()
        await caller.until(lambda heard: len(heard.body) > 1_000_000)
        # The first block is out; who is met later than the person's last row of this piece has a number by now.
        await until(lambda: n_numbered(world) > FIRST - 300)
        await world.choose(WHO, LINKING, ChoiceState.WITHDRAWN)
        gated.let_through(2)
        heard = await caller.to_the_end()
    ends = [entry.how for entry, _ in world.entries_of(heard.headers["decision-id"]) if isinstance(entry, End)]
    told = msgspec.json.decode(heard.body + b"]" if is_cut else heard.body)
    devices = [row["device_id"] for place, row in enumerate(told) if place in own]

    assert devices[0] == devices[1]
    assert heard.is_whole != is_cut
    if is_cut:
        assert (ends, len(devices)) == (["cut"], 2)
    else:
        assert (len(told), len(set(devices))) == (ROWS, 3)


async def test_a_surrogate_that_links_is_not_written_back(world: World) -> None:
    """It stands for nobody's value, in whatever case it is spelled; so is a filter by it."""
    from gateway.domain.names import DatasetName, RecipientId
    from gateway.transform.inner import Linked
    from gateway.transform.surrogates import Surrogates

    decider = world.rooms.policy.decider
    field = decider.rules.catalog.collections[DatasetName("crm.contacts")].field("device_id")
    assert field is not None
    from gateway.app.joins import SurrogateKeyring

    made = Surrogates(SurrogateKeyring(world.rooms.keyring), key_class="support", recipient=RecipientId("own"))
    linked = made.maker(msgspec.structs.replace(field, surrogate="siv")).of(Linked(7))
    assert linked is not None
    for spelled in (linked, linked.upper()):
        reply = await world.post(
            "/crm/contacts/bulk",
            [{"id": "k-1", "customer_id": "c-000001", "channel": spelled}],
            Authorization="Bearer " + await world.bearer("service-agent"),
            Data_Purpose="essential.service.operations.support",
        )
        assert (reply.status, reply.json["reason"]) == (409, "unrevealed-value-written"), reply.body
