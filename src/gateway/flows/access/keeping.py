# SPDX-License-Identifier: Apache-2.0
"""What is written back as it was read: there the store's own bytes stay, to the last one.

RULES

1. A value that a caller read and writes back is none that it changes. Where what it writes stands for the same as
   what the record holds, by a surrogate, or in clear in a field that is at rest, what the record holds stays: in its
   own spelling, and sealed under the key that it was sealed under.
2. A clear value of a field that is not at rest is written as it is spelled: who sees the spelling may change it.
3. Of a patch, what stays is left out, so that nothing at all is written in its place; of a whole record, and of a
   patch of which nothing would be left, it is written as the record holds it.
4. The record is read for this where a route for it is declared, and where something is written that could be the same.
5. While a column is turned back, or after it was, its values are written as they are: what was turned back would not
   stay so.
"""

from collections.abc import Mapping

import msgspec
from msgspec import UNSET

from gateway.domain.catalog import BodyKind, FieldSpec
from gateway.domain.inquiry import Inquiry, Scalar, Written
from gateway.domain.names import FieldName
from gateway.domain.turning import Turn
from gateway.domain.viewplan import Row
from gateway.flows.access import ports
from gateway.flows.access.vaulting import Holding
from gateway.transform.codec import Codec
from gateway.transform.inner import TOKEN, Cell, text_of
from gateway.transform.reading import Batch
from gateway.transform.writing import body_of, has_surrogate

PATCHES = (BodyKind.FIELDS, BodyKind.MERGE_PATCH)


class Keeping:
    """What of one update stays as the record has it."""

    def __init__(self, inquiry: Inquiry, codec: Codec) -> None:
        """Begin without the record."""
        self._inquiry, self._codec = inquiry, codec
        self._before: Mapping[FieldName, Cell] = {}
        self._country: str | None = None

    def needs_record(self) -> bool:
        """Tell whether something is written that the record may hold already in another form."""
        return self._inquiry.operation == "update" and any(
            self._may_stay(name, value) for record in self._inquiry.written for name, value in record.values
        )

    def see(self, batch: Batch, row: Row) -> None:
        """Take in the record as it is, a batch of one."""
        named = dict.fromkeys(name for record in self._inquiry.written for name, _ in record.values)
        self._before = {name: self._codec.cells(batch, name)[0] for name in named}
        self._country = row.country

    def left(self, asked: ports.StoreCall, record: Written) -> ports.StoreCall:
        """Return the write with the store's own bytes wherever they stay.

        Args:
            asked: As it would be sent.
            record: The one record of it, as the store would get it.
        """
        body = self._inquiry.route.body
        kept = dict(self._kept(record))
        if body is None or not kept:
            return asked
        changed = tuple((name, value) for name, value in record.values if name not in kept)
        if body.kind not in PATCHES or not changed:
            changed = tuple((name, kept.get(name, value)) for name, value in record.values)
        return msgspec.structs.replace(asked, body=body_of([Written(changed)], body.kind))

    def _kept(self, record: Written) -> list[tuple[FieldName, Scalar]]:
        said = dict(self._inquiry.written[0].values) if self._inquiry.written else {}
        return [
            (name, before)
            for name, value in record.values
            if (before := self._held(name)) is not None
            and value is not None
            and self._may_stay(name, said.get(name))
            and self._is_same(name, before, value, said.get(name))
        ]

    def _held(self, name: FieldName) -> Scalar:
        before = self._before.get(name)
        return None if before is UNSET else before

    def _is_same(self, name: FieldName, before: Scalar, value: Scalar, said: Scalar) -> bool:
        """Tell whether what is to be written stands for what the record holds."""
        if before is None or value is None:
            return False
        form = self._codec.stands_for(name, before, self._country)
        if not form:
            return False
        if form == self._codec.stands_for(name, value, self._country):
            return True
        # What was read in clear: of a surrogate at rest the value behind it, of what is not turned over itself.
        return self._is_at_rest(name) and form[:1] != TOKEN and said in (before, text_of(form))

    def _may_stay(self, name: FieldName, value: Scalar) -> bool:
        return isinstance(value, str) and (self._is_at_rest(name) or has_surrogate(value))

    def _is_at_rest(self, name: FieldName) -> bool:
        spec: FieldSpec | None = self._codec.plan.collection.field(name)
        return spec is not None and spec.at_rest is not None


class GoingBack:
    """What the store is to hold where something is written, while some of its columns go back to values."""

    def __init__(self, columns: ports.Columns, holding: Holding) -> None:
        """Keep what is known of columns, and what a store holds as a rule."""
        self._columns, self._holding = columns, holding

    def held(self, field: FieldName, text: str, country: str | None = None) -> str | None:
        """Return what the store is to hold where a clear value of a field is written."""
        return text if self._is_back(field) else self._holding.held(field, text, country)

    def resolve(self, field: FieldName, text: str) -> str | None:
        """Return what the store is to hold where an outgoing surrogate of a field is written; ``None`` if it is none."""
        codec = self._holding.codec
        # Of a vault's surrogate the token is known and not the value; the next walk turns it back.
        if self._is_back(field) and codec.in_vault(field) is None:
            return codec.inner(field, text)
        return self._holding.resolve(field, text)

    def _is_back(self, field: FieldName) -> bool:
        spec = self._holding.codec.plan.collection.field(field)
        if spec is None or spec.at_rest is None:
            return False
        return self._columns.of(self._holding.codec.plan.dataset, field).turn is Turn.BACK
