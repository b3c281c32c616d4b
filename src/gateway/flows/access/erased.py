# SPDX-License-Identifier: Apache-2.0
"""Whether somebody who was erased would come back by a write.

RULES

1. What is created, and what an update would make of a record, is looked up among the tombstones: all records of a
   write in one question. A deletion brings nobody back.
2. Of an update that changes what somebody is known by, the record as it is counts as well, where a route for it is
   declared: so what is split over two calls is still seen together.
3. One match refuses the whole write. Which records it were is told by their places, and nothing of whom or by what;
   the entry names the tombstone, so that an officer can find what stands in the way.
4. What one account is told of in this way in a day is counted, exactly and over every process. Beyond it nothing is
   told, and the account is locked: who was erased cannot be found by asking.
5. It is looked at once more when the write is about to be sent: an erasure may have come in between.
6. A route that the person themselves calls, and says by what that can be shown, creates all the same, and lifts the
   tombstone once the store has said that it wrote: the entry comes first and names call and reference. No other route
   ever lifts one, nor does a call without a reference.
"""

from collections.abc import Mapping, Sequence

from gateway.domain.budget import BudgetKey, BudgetRule, Counted, erased_told_to
from gateway.domain.catalog import BodyKind
from gateway.domain.decision import Deny, Permit, Reason
from gateway.domain.entry import Changed
from gateway.domain.identifier import Identifier
from gateway.domain.inquiry import Inquiry, Written
from gateway.domain.names import FieldName, JoinDomain
from gateway.flows.access.call import RefusedError, Rooms
from gateway.transform.codec import Codec
from gateway.transform.identifying import identifiers_of, reader_of, uses_of
from gateway.transform.writing import MOST_NAMED

LIFTED = "tombstone-lifted"
RULE = "tombstone:"
TOO_MANY = "too many erased people asked for"
TOLD_HOURS = 24
OWN_ACT = "own-act"
"""Why a tombstone was lifted: the person came by themselves."""


