# SPDX-License-Identifier: Apache-2.0
"""What is told of a list that leaked: rows, scopes and decisions, and no value of it."""

from collections.abc import Mapping

import msgspec

from gateway.domain.names import IdentityKind, JoinDomain
from gateway.transform.tracing import Scope

FORMAT = "gateway-trace/1"


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules that ever were in force, and the log, say of scopes.

    Attributes:
        classes: By key class, the purposes that ever were of it.
        subjects: By join domain of a field that says whom a row is about, the kinds of identity that it holds.
        fields: By join domain, the dataset and the name of each of its fields.
        made_us: By join domain and version, when that key was made.
    """

    classes: Mapping[str, frozenset[str]]
    subjects: Mapping[JoinDomain, frozenset[IdentityKind]]
    fields: Mapping[JoinDomain, frozenset[tuple[str, str]]]
    made_us: Mapping[JoinDomain, Mapping[int, int]]


class ScopeFound(msgspec.Struct, frozen=True, kw_only=True):
    """A scope of which the list holds surrogates.

    Attributes:
        fields: ``dataset.field`` of the fields of its join domain, by all rules that were in force.
        cells / rows: Surrogates found, and the rows that they stand in.
        first_row: The first of them.
    """

    scope: Scope
    fields: tuple[str, ...]
    cells: int
    rows: int
    first_row: int


class Explains(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that released people of the list.

    Attributes:
        rows: Rows of the list whose people it released.
        more: Of those, the rows that no decision told before it explains.
        released: Rows that left by it, of whomever.
    """

    decision: str
    account: str
    client: str
    purpose: str
    dataset: str
    reference: str
    first_us: int
    last_us: int
    rows: int
    more: int
    released: int


class PartyFound(msgspec.Struct, frozen=True, kw_only=True):
    """A recipient and purpose class whose surrogates the list holds.

    Attributes:
        recipient / key_class: Both empty for what a store holds itself, which no answer ever held.
        purposes: Those that ever were of the class.
        rows_with_person: Rows of which a surrogate says whom they are about, and that person is known today.
        people: Distinct.
        rows_explained: Of those, rows whose people some decision released.
        n_decisions: How many released at least one of these people.
        decisions: The best of them.
        remarks: What cannot be said, and why.
    """

    recipient: str
    key_class: str
    purposes: tuple[str, ...]
    rows: int
    rows_with_person: int
    people: int
    rows_explained: int
    n_decisions: int
    scopes: tuple[ScopeFound, ...]
    decisions: tuple[Explains, ...]
    remarks: tuple[str, ...]


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """The answer.

    Attributes:
        unit: What a row of the list is: ``line`` or ``object``.
        cells: Text of surrogate shape in the list.
        rows: Rows with a surrogate of ours.
        unknown: Cells of this shape that no key of ours fits.
        untried: Of those, cells that were not tried against every scope.
        entries_from_files: Entries of the log that were read because its index does not have them.
    """

    format: str
    made_us: int
    made_by: str
    unit: str
    cells: int
    rows: int
    unknown: int
    untried: int
    parties: tuple[PartyFound, ...]
    entries_from_files: int
    remarks: tuple[str, ...]
