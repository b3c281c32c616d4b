# SPDX-License-Identifier: Apache-2.0
"""What the stores hold and how they are asked: collections, their fields, and the declared routes.

Nothing here was guessed at run time: what is not in the catalogue does not exist for the gateway.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from gateway.domain.names import CategoryKey, DatasetName, FieldName, IdentityKind, JoinDomain, RecipientId, StoreName
from gateway.domain.own_data import OWN_SEGMENT, OWN_STORE
from gateway.domain.parameters import Parameter
from gateway.domain.principal import Assurance
from gateway.domain.treatment import ChainName


class FieldType(StrEnum):
    """Kind of JSON value that a store sends for a field; every field may also be null or missing."""

    TEXT = "text"
    FREE_TEXT = "free_text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"


class Form(StrEnum):
    """How a value is brought to one spelling before it is compared, masked or made a surrogate."""

    TEXT = "text"
    PHONE = "phone"
    EMAIL = "email"
    NAME = "name"
    ADDRESS = "address"
    NATIONAL_ID = "national_id"
    DATE = "date"


class SurrogateKind(StrEnum):
    """How a virtual ID is computed: ``siv`` can be reversed by the gateway, ``hmac`` by nobody."""

    SIV = "siv"
    HMAC = "hmac"


class AtRest(StrEnum):
    """What a store holds in a value's place, if not the value."""

    SIV = "siv"
    """A surrogate that the gateway opens by key alone."""
    VAULT = "vault"
    """A token; the value lies in the gateway, under the keys of the people whose it is."""


class Linking(StrEnum):
    """Of what a field's surrogates tell that it is one."""

    DEVICE = "device"
    """A person's devices: all that belong to somebody who lets them be linked have one surrogate."""


class FieldSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a collection.

    Attributes:
        categories: Each of them must be covered for the field to leave; never empty.
        join_domain: Fields of one domain and recipient get equal surrogates for equal values.
        at_rest: What the store holds; ``None`` where it holds the value itself.
        domain_at_rest: What any field of the join domain has at rest: so are surrogates of the others made.
        links: Its surrogates are of the row's person and not of its value, where that person lets them be.
        identifies: The value alone points at a person (name, phone, mail, number).
        reviewed: Somebody confirmed what is said here; of a field that nobody confirmed nothing leaves to anybody.
    """

    name: FieldName
    type: FieldType
    categories: tuple[CategoryKey, ...]
    chain: ChainName
    form: Form
    surrogate: SurrogateKind
    join_domain: JoinDomain
    at_rest: AtRest | None = None
    domain_at_rest: AtRest | None = None
    links: Linking | None = None
    identifies: bool = False
    reviewed: bool = True


class SubjectSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Which field of a row says whom the row is about, and what kind of identity it is."""

    identity: IdentityKind
    field: FieldName


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of one kind.

    Attributes:
        subject: ``None`` only where a review found that no row is about a person.
        birth_date: Field for row conditions of age, if the rows have one.
        region: Field with the person's ISO 3166-1 alpha-2 country, for row conditions of transfer.
        assurance: Below this level of proof nothing of any field leaves.
        erasable: What identifies somebody directly lies in the vault, so that it can be made unreadable.
    """

    dataset: DatasetName
    fields: tuple[FieldSpec, ...]
    subject: SubjectSpec | None
    birth_date: FieldName | None = None
    region: FieldName | None = None
    assurance: Assurance = Assurance.NONE
    erasable: bool = False

    def field(self, name: str) -> FieldSpec | None:
        """Return the field of that name, if the collection has one."""
        return next((spec for spec in self.fields if spec.name == name), None)


class MemberUse(StrEnum):
    """What becomes of a declared member beside the row list."""

    RECOUNT = "recount"
    """The number of rows in the whole result: told only where no row can be withheld."""
    DROP = "drop"


class AnswerShape(msgspec.Struct, frozen=True, kw_only=True):
    """Form of a route's answer, as the store sends it.

    Attributes:
        kind: ``array`` of rows, ``object`` with the rows in ``rows``, a single ``record``, all in JSON;
            ``ndjson`` or ``csv`` rows; ``nothing`` where an answer to a write has no body.
        members: Declared members beside the rows; any other member is dropped.
        next: Path of the member that says where the list goes on (``paging.next``), null on the last page.
        partial: The store says 206 where a page is not the whole list.
    """

    kind: str
    rows: str | None = None
    members: tuple[tuple[str, MemberUse], ...] = ()
    next: str | None = None
    partial: bool = False


class BodyKind(StrEnum):
    """What the body of a call says."""

    SEARCH = "search"
    """An object whose members are parameters: the call reads."""
    RECORD = "record"
    """One whole record, to create it or to put it in another's place."""
    RECORDS = "records"
    """An array of whole records, on a route declared for bulk."""
    FIELDS = "fields"
    """The fields of one record that change; null is a value."""
    MERGE_PATCH = "merge-patch"
    """The same as ``application/merge-patch+json`` (RFC 7396); null takes the field away."""
    MESSAGES = "messages"
    """One message or an array of them, each to a person who is named by a surrogate."""


