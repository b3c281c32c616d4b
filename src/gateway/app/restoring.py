# SPDX-License-Identifier: Apache-2.0
"""The database held against the log at every opening, and who may have it open beside whom.

RULES

1. Openings come one after the other (``opening.lock``); who has opened holds ``state.lock`` shared for as
   long as it lives. A replay, and a restore, need it alone: nobody is ready while a state is put back.
2. The own log is opened before: a process that waits for its slot keeps no other from opening.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

from gateway.app.clock import now_us
from gateway.app.rule_files import RulesArchive
from gateway.decide.loader.load import load
from gateway.decide.rules import RuleSet
from gateway.domain.budget import BudgetKey
from gateway.domain.entry import Facts
from gateway.domain.errors import KeyUnavailable, RulesError, SettingsError, StateBehind, StateUnavailable
from gateway.domain.names import PurposeKey
from gateway.domain.replay import BlockReleased, Replayed
from gateway.flows.restore.flow import Outcome, Restore, Rooms, rehearse
from gateway.flows.restore.replaying import Makers
from gateway.keys import envelope
from gateway.keys.keyring import Keyring, KeyState
from gateway.record.writing.sequencer import Sequencer
from gateway.settings.loading import Settings
from gateway.store.budgets import Budgets
from gateway.store.engine import Store, open_store
from gateway.store.marks import Marked, Marks
from gateway.store.meta import INSTALLATION, Meta
from gateway.store.people import WRAP_LABEL
from gateway.store.replay import Replay
from gateway.store.settling import Settling
from gateway.store.vault_copies import Copies
from gateway.transform.treat import check_chain

DIGEST_LABEL = "credentials"
"""Key of the digests by which the log tells one credential from another."""

PATIENCE_S = 600.0
"""How long an opening waits for the one before it, which may be replaying."""
_LOOK_EVERY_S = 0.02
_log = logging.getLogger("gateway.restore")


class CredentialDigest:
    """Digests of credentials, under a key that lives as long as the installation."""

    def __init__(self, keyring: Keyring) -> None:
        """Make the key if there is none."""
        keyring.ensure(DIGEST_LABEL)
        self._key = keyring.version(DIGEST_LABEL, 1).secret

    def __call__(self, credential: bytes) -> str:
        """Return the digest of what the database holds of a credential, 32 hexadecimal digits."""
        return envelope.keyed_digest(self._key, credential)[:16].hex()


class _KeysAgain:
    """The keyring in the words of a replay."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def retire_again(self, label: str, version: int) -> bool:
        """Retire a version that is active still."""
        return self._again(label, version, (KeyState.ACTIVE,), self._keyring.retire)

    def shred_again(self, label: str, version: int) -> bool:
        """Shred a version that is there still."""
        return self._again(label, version, (KeyState.ACTIVE, KeyState.RETIRED), self._keyring.shred)

    def _again(self, label: str, version: int, held: tuple[KeyState, ...], do: Callable[[str, int], None]) -> bool:
        is_held = any(one.version == version and one.state in held for one in self._keyring.versions(label))
        if is_held:
            with contextlib.suppress(KeyUnavailable):
                do(label, version)
        return is_held


def _is_shredded(keyring: Keyring, version: int) -> bool:
    """Tell whether a version of the key that wraps the keys of people is shredded."""
    return any(one.version == version and one.state is KeyState.SHREDDED for one in keyring.versions(WRAP_LABEL))


async def _shred_again(keyring: Keyring, meta: Meta) -> None:
    """Shred what an older copy of the keyring brought back."""
    for label, version in await meta.shredded():
        if _KeysAgain(keyring).shred_again(label, version):
            _log.warning("the keyring was older than the database: %s version %d is shredded again", label, version)


class _Nothing:
    """Makes nothing of what a rehearsal tells; stands for the database, the budgets and the keyring."""

    async def apply(self, happened: Sequence[Replayed]) -> dict[str, int]:
        """Make nothing."""
        del happened
        return {}

    async def forget_unreadable(self) -> int:
        """Forget nothing."""
        return 0

    async def replay_all(self, blocks: Sequence[BlockReleased]) -> int:
        """Count nothing."""
        del blocks
        return 0

    def retire_again(self, label: str, version: int) -> bool:
        """Retire nothing."""
        del label, version
        return False

    shred_again = retire_again


