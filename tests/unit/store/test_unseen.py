# SPDX-License-Identifier: Apache-2.0
"""What was noticed is kept once, with the moment at which it was first noticed."""

import asyncio

from gateway.domain.names import DatasetName
from gateway.store.engine import Store, open_store
from gateway.store.unseen import UnseenField, UnseenFields

CUSTOMERS, ORDERS = DatasetName("crm.customers"), DatasetName("shop.orders")


async def test_a_field_is_kept_as_it_was_first_noticed(store: Store) -> None:
    """Whoever notices it again changes nothing."""
    table = UnseenFields(store)
    await table.add(CUSTOMERS, "tier", 10)
    await table.add(ORDERS, "tier", 5)
    await table.add(CUSTOMERS, "tier", 20)

    assert await table.all() == (
        UnseenField(dataset=ORDERS, field="tier", first_us=5),
        UnseenField(dataset=CUSTOMERS, field="tier", first_us=10),
    )
    assert await table.of(CUSTOMERS) == {"tier"}
    assert await table.of(DatasetName("crm.other")) == set()


async def test_two_processes_that_notice_the_same_both_end_well(place: str, store: Store) -> None:
    """One of them is first, and neither fails."""
    other = await open_store(place, upgrade=False)
    tables = [UnseenFields(store), UnseenFields(other)] * 4
    await asyncio.gather(*(table.add(CUSTOMERS, "tier", place) for place, table in enumerate(tables)))
    assert len(await UnseenFields(store).all()) == 1
    await other.close()
