# SPDX-License-Identifier: Apache-2.0
"""The composition root: one installation, opened for one process.

Each door opens a slot of its own, ``door-0`` and so on, the worker ``worker`` and the command line
``cli``. Whoever opens an installation gets the same rooms joined in the same way, so a command and a door
cannot come to different answers.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec

from gateway.app.clock import now_us
from gateway.app.columns import KnownColumns
from gateway.app.declared_columns import DeclaredColumns
from gateway.app.index.reading import LogQuestions
from gateway.app.joins import AnnouncedRules, CodecShelf, SurrogateKeyring, is_band
from gateway.app.keeping import Keeper, ToldLog, announcer
from gateway.app.keyring import open_keyring
from gateway.app.restoring import CredentialDigest, open_state
from gateway.app.rule_files import RulesArchive, beside_calls, read_folder, rules_of
from gateway.app.slots import CLI_SLOT, check_private, log_signer, sequencer_of
from gateway.decide.loader.load import digest
from gateway.domain.errors import RulesError, SettingsError, StateUnavailable
from gateway.domain.names import PurposeKey, RoleName
from gateway.flows.enrolment import Enrolment
from gateway.flows.new_fields import NewFields
from gateway.flows.policy_change import IN_FORCE, PolicyChange
from gateway.flows.restore.flow import Outcome
from gateway.identify.bearers import Bearers, bearer_keys
from gateway.identify.blocklist import Blocklist
from gateway.identify.password import Passwords
from gateway.identify.sessions import Revocations
from gateway.keys import envelope
from gateway.keys.keyring import Keyring
from gateway.record.writing.counting import Counting
from gateway.settings.loading import Settings
from gateway.store.accounts import Accounts
from gateway.store.budgets import Budgets
from gateway.store.choices import Choices
from gateway.store.clients import Clients
from gateway.store.dispatches import Dispatches
from gateway.store.engine import Store
from gateway.store.factors import FactorTries
from gateway.store.grant_requests import GrantRequests
from gateway.store.holds import Holds
from gateway.store.marks import Marks
from gateway.store.meta import Meta
from gateway.store.people import People
from gateway.store.sessions import Sessions
from gateway.store.tombstones import Tombstones
from gateway.store.unseen import UnseenFields
from gateway.store.vault import Vault
from gateway.store.versions import ChangeFeed, Topic
from gateway.workers.loop import ChangeLoop

_log = logging.getLogger("gateway.rules")


class Rooms(msgspec.Struct, frozen=True, kw_only=True):
    """The rooms of one process, joined and ready."""

    settings: Settings
    clock: Callable[[], int]
    keyring: Keyring
    store: Store
    meta: Meta
    accounts: Accounts
    sessions: Sessions
    clients: Clients
    tries: FactorTries
    people: People
    choices: Choices
    holds: Holds
    budgets: Budgets
    revocations: Revocations
    bearers: Bearers
    passwords: Passwords
    log: ToldLog
    counting: Counting
    policy: PolicyChange
    archive: RulesArchive
    enrolment: Enrolment
    codecs: CodecShelf
    feed: ChangeFeed
    changes: ChangeLoop
    credentials: CredentialDigest
    restored: Outcome | None
    """What this opening put back into a database that was older than the log."""
    keeper: Keeper
    grant_requests: GrantRequests
    unseen: UnseenFields
    new_fields: NewFields
    log_questions: LogQuestions
    columns: KnownColumns
    declared: DeclaredColumns
    tombstones: Tombstones
    vault: Vault

    def purposes_of(self, roles: tuple[RoleName, ...]) -> tuple[PurposeKey, ...]:
        """Return the purposes that roles give, by the rules in force."""
        return self.policy.decider.purposes_of(roles, self.clock())


@asynccontextmanager
async def open_installation(
    settings: Settings, slot: str, *, with_rules: bool = True, or_kept_rules: bool = False
) -> AsyncIterator[Rooms]:
    """Open an installation for one process and close it in order.

    Args:
        settings: Of the installation.
        slot: Log that the process enters into.
        with_rules: Off for what decides nothing, so that it works while the rules are broken.
        or_kept_rules: A door takes the rules in force from the archive if those of the folder cannot be used.

    Raises:
        SettingsError: Something in the configuration cannot be used.
        RulesError: The rules cannot be put in force.
        LogUnavailable: Another process holds the slot, or the disk refuses.
        LogDamaged: The log contradicts itself.
        StateBehind: The database is older than the log, or newer, and cannot be brought up to it.
    """
    check_private(settings.state)
    keyring = open_keyring(settings)
    async with AsyncExitStack() as stack:
        log = await stack.enter_async_context(sequencer_of(settings, keyring, slot))
        own = log_signer(keyring, CLI_SLOT).public_key.hex()
        store, restored = await stack.enter_async_context(open_state(settings, keyring, log, own=own))
        rooms = _join(settings, keyring, store, log, restored)
        stack.push_async_callback(rooms.feed.close)
        stack.push_async_callback(rooms.log_questions.close)
        stack.push_async_callback(rooms.counting.flush, answers=True)
        stack.push_async_exit(rooms.keeper)
        if log.found.unended:
            # Those who claimed keys of messages in this log are gone; what they did not begin may be sent.
            await Dispatches(store).let_go(*log.found.unended)
        if restored is not None:
            # The database is older than what was said of columns since.
            await rooms.columns.forget()
        if with_rules:
            await _begin_with_rules(rooms, is_door=slot != CLI_SLOT, or_kept=or_kept_rules)
            await rooms.revocations.refresh(now_us())
            await rooms.holds.refresh()
            await rooms.changes.follow()
        if slot == CLI_SLOT:
            # A command is too short for the minute's look at the other logs, so each one looks once.
            await log.witness()
        yield rooms


async def _begin_with_rules(rooms: Rooms, *, is_door: bool, or_kept: bool) -> None:
    """Put the folder's rules in force in a door; a command only decides by them, for itself."""
    try:
        files = read_folder(rooms.settings.policies_dir)
        await (rooms.policy.put_in_force(files) if is_door else rooms.policy.consult(files))
    except (RulesError, SettingsError) as error:
        kept = await rooms.meta.read(IN_FORCE) if or_kept else None
        if kept is None:
            raise
        _log.warning("rules stay as they were: %s", error)
        await rooms.policy.put_in_force(rooms.archive.read(kept))
        rooms.policy.are_newer_refused = True


