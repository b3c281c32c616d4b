# SPDX-License-Identifier: Apache-2.0
"""A store in memory that is listed, read and patched, under whatever happens to its rows meanwhile; and rules for it."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote

from gateway.domain.catalog import (
    AnswerShape,
    AtRest,
    BodyKind,
    BodyShape,
    Catalog,
    Collection,
    FieldSpec,
    FieldType,
    Form,
    Honoured,
    Route,
    SubjectSpec,
    SurrogateKind,
)
from gateway.domain.entry import Entry, Part
from gateway.domain.names import (
    CategoryKey,
    DatasetName,
    DecisionId,
    FieldName,
    IdentityKind,
    JoinDomain,
    PersonNumber,
)
from gateway.domain.parameters import (
    Comparison,
    CursorParameter,
    FilterParameter,
    LimitParameter,
    OffsetParameter,
    PageParameter,
    Parameter,
    SortParameter,
)
from gateway.domain.treatment import ChainName
from gateway.domain.turning import UNKNOWN, ColumnState
from gateway.flows.migrating.calls import Wanted
from gateway.flows.migrating.flow import Migration
from gateway.flows.migrating.planning import Plan, plan_of
from gateway.flows.migrating.ports import Asked, Column, Rooms
from gateway.transform.at_rest import Stored
from gateway.transform.turning import SivColumn
from tests.fakes.surrogate_keys import FakeSurrogateKeys

PEOPLE = DatasetName("crm.people")
PHONE, MAIL = FieldName("phone"), FieldName("mail")
PAGING: Mapping[str, Mapping[str, Parameter]] = {
    "offset": {"limit": LimitParameter(most=50), "offset": OffsetParameter()},
    "sorted": {
        "limit": LimitParameter(most=50),
        "offset": OffsetParameter(),
        "sort": SortParameter((FieldName("id"),)),
    },
    "page": {"limit": LimitParameter(most=50), "page": PageParameter()},
    "keyset": {
        "limit": LimitParameter(most=50),
        "sort": SortParameter((FieldName("id"),)),
        "after": FilterParameter(FieldName("id"), Comparison.MORE),
    },
    "from": {
        "limit": LimitParameter(most=50),
        "sort": SortParameter((FieldName("id"),)),
        "from": FilterParameter(FieldName("id"), Comparison.AT_LEAST),
    },
    "cursor": {"limit": LimitParameter(most=50), "cursor": CursorParameter()},
    "whole": {},
}


def spec(name: str, form: Form = Form.TEXT, *, at_rest: str = "", kind: AtRest = AtRest.SIV) -> FieldSpec:
    """Return a field of text, at rest in a domain if one is said."""
    return FieldSpec(
        name=FieldName(name),
        type=FieldType.TEXT,
        categories=(CategoryKey("user.contact"),),
        chain=ChainName("text"),
        form=form,
        surrogate=SurrogateKind.SIV,
        join_domain=JoinDomain(at_rest or f"crm.people.{name}"),
        at_rest=kind if at_rest else None,
        domain_at_rest=kind if at_rest else None,
    )


COLLECTION = Collection(
    dataset=PEOPLE,
    fields=(
        spec("id"),
        spec("country"),
        spec("phone", Form.PHONE, at_rest="phones"),
        spec("mail", Form.EMAIL, at_rest="mails"),
        spec("note"),
    ),
    subject=SubjectSpec(identity=IdentityKind("crm.id"), field=FieldName("id")),
    region=FieldName("country"),
)
BY_ID = {"id": FilterParameter(FieldName("id"))}


def routes(
    paging: str = "sorted", *, body: BodyKind = BodyKind.MERGE_PATCH, reads: bool = True, tags: bool = True
) -> tuple[Route, ...]:
    """Return the routes of people: a list, a record if it is read, and its change."""
    shape = AnswerShape(kind="object", rows="items", next="next" if paging == "cursor" else None)

    def made(method: str, template: str, operation: str, answer: AnswerShape, **rest: object) -> Route:
        return Route(method=method, template=template, operation=operation, dataset=PEOPLE, answer=answer, **rest)  # type: ignore[arg-type]

    listed = made("GET", "/crm/people", "read", shape, parameters=PAGING[paging])
    one = made("GET", "/crm/people/{id}", "read", AnswerShape(kind="record"), parameters=BY_ID)
    honours = (Honoured.IF_MATCH,) if tags else ()
    answer = AnswerShape(kind="record") if reads else AnswerShape(kind="nothing")
    patch = made(
        "PATCH", "/crm/people/{id}", "update", answer, parameters=BY_ID, body=BodyShape(kind=body), honours=honours
    )
    return (listed, *((one,) if reads else ()), patch)


@dataclass
class Answer:
    """What the store answered."""

    status: int = 200
    body: bytes = b""
    etag: str | None = None

    @property
    def absent(self) -> bool:
        """Tell whether there is nothing."""
        return self.status == 404

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body in two pieces."""
        half = len(self.body) // 2
        for piece in (self.body[:half], self.body[half:]):
            if piece:
                yield piece


