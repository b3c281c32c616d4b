# SPDX-License-Identifier: Apache-2.0
"""A rehearsal joined from its rooms: the rules of a folder, callers, and base paths; or a server for copies of calls.

No log and no database is opened, so a rehearsal may go on for days beside everything else.
"""

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

import msgspec

from gateway.app.clock import now_us
from gateway.app.joins import is_band
from gateway.app.rule_files import read_folder, rules_of
from gateway.app.serving.serve import bound_socket, server_config
from gateway.app.serving.server import AT_ONCE, DoorServer
from gateway.decide.decide import Decider
from gateway.domain.errors import SettingsError
from gateway.domain.names import StoreName
from gateway.domain.own_data import OWN_STORE
from gateway.doors.http.reading.headers import Network
from gateway.doors.http.recorded.calls import Reader
from gateway.doors.http.recorded.mirror import Mirror
from gateway.flows.rehearse.callers import Callers
from gateway.flows.rehearse.rehearsal import Rehearsal
from gateway.settings.loading import Settings

LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
EVERY_S = 1.0


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """What a rehearsal works with."""

    rehearsal: Rehearsal
    reader: Reader


def decider_of(settings: Settings) -> Decider:
    """Return what decides by the rules of the installation's folder.

    Raises:
        RulesError: They cannot be put in force.
    """
    return Decider(rules_of(read_folder(settings.policies_dir)), is_band)


def stage(decider: Decider, callers: Callers, bases: Mapping[str, StoreName]) -> Stage:
    """Return a rehearsal that has counted nothing yet."""
    reader = Reader(decider.rules.catalog, bases)
    return Stage(rehearsal=Rehearsal(decider, callers, now_us), reader=reader)


def base_paths(settings: Settings, decider: Decider, said: Sequence[str]) -> dict[str, StoreName]:
    """Return by base path the store that it stands for.

    Args:
        settings: Each store's base URL says where its calls go today, if nothing is said.
        decider: Knows the stores that datasets declare.
        said: ``/api=crm``, or ``/api`` where there is one store alone.

    Raises:
        SettingsError: A path or a store cannot be used.
    """
    stores = sorted({*settings.stores, *(route.store for route in decider.rules.catalog.routes)} - {OWN_STORE})
    if not said:
        return {urlsplit(one.base_url).path.rstrip("/"): StoreName(name) for name, one in settings.stores.items()}
    found: dict[str, StoreName] = {}
    for text in said:
        path, mark, store = text.partition("=")
        if not mark and len(stores) != 1:
            raise SettingsError(f"--base-path {path}: which store is it? {path}=STORE, with one of {', '.join(stores)}")
        store = store or stores[0]
        if store not in stores:
            raise SettingsError(f"--base-path: there is no store {store}; there are {', '.join(stores)}")
        if path and not path.startswith("/"):
            raise SettingsError(f"--base-path: {path} does not begin with a slash")
        found[path.rstrip("/")] = StoreName(store)
    return found


def allowed_networks(host: str, said: Sequence[str]) -> tuple[Network, ...]:
    """Return whose copies are taken: this machine's, and those of the networks that were named.

    Raises:
        SettingsError: The address can be reached from elsewhere, and nobody said from where.
    """
    try:
        networks = tuple(ip_network(text) for text in said)
        is_loopback = ip_address(host).is_loopback
    except ValueError as error:
        raise SettingsError(f"--listen, --allow-networks: {error}") from None
    if not is_loopback and not networks:
        raise SettingsError(f"{host} can be reached from elsewhere; say from where: --allow-networks NETWORK")
    return (*LOOPBACK, *networks)


async def listen(
    on: Stage,
    host: str,
    port: int,
    networks: Sequence[Network],
    *,
    tell: Callable[[int], None],
    tick: Callable[[], None],
) -> None:
    """Take copies of live calls until SIGTERM or SIGINT.

    Args:
        on: Decides and counts them.
        host / port: Where to listen; port 0 takes a free one.
        networks: Whose copies are taken.
        tell: Called with the port once copies are taken.
        tick: Called every second.

    Raises:
        SettingsError: The address cannot be listened on.
    """
    listening, loop, ended = bound_socket(host, port), asyncio.get_running_loop(), asyncio.Event()
    server = DoorServer(server_config(Mirror(on.rehearsal, on.reader, networks)))

    def end() -> None:
        server.leave(AT_ONCE)
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    try:
        async with asyncio.TaskGroup() as group:
            ticking = group.create_task(_ticking(ended, tick))
            tell(listening.getsockname()[1])
            await server.serve(sockets=[listening])
            ended.set()
            await ticking
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        listening.close()


async def _ticking(ended: asyncio.Event, tick: Callable[[], None]) -> None:
    while not ended.is_set():
        try:
            await asyncio.wait_for(ended.wait(), EVERY_S)
        except TimeoutError:
            tick()
