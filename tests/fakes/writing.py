# SPDX-License-Identifier: Apache-2.0
"""Rules under which people may be written to, calls that write, and a store that remembers what it was sent."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

import msgspec

from gateway.decide.rules import RuleSet
from gateway.domain.catalog import AnswerShape, BodyKind, BodyShape, Catalog, Honoured, Route
from gateway.domain.inquiry import Filter, Inquiry, Scalar, Written
from gateway.domain.names import CategoryKey, FieldName
from gateway.domain.parameters import FilterParameter
from gateway.domain.principal import Principal
from gateway.flows.access.ports.stores import StoreAnswer, StoreCall
from tests.fakes.access import AccessHouse
from tests.fakes.deciding import COLLECTION, PEOPLE, PERSON, PURPOSE, equal, grant, inquiry, rules

NOTHING, RECORD = AnswerShape(kind="nothing"), AnswerShape(kind="record")
BY_ID = {"id": FilterParameter(FieldName("id"))}


def route(
    method: str, operation: str, kind: BodyKind | None = None, *, answer: AnswerShape = RECORD, **changes: object
) -> Route:
    """Return a route of people; what is not created is named by its path."""
    created = operation == "create"
    made = Route(
        method=method,
        template="/crm/people" if created else "/crm/people/{id}",
        operation=operation,
        dataset=PEOPLE,
        answer=answer,
        parameters={} if created else BY_ID,
        body=None if kind is None else BodyShape(kind=kind, most=100),
    )
    return msgspec.structs.replace(made, **changes)


READ_ONE = msgspec.structs.replace(route("GET", "read"), parameters=BY_ID)
CREATE = route("POST", "create", BodyKind.RECORD)
CREATE_MANY = route("POST", "create", BodyKind.RECORDS, answer=NOTHING, template="/crm/people/bulk")
PATCH = route("PATCH", "update", BodyKind.MERGE_PATCH, honours=(Honoured.IF_MATCH, Honoured.IDEMPOTENCY_KEY))
DELETE = route("DELETE", "delete", answer=NOTHING)

COLLECTED = ("user.id", "user.name", "user.contact", "user.birth")
ALLOWS = tuple(
    grant(category, operation=operation)
    for operation in ("create", "update", "delete")
    for category in ("user.id", "user.name", "user.contact", "user.birth")
)


def writing_rules(
    *,
    grants: Iterable[object] = (),
    collects: Sequence[str] = COLLECTED,
    readable: bool = True,
    consent: bool = False,
    routes: Sequence[Route] = (READ_ONE, CREATE, PATCH, DELETE),
    **changes: object,
) -> RuleSet:
    """Return rules by which a campaigner may write.

    Args:
        grants: Lines beside those that allow all of it.
        readable: What is written may be read again.
        consent: The purpose needs consent.
    """
    purpose = msgspec.structs.replace(
        PURPOSE,
        operations=("read", "create", "update", "delete"),
        collects=tuple(map(CategoryKey, collects)),
        needs_consent=consent,
    )
    # People are read by their own number too, so that a path may name it.
    allows = [*ALLOWS, *(grant(category) for category in COLLECTED)] if readable else [*ALLOWS]
    return rules(
        catalog=Catalog(collections={PEOPLE: COLLECTION}, routes=tuple(routes)),
        purposes={purpose.key: purpose},
        grants=(*allows, *grants),
        **changes,
    )


def written(**values: Scalar) -> Written:
    """Return a record."""
    return Written(tuple((FieldName(name), value) for name, value in values.items()))


def write(
    to: Route,
    *records: Mapping[str, Scalar],
    of: str | None = None,
    who: Principal = PERSON,
    filters: Iterable[Filter] = (),
    conditions: Iterable[tuple[str, str]] = (),
) -> Inquiry:
    """Return a call that writes records; ``of`` is what its path names."""
    in_path = () if of is None else (msgspec.structs.replace(equal("id", of), in_path=True),)
    return msgspec.structs.replace(
        inquiry(who=who),
        operation=to.operation,
        route=to,
        filters=(*in_path, *filters),
        written=tuple(written(**record) for record in records),
        conditions=tuple(conditions),
    )


class Answered(msgspec.Struct, frozen=True):
    """What a store answers to one method."""

    status: int = 200
    body: bytes = b""
    etag: str | None = None
    error: Exception | None = None
    error_at_end: Exception | None = None

    @property
    def absent(self) -> bool:
        """Tell whether there is no such record."""
        return self.status == 404

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body in two pieces."""
        half = len(self.body) // 2
        for piece in (self.body[:half], self.body[half:]):
            if piece:
                yield piece
        if self.error_at_end is not None:
            raise self.error_at_end


class MethodStore:
    """Answers by method, and says to ``on_call`` what it was asked before it answers.

    Attributes:
        calls: What was asked.
    """

    def __init__(self, **answers: Answered) -> None:
        self.answers = answers
        self.calls: list[StoreCall] = []
        self.on_call: Callable[[StoreCall], None] = lambda _: None

    @asynccontextmanager
    async def call(self, call: StoreCall) -> AsyncIterator[StoreAnswer]:
        """Answer."""
        self.calls.append(call)
        self.on_call(call)
        answer = self.answers[call.method]
        if answer.error is not None:
            raise answer.error
        yield answer

    @property
    def methods(self) -> list[str]:
        """What was asked, by method."""
        return [call.method for call in self.calls]


class WriteHouse(AccessHouse):
    """The access flow over fakes, before a store that answers by method.

    A person is known and wanted; the test changes what it is about.
    """

    def __init__(self, of: RuleSet | None = None) -> None:
        super().__init__(of if of is not None else writing_rules())
        self.store = MethodStore(
            GET=Answered(body=person("c1")),
            POST=Answered(status=201, body=person("c9")),
            PATCH=Answered(body=person("c1")),
            DELETE=Answered(status=204),
        )
        self.rooms = msgspec.structs.replace(self.rooms, target=self.store)


def person(identity: str | None, *, born: str = "1980-05-01", **other: object) -> bytes:
    """Return a record as the store sends it."""
    return msgspec.json.encode(
        {"id": identity, "name": "Eve", "email": "eve@x.org", "born": born, "notes": "n"} | other
    )