@dataclass
class LiveStore:
    """Rows by id, in the order in which they lie; a change may move a row to the end, as some databases do.

    Attributes:
        before: Is told of each question before it is answered, to change rows or to fail.
        lie: Makes another answer of the one that would be given.
        keeps: What the store makes of a text that it is given.
    """

    rows: dict[str, dict[str, object]] = field(default_factory=dict)
    moves: bool = False
    before: Callable[[Asked], None] = lambda _asked: None
    lie: Callable[[Asked, Answer], Answer] = lambda _asked, answer: answer
    keeps: Callable[[str], object] = lambda text: text
    asked: list[Asked] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)

    def write(self, row_id: str, **values: object) -> None:
        """Change a row, as somebody else does."""
        row = self.rows.pop(row_id) if self.moves else self.rows[row_id]
        row.update(values)
        self.rows[row_id] = row
        self.versions[row_id] = self.versions.get(row_id, 0) + 1

    @asynccontextmanager
    async def call(self, asked: Asked) -> AsyncIterator[Answer]:
        """Answer."""
        self.asked.append(asked)
        self.before(asked)
        yield self.lie(asked, self._answer(asked))

    def _answer(self, asked: Asked) -> Answer:
        if asked.path == "/people":
            return Answer(body=self._list(dict(asked.query)))
        row_id = unquote(asked.path.rsplit("/", 1)[1])
        if row_id not in self.rows:
            return Answer(status=404)
        if asked.body is not None:
            match = dict(asked.headers).get("if-match")
            if match is not None and match != self._tag(row_id):
                return Answer(status=412)
            said = json.loads(asked.body)
            self.write(row_id, **{name: self.keeps(text) for name, text in said.items()})
            if asked.route.answer.kind == "nothing":
                return Answer(status=204)
        return Answer(body=json.dumps(self.rows[row_id]).encode(), etag=self._tag(row_id))

    def _tag(self, row_id: str) -> str:
        return f'"{self.versions.get(row_id, 0)}"'

    def _list(self, query: Mapping[str, str]) -> bytes:
        rows = list(self.rows.values())
        if "sort" in query:
            rows.sort(key=lambda row: str(row["id"]))
        rows = [
            row for row in rows if str(row["id"]) > query.get("after", "") and str(row["id"]) >= query.get("from", "")
        ]
        limit = int(query.get("limit", len(rows) or 1))
        start = int(query.get("offset", 0)) + (int(query.get("page", 1)) - 1) * limit + int(query.get("cursor", 0))
        following = start + limit if start + limit < len(rows) else None
        return json.dumps({"items": rows[start : start + limit], "next": following}).encode()


