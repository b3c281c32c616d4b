# SPDX-License-Identifier: Apache-2.0
"""Writes what the log tells of people, choices and holds into a database that is older than the log.

RULES

1. This runs while no process of the installation is ready, so it may write to tables that belong to
   other modules; they say so of nobody else.
2. Everything is told in the order in which it happened and may be told again: to apply a suffix of the
   log twice comes to the same as to apply it once.
3. A lookup has the number that it got last. One that was merged since is the number it was merged into,
   and one that was shredded is nobody's, whatever a process says of it that had read it before.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from pyroaring import BitMap
from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.names import PersonNumber
from gateway.domain.replay import (
    ApprovalRefused,
    ApprovalSpent,
    ChoicesMade,
    HoldsLifted,
    HoldsSet,
    ListOpened,
    MandateApproved,
    MandateAsked,
    MandateRevoked,
    MessagesIntended,
    NumbersGiven,
    PeopleMerged,
    PersonErased,
    PersonShredded,
    Replayed,
    TombstoneLifted,
)
from gateway.store import approvals, choices, dispatches, mandates, tombstones, vault_tables
from gateway.store.chunks import chunks
from gateway.store.engine import Store
from gateway.store.overwriting import Overwriting
from gateway.store.people_tables import note_merge
from gateway.store.schema import dispatched, hold, incident_list, person_identity, person_key, person_merge
from gateway.store.sealed_rows import VERSION_BYTES
from gateway.store.vault_copies import Copies
from gateway.store.versions import Topic, bump

WORDS: Mapping[type[Replayed], str] = {
    NumbersGiven: "people numbered",
    PeopleMerged: "people merged",
    PersonShredded: "people shredded",
    PersonErased: "people erased",
    TombstoneLifted: "tombstones lifted",
    ChoicesMade: "choices",
    HoldsSet: "holds set",
    HoldsLifted: "holds lifted",
    ListOpened: "words for lists of incidents",
    ApprovalSpent: "approvals spent",
    ApprovalRefused: "approvals refused",
    MandateAsked: "mandates",
    MandateApproved: "approvals of mandates",
    MandateRevoked: "mandates revoked",
    MessagesIntended: "messages",
}
"""What was news, in words for people."""


class Replay:
    """Applies what happened; satisfies ``flows.restore.ports.State`` together with ``Settling``."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], int],
        is_shredded: Callable[[int], bool] = lambda _version: False,
        vault: Copies | None = None,
    ) -> None:
        """Keep what it works with.

        Args:
            is_shredded: Tells of a version of the key that wraps the keys of people whether it is shredded.
            vault: Carries over what the vault has of people who were merged; ``None`` where nothing is in it.
        """
        self._vault = vault
        self._store = store
        self._clock = clock
        self._is_shredded = is_shredded
        self._shredded: set[int] = set()

    async def apply(self, happened: Sequence[Replayed]) -> dict[str, int]:
        """Apply what happened, in order and in one transaction; return how much of what was news."""
        news: Counter[str] = Counter()
        shredded = False
        async with self._store.begin() as connection:
            for topic in (Topic.CHOICES, Topic.HOLDS, Topic.PEOPLE):
                await bump(connection, topic)
            for one in happened:
                news[WORDS[type(one)]] += await self._applied(connection, one)
                shredded |= isinstance(one, PersonShredded | PersonErased)
        if shredded:
            # No opening waits for it: who reads keeps it from being done now, and the worker tries again.
            await Overwriting(self._store).owe()
            await self._store.keys.fold()
            await self._store.main.fold()
        return {word: n for word, n in news.items() if n}

    async def forget_unreadable(self) -> int:
        """Drop sealed values whose key is gone, so that they are sealed again when they are seen; return how many.

        Identities are counted. Of the vault, tokens stay, so that a value that is seen again is what stores hold of it.
        """
        held = await self._held_keys()
        of = person_identity.c
        async with self._store.begin() as connection:
            rows = await connection.execute(select(of.lookup, of.number).where(of.sealed.is_not(None)))
            bare = [lookup for lookup, number in rows if number not in held]
            for some in chunks(bare):
                await connection.execute(update(person_identity).where(of.lookup.in_(some)).values(sealed=None))
            await vault_tables.drop_dead(connection, held.__contains__)
        return len(bare)

    async def _held_keys(self) -> BitMap:
        """Return whose keys can be opened; those that were wrapped under a version that is shredded by now are deleted."""
        of, gone = person_key.c, list[int]()
        first = func.substr(of.wrapped, 1, VERSION_BYTES, type_=of.wrapped.type)
        held = BitMap()
        async with self._store.keys.connect() as connection:
            shredded: dict[bytes, bool] = {}
            for number, version in await connection.execute(select(of.number, first)):
                if version not in shredded:
                    shredded[version] = self._is_shredded(int.from_bytes(version, "big"))
                if shredded[version]:
                    gone.append(number)
                else:
                    held.add(number)
        async with self._store.keys.begin() as connection:
            for some in chunks(gone):
                await connection.execute(delete(person_key).where(of.number.in_(some)))
        return held

    async def _applied(self, connection: AsyncConnection, one: Replayed) -> int:
        match one:
            case NumbersGiven():
                return await self._numbered(connection, one)
            case PeopleMerged():
                return await self._merged(connection, one)
            case PersonShredded():
                return await self._shred(connection, one.person)
            case PersonErased():
                return await self._erase(connection, one)
            case TombstoneLifted():
                return await tombstones.lift(connection, [one.tombstone], one.at_us)
            case ChoicesMade():
                fresh = await choices.unrecorded(connection, one.choices)
                await choices.keep(connection, fresh, one.source, self._clock())
                return len(fresh)
            case HoldsSet():
                return await _held(connection, one)
            case HoldsLifted():
                return await _lifted(connection, one)
            case ListOpened():
                return await _spent(connection, one)
            case ApprovalSpent():
                return await approvals.spent_again(connection, one.approval, one.at_us)
            case ApprovalRefused():
                return await approvals.refused_again(connection, one.approval, one.by, one.at_us)
            case MandateAsked():
                return await mandates.keep(connection, one.mandate, is_sqlite=self._store.is_sqlite)
            case MandateApproved():
                is_sqlite = self._store.is_sqlite
                return await mandates.approve(connection, one.mandate, one.account, one.at_us, is_sqlite=is_sqlite)
            case MandateRevoked():
                return await mandates.revoke(connection, one.mandate, one.by, one.at_us)
            case MessagesIntended():
                return await self._intended(connection, one)

    async def _numbered(self, connection: AsyncConnection, one: NumbersGiven) -> int:
        """Write which lookups have which numbers; return how many of them were not known so."""
        now = await _after_merges(connection, [number for _, number in one.numbers])
        went = {lookup: now.get(number, number) for lookup, number in one.numbers}
        wanted = {lookup: number for lookup, number in went.items() if number not in self._shredded}
        held: dict[bytes, int] = {}
        of = person_identity.c
        for some in chunks(list(wanted)):
            rows = await connection.execute(select(of.lookup, of.number).where(of.lookup.in_(some)))
            held.update((lookup, number) for lookup, number in rows)
        new = [
            {
                "lookup": lookup,
                "kind": one.kind,
                "number": number,
                "sealed": None,
                "created_us": one.at_us,
                "entered": True,
            }
            for lookup, number in wanted.items()
            if lookup not in held
        ]
        other = [{"of": lookup, "now": wanted[lookup]} for lookup, number in held.items() if number != wanted[lookup]]
        if new:
            await connection.execute(insert(person_identity), new)
        if other:
            moved = update(person_identity).where(of.lookup == bindparam("of"))
            await connection.execute(moved.values(number=bindparam("now"), sealed=None, entered=True), other)
        return len(new) + len(other)

    async def _merged(self, connection: AsyncConnection, one: PeopleMerged) -> int:
        """Let the identities of one number be those of another; they are sealed again when they are seen."""
        of_source = select(person_merge.c.number).where(person_merge.c.number == one.source)
        if (await connection.execute(of_source)).one_or_none() is not None:
            return 0
        moved = update(person_identity).where(person_identity.c.number == one.source)
        await connection.execute(moved.values(number=one.target, sealed=None))
        await note_merge(connection, one.source, one.target, one.at_us)
        await choices.carry_over(connection, one.source, one.target, self._clock())
        if self._vault is not None:
            await self._vault.carry_over(connection, one.source, one.target, one.at_us)
        await self._forget_key(one.source)
        return 1

    async def _shred(self, connection: AsyncConnection, person: PersonNumber) -> int:
        self._shredded.add(person)
        await vault_tables.keep_out_adders(connection)
        await self._forget_key(person)
        await vault_tables.forget(connection, person)
        gone = await connection.execute(delete(person_identity).where(person_identity.c.number == person))
        return 1 if gone.rowcount else 0

    async def _intended(self, connection: AsyncConnection, one: MessagesIntended) -> int:
        """Let no message of a call be sent again that the database does not know of."""
        rows = [{"key": key, "call": one.call, "state": "unknown", "at_us": one.at_us} for key in one.keys]
        n_new = 0
        for some in chunks(rows):
            n_new += len(await dispatches.add(connection, some, is_sqlite=self._store.is_sqlite))
        of = dispatched.c
        for keys in chunks(one.keys):
            # The copy may hold that an earlier try failed; this one is later, and nobody knows of it.
            later = update(dispatched).where(of.key.in_(keys), of.state == "failed", of.at_us <= one.at_us)
            await connection.execute(later.values(call=one.call, state="unknown", at_us=one.at_us))
        return n_new

    async def _erase(self, connection: AsyncConnection, one: PersonErased) -> int:
        if one.tombstone:
            await tombstones.keep(connection, one.tombstone, one.digests, one.at_us)
        n_identities = 0
        for person in one.people:
            n_identities += await self._shred(connection, person)
        return 1 if n_identities else 0

    async def _forget_key(self, person: PersonNumber) -> None:
        async with self._store.keys.begin() as connection:
            await connection.execute(delete(person_key).where(person_key.c.number == person))


