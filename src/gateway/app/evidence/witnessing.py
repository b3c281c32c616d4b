# SPDX-License-Identifier: Apache-2.0
"""The logs of an installation and their witnesses, joined: before a log is opened, while it grows, after it was closed.

RULES

1. Before a process opens its log it asks the witnesses what they co-signed of it, for two seconds at most. What they
   know is kept beside the log, and the opening holds the log against it. So a state that was put back as a whole,
   with what it kept of its witnesses, is refused too. Of logs that no process opens at a start (the command line's,
   those of doors that are fewer now) the one that works beside the doors looks that none has become shorter, before a gateway runs.
2. The worker has every log co-signed every ten seconds; each process has its own once more after it was closed.
3. An installation without witnesses asks nobody and waits for nothing.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from gateway.app.keyring import open_keyring
from gateway.app.signals import metrics
from gateway.app.signals.meters import Meters
from gateway.app.slots import CLI_SLOT, check_private, log_name, log_signer
from gateway.domain.errors import GatewayError, SettingsError, WitnessSilent
from gateway.flows.cosigning import Cosigning, Outcome, Told, Witness, newest_of
from gateway.forward.witness import HttpWitness, WitnessAnswer
from gateway.record.format.checkpoint import CheckpointInvalid, VerifierKey, open_checkpoint
from gateway.record.format.cosign import parse_witness_key
from gateway.record.format.layout import PUBLIC_KEY, slots
from gateway.record.format.witnessed import WITNESSED, check_witnessed_size, keep_witnessed, read_witnessed
from gateway.record.proof.proving import Prover
from gateway.record.reading.tail import size_of
from gateway.settings.loading import Settings
from gateway.settings.sections import WitnessSettings

EVERY_S = 10.0
START_S = 2.0
"""How long a start waits for witnesses that do not answer."""
END_S = 2.0

_log = logging.getLogger("gateway.witnesses")


class KeyedWitness:
    """A witness and the key by which it signs."""

    def __init__(self, key: VerifierKey, road: HttpWitness) -> None:
        """Keep both."""
        self.key, self._road = key, road

    async def add_checkpoint(self, request: bytes) -> WitnessAnswer:
        """Ask for a cosignature."""
        return await self._road.add_checkpoint(request)

    async def newest(self, origin: str) -> WitnessAnswer:
        """Ask for the last checkpoint that it co-signed of a log."""
        return await self._road.newest(origin)


@asynccontextmanager
async def open_witnesses(settings: Settings) -> AsyncIterator[list[KeyedWitness]]:
    """Yield the witnesses of an installation; nobody is asked yet.

    Raises:
        SettingsError: A key or an address cannot be used.
    """
    async with AsyncExitStack() as stack:
        found = []
        for one in settings.log.witnesses:
            key = key_of(one)
            road = HttpWitness(key.name, one.url, ca_pem=_ca(one))
            found.append(KeyedWitness(key, await stack.enter_async_context(road)))
        yield found


def key_of(one: WitnessSettings) -> VerifierKey:
    """Return the key of a witness that the settings name.

    Raises:
        SettingsError: It is none.
    """
    try:
        return parse_witness_key(one.key)
    except CheckpointInvalid as error:
        raise SettingsError(f"log.witnesses: {error}; `gateway log witness init` shows a witness's key") from None


def _ca(one: WitnessSettings) -> bytes | None:
    try:
        return None if one.ca_file is None else one.ca_file.read_bytes()
    except OSError as error:
        raise SettingsError(f"log.witnesses: ca_file: {error.strerror}") from None


@asynccontextmanager
async def witnessed(
    settings: Settings, slot: str, *, and_others: bool = False, again: bool = False
) -> AsyncIterator[None]:
    """Ask the witnesses about a log that is opened inside, and have its end co-signed.

    Args:
        settings: Of the installation.
        slot: Whose log.
        and_others: Ask about all other logs of this node as well, and refuse one that became shorter.
        again: The gateway is running already, so another log must not keep this process from its work.

    Raises:
        SettingsError: A witness cannot be asked at all.
        LogDamaged: What is kept of the witnesses is not a checkpoint of the log, or another log is behind them.
    """
    if not settings.log.witnesses:
        yield
        return
    check_private(settings.state)
    others = await asyncio.to_thread(_others, settings, slot) if and_others else []
    async with open_witnesses(settings) as witnesses:
        await asyncio.gather(*(ask(settings, each, witnesses) for each in (slot, *others)))
        for each in () if again else others:
            await asyncio.to_thread(_insist_on_size, settings, each)
        yield
        with suppress(GatewayError, TimeoutError):
            async with asyncio.timeout(END_S):
                await Cosigning(witnesses).submit(Prover(settings.state / "log" / slot))


def _others(settings: Settings, slot: str) -> list[str]:
    """Return the other logs of this node: those that are there, and the command line's in any case."""
    logs = settings.state / "log"
    there = {each for each in slots(logs) if _origin(logs / each) == log_name(settings, each)}
    return sorted((there | {CLI_SLOT}) - {slot})


def _origin(directory: Path) -> str:
    """Return the name by which a log's public key knows it; empty where there is none."""
    try:
        return (directory / PUBLIC_KEY).read_text("utf-8").partition("+")[0]
    except (OSError, UnicodeDecodeError):
        return ""