class Log:
    """Entries in memory."""

    def __init__(self) -> None:
        """Begin empty."""
        self.entries: list[tuple[Entry, Part | None]] = []

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Keep one."""
        self.entries.append((entry, part))
        return len(self.entries)


class Numbers:
    """Numbers people in the order in which they are met."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self.known: dict[str, PersonNumber] = {}

    async def numbers(self, kind: IdentityKind, values: Sequence[str]) -> list[PersonNumber]:
        """Return a number for each."""
        del kind
        return [self.known.setdefault(value, PersonNumber(len(self.known) + 1)) for value in values]


class States:
    """What is known of columns, and everything that was ever said of them."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.now: dict[FieldName, ColumnState] = {}
        self.said: list[Mapping[FieldName, ColumnState]] = []

    async def read(self, dataset: DatasetName, name: FieldName) -> ColumnState:
        """Return what is known."""
        del dataset
        return self.now.get(name, UNKNOWN)

    async def write(self, dataset: DatasetName, states: Mapping[FieldName, ColumnState]) -> None:
        """Keep it."""
        del dataset
        self.said.append(states)
        self.now.update(states)


class Remembered:
    """What may hold surrogates, by what was said last."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.fields: set[FieldName] = set()

    async def hold(self, dataset: DatasetName, fields: Sequence[FieldSpec]) -> None:
        """Remember them."""
        del dataset
        self.fields.update(one.name for one in fields)

    async def let_go(self, dataset: DatasetName, fields: Sequence[FieldName]) -> None:
        """Forget them."""
        del dataset
        self.fields.difference_update(fields)


class AtOnce:
    """No pace."""

    async def next(self) -> None:
        """Return at once."""


class House:
    """A migration over fakes; what reads, seals, walks and judges is real."""

    def __init__(self, rows: int = 120, paging: str = "sorted", **how: object) -> None:
        """Begin with people who have a phone and a mail address each, in spellings that come back as they are."""
        self.store, self.log, self.people, self.states = LiveStore(), Log(), Numbers(), States()
        self.keys, self.sealed = FakeSurrogateKeys(), Remembered()
        self.slept: list[float] = []
        self.waited: list[bool] = []
        for n in range(rows):
            row_id = f"p{n:05}"
            self.store.rows[row_id] = {
                "id": row_id, "country": "DE", "phone": f"+4930{1000000 + n}", "mail": f"m{n}@example.org",
                "note": f" n {n}  ", "extra": {"kept": [n, 1.50]},
            }  # fmt: skip
        self.plan: Plan = plan_of(Catalog(collections={PEOPLE: COLLECTION}, routes=routes(paging, **how)), PEOPLE)  # type: ignore[arg-type]
        self._n = 0

    def stored(self, name: FieldName) -> Stored:
        """Return what seals a field."""
        found = self.plan.collection.field(name)
        assert found is not None
        return Stored(self.keys, found.join_domain)

    def column(self, name: FieldName) -> Column:
        """Return what turns a field."""
        found = self.plan.collection.field(name)
        assert found is not None
        return SivColumn(self.stored(name), found)

    def migration(self, *, batch: int = 20, **wanted: bool) -> Migration:
        """Return a migration that is ready to begin."""
        rooms = Rooms(
            target=self.store,
            recorder=self.log,
            people=self.people,
            columns={name: self.column(name) for name in self.plan.names},
            known=self.states,
            sealed=self.sealed,
            version_of=lambda name: self.keys.current(f"at-rest/{name}").version,
            settled=self._settled,
            new_id=self._id,
            pace=AtOnce(),
            sleep=self._sleep,
        )
        return Migration(rooms, self.plan, Wanted(rules="r", **wanted), by="local:test", batch=batch)

    def values(self, name: str) -> list[object]:
        """Return a column of the store."""
        return [row.get(name) for row in self.store.rows.values()]

    def snapshot(self) -> dict[str, str]:
        """Return every row as it lies there, to the byte."""
        return {row_id: json.dumps(row) for row_id, row in self.store.rows.items()}

    def _id(self) -> DecisionId:
        self._n += 1
        return DecisionId(f"{self._n:032x}")

    async def _settled(self, told: bool) -> None:
        self.waited.append(told)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
