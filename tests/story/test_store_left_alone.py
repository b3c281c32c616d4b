# SPDX-License-Identifier: Apache-2.0
"""A store that is down is left alone: callers are told at once and when to come back, and it comes back."""

import asyncio

import pytest

from gateway.domain.entry import Refused
from gateway.settings.loading import Settings
from tests.fakes.raw_store import RawStore, json_reply
from tests.fakes.wire import Heard, called, request
from tests.story.conftest import ANALYST, World

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
PAUSE_S = 0.5


@pytest.fixture
async def gone() -> RawStore:
    """A store that was there and is not."""
    store = RawStore(lambda _: json_reply())
    async with store:
        pass
    return store


@pytest.fixture
def store_port(gone: RawStore) -> int:
    """Its port."""
    return gone.port


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Two failures are enough."""
    brief = {name: one.model_copy(update={"failures": 2, "pause_s": PAUSE_S}) for name, one in settings.stores.items()}
    return settings.model_copy(update={"stores": brief})


async def test_callers_are_told_at_once_and_the_store_is_found_again(world: World, gone: RawStore) -> None:
    """502 with the time to wait, one refusal in the log each; then one call finds that it is back."""
    headers = {"Authorization": "Bearer " + await world.bearer("analyst"), "Data-Purpose": ANALYST}
    heard: list[Heard] = [await called(world.port, request("/crm/contacts", headers)) for _ in range(4)]
    for one in heard:
        assert (one.status, one.is_whole) == (502, True)
        [entry] = [entry for entry, _ in world.entries_of(one.headers["decision-id"])]
        assert isinstance(entry, Refused)
        assert entry.reason == "store-unreachable"
    # The store is asked again behind the pause: the callers of an open breaker know when.
    assert [one.headers["retry-after"] for one in heard[2:]] == ["1", "1"]

    async with RawStore(lambda _: json_reply(), port=gone.port) as back, asyncio.timeout(20):
        while (await called(world.port, request("/crm/contacts", headers))).status != 200:  # noqa: ASYNC110 - nothing tells when a pause is over
            await asyncio.sleep(PAUSE_S / 10)
    assert len(back.heads) == 1
