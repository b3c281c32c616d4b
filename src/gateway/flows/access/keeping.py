# SPDX-License-Identifier: Apache-2.0
"""What is written back as it was read: there the store's own bytes stay, to the last one.

RULES

1. A value that a caller read and writes back is none that it changes. Where what it writes stands for the same as
   what the record holds, by a surrogate, or in clear in a field that is at rest, what the record holds stays: in its
   own spelling, and sealed under the key that it was sealed under. Of a vault's field that was not turned over yet the
   vault knows which token the value has; it is asked before it is written, and gives none for that. So stays what a
   caller reads as null though the record holds something, as where a mask cannot tell what it would mask: null that is
   written over it is what was read.
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
from gateway.domain.treatment import NOTHING, Family
from gateway.domain.turning import Turn
from gateway.domain.viewplan import Row
from gateway.flows.access.ports.at_rest import Columns, Vault
from gateway.flows.access.ports.stores import StoreCall
from gateway.flows.access.vaulting import Holding
from gateway.transform.codec import Codec
from gateway.transform.inner import TOKEN, Cell, text_of
from gateway.transform.reading import Batch
from gateway.transform.vaulted import TOKEN_BYTES, Known, spelled, token_of
from gateway.transform.writing import body_of, has_surrogate

PATCHES = (BodyKind.FIELDS, BodyKind.MERGE_PATCH)


class Keeping:
    """What of one update stays as the record has it."""

    def __init__(self, inquiry: Inquiry, codec: Codec, shown: Codec | None = None) -> None:
        """Begin without the record.

        Args:
            inquiry: The update.
            codec: Of the view under which it writes.
            shown: Of the view under which the caller reads the same record, if it may.
        """
        self._inquiry, self._codec, self._shown = inquiry, codec, shown
        self._array = b""
        """The record, where something of it may be read as null."""
        self._hidden: frozenset[FieldName] = frozenset()
        """What is."""
        self._before: Mapping[FieldName, Cell] = {}
        self._country: str | None = None
        self._tokens: dict[FieldName, bytes] = {}
        """Of values that the record holds in clear still, or is to hold, by field of a vault."""

    def needs_record(self) -> bool:
        """Tell whether something is written that the record may hold already in another form."""
        return self._inquiry.operation == "update" and any(
            self._may_stay(name, value) or self._may_hide(name, value)
            for record in self._inquiry.written
            for name, value in record.values
        )

    def show(self, array: bytes) -> None:
        """Take in the record as the store sends it, as an array of one."""
        self._array = array if any(self._may_hide(name, value) for name, value in self._said.items()) else b""

    def see(self, batch: Batch, row: Row) -> None:
        """Take in the record as it is, a batch of one."""
        named = dict.fromkeys(name for record in self._inquiry.written for name, _ in record.values)
        self._before = {name: self._codec.cells(batch, name)[0] for name in named}
        self._country = row.country

    def stays(self, record: Written) -> frozenset[FieldName]:
        """Return the fields of the one record of a write in which what is written stands for what there is."""
        return frozenset(name for name, _ in self._kept(record))

    async def ask(self, vault: Vault, record: Written) -> None:
        """Ask which token a value has where it and a token stand one over the other; no value gets one by that.

        And, where null is written, which of the values that the record has tokens for are there.

        Args:
            vault: Asked at most once for each field.
            record: As the store would get it.

        Raises:
            StateUnavailable: The vault does not answer; nothing may be sent.
        """
        if self._array and self._shown is not None:
            self._hidden = await _read_as_null(self._shown, self._array, vault)
        for name, value in record.values:
            spec, before = self._codec.in_vault(name), self._held(name)
            if spec is None or not isinstance(before, str) or not isinstance(value, str):
                continue
            clear = [text for text in (before, value) if token_of(text) is None]
            known = spelled(spec, clear[0], self._country) if len(clear) == 1 else None
            (token,) = (None,) if known is None else await vault.find(spec.join_domain, [known])
            if token is not None:
                self._tokens[name] = token

    def left(self, asked: StoreCall, record: Written) -> StoreCall:
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
        said = self._said
        return [
            (name, before)
            for name, value in record.values
            if (before := self._held(name)) is not None and self._stays(name, before, value, said.get(name))
        ]

    def _stays(self, name: FieldName, before: Scalar, value: Scalar, said: Scalar) -> bool:
        if said is None:
            return name in self._hidden
        return self._may_stay(name, said) and self._is_same(name, before, value, said)

    @property
    def _said(self) -> Mapping[FieldName, Scalar]:
        """What the one record of the update says."""
        return dict(self._inquiry.written[0].values) if self._inquiry.written else {}

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
        forms = (form, self._codec.stands_for(name, value, self._country))
        if forms[0] == forms[1] or (name in self._tokens and TOKEN + self._tokens[name] in forms):
            return True
        # What was read in clear: of a surrogate at rest the value behind it, of what is not turned over itself.
        return self._is_at_rest(name) and form[:1] != TOKEN and said in (before, text_of(form))

    def _may_stay(self, name: FieldName, value: Scalar) -> bool:
        return isinstance(value, str) and (self._is_at_rest(name) or has_surrogate(value))

    def _may_hide(self, name: FieldName, value: Scalar) -> bool:
        """Tell whether the caller may have read null where the record holds something, and writes that back."""
        view = None if self._shown is None else self._shown.plan.view(name)
        if value is not None or view is None or view.treatment == NOTHING:
            return False
        return self._is_at_rest(name) or view.chain.family(view.treatment) is not Family.REVEAL

    def _is_at_rest(self, name: FieldName) -> bool:
        spec: FieldSpec | None = self._codec.plan.collection.field(name)
        return spec is not None and spec.at_rest is not None


async def _read_as_null(shown: Codec, array: bytes, vault: Vault) -> frozenset[FieldName]:
    """Return the fields of a record that a caller reads as null under a view; no value gets a token by that."""
    batch = shown.decode(array)
    if len(batch) != 1:
        return frozenset()
    wanted = shown.wanted(batch, [0])
    values = {
        domain: await vault.opened(domain, [token for token, _ in tokens]) for domain, tokens in wanted.opened.items()
    }
    tokens = dict.fromkeys(((one.domain, one.value) for one in wanted.unturned), bytes(TOKEN_BYTES))
    told = shown.told(batch, Known(values=values, tokens=tokens))
    return frozenset(FieldName(name) for name, (cell,) in told.items() if cell is None)


class GoingBack:
    """What the store is to hold where something is written, while some of its columns go back to values."""

    def __init__(self, columns: Columns, holding: Holding) -> None:
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
