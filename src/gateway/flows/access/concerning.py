# SPDX-License-Identifier: Apache-2.0
"""Whom a write is about, and whether these people may be written to for the purpose.

RULES

1. The rules on rows hold for writes. Who is withheld from reading is withheld from writing, and who asks
   is told what it is told of a record that does not exist.
2. An update or a deletion is judged by the record as it is, which is read first where a route for it is
   declared; nothing of it leaves. An update is judged by what the record would become as well. So absent
   and withheld records take one question to the store each, and get one answer.
3. Where the record cannot be read first, the path may still say whom it is about: that is enough for a
   choice. What age and country ask for is then not known, and so they refuse.
4. What is created is judged by what is written; what is not written is not known.
5. Nobody gets a number by being asked for. Who is in a record that the store has, or has just made, gets one.
6. What the store would refuse by the tag of the record that was read is refused before erased people are looked for.
7. The record that is read is shown to whoever keeps what stays as it is (``keeping``), which may be all that it is
   read for; then a record that is absent is the store's to refuse.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from gateway.domain.catalog import Honoured, Route
from gateway.domain.decision import Deny, Permit, Reason
from gateway.domain.errors import StoreMisbehaved
from gateway.domain.inquiry import Inquiry, Scalar, Written
from gateway.domain.names import FieldName, PersonNumber
from gateway.domain.viewplan import ChoiceRule, Row
from gateway.flows.access.call import Call, RefusedError, Rooms
from gateway.flows.access.erased import Erased
from gateway.flows.access.keeping import Keeping
from gateway.flows.access.ports.stores import StoreAnswer, StoreCall
from gateway.flows.access.sending import addressed
from gateway.flows.access.vaulting import Holding
from gateway.flows.access.verdicts import absent, choice_rule, today, withheld_by
from gateway.transform.normalise import known_country
from gateway.transform.reading import Batch
from gateway.transform.rows import judge
from gateway.transform.split import RowSplitter


class Concerning:
    """The people of one write."""

    def __init__(self, rooms: Rooms, call: Call, inquiry: Inquiry, permit: Permit, holding: Holding) -> None:
        """Begin knowing nobody."""
        self._rooms, self._call, self._inquiry, self._codec = rooms, call, inquiry, holding.codec
        self._plan, codec = permit.plan, holding.codec
        self._path = addressed(permit, holding.resolve, holding.held)
        self.people: tuple[PersonNumber | None, ...] = (None,) * len(inquiry.written)
        """Whom each record that is written is about, as far as that is known."""
        self._about: tuple[str | None, ...] = ()
        """Identities of the same, as the store spells them."""
        self._subjects: tuple[str, ...] = ()
        """Identities that the write names, as the store spells them."""
        self._erased = Erased(rooms, inquiry, permit, codec, self._path)
        shown = None if permit.shown is None else rooms.codec_of(permit.shown)
        self.keeping = Keeping(inquiry, codec, shown)
        self._etag: str | None = None
        self.still_there = self._erased.judge_again
        """Refuses whom an erasure was about meanwhile; to be called when the write is about to be sent."""
        self.came_back = self._erased.lift
        """Lets who was erased and came by themselves be back; to be called once the store has written."""

    async def judge(self, records: Sequence[Written], asked: StoreCall) -> None:
        """Find the people and judge them by the rules on rows.

        Args:
            records: As the store is to get them.
            asked: The write, to know where its record can be read.

        Raises:
            RefusedError: The record is absent, or one of the people is withheld or was erased.
        """
        subject = self._plan.collection.subject
        if subject is None:
            await self._existing(asked)
            self._check_condition()
            await self._erased.judge()
            return
        existing = await self._existing(asked)
        rows = self._rows([dict(record.values) for record in records], existing)
        named = (self._path.get(subject.field), *(row.subject for row in rows))
        self._subjects = tuple(dict.fromkeys(one for one in named if one))
        if existing is not None and existing.subject is not None:
            await self._rooms.people.numbers(subject.identity, [existing.subject])
        numbers = await self._rooms.people.find_each(subject.identity, self._subjects) if self._subjects else ()
        known = dict(zip(self._subjects, numbers, strict=True))
        self._about = tuple(row.subject for row in rows[len(rows) - len(records) :])
        self.people = tuple(known.get(one or "") for one in self._about)
        self._meet(known.values())
        self._refuse_withheld(rows, [known.get(row.subject or "") for row in rows])
        self._check_condition()
        await self._erased.judge()
        met = [one for one, number in known.items() if number is not None]
        if met and any(self._codec.in_vault(name) for record in records for name, _ in record.values):
            # Who is known from the log alone gets a key with that, under which values can be sealed.
            await self._rooms.people.numbers(subject.identity, met)

    async def number(self, record: StoreAnswer | None) -> None:
        """Give a number to everybody in what was written, once the store has said that it is.

        Args:
            record: What the store answered with; it may say who was made.
        """
        subject = self._plan.collection.subject
        if subject is None:
            return
        subjects = self._subjects
        if not subjects and record is not None:
            row = await self._read(record, self._inquiry.route)
            subjects = (row.subject,) if row is not None and row.subject else ()
        if subjects:
            numbers = await self._rooms.people.numbers(subject.identity, subjects)
            self._meet(numbers)
            known = dict(zip(subjects, numbers, strict=True))
            only = subjects[0] if len(subjects) == 1 and len(self.people) == 1 else ""
            self.people = tuple(known.get(one or only) for one in self._about)
        elif self._inquiry.operation == "create":
            self._meet(await self._rooms.people.orphan_numbers(max(1, len(self._inquiry.written))))

    def _meet(self, numbers: Iterable[PersonNumber | None]) -> None:
        met = {number for number in numbers if number is not None}
        self._call.met = tuple(sorted({*self._call.met, *met}))

    async def _existing(self, asked: StoreCall) -> Row | None:
        """Return what the rules on rows need of the record as it is; ``None`` where nothing has to be read or can be.

        Raises:
            RefusedError: There is no such record.
        """
        route, is_create = None, self._inquiry.operation == "create"
        is_judged = not is_create and bool(self._plan.row_rules or await self._erased.needs_record())
        if is_judged or self.keeping.needs_record():
            route = record_route(self._rooms.rules.decider.rules.catalog.routes, self._inquiry.route)
        if route is None:
            return None
        look = StoreCall(
            store=asked.store,
            method="GET",
            path=asked.path,
            slash=route.slash,
            query=(),
            decision_id=asked.decision_id,
            shape=route.answer,
            n=1,
        )
        # From here on the log says how the call ended, also if it ends before there is an intent.
        self._call.asked = True
        async with self._rooms.target.call(look) as answer:
            self._etag = None if answer.absent else answer.etag
            found = None if answer.absent else await self._read(answer, route, self._see, self.keeping.see)
        if found is None and is_judged:
            raise RefusedError(Deny(reason=Reason.NOT_FOUND))
        return found

    def _check_condition(self) -> None:
        """Refuse what the store would refuse by the record's own tag: who asks in vain learns of nobody.

        Raises:
            RefusedError: The record is not as the caller says.
        """
        for name, value in self._inquiry.conditions if self._etag else ():
            tags = [one.strip() for one in value.split(",")]
            is_named = value == "*" or self._etag in tags
            if (name == Honoured.IF_MATCH and not is_named) or (name == Honoured.IF_NONE_MATCH and is_named):
                raise RefusedError(Deny(reason=Reason.PRECONDITION_FAILED))

    def _see(self, array: bytes) -> None:
        self._erased.see(array)
        self.keeping.show(array)

    async def _read(
        self,
        answer: StoreAnswer,
        route: Route,
        see: Callable[[bytes], None] = lambda _array: None,
        keep: Callable[[Batch, Row], None] = lambda _batch, _row: None,
    ) -> Row | None:
        """Return what the rules on rows need of a record; nothing else of it is kept.

        Args:
            see: Is shown the record as an array of one.
            keep: Is shown it as it was read.

        Raises:
            StoreMisbehaved: It is not as the dataset declares.
        """
        splitter, rows = RowSplitter(route.answer), list[Row]()
        async for chunk in answer.chunks():
            for array in splitter.feed(chunk):
                batch = self._codec.decode(array)
                if batch.malformed:
                    raise StoreMisbehaved("a record is not as the dataset declares")
                rows += self._codec.rows(batch)
                see(array)
                if len(batch):
                    keep(batch, rows[-1])
        splitter.finish()
        return rows[0] if rows else None

    def _rows(self, records: Sequence[Mapping[str, Scalar]], existing: Row | None) -> list[Row]:
        """Return what has to be allowed: what is created, or the record before and, of an update, after.

        Raises:
            RefusedError: It cannot be known.
        """
        if not self._plan.row_rules or self._inquiry.operation == "create":
            return [self._row(record) for record in records]
        if existing is not None:
            return [existing, *(self._row(record, existing) for record in records)]
        subject = self._plan.collection.subject
        named = self._path.get(subject.field) if subject is not None else None
        if named is None or not all(isinstance(rule, ChoiceRule) for rule in self._plan.row_rules):
            raise RefusedError(Deny(reason=Reason.NOT_FOUND, rule="withheld:not-known"))
        before = Row(subject=named, birth_date=None, country=None)
        return [before, *(self._row(record, before) for record in records)]

    def _row(self, record: Mapping[str, Scalar], before: Row | None = None) -> Row:
        """Return a record as the rules on rows see it; what it does not name stays as it was."""
        collection = self._plan.collection
        subject = collection.subject.field if collection.subject is not None else FieldName("")
        old = before or Row(subject=self._path.get(subject), birth_date=None, country=None)
        born, where = collection.birth_date or "", collection.region or ""
        return Row(
            subject=_text(record[subject]) if subject in record else old.subject,
            birth_date=_text(record[born]) if born in record else old.birth_date,
            country=known_country(record[where]) if where in record else old.country,
        )

    def _refuse_withheld(self, rows: Sequence[Row], numbers: Sequence[PersonNumber | None]) -> None:
        """Refuse the whole write if a rule on rows withholds one of its people."""
        rule = choice_rule(self._plan)
        against = [False] * len(rows) if rule is None else [self._by_choice(rule, number) for number in numbers]
        verdict = judge(self._plan, rows, against, today(self._rooms.clock()))
        if verdict.withheld:
            raise RefusedError(absent(verdict.withheld))

    def _by_choice(self, rule: ChoiceRule, number: PersonNumber | None) -> bool:
        # Whom nobody has met has chosen nothing.
        if number is None:
            return rule.needs_consent
        return withheld_by(self._rooms.choices.sets_for(rule.purpose), rule, [number])[0]


def record_route(routes: Iterable[Route], written: Route) -> Route | None:
    """Return the declared route by which the record of a write can be read, if there is one."""
    return next(
        (
            route
            for route in routes
            if (route.method, route.template, route.dataset) == ("GET", written.template, written.dataset)
            and route.answer.kind == "record"
        ),
        None,
    )


def _text(value: Scalar) -> str | None:
    """Return an identity or a date as text; what is none of these is not known."""
    return None if value is None or isinstance(value, bool) else str(value)
