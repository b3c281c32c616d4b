# SPDX-License-Identifier: Apache-2.0
"""One decision of a migration: what it asks of the store, and what the log has of it, whatever becomes of it.

RULES

1. Whatever was read is entered, with whom it was about; and what could not be read, with why. Of a page that is after its
   reading, since nobody knows before whom it is about, and before anything is done with it.
2. An ``intent`` is durable before a write is sent, and one entry behind it says how it ended.
3. Nothing of what is read leaves but into the same record.
"""

from collections.abc import AsyncIterator, Sequence
from hashlib import sha256
from urllib.parse import quote

import msgspec
from pyroaring import BitMap

from gateway.domain.catalog import BodyKind, Honoured, Route
from gateway.domain.decision import Reason
from gateway.domain.entry import End, Facts, Intent, Part, Refused, Release
from gateway.domain.errors import Overloaded, StateUnavailable, StoreMisbehaved, StoreUnreachable
from gateway.domain.inquiry import Written
from gateway.domain.names import DecisionId, FieldName, PersonNumber
from gateway.domain.turning import MIGRATION
from gateway.flows.migrating.planning import Plan
from gateway.flows.migrating.ports import Asked, Rooms, StoreAnswer
from gateway.transform.turning import TurningRow, TurningRows
from gateway.transform.writing import body_of

PURPOSE = "essential.service.security"
"""Fideslang's word for what protects the data itself."""

DONE = (200, 201, 204)
REFUSED = {
    400: Reason.STORE_REFUSED,
    409: Reason.STORE_CONFLICT,
    413: Reason.STORE_REFUSED,
    415: Reason.STORE_REFUSED,
    422: Reason.STORE_REFUSED,
}
EMPTY = sha256(b"").hexdigest()
MERGE_PATCH = "application/merge-patch+json"

Failure = StoreUnreachable | StoreMisbehaved | Overloaded | StateUnavailable
FAILURES = (StoreUnreachable, StoreMisbehaved, Overloaded, StateUnavailable)
"""By which a call of a migration ends without its answer; what was asked for is entered all the same."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a migration is for.

    Attributes:
        accept: Values of which only the normalised spelling would come back are turned over as well.
        rules: Digest of the rules that it goes by.
    """

    back: bool = False
    accept: bool = False
    rules: str = ""