async def _after_merges(connection: AsyncConnection, numbers: Sequence[PersonNumber]) -> dict[int, int]:
    """Return where numbers went that were merged into others."""
    went: dict[int, int] = {}
    of = person_merge.c
    for some in chunks(numbers):
        rows = await connection.execute(select(of.number, of.into_number).where(of.number.in_(some)))
        went.update((source, target) for source, target in rows)
    return went


async def _held(connection: AsyncConnection, one: HoldsSet) -> int:
    ids = [hold_id for hold_id, _ in one.holds]
    known = set((await connection.execute(select(hold.c.id).where(hold.c.id.in_(ids)))).scalars())
    rows = [
        {
            "id": hold_id,
            "account": one.account,
            "category": cap.category,
            "rung": cap.rung,
            "link": cap.link,
            "reason": cap.reason,
            "created_us": one.at_us,
            "until_us": one.until_us,
        }
        for hold_id, cap in one.holds
        if hold_id not in known
    ]
    if rows:
        await connection.execute(insert(hold), rows)
    return len(rows)


async def _lifted(connection: AsyncConnection, one: HoldsLifted) -> int:
    still = update(hold).where(hold.c.id.in_(one.ids), hold.c.lifted_us.is_(None))
    return (await connection.execute(still.values(lifted_us=one.at_us))).rowcount


async def _spent(connection: AsyncConnection, one: ListOpened) -> int:
    """Take back a word that was spent on an opening; what was said later waits still."""
    waiting = update(incident_list).where(incident_list.c.id == one.list_id, incident_list.c.account.is_not(None))
    return (await connection.execute(waiting.where(incident_list.c.said_us <= one.at_us).values(account=None))).rowcount
