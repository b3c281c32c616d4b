# SPDX-License-Identifier: Apache-2.0
"""Stores that are not enforced: the door that passes calls on to them, joined beside the data door, and said aloud."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from gateway.app.callers import caller_rules
from gateway.app.installation import Rooms
from gateway.app.traces import Traces
from gateway.domain.entry import UNAVAILABLE
from gateway.domain.names import ClientId, StoreName
from gateway.domain.principal import Assurance, Principal, PrincipalKind
from gateway.domain.signin import Client
from gateway.doors.http.call import Parts
from gateway.doors.http.out import Answers
from gateway.doors.http.passing import EitherDoor, PassingDoor
from gateway.doors.http.problem_table import PROBLEMS
from gateway.doors.http.reading.bodies import Bodies
from gateway.doors.http.reading.cursors import Seal
from gateway.doors.http.reading.headers import Network
from gateway.doors.http.reading.router import StoreRouters
from gateway.flows.rehearse import ports
from gateway.flows.rehearse.callers import Callers, Installed
from gateway.flows.rehearse.passing import PassingFlow
from gateway.flows.rehearse.passing import Rooms as PassingRooms
from gateway.forward.http import HttpStores
from gateway.forward.passing import RawAnswer, RawCall, RawStores
from gateway.identify.ours import holds_bearer
from gateway.settings.loading import Settings

_log = logging.getLogger("gateway.serve")


def not_enforced(settings: Settings) -> tuple[StoreName, ...]:
    """Return the stores that gateway.yaml does not enforce."""
    return tuple(StoreName(name) for name, one in settings.stores.items() if not one.enforced)


def warning(store: str) -> str:
    """Return the sentence that is said of such a store wherever somebody may read it."""
    return f"stores.{store} is not enforced: every call to it is passed on as it comes, and the log says what would be refused"


def with_passing(
    data: Answers,
    rooms: Rooms,
    stores: HttpStores,
    identify: ports.Identify,
    traces: Traces,
    *,
    seal: Seal,
    proxies: Sequence[Network],
) -> Answers:
    """Return what answers calls to stores: the data door alone, or a door beside it for those not enforced.

    Raises:
        SettingsError: The callers in gateway.yaml cannot be used.
    """
    names = not_enforced(rooms.settings)
    if not names:
        return data
    for name in names:
        _log.warning("%s", warning(name))
    flow = PassingFlow(
        PassingRooms(
            rules=rooms.policy,
            identify=identify,
            holds=rooms.holds,
            callers=Callers(caller_rules("callers", rooms.settings.callers), lambda one: installed(rooms, one)),
            target=RawTarget(stores, traces),
            recorder=rooms.log,
            early=rooms.counting,
            is_current=rooms.changes.is_current,
            status_of=lambda reason: PROBLEMS[reason].status,
            clock=rooms.clock,
        )
    )
    issuer = rooms.settings.issuer
    door = PassingDoor(
        flow,
        Parts(seal=seal, router=StoreRouters(), bodies=Bodies(), proxies=proxies),
        names,
        is_ours=lambda raw: holds_bearer(raw, issuer),
        unlogged=lambda: rooms.counting.answered(UNAVAILABLE),
    )
    return EitherDoor(door, data)


async def installed(rooms: Rooms, client: ClientId) -> Installed | None:
    """Return a client of the installation as its bearer would describe it."""
    found = next((one for one in await rooms.clients.all() if one.id == client and one.disabled_us is None), None)
    if found is None:
        return None
    return Installed(principal=client_principal(found, rooms.clock()), holds=rooms.holds.for_account(found.account.id))


def client_principal(client: Client, now_us: int) -> Principal:
    """Return the principal that a client's bearer would describe."""
    return Principal(
        account=client.account.id,
        kind=PrincipalKind.SERVICE,
        roles=client.account.roles,
        client=client.id,
        recipient=client.recipient,
        proof=Assurance.SERVICE_SECRET,
        signed_in_us=now_us,
        scopes=client.scopes,
        session="",
    )


class RawTarget:
    """Stores reached over HTTP, asked as callers ask."""

    def __init__(self, stores: HttpStores, traces: Traces) -> None:
        """Keep the stores."""
        self._stores, self._traces = RawStores(stores), traces

    @asynccontextmanager
    async def call(self, call: ports.RawCall) -> AsyncIterator[RawAnswer]:
        """Ask; raises StoreUnreachable, StoreMisbehaved or Overloaded."""
        asked = RawCall(
            store=call.store,
            method=call.method,
            path=call.path,
            query=call.query,
            headers=(*call.headers, *self._traces.of_call(call.store, call.decision_id)),
            body=call.body,
        )
        async with self._stores.call(asked) as answer:
            yield answer
