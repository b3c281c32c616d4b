# SPDX-License-Identifier: Apache-2.0
"""A migration of an installation, joined from its rooms.

It has a log slot of its own: one goes on for hours, and other commands are given meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from gateway.app.clock import ticks_s
from gateway.app.installation import Rooms, open_installation
from gateway.app.roads import store_of
from gateway.app.rule_files import read_folder
from gateway.app.traces import Traces, untraced
from gateway.domain.catalog import AtRest, FieldSpec
from gateway.domain.errors import SettingsError
from gateway.domain.names import DecisionId
from gateway.doors.http.call import new_decision_id
from gateway.flows.migrating import ports
from gateway.flows.migrating.calls import Wanted
from gateway.flows.migrating.flow import Migration
from gateway.flows.migrating.planning import Plan, plan_of
from gateway.flows.migrating.vaulted import VaultColumn
from gateway.forward.calls import StoreCall
from gateway.forward.http import HttpStores, StoreAnswer
from gateway.keys.keyring import Keyring
from gateway.settings.loading import Settings
from gateway.transform.at_rest import Stored, label_of
from gateway.transform.turning import SivColumn

SLOT = "migration"
SETTLED_S = 2.5
"""A door that has not followed changes for two seconds answers no call any more."""


class StoreTarget:
    """The store of a dataset, asked as a migration asks it."""

    def __init__(self, stores: HttpStores, traces: Traces, keyring: Keyring) -> None:
        """Keep them."""
        self._stores, self._traces, self._keyring = stores, traces, keyring

    def call(self, asked: ports.Asked) -> AbstractAsyncContextManager[StoreAnswer]:
        """Return the call to be entered; that raises StoreUnreachable, StoreMisbehaved or Overloaded."""
        route = asked.route
        # A migration goes on for hours: what was rotated or shredded meanwhile counts from the next call on.
        self._keyring.reload()
        return self._stores.call(
            StoreCall(
                store=route.store,
                method=route.method,
                path=asked.path,
                slash=route.slash,
                query=asked.query,
                headers=(*self._traces.of_call(route.store, asked.decision_id, asked.n), *asked.headers),
                body=asked.body,
                content_type=asked.content_type,
                kind=route.answer.kind,
                writes=asked.writes,
                partial=route.answer.partial and not asked.writes,
            )
        )


class RowsPerSecond:
    """Lets rows go at an even pace; without a rate, at once."""

    def __init__(self, rate: float | None) -> None:
        """Begin now."""
        self._every_s = 0.0 if rate is None else 1 / rate
        self._next_s = 0.0

    async def next(self) -> None:
        """Return when the next row may be written."""
        if not self._every_s:
            return
        now_s = ticks_s()
        self._next_s = max(now_s, self._next_s + self._every_s)
        if self._next_s > now_s:
            await asyncio.sleep(self._next_s - now_s)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Rooms]:
    """Open an installation for a migration, with the rules of its folder to go by.

    Raises:
        SettingsError / RulesError: It cannot be opened, or its rules cannot be used.
        LogHeld: Another migration is under way.
    """
    async with open_installation(settings, SLOT, with_rules=False) as rooms:
        files = read_folder(settings.policies_dir)
        digest = await rooms.policy.consult(files)
        # Entries name these rules, and a replay of the log looks for them.
        rooms.archive.keep(digest, files)
        yield rooms


@asynccontextmanager
async def migration(
    rooms: Rooms,
    dataset: str,
    fields: Sequence[str] = (),
    *,
    back: bool = False,
    accept: bool = False,
    by: str,
    batch: int = 500,
    rate: float | None = None,
) -> AsyncIterator[tuple[Migration, Plan]]:
    """Return a migration that is ready to begin, and what it will do.

    Raises:
        SettingsError: It cannot be done by the declared routes, or the store is not in gateway.yaml.
    """
    rules = rooms.policy.decider.rules
    plan = plan_of(rules.catalog, dataset, fields)
    name, settings = plan.update.store, rooms.settings
    declared = settings.stores.get(name)
    if declared is None:
        raise SettingsError(f"gateway.yaml has no store {name}")
    wanted = Wanted(back=back, accept=accept, rules=rules.digest)
    specs = {spec.name: spec for spec in plan.fields}
    async with HttpStores([store_of(name, declared)]) as stores:
        joined = ports.Rooms(
            target=StoreTarget(stores, Traces(rooms.keyring, untraced(settings)), rooms.keyring),
            recorder=rooms.log,
            people=rooms.people,
            columns={spec.name: column_of(rooms, spec) for spec in plan.fields},
            known=rooms.columns,
            sealed=rooms.declared,
            version_of=lambda field: _version(rooms, specs[field]),
            settled=lambda told: _settled(rooms, plan, told=told),
            new_id=_new_id,
            pace=RowsPerSecond(rate),
            sleep=asyncio.sleep,
        )
        yield Migration(joined, plan, wanted, by=by, batch=batch), plan


def column_of(rooms: Rooms, spec: FieldSpec) -> ports.Column:
    """Return what turns the column of a field."""
    if spec.at_rest is AtRest.VAULT:
        return VaultColumn(rooms.vault, spec)
    # Made where it is not there yet, so that a look and a run say the same.
    rooms.keyring.ensure(label_of(spec.join_domain))
    return SivColumn(Stored(rooms.keyring, spec.join_domain), spec)


async def _settled(rooms: Rooms, plan: Plan, *, told: bool) -> None:
    """Return when no door seals under another key than the one in force, or takes a column for what it was."""
    # A token outlives every rotation; only what is sealed has a key that could have been changed a moment ago.
    labels = [label_of(spec.join_domain) for spec in plan.fields if spec.at_rest is AtRest.SIV]
    made_us = [rooms.keyring.versions(label)[-1].created_us for label in labels]
    since_s = (rooms.clock() - max(made_us, default=0)) / 1_000_000
    wait_s = SETTLED_S if told else SETTLED_S - since_s
    if 0 < wait_s <= SETTLED_S:
        await asyncio.sleep(wait_s)


def _version(rooms: Rooms, spec: FieldSpec) -> int:
    return rooms.keyring.ensure(label_of(spec.join_domain)).version


def _new_id() -> DecisionId:
    return new_decision_id()
