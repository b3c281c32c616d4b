# SPDX-License-Identifier: Apache-2.0
"""The scope of an incident as a value: what is told, in text, Markdown and JSON alike."""

from collections.abc import Mapping

import msgspec

from gateway.record.reading.agreeing import Stand

FORMAT = "gateway-incident-scope/1"


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """What went one way.

    Attributes:
        entries: Blocks of answers, each with an entry of its own.
        people: Distinct.
    """

    name: str
    people: int
    rows: int
    entries: int


class FieldReach(msgspec.Struct, frozen=True, kw_only=True):
    """One field as it left.

    Attributes:
        treatment: ``reveal`` (in clear), ``surrogate`` (in coded form), ``mask`` or ``generalise``.
        people: Distinct people in whose answers it could leave so, at most.
    """

    dataset: str
    field: str
    treatment: str
    people: int


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What was written through the gateway; entered before it was forwarded, so at most this."""

    entries: int
    records: int
    people: int
    entries_without_people: int
    fields: Mapping[str, tuple[str, ...]]


class Refusals(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that were refused, and so reached nobody."""

    calls: int
    reasons: Mapping[str, int]
    datasets: Mapping[str, int]


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """What a scope rests on.

    Attributes:
        logs: Each log, with the entries of it that were read and its newest signed root.
        entries_from_files: Entries that the index did not have yet, or was not trusted for.
    """

    logs: tuple[Stand, ...]
    entries_from_files: int
    remarks: tuple[str, ...]


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """The answer.

    Attributes:
        people: Distinct people whose rows were released.
        people_at_most: The same, if everybody in entries without people were somebody else.
        with_identity / without_identity: Of those people, by whether an identity is known today.
        identities: Identities of those people, by kind.
        first_us / last_us: Times of the first and last release; ``None`` for none.
        entries_without_people: Releases whose parts were deleted.
        people_in_clear / people_in_coded_form_only: Of the people, those of whom at least one field could
            leave in clear, and those of whom nothing but surrogates could.
    """

    format: str
    made_us: int
    made_by: str
    asked: Mapping[str, str | int]
    query: str
    people: int
    people_at_most: int
    with_identity: int
    without_identity: int
    identities: Mapping[str, int]
    people_in_clear: int
    people_in_coded_form_only: int
    rows: int
    entries: int
    bytes: int
    first_us: int | None
    last_us: int | None
    entries_without_people: int
    fields: tuple[FieldReach, ...]
    purposes: tuple[Count, ...]
    recipients: tuple[Count, ...]
    datasets: tuple[Count, ...]
    accounts: tuple[Count, ...]
    clients: tuple[Count, ...]
    written: Written
    refused: Refusals
    passed_on: Mapping[str, int]
    cut_short: int
    rests_on: Basis