class Erased:
    """The tombstones that one write meets."""

    def __init__(
        self, rooms: Rooms, inquiry: Inquiry, permit: Permit, codec: Codec, path: Mapping[FieldName, str]
    ) -> None:
        """Begin having met none.

        Args:
            path: By field what the path says of the record, as the store holds it.
        """
        self._rooms, self._inquiry, self._codec = rooms, inquiry, codec
        self._collection, self._path = permit.plan.collection, path
        self._before: dict[FieldName, str] = {}
        self._met: tuple[str, ...] = ()
        self._people: list[tuple[Identifier, ...]] = []
        self._plan = permit.plan

    async def needs_record(self) -> bool:
        """Tell whether the record as it is has to be known: what somebody is known by changes, and somebody was erased."""
        uses = uses_of(self._collection)
        named = {name for record in self._inquiry.written for name, _ in record.values}
        return self._inquiry.operation == "update" and bool(named & uses.keys()) and await self._rooms.tombstones.any()

    def see(self, array: bytes) -> None:
        """Take in the record as it is, an array of one.

        Raises:
            StoreMisbehaved: It is not as the dataset declares.
        """
        self._before |= reader_of(self._collection).values(array)

    async def judge(self) -> None:
        """Look for the people of the write.

        Raises:
            RefusedError: One of them was erased, and this is no act of theirs.
            StateUnavailable: It cannot be known now.
        """
        if self._inquiry.operation == "delete" or not self._inquiry.written:
            return
        records = await self._clear([self._after(record) for record in self._inquiry.written])
        self._people = [tuple(identifiers_of(self._collection, record)) for record in records]
        if await self._is_free() or not self._is_own_act:
            return
        # Of two who shared values and were both erased, one person's act brings back nobody but themselves.
        self._met = await self._rooms.tombstones.closest(self._people[0])

    async def judge_again(self) -> None:
        """Look for the same people, whom an erasure may be about that came meanwhile.

        Raises:
            RefusedError: One of them was erased, and this is no act of theirs.
            StateUnavailable: It cannot be known now.
        """
        if any(self._people):
            await self._is_free()

    async def _is_free(self) -> bool:
        """Tell whether none of the people was erased.

        Raises:
            RefusedError: One of them was, and this is no act of theirs.
        """
        found = await self._rooms.tombstones.matching(self._people)
        if any(found) and not self._is_own_act:
            places = self._places(found)
            await self._count(max(1, len(places)))
            first = next(ids for ids in found if ids)
            raise RefusedError(Deny(reason=Reason.ERASED_PERSON, fields=places, rule=f"{RULE}{first[0]}"))
        return not any(found)

    @property
    def _is_own_act(self) -> bool:
        """Tell whether the person calls themselves, and says by what that can be shown: it is what is entered."""
        return self._inquiry.route.by_person and bool((self._inquiry.reference or "").strip())

    async def _count(self, n_told: int) -> None:
        """Count what the refusal would tell.

        Raises:
            RefusedError: It would be too much, and tells nothing.
        """
        rooms, account = self._rooms, self._inquiry.principal.account
        key = BudgetKey(account=account, key_class=self._plan.key_class, recipient=self._plan.recipient)
        rule = BudgetRule(counts=Counted.ROWS, most=rooms.most_erased_told, hours=TOLD_HOURS)
        taken = await rooms.budgets.take(
            erased_told_to(key), (rule,), (), n_told, whole=True, now_us=rooms.clock(), counted=(Counted.ROWS,)
        )
        if taken.n_rows < n_told:
            await rooms.locks.lock(account, TOO_MANY)
            raise RefusedError(Deny(reason=Reason.HELD, rule=TOO_MANY))

    async def lift(self) -> None:
        """Lift what the person's own act met, once it is done.

        Raises:
            LogUnavailable / StateUnavailable: It stays, and the person's next act lifts it.
        """
        inquiry, rooms = self._inquiry, self._rooms
        for id_ in self._met:
            facts: dict[str, str | int] = {
                "how": OWN_ACT,
                "call": inquiry.decision_id,
                "reference": inquiry.reference or "",
            }
            await rooms.recorder.append(Changed(by=inquiry.principal.account, what=LIFTED, target=id_, facts=facts))
        if self._met:
            await rooms.tombstones.lift(self._met, rooms.clock())

    def _after(self, record: Written) -> dict[FieldName, str]:
        """Return what the record would be, as store and caller spell it; null takes a value away."""
        after = {**self._before, **self._path}
        for name, value in record.values:
            after.pop(name, None)
            if value is not None and not isinstance(value, bool):
                after[name] = str(value)
        return {name: text for name, text in after.items() if self._collection.field(name) is not None}

    async def _clear(self, records: Sequence[Mapping[FieldName, str]]) -> list[dict[FieldName, str]]:
        """Return the values that texts stand for; the vault is asked once for each join domain."""
        tokens = {
            (name, text): token
            for record in records
            for name, text in record.items()
            if (token := self._codec.vault_token(name, text))
        }
        wanted: dict[JoinDomain, set[bytes]] = {}
        for (name, _), token in tokens.items():
            if (spec := self._codec.in_vault(name)) is not None:
                wanted.setdefault(spec.join_domain, set()).add(token)
        opened: dict[bytes, str] = {}
        for domain, some in wanted.items():
            opened |= await self._rooms.vault.opened(domain, some)

        def meant(name: FieldName, text: str) -> str | None:
            token = tokens.get((name, text))
            return self._codec.meant(name, text) if token is None else opened.get(token)

        return [{name: value for name, text in record.items() if (value := meant(name, text))} for record in records]

    def _places(self, found: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
        body = self._inquiry.route.body
        if body is None or body.kind is not BodyKind.RECORDS:
            return ()
        return tuple(f"[{place}]" for place, ids in enumerate(found) if ids)[:MOST_NAMED]