class PastPurposes:
    """Which budget a call of the past counted against, by the rules that were in force for it."""

    def __init__(self, archive: RulesArchive) -> None:
        """Keep the archive."""
        self._archive = archive
        self._loaded: dict[str, RuleSet] = {}

    def __call__(self, facts: Facts) -> BudgetKey | None:
        """Return the key of a call's facts; ``None`` where its purpose counts nothing.

        Raises:
            StateBehind: The rules of the call are not in the archive.
        """
        purpose = self._rules(facts.rules).purposes.get(PurposeKey(facts.purpose))
        if purpose is None or not (purpose.budgets or purpose.counted):
            return None
        return BudgetKey(account=facts.account, key_class=purpose.key_class, recipient=facts.recipient)  # type: ignore[arg-type]

    def _rules(self, digest: str) -> RuleSet:
        if digest not in self._loaded:
            try:
                self._loaded[digest] = load(self._archive.read(digest), check_chain=check_chain)
            except (SettingsError, RulesError) as error:
                raise StateBehind(f"a call of the log was decided by rules that cannot be read: {error}") from error
        return self._loaded[digest]


class StateLock:
    """Who has the installation open: many who are ready, or one that puts a state back."""

    def __init__(self, state: Path) -> None:
        """Open the file; nothing is held yet."""
        self._descriptor = _opened(state / "state.lock")

    def alone(self) -> bool:
        """Take it alone; tell whether nobody else had it."""
        return _taken(self._descriptor, fcntl.LOCK_EX)

    def share(self) -> None:
        """Hold it beside others."""
        if not _taken(self._descriptor, fcntl.LOCK_SH):
            raise StateUnavailable("the state is being put back by another process")

    def close(self) -> None:
        """Let it go."""
        os.close(self._descriptor)


@contextlib.asynccontextmanager
async def one_opening(state: Path) -> AsyncIterator[None]:
    """Keep other openings of the installation waiting inside the block.

    Raises:
        StateUnavailable: Another one took too long.
    """
    descriptor = _opened(state / "opening.lock")
    try:
        try:
            async with asyncio.timeout(PATIENCE_S):
                # A lock of the operating system tells nobody that it is free.
                while not _taken(descriptor, fcntl.LOCK_EX):  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK_EVERY_S)
        except TimeoutError:
            raise StateUnavailable("another process takes too long to open the installation") from None
        yield
    finally:
        os.close(descriptor)


@contextlib.asynccontextmanager
async def open_state(
    settings: Settings, keyring: Keyring, log: Sequencer, *, own: str
) -> AsyncIterator[tuple[Store, Outcome | None]]:
    """Open the database, as new as the log, with what had to be put back for that.

    It is opened while nobody else opens, so that no process is left with a file that another one replaced.

    Args:
        own: What a database that belongs to this installation says of whose it is.

    Raises:
        SettingsError: The database cannot be used, or belongs to another installation.
        StateBehind: It is older than the log and cannot be brought up to it.
    """
    place = settings.database.get_secret_value() if settings.database else settings.state
    async with contextlib.AsyncExitStack() as stack:
        lock = StateLock(settings.state)
        stack.callback(lock.close)
        async with one_opening(settings.state):
            store = await open_store(place)
            stack.push_async_callback(store.close)
            if await Meta(store).read(INSTALLATION) not in (None, own):
                raise SettingsError("the database belongs to another installation; give this one a database of its own")
            outcome = await _restore(settings, keyring, store, log, lock).bring_up()
            await _shred_again(keyring, Meta(store))
            lock.share()
        if outcome is not None:
            _log.warning("the database was older than the log and was brought up to it: %s", dict(outcome.counts))
        yield store, outcome


@contextlib.contextmanager
def stopped(state: Path) -> Iterator[None]:
    """Keep every process of an installation from being ready inside the block.

    Raises:
        StateUnavailable: One of them is.
    """
    lock = StateLock(state)
    try:
        if not lock.alone():
            raise StateUnavailable("a gateway runs on this installation: stop every process of it first")
        yield
    finally:
        lock.close()


async def rehearsed(settings: Settings, marked: Marked) -> int:
    """Return how many entries a replay from these marks would take in; nothing is made of them.

    Raises:
        StateBehind: It could not be brought to its end.
    """
    nothing = _Nothing()
    makers = Makers(
        logs=settings.state / "log",
        prefix=f"{settings.installation}/{settings.node}/",
        state=nothing,
        budgets=nothing,
        keys=nothing,
        key_of=PastPurposes(RulesArchive(settings.state / "rules")),
        clock=now_us,
    )
    return await rehearse(makers, marked)


def _restore(settings: Settings, keyring: Keyring, store: Store, log: Sequencer, lock: StateLock) -> Restore:
    return Restore(
        Rooms(
            logs=settings.state / "log",
            prefix=f"{settings.installation}/{settings.node}/",
            marks=Marks(store),
            state=Replay(
                store, now_us, lambda version: _is_shredded(keyring, version), Copies(store, keyring, envelope)
            ),
            settler=Settling(store, CredentialDigest(keyring), now_us),
            budgets=Budgets(store),
            keys=_KeysAgain(keyring),
            key_of=PastPurposes(RulesArchive(settings.state / "rules")),
            recorder=log,
            alone=lock.alone,
            clock=now_us,
        )
    )


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise SettingsError(f"{path} cannot be opened: {error.strerror}") from None


def _taken(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