class BodyShape(msgspec.Struct, frozen=True, kw_only=True):
    """The declared body of a call; always JSON.

    Attributes:
        parameters: Of a search: what each member means, by its path (``filter.city``).
        most: Of records: how many there may be.
        keeps_unseen: The store leaves fields that a PUT does not name as they are (reviewed).
        messages: Of messages: which member is what.
    """

    kind: BodyKind
    parameters: Mapping[str, Parameter] = {}
    most: int = 1
    keeps_unseen: bool = False
    messages: "MessageShape | None" = None


class MessageShape(msgspec.Struct, frozen=True, kw_only=True):
    """The members of a message, by path.

    Attributes:
        key: The member with the caller's own name of the message; it is not passed on.
        address: The member where the recipient wants the address, and a caller writes a surrogate.
        field: Of the collection: of which field the surrogate is.
        texts: Members that are passed on as they are; each may be missing.
    """

    key: str
    address: str
    field: FieldName
    texts: tuple[str, ...]


class Honoured(StrEnum):
    """Headers of a caller that a route may declare; any other that changes a call's meaning is refused."""

    IF_MATCH = "if-match"
    IF_NONE_MATCH = "if-none-match"
    IDEMPOTENCY_KEY = "idempotency-key"
    PREFER = "prefer"


WRITES = ("create", "update", "delete")
"""Operations that change what a store holds."""

REVEAL = "reveal"
"""Operation that gives the value of a surrogate; a grant to read gives none."""
APPROVE = "approve"
"""Operation that lets what somebody else asked for be done once."""
WITHOUT_ROUTE = (REVEAL, APPROVE)
"""Operations of the gateway itself: no route of a store has them."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One declared call of a store.

    Attributes:
        template: Path below the gateway's root, ``/crm/customers/{id}``; a brace is one segment.
        operation: ``read`` for lists, searches and single records; ``create``, ``update``, ``delete``.
        body: ``None`` where a call has no body.
        honours: Headers that the store is known to understand.
        always: Query parameters that the gateway sends with every call; a caller cannot change them.
        slash: The store's own path ends with a slash; that at the gateway never does.
        by_person: The person themselves calls it, by a form to sign up; it may bring back who was erased.
        recipient: Of messages: whom in organisation.yaml the addresses go to.
        found_by: Of messages: method and path of the list, and the parameter, by which people are found by address.
        spelled_normally: Of messages: the store holds each address in its normal spelling, or compares as if it did.
        assurance: Below this level a person has to sign in afresh, and a service needs a mandate.
    """

    method: str
    template: str
    operation: str
    dataset: DatasetName
    answer: AnswerShape
    parameters: Mapping[str, Parameter]
    body: BodyShape | None = None
    honours: tuple[Honoured, ...] = ()
    always: tuple[tuple[str, str], ...] = ()
    slash: bool = False
    by_person: bool = False
    recipient: RecipientId | None = None
    found_by: tuple[str, str, str] | None = None
    spelled_normally: bool = False
    assurance: Assurance = Assurance.NONE

    @property
    def every_parameter(self) -> tuple[Parameter, ...]:
        """Return what the route declares for path, query and body."""
        return (*self.parameters.values(), *(self.body.parameters.values() if self.body else ()))

    @property
    def store(self) -> StoreName:
        """The store that the route belongs to: the first segment of its path, or the gateway itself."""
        first = self.template.split("/", 2)[1]
        return OWN_STORE if first == OWN_SEGMENT else StoreName(first)


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """All collections and routes of a rule set."""

    collections: Mapping[DatasetName, Collection]
    routes: tuple[Route, ...]