def _insist_on_size(settings: Settings, slot: str) -> None:
    """Refuse a log of which no disk has as many entries as its witnesses co-signed.

    Raises:
        LogDamaged: With what to do.
    """
    log = settings.log
    disks = [settings.state / "log", *([] if log.second is None else [settings.state / log.second])]
    # One disk may be behind the other until the log is opened, which makes them equal.
    n_entries = max((size_of(one / slot) for one in disks if (one / slot).is_dir()), default=0)
    key = VerifierKey(log_name(settings, slot), log_signer(open_keyring(settings), slot).public_key)
    check_witnessed_size(settings.state / "log" / slot, key, n_entries)


async def ask(settings: Settings, slot: str, witnesses: Sequence[Witness]) -> None:
    """Keep beside a log what its witnesses know of it, if that is newer than what is kept there.

    Raises:
        LogDamaged: What is kept there is not a checkpoint of the log.
    """
    key = VerifierKey(log_name(settings, slot), log_signer(open_keyring(settings), slot).public_key)
    directory = settings.state / "log" / slot
    for note in await asyncio.gather(*(_newest(one, key) for one in witnesses)):
        if note is None:
            continue
        state, held = open_checkpoint(note, key), read_witnessed(directory, key)
        if held is None or held[0].size < state.size or (held[0].size == state.size and held[0].root != state.root):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            await asyncio.to_thread(keep_witnessed, directory, key, note)


async def _newest(witness: Witness, key: VerifierKey) -> str | None:
    try:
        async with asyncio.timeout(START_S):
            return await newest_of(witness, key.name, key)
    except WitnessSilent as error:
        _log.warning("%s: %s; the log is opened without it", key.name, error)
    except TimeoutError:
        _log.warning("%s: the witness %s does not answer; the log is opened without it", key.name, witness.key.name)
    return None


class LogsWatched:
    """Every log of an installation: its hashes are kept for proofs, and its checkpoints are co-signed."""

    def __init__(self, settings: Settings, witnesses: Sequence[Witness], meters: Meters | None = None) -> None:
        """Begin with what is there at the first turn."""
        self._meters = meters
        self._logs = settings.state / "log"
        self.cosigning = Cosigning(witnesses)
        self._has_witnesses = bool(witnesses)
        self._provers: dict[str, Prover] = {}

    async def turn(self) -> None:
        """Do once what is to be done for every log; trouble with one keeps no other from it."""
        found = await asyncio.to_thread(slots, self._logs)
        await asyncio.gather(*(self._one(slot) for slot in found if (self._logs / slot / PUBLIC_KEY).exists()))

    async def _one(self, slot: str) -> None:
        prover = self._provers.setdefault(slot, Prover(self._logs / slot))
        try:
            await asyncio.to_thread(prover.keep)
            if self._has_witnesses:
                self._tell(slot, await self.cosigning.submit(prover))
        except GatewayError as error:
            _log.warning("%s: %s", slot, error)
        except (OSError, ValueError) as error:
            # The worker has more to do than this: a log that cannot be read now is looked at again.
            _log.warning("%s: not co-signed: %s", slot, type(error).__name__)

    def _tell(self, slot: str, told: Sequence[Told]) -> None:
        if self._meters is None:
            return
        is_contradicted = any(one.outcome is Outcome.CONTRADICTED for one in told)
        self._meters.put(metrics.CONTRADICTED, float(is_contradicted), slot)
        with suppress(OSError):
            self._meters.put(metrics.WITNESSED_AT, (self._logs / slot / WITNESSED).stat().st_mtime, slot)


async def watch_logs(
    settings: Settings, stop: asyncio.Event, meters: Meters | None = None, every_s: float = EVERY_S
) -> None:
    """Do it again and again until told to stop.

    Raises:
        SettingsError: A witness cannot be asked at all.
    """
    async with open_witnesses(settings) as witnesses:
        watched = LogsWatched(settings, witnesses, meters)
        while not stop.is_set():
            await _until(stop, watched.turn())
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), every_s)
        if witnesses:
            with suppress(TimeoutError):
                async with asyncio.timeout(END_S):
                    await watched.turn()


async def _until(stop: asyncio.Event, work: Coroutine[None, None, None]) -> None:
    """Do work to its end, or until told to stop: no end of a process waits for a witness."""
    async with asyncio.TaskGroup() as group:
        working, stopped = group.create_task(work), group.create_task(stop.wait())
        await asyncio.wait((working, stopped), return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        stopped.cancel()


async def cosigned_now(settings: Settings, prover: Prover, index: int) -> None:
    """Have a log co-signed if its witnesses have not seen an entry yet; their silence changes nothing.

    Raises:
        SettingsError: A witness cannot be asked at all.
        LogDamaged: The log does not hold together.
    """
    held = prover.witnessed()
    if not settings.log.witnesses or (held is not None and index < held.state.size):
        return
    async with open_witnesses(settings) as witnesses:
        with suppress(TimeoutError):
            async with asyncio.timeout(START_S):
                await Cosigning(witnesses).submit(prover)