class DecidedCall:
    """What is asked of one record, and what is entered of it."""

    def __init__(
        self, rooms: Rooms, plan: Plan, wanted: Wanted, keys: tuple[str, ...], person: PersonNumber | None
    ) -> None:
        self._rooms, self._plan, self._wanted, self._keys = rooms, plan, wanted, keys
        self.person = person
        self._id: DecisionId = rooms.new_id()
        self._n = 0
        self._is_entered = False

    async def read(self, rows: TurningRows, route: Route) -> tuple[TurningRow, str | None] | None:
        """Return the record as it is, with its entity tag; ``None`` if there is none.

        Raises:
            StoreMisbehaved: Another record came, or one that cannot be read.
        """
        async with self._rooms.target.call(self._asked(route)) as answer:
            if answer.absent:
                return None
            row = await rows.record(answer, route.answer)
            if row.keys != self._keys:
                raise StoreMisbehaved("the store answered with another record than it was asked for")
            return row, answer.etag

    async def write(
        self, rows: TurningRows, values: Sequence[tuple[FieldName, str]], etag: str | None
    ) -> tuple[int, TurningRow | None]:
        """Enter and send a write; return its status, and the record that the store answered with, if it did.

        Raises:
            StoreMisbehaved: It answered with another record.
        """
        route, body = self._plan.update, self._plan.update.body
        assert body is not None  # noqa: S101 - the plan chose the route by it
        await self._intend([name for name, _ in values])
        is_conditional = etag is not None and not etag.startswith("W/") and Honoured.IF_MATCH in route.honours
        asked = msgspec.structs.replace(
            self._asked(route),
            body=body_of([Written(tuple(values))], body.kind),
            content_type=MERGE_PATCH if body.kind is BodyKind.MERGE_PATCH else "application/json",
            headers=(("if-match", etag),) if is_conditional and etag is not None else (),
            writes=True,
        )
        try:
            async with self._rooms.target.call(asked) as answer:
                told = await self._told(rows, answer)
                status = answer.status
        except (StoreUnreachable, StoreMisbehaved, Overloaded) as error:
            reason = reason_of(error)
            await self._rooms.recorder.append(End(call=self._id, how="store-failed", bytes=0, reason=reason))
            raise
        await self._ended(status)
        return status, told

    async def looked(self, route: Route, n_rows: int) -> None:
        """Enter that a record was read, and nothing of it written."""
        self._is_entered = True
        facts = facts_of(self._plan, self._wanted, route)
        people = [] if self.person is None or not n_rows else [self.person]
        await entered_read(self._rooms, self._id, facts, n_rows, people)

    async def failed(self, route: Route, error: Failure) -> None:
        """Enter that a record was asked for in vain, or read and not gone on with; of a write its own entries tell."""
        if not self._is_entered:
            self._is_entered = True
            await entered_failure(self._rooms, self._id, facts_of(self._plan, self._wanted, route), error, self._part())

    async def _told(self, rows: TurningRows, answer: StoreAnswer) -> TurningRow | None:
        route = self._plan.update
        if answer.status not in (200, 201) or route.answer.kind != "record":
            return None
        pieces = [piece async for piece in answer.chunks()]
        if not any(pieces):
            return None
        row = await rows.record(_Read(pieces), route.answer)
        if row.keys != self._keys:
            raise StoreMisbehaved("the store answered a write with another record")
        return row

    async def _intend(self, names: Sequence[FieldName]) -> None:
        word = "clear" if self._wanted.back else "surrogate"
        facts = facts_of(self._plan, self._wanted, self._plan.update)
        entry = Intent(call=self._id, records=1, written={word: tuple(names)}, facts=facts)
        self._is_entered = True
        await self._rooms.recorder.append(entry, self._part())

    async def _ended(self, status: int) -> None:
        if status in DONE:
            entry: Release | Refused = Release(
                call=self._id, n=0, rows=0, bytes=0, people=0, status=204, digest=EMPTY, last=True
            )
        else:
            refused = {404: Reason.NOT_FOUND, 412: Reason.PRECONDITION_FAILED, **REFUSED}
            reason = refused.get(status, Reason.STORE_ANSWER_INVALID)
            entry = Refused(call=self._id, reason=reason, status=status)
        await self._rooms.recorder.append(entry, self._part())

    def _part(self) -> Part:
        return Part(met=() if self.person is None else (self.person,))

    def _asked(self, route: Route) -> Asked:
        """Return a request on the record, by its path and with what the route always says."""
        values = iter(self._keys)
        segments = route.template.split("/")[2:]
        path = "".join(
            "/" + quote(next(values) if segment.startswith("{") else segment, safe="") for segment in segments
        )
        n, self._n = self._n, self._n + 1
        return Asked(route=route, decision_id=self._id, path=path, query=route.always, n=n)


class _Read:
    """An answer whose pieces are known."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the pieces."""
        for piece in self._pieces:
            yield piece


def facts_of(plan: Plan, wanted: Wanted, route: Route, *, limit: int = 0) -> Facts:
    """Return what the log keeps of a call of a migration."""
    return Facts(
        account=MIGRATION,
        purpose=PURPOSE,
        dataset=plan.dataset,
        operation=route.operation,
        method=route.method,
        route=route.template,
        rules=wanted.rules,
        named=plan.names,
        limit=limit,
    )


async def entered_read(
    rooms: Rooms, call: DecisionId, facts: Facts, n_rows: int, people: Sequence[PersonNumber | None]
) -> None:
    """Enter that rows were read by the gateway itself; not a byte of them is released to anybody."""
    known = {number for number in people if number is not None}
    entry = Release(call=call, n=0, rows=n_rows, bytes=0, people=len(known), digest=EMPTY, last=True, facts=facts)
    await rooms.recorder.append(entry, Part(people=BitMap(known).serialize() if known else b""))


async def entered_failure(rooms: Rooms, call: DecisionId, facts: Facts, error: Failure, part: Part) -> None:
    """Enter that the gateway itself asked for rows, and that nothing came of it."""
    reason = reason_of(error)
    status = 503 if reason is Reason.OVERLOADED else 502
    await rooms.recorder.append(Refused(call=call, reason=reason, status=status, facts=facts), part)


def reason_of(error: Failure) -> Reason:
    """Return the reason that a failure is told by."""
    if isinstance(error, StoreMisbehaved):
        return Reason.STORE_ANSWER_INVALID
    return Reason.STORE_UNREACHABLE if isinstance(error, StoreUnreachable) else Reason.OVERLOADED
