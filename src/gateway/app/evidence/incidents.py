# SPDX-License-Identifier: Apache-2.0
"""Incidents and the accesses to one person, joined to an installation's rooms."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from functools import partial

from gateway.app.evidence.past_rules import PastRules, words_of
from gateway.app.evidence.replaying import past_decider
from gateway.app.index.indexing import index_place
from gateway.app.installation import Rooms
from gateway.app.rule_files import read_folder
from gateway.decide.rules import RuleSet
from gateway.domain.errors import RulesError, SettingsError, StateUnavailable
from gateway.domain.log_query import LogQuery
from gateway.domain.names import AccountId, PersonNumber, RoleName
from gateway.flows.accesses.ports import RuleWords
from gateway.flows.accesses.telling import Told, accesses_to
from gateway.flows.incident.opening import OFFICER, Opening
from gateway.flows.incident.scope import Found, scope_of
from gateway.flows.policy_change import IN_FORCE
from gateway.keys import envelope
from gateway.settings.loading import Settings
from gateway.store.engine import open_index
from gateway.store.incident_lists import IncidentLists
from gateway.store.log.people import LogPeople
from gateway.store.people_behind import PeopleBehind

Done = Callable[[int], None]


async def scope(rooms: Rooms, asked: LogQuery, *, by: str, from_files: bool, done: Done) -> Found:
    """Return whom the calls that a query means reached.

    Args:
        from_files: Use no index.
    """
    async with people_index(rooms.settings, is_used=not from_files) as index:
        return await scope_of(
            asked,
            logs=rooms.settings.state / "log",
            index=index,
            people=people_behind(rooms),
            recorder=rooms.log,
            clock=rooms.clock,
            by=by,
            done=done,
        )


async def accesses(
    rooms: Rooms,
    person: PersonNumber,
    *,
    since_us: int | None,
    until_us: int | None,
    by: str,
    from_files: bool,
    done: Done,
) -> Told:
    """Return every access to a person, whichever of their numbers was given."""
    numbers = await people_behind(rooms).every_number(person)
    past = PastRules(rooms.archive)
    # Before anything was served, no rules were in force; the controller is named by those of the folder.
    now = past.words(await rooms.meta.read(IN_FORCE) or "") or _of_folder(rooms.settings) or RuleWords()
    async with people_index(rooms.settings, is_used=not from_files) as index:
        return await accesses_to(
            numbers,
            since_us=since_us,
            until_us=until_us,
            logs=rooms.settings.state / "log",
            index=index,
            rules=past,
            now=now,
            recorder=rooms.log,
            clock=rooms.clock,
            by=by,
            done=done,
        )


def opening(rooms: Rooms) -> Opening:
    """Return what hears officers who want a list opened."""
    return Opening(
        approvals=IncidentLists(rooms.store),
        vault=rooms.keyring,
        recorder=rooms.log,
        clock=rooms.clock,
        may_open=partial(may_open_lists, rooms),
    )


def people_behind(rooms: Rooms) -> PeopleBehind:
    """Return what knows who stands behind numbers."""
    return PeopleBehind(rooms.store, rooms.keyring, envelope)


async def may_open_lists(rooms: Rooms, account: AccountId) -> bool:
    """Tell whether an account is an officer's from whom nothing is held back, as the database has it now.

    A command reads the rules of the folder. A line there makes nobody an officer before it is in force, which is
    entered: whoever edits rules need not be who answers for them.
    """
    record = await rooms.accounts.get(account)
    if record is None or record.disabled_us is not None or await rooms.holds.on(account):
        return False
    of_folder, roles = rooms.policy.decider.rules, record.account.roles
    digest = await rooms.meta.read(IN_FORCE)
    is_one_by_folder = is_officer(of_folder, account, roles)
    if digest is None or digest == of_folder.digest:
        return is_one_by_folder
    return is_one_by_folder and is_officer(_kept(rooms, digest), account, roles)


def is_officer(rules: RuleSet | None, account: str, roles: Collection[RoleName]) -> bool:
    """Tell whether an account is an officer's, by its roles and what these contain by some rules, if there are any."""
    contained = {} if rules is None else rules.roles
    return any(one == OFFICER or OFFICER in contained.get(one, frozenset()) for one in (account, *roles))


def _kept(rooms: Rooms, digest: str) -> RuleSet | None:
    """Return rules of the archive; ``None`` where they cannot be had."""
    try:
        return past_decider(rooms.archive.read(digest)).rules
    except (RulesError, SettingsError):
        return None


def _of_folder(settings: Settings) -> RuleWords | None:
    try:
        return words_of(read_folder(settings.policies_dir))
    except SettingsError:
        return None


@asynccontextmanager
async def people_index(settings: Settings, *, is_used: bool) -> AsyncIterator[LogPeople | None]:
    """Yield the index, or ``None`` where it is not to be used or cannot be opened: files answer as well."""
    if not is_used:
        yield None
        return
    try:
        base = await open_index(index_place(settings))
    except (SettingsError, StateUnavailable):
        yield None
        return
    try:
        yield LogPeople(base)
    finally:
        await base.close()
