# SPDX-License-Identifier: Apache-2.0
"""The data door on a connection, with a flow behind it that only binds calls: what reaches it, and what comes back."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from gateway.domain.catalog import BodyKind, BodyShape, Catalog
from gateway.domain.decision import Deny, Refusal
from gateway.domain.errors import HangUp
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import PurposeKey
from gateway.doors.http.data import DataDoor
from gateway.doors.http.wire import WireProtocol
from gateway.flows.access.ports.doorway import Answer, Arrival, Out
from tests.fakes.customers import COLLECTION, CUSTOMERS, LIST, ONE
from tests.fakes.deciding import PERSON
from tests.fakes.seals import TagSeal
from tests.fakes.serving import exchange, served

SEARCH = msgspec.structs.replace(
    LIST,
    method="POST",
    template="/crm/search",
    parameters={},
    body=BodyShape(kind=BodyKind.SEARCH, parameters=LIST.parameters),
)
BULK = msgspec.structs.replace(
    LIST, method="POST", template="/crm/bulk", operation="create", parameters={},
    body=BodyShape(kind=BodyKind.RECORDS, most=10_000),
)  # fmt: skip
PATCH = msgspec.structs.replace(ONE, method="PATCH", operation="update", body=BodyShape(kind=BodyKind.FIELDS))
CATALOG = Catalog(collections={CUSTOMERS: COLLECTION}, routes=(LIST, SEARCH, BULK, PATCH))


class BindingFlow:
    """Binds every call whose framing is good, and answers it by a row; keeps what was called."""

    def __init__(self) -> None:
        self.paths: list[bytes] = []
        self.bound: list[Inquiry] = []

    async def run(self, arrival: Arrival, out: Out) -> None:
        """Answer one call."""
        self.paths.append(arrival.bind.__self__.scope["raw_path"])  # type: ignore[attr-defined]
        with contextlib.suppress(HangUp):
            await self._answer(arrival, out)

    async def _answer(self, arrival: Arrival, out: Out) -> None:
        bound: Inquiry | Deny | None = arrival.framing
        if bound is None:
            bound = await arrival.bind(PERSON, PurposeKey("p"), CATALOG, "r")
        if isinstance(bound, Deny):
            refusal = Refusal(decision_id=arrival.decision_id, reason=bound.reason, title=bound.title)
            await out.refuse(refusal, out.refusal_body(refusal))
            return
        self.bound.append(bound)
        head = Answer(
            decision_id=arrival.decision_id, inquiry=bound, view={}, step_up=(), withheld=None, length=2, more=False
        )
        await out.start(head)
        await out.write(b"[]")
        await out.finish()


@asynccontextmanager
async def bound_calls(http: Any = WireProtocol) -> AsyncIterator[tuple[BindingFlow, int]]:
    """Serve the door over such a flow; yield the flow and the port."""
    flow = BindingFlow()
    async with served(DataDoor(flow, TagSeal(), ()), http) as port:  # type: ignore[arg-type]
        yield flow, port


async def came_of(*pieces: bytes) -> tuple[bytes, list[bytes]]:
    """Return what comes of bytes on a connection, and the paths that the flow saw."""
    async with bound_calls() as (flow, port):
        return await exchange(port, *pieces), flow.paths