async def reload_rules(policy: PolicyChange, folder: Path) -> None:
    """Put the folder's rules in force if they can be; otherwise those in force stay, which the log says.

    Raises:
        LogUnavailable / StateUnavailable: They could not be entered or kept now; asking again may help.
    """
    try:
        await policy.put_in_force(read_folder(folder))
        policy.are_newer_refused = False
    except OSError as error:
        raise StateUnavailable("the rules cannot be kept in the archive") from error
    except (RulesError, SettingsError) as error:
        policy.are_newer_refused = True
        _log.warning("rules stay as they were: %s", error)


def _join(settings: Settings, keyring: Keyring, store: Store, log: ToldLog, restored: Outcome | None) -> Rooms:
    people = People(store, keyring, envelope, now_us, announcer(log))
    credentials = CredentialDigest(keyring)
    choices, holds = Choices(store, now_us), Holds(store, now_us)
    accounts, clients, sessions = Accounts(store), Clients(store), Sessions(store)
    revocations = Revocations(sessions)
    archive = RulesArchive(settings.state / "rules")
    cost = settings.passwords
    passwords = Passwords(
        time_cost=cost.time_cost,
        memory_kib=cost.memory_kib,
        parallelism=cost.parallelism,
        workers=cost.at_once,
        waiting=cost.queue,
    )
    feed, meta, unseen = ChangeFeed(store), Meta(store), UnseenFields(store)
    columns = KnownColumns(meta)
    declared = DeclaredColumns(meta, columns)
    policy = PolicyChange(
        load=beside_calls(rules_of),
        digest=digest,
        in_band=is_band,
        archive=archive,
        recorder=log,
        choices=choices,
        memory=AnnouncedRules(meta),
        sealed=declared,
    )
    codecs = CodecShelf(SurrogateKeyring(keyring))
    bearers = Bearers(
        bearer_keys(keyring), issuer=settings.issuer, audience=settings.issuer, lifetime_s=settings.sessions.access_s
    )

    async def follow_keys() -> None:
        """Forget what was retired or shredded."""
        # Whatever it says: sealing looks at the file as well, and may have been first to see the change.
        keyring.reload()
        codecs.clear()
        bearers.put_in_force(bearer_keys(keyring))
        await columns.refresh()

    followers: Mapping[str, Callable[[], Awaitable[object]]] = {
        Topic.CHOICES: choices.refresh,
        Topic.ACCOUNTS: lambda: revocations.refresh(now_us()),
        Topic.HOLDS: holds.refresh,
        Topic.PEOPLE: lambda: asyncio.to_thread(people.forget),
        Topic.KEYS: follow_keys,
        Topic.RULES: lambda: reload_rules(policy, settings.policies_dir),
    }
    return Rooms(
        settings=settings,
        clock=now_us,
        keyring=keyring,
        store=store,
        meta=meta,
        accounts=accounts,
        sessions=sessions,
        clients=clients,
        tries=FactorTries(store),
        people=people,
        choices=choices,
        holds=holds,
        budgets=Budgets(store),
        revocations=revocations,
        bearers=bearers,
        passwords=passwords,
        log=log,
        counting=Counting(log, now_us),
        policy=policy,
        archive=archive,
        enrolment=Enrolment(
            accounts=accounts,
            clients=clients,
            passwords=passwords,
            blocklist=Blocklist.shipped(local=(settings.installation,)),
            vault=keyring,
            recorder=log,
            clock=now_us,
            issuer=settings.installation,
            digest=credentials,
        ),
        credentials=credentials,
        restored=restored,
        keeper=Keeper(Marks(store), log, log.name),
        grant_requests=GrantRequests(store),
        unseen=unseen,
        new_fields=NewFields(unseen, log, now_us),
        log_questions=LogQuestions(settings),
        columns=columns,
        declared=declared,
        tombstones=Tombstones(store, keyring),
        vault=Vault(store, keyring, envelope),
        codecs=codecs,
        feed=feed,
        changes=ChangeLoop(feed, followers, now_us),
    )
