# SPDX-License-Identifier: Apache-2.0
"""What was found out about a store that nobody has declared yet: a dataset as it is proposed, with the evidence.

A proposal decides nothing. Written as a dataset, each field says ``reviewed: no`` until somebody has
confirmed it, and what is not reviewed is dropped. No value of a store is kept in a proposal: it says how
many values looked like what, never which.
"""

from enum import StrEnum

import msgspec

from gateway.domain.catalog import FieldType, Route
from gateway.domain.names import CategoryKey, DatasetName, FieldName, IdentityKind, StoreName


class Confidence(StrEnum):
    """How sure a proposal of a category is."""

    CERTAIN = "certain"
    """The values carry a check that chance does not pass: a number valid by its check digits, an address of mail."""
    LIKELY = "likely"
    """Name and values agree."""
    GUESS = "guess"
    """One of them alone says so, or nothing does."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One observation about a field.

    Attributes:
        by: What observed it: ``name``, ``values``, ``openapi``, or a library (``phonenumbers``, ``stdnum``,
            ``presidio``).
        says: A sentence without any value of the store, such as ``valid phone numbers of CN and DE``.
        n_matching / n_seen: Of how many values it holds; both 0 where values played no part.
    """

    by: str
    says: str
    n_matching: int = 0
    n_seen: int = 0


class FieldProposal(msgspec.Struct, frozen=True, kw_only=True):
    """One field as it is proposed.

    Attributes:
        categories: Most telling first; never empty (``user`` where nothing is known).
        sensitive: Its category is one that laws protect specially or that identifies: a reviewer looks twice.
        references: Collection and field that this one points at (``crm.customers``, ``id``).
        join_domain: Of fields whose values mean the same thing; ``None`` for the field alone.
    """

    name: FieldName
    type: FieldType
    categories: tuple[CategoryKey, ...]
    confidence: Confidence
    evidence: tuple[Evidence, ...]
    identifies: bool = False
    sensitive: bool = False
    references: tuple[DatasetName, FieldName] | None = None
    join_domain: str | None = None


class CollectionProposal(msgspec.Struct, frozen=True, kw_only=True):
    """One collection as it is proposed.

    Attributes:
        name: Its own name, without that of the store.
        subject: Field and kind of identity of whom a row is about; ``None`` where none was found, which the
            dataset then says as a question for the review.
        birth_date / region: Fields for row conditions.
        routes: As a catalogue holds them, paths below the gateway's root.
        unsupported: What was seen and cannot be declared, a sentence each (a nested object, a route of XML).
    """

    name: str
    fields: tuple[FieldProposal, ...]
    routes: tuple[Route, ...]
    subject: tuple[FieldName, IdentityKind] | None = None
    birth_date: FieldName | None = None
    region: FieldName | None = None
    unsupported: tuple[str, ...] = ()


class DatasetProposal(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was found out about one store."""

    store: StoreName
    title: str
    collections: tuple[CollectionProposal, ...]
    unsupported: tuple[str, ...] = ()
