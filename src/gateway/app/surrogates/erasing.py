# SPDX-License-Identifier: Apache-2.0
"""Erasing a person in one installation, the certificate of it, and the look for what can still be read."""

import asyncio
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from gateway.app.backups import DAY_US, MOST_KEY_DAYS, Signer, over_us, unsealing
from gateway.app.clock import now_us
from gateway.app.installation import Rooms
from gateway.app.slots import CLI_SLOT, log_name, log_signer
from gateway.decide.rules import RuleSet
from gateway.domain.catalog import AtRest, SurrogateKind
from gateway.domain.entry import Changed, Line
from gateway.domain.errors import KeyUnavailable
from gateway.domain.names import PersonNumber
from gateway.flows.erasing.erasing import ERASED, Erased, Erasing
from gateway.flows.erasing.erasing import Rooms as ErasingRooms
from gateway.flows.erasing.ports import Entered, Uses
from gateway.keys import envelope
from gateway.keys.keyring import Keyring
from gateway.record.format.bundle import Proof
from gateway.record.format.certificate import Certificate, Statement, certified
from gateway.record.format.layout import LineFile, segment_path, segments, slots
from gateway.settings.loading import Settings
from gateway.store.backup import Header, check_whole, frames, header_of
from gateway.store.forgetting import Forgetting as ForgettingTables
from gateway.store.meta import BACKED_UP_LONGEST
from gateway.store.overwriting import Overwriting
from gateway.store.remains import LIVE, Remain, Remains
from gateway.transform.identifying import uses_in_vault, uses_of_identities

NOT_OVERWRITTEN = "deleted key not overwritten"
"""Of the files of the database: somebody reads, so the bytes of a wrapped key that was deleted may be there still."""

_MARK = b'"what":"%s"' % ERASED.encode()


def erasing_of(
    rooms: Rooms,
    *,
    slot: str = CLI_SLOT,
    rules: RuleSet | None = None,
    reached: Callable[[str], None] = lambda _step: None,
) -> Erasing:
    """Return what erases people of an open installation.

    Args:
        rooms: Of the installation.
        slot: Of the log that this process enters into.
        rules: By which values of the vault are what people are known by; those in force where there are none, if any are.
        reached: Told of each step.
    """
    # A command that opens an installation without its rules has none in force.
    decider = getattr(rooms.policy, "decider", None)
    known = rules or (decider and decider.rules)
    return Erasing(
        ErasingRooms(
            slot=slot,
            recorder=rooms.log,
            people=rooms.people,
            vault=rooms.vault,
            tombstones=rooms.tombstones,
            past=Past(rooms.settings.state / "log"),
            files=Overwriting(rooms.store),
            n_identities=ForgettingTables(rooms.store).n_identities,
            new_id=lambda: secrets.token_hex(8),
            clock=rooms.clock,
            uses=Uses() if known is None else _uses(known),
            reached=reached,
        )
    )


def _uses(rules: RuleSet) -> Uses:
    collections = tuple(rules.catalog.collections.values())
    return Uses(in_vault=uses_in_vault(collections), identities=uses_of_identities(collections))


class Past:
    """Erasures that the logs hold."""

    def __init__(self, logs: Path) -> None:
        """Take ``STATE/log``."""
        self._logs = logs

    async def erasure_of(self, person: PersonNumber) -> Entered | None:
        """Return the newest erasure of a person."""
        return await asyncio.to_thread(self._newest, lambda body: body.target == str(person))

    async def erasure_with(self, tombstones: Sequence[str]) -> Entered | None:
        """Return the newest erasure that set one of these tombstones."""
        return await asyncio.to_thread(self._newest, lambda body: body.facts.get("tombstone") in tombstones)

    def _newest(self, is_it: Callable[[Changed], bool]) -> Entered | None:
        found = [one for slot in slots(self._logs) for one in self._erasures(slot) if is_it(one.body)]
        return max(found, key=lambda one: one.at_us, default=None)

    def _erasures(self, slot: str) -> Iterator[Entered]:
        directory = self._logs / slot
        for number in segments(directory):
            for raw in LineFile(segment_path(directory, number)).lines():
                if _MARK in raw:
                    line = msgspec.json.decode(raw, type=Line)
                    if isinstance(line.body, Changed) and line.body.what == ERASED:
                        yield Entered(slot=slot, place=line.seq, at_us=line.at_us, body=line.body)


async def keys_end_us(rooms: Rooms, erased_us: int) -> int:
    """Return when the last copy of the keys of people ends that was made by the time of an erasure.

    What was noted of copies is in the database and can be lost with it; without a note the longest time counts.
    """
    noted = await rooms.meta.read(BACKED_UP_LONGEST)
    days = MOST_KEY_DAYS if noted is None else rooms.settings.backups.keys_days
    return over_us(max(erased_us + days * DAY_US, int(noted or 0)))


