# SPDX-License-Identifier: Apache-2.0
"""Calls to a store without a gateway around them, for tests of the way to it."""

from gateway.domain.names import StoreName
from gateway.forward.calls import StoreCall
from gateway.forward.http import HttpStores
from gateway.forward.roads import Store

CRM = StoreName("crm")


def store_at(url: str, **more: object) -> Store:
    """Return a store with little patience that is asked again however often it failed."""
    given = {"name": CRM, "base_url": url, "connect_s": 2.0, "read_s": 0.5, "failures": 1_000_000}
    return Store(**(given | more))  # type: ignore[arg-type]


def a_call(path: str = "/customers", **more: object) -> StoreCall:
    """Return a read, unless more is said."""
    return StoreCall(**({"store": CRM, "method": "GET", "path": path} | more))  # type: ignore[arg-type]


async def body_of(stores: HttpStores, call: StoreCall | None = None) -> bytes:
    """Return the whole body of the answer to a call."""
    async with stores.call(call or a_call()) as answer:
        return b"".join([chunk async for chunk in answer.chunks()])