def certificate_of(
    settings: Settings, keyring: Keyring, erased: Erased, *, proof: Proof, backups_until_us: int, rules: RuleSet | None
) -> Certificate:
    """Return the certificate of an erasure, signed with the key of the log that holds its entry.

    Args:
        settings / keyring: Of the installation.
        erased: What was done.
        proof: Of the entry, with its line, which says when it was made.
        backups_until_us: When the last copy of the keys of people ends.
        rules: Those of the folder; ``None`` where they cannot be read, and then fields and stores are not listed.
    """
    entered = erased.entered
    fields = {} if rules is None else _fields(rules)
    line = msgspec.json.decode(proof.extra.line, type=Line) if proof.extra is not None else None
    statement = Statement(
        installation=settings.installation,
        log=log_name(settings, entered.slot),
        entry=entered.place,
        person=int(entered.person),
        merged=tuple(int(one) for one in entered.numbers[1:]),
        erased_us=entered.at_us if line is None else line.at_us,
        made_us=now_us(),
        identities=tuple(sorted(entered.identities.items())),
        vault_copies=erased.vault_copies,
        known_again_by=erased.n_digests,
        known_by=tuple(sorted(entered.known_by.items())),
        overwritten=erased.is_overwritten,
        backups_until_us=backups_until_us,
        in_vault=fields.get("vault", ()),
        siv=fields.get("siv", ()),
        hmac=fields.get("hmac", ()),
        stores=() if rules is None else _stores(rules, entered.identities),
    )
    return certified(statement, log_signer(keyring, entered.slot), proof.text())


def _fields(rules: RuleSet) -> Mapping[str, tuple[str, ...]]:
    """Return by word the fields that identify somebody: what of them was in the vault, or is reversible by key, or by nobody."""
    found: dict[str, list[str]] = {"vault": [], "siv": [], "hmac": []}
    for collection in rules.catalog.collections.values():
        for spec in collection.fields:
            if spec.at_rest is AtRest.VAULT:
                found["vault"].append(f"{collection.dataset}.{spec.name}")
            elif spec.identifies:
                word = "siv" if spec.at_rest is AtRest.SIV or spec.surrogate is SurrogateKind.SIV else "hmac"
                found[word].append(f"{collection.dataset}.{spec.name}")
    return {word: tuple(sorted(names)) for word, names in found.items()}


def _stores(rules: RuleSet, identities: Iterable[str]) -> tuple[str, ...]:
    """Return the datasets whose records name people by these kinds of identity."""
    kinds = set(identities)
    known = (one for one in rules.catalog.collections.values() if one.subject is not None)
    return tuple(sorted(str(one.dataset) for one in known if one.subject and str(one.subject.identity) in kinds))


class Copy(msgspec.Struct, frozen=True):
    """A copy of a base that was looked into."""

    file: Path
    header: Header


class Left(msgspec.Struct, frozen=True):
    """What was found, and what could not be looked into."""

    remains: tuple[Remain, ...]
    unseen: tuple[str, ...]


async def remaining(rooms: Rooms, numbers: Iterable[int], copies: Sequence[Copy]) -> tuple[Remain, ...]:
    """Return what of a person can still be opened, live and in copies of the bases."""
    return (await left(rooms, numbers, copies)).remains


async def left(rooms: Rooms, numbers: Iterable[int], copies: Sequence[Copy]) -> Left:
    """Return what of a person is left, live, in the files of the database and in copies of the bases.

    What is to be overwritten there is overwritten first, and told where it cannot be now.
    """
    is_overwritten = await Overwriting(rooms.store).settle()
    remains = Remains(rooms.keyring, envelope, frozenset(numbers))
    await remains.look(rooms.store)
    unseen = await remains.look_behind(rooms.store.keys)
    for copy in copies:
        held = frames(copy.file, unsealing(rooms.keyring, copy.header))
        # Whose key was deleted opens nothing, wherever it lies.
        with suppress(KeyUnavailable):
            await asyncio.to_thread(remains.look_into, str(copy.file), held)
    owed = () if is_overwritten else (Remain(where=LIVE, what=NOT_OVERWRITTEN, n=1),)
    return Left((*owed, *await remains.told()), () if unseen is None else (unseen,))


def copies_at(keyring: Keyring, files: Iterable[Path]) -> list[Copy]:
    """Return copies of this installation, each found whole; beside one of a base that of the other is taken as well.

    Raises:
        BackupUnusable: A file is none, or not whole.
    """
    digest, found = Signer(keyring), dict[Path, Header]()
    for file in files:
        header = header_of(file, digest)
        found[file.absolute()] = header
        other = _other(file.absolute(), header.base)
        if other.exists():
            found.setdefault(other, header_of(other, digest))
    for file, header in found.items():
        check_whole(file, header)
    return [Copy(file, header) for file, header in found.items()]


def _other(file: Path, base: str) -> Path:
    """Return where the copy of the other base lies if both were made together."""
    stem = file.name.removesuffix(".keys.gwb" if base == "keys" else ".gwb")
    return file.with_name(f"{stem}.gwb" if base == "keys" else f"{stem}.keys.gwb")
