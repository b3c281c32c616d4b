# SPDX-License-Identifier: Apache-2.0
"""A view plan, compiled into the one way in which rows of its collection are read and written.

RULES

1. ``In`` holds the fields that may leave and those that the row rules need; ``Out`` holds exactly
   what may leave, and only ``Out`` is ever encoded. What neither names is skipped as it is read.
2. Every field is of its declared JSON kind, null, or missing. Missing stays missing and null stays
   null. A row with any other kind in a field is malformed: it is withheld and counted.
3. A name counts byte for byte: another case, form or blank is another name, and has no field. Of a
   name that comes twice the last counts, and is treated like any other.
4. Numbers that leave clear keep all their digits: they are ``int`` or ``Decimal``, never ``float``.
5. No repr of a row shows a value.
6. What is at rest in a store leaves opened, as the plan says, or not at all: see ``strays``.

Rows are treated by columns, so that the cost of Python is paid by the block and not by the value.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import msgspec
from msgspec import UNSET

from gateway.domain.catalog import FieldType, Form
from gateway.domain.names import FieldName, JoinDomain
from gateway.domain.treatment import NOTHING
from gateway.domain.viewplan import FieldView, Row, ViewPlan
from gateway.transform.blocks import Run
from gateway.transform.cells import is_wild, people_in, texts_of
from gateway.transform.inner import Cell, SurrogateKeys
from gateway.transform.normalise import known_country
from gateway.transform.reading import Batch, Reading, or_none
from gateway.transform.rows import WITHHELD
from gateway.transform.shape import KINDS, Columns, Member, RowShape
from gateway.transform.split import rows_of
from gateway.transform.standing import Standing
from gateway.transform.strays import without_strays
from gateway.transform.surrogates import Surrogates
from gateway.transform.vaulted import NOTHING_KNOWN, NOTHING_WANTED, Known, Met, Unturned, Wanted, is_vaulted, tokens_in
from gateway.transform.vectors import Vectors
from gateway.transform.view_fields import left_kind, linking, read_fields, spec_of, view_words

Spell = Callable[[Sequence[Sequence[Cell]], int], list[bytes]]
"""Returns the rows that columns of equal length make, in a form other than JSON."""

_NO_FACTS = Row(subject=None, birth_date=None, country=None)


class Codec(Standing):
    """Reads rows of a plan's collection and writes what of them may leave; made by ``compile_codec``.

    What single texts in its fields stand for, it tells as ``Standing``.

    Attributes:
        plan: The plan that it was compiled from.
        In / Out: The types of a row as read and as written.
        read: The fields that a row is read for.
        leaving: The names of those that may leave, in the order of the collection.
        words: They by word of treatment, as ``view_words`` tells.
        linking: Of those, fields whose surrogates can be of the row's person and not of its value.
    """

    def __init__(self, plan: ViewPlan, surrogates: Surrogates) -> None:
        super().__init__(plan, surrogates)
        self._leaving = tuple(view for view in plan.views if view.treatment != NOTHING)
        self.leaving = tuple(view.field for view in self._leaving)
        self._vectors = Vectors(plan, self._leaving, surrogates)
        self.words = view_words(plan)
        self.read = tuple(read_fields(plan, self._leaving))
        self._vaulted = tuple(view for view in self._leaving if is_vaulted(spec_of(plan, view.field)))
        self._met = {view.field: Met() for view in self._vaulted}
        self.linking = linking(plan, self._leaving)
        self._in_clear = tuple(
            spec.name
            for spec in self.read
            if spec.at_rest is None and spec.type in (FieldType.TEXT, FieldType.FREE_TEXT)
        )
        self._decimals = tuple(spec.name for spec in self.read if spec.type is FieldType.DECIMAL)
        self._in = RowShape("In", [(spec.name, KINDS[spec.type]) for spec in self.read])
        self._out = RowShape("Out", [(view.field, left_kind(plan, view)) for view in self._leaving])
        self.In, self.Out = self._in.type, self._out.type
        self._row = msgspec.json.Decoder(self.In)
        self._block = _block_decoder(self.In)
        self._encoder = msgspec.json.Encoder(decimal_format="number")
        self._looks_at_country = any(
            view.treatment.level == 0 and spec_of(plan, view.field).form is Form.PHONE for view in self._leaving
        )

    def decode(self, array: bytes) -> Batch:
        """Return the rows of a JSON array; what is no row of this collection is counted as malformed.

        Raises:
            StoreMisbehaved: The text is not an array of JSON values.
        """
        return self._batch(array, or_none(self._block.decode, array))

    def reading(self) -> "Reading":
        """Return what reads one answer: rows are decoded where their end is looked for, and not again."""
        return Reading(self._block.decode, self._batch)

    def _batch(self, array: bytes, rows: Sequence[msgspec.Struct] | None) -> Batch:
        """Return the rows of an array if it was read as a whole and is sound, else those that are, one by one."""
        if rows is not None:
            columns = self._in.columns(rows)
            if self._is_sound(columns):
                return self._without_strays(Batch(rows, 0, columns))
        texts = rows_of(array)
        each = [or_none(self._row.decode, text) for text in texts]
        found = [row for row in each if row is not None and self._is_sound(self._in.columns([row]))]
        return self._without_strays(Batch(found, len(texts) - len(found), self._in.columns(found)))

    def _without_strays(self, batch: Batch) -> Batch:
        """Return rows that hold nothing at rest where no field says so."""
        n_rows = len(batch)
        found = {name: self._column(batch.columns, name, n_rows) for name in self._in_clear}
        changed: dict[str, Sequence[Member]] = {
            name: kept for name, column in found.items() if (kept := without_strays(column)) is not column
        }
        return self._with(batch, changed) if changed else batch

    def _with(self, batch: Batch, changed: Mapping[str, Sequence[Member]]) -> Batch:
        """Return rows with other columns in the place of some of theirs."""
        n_rows = len(batch)
        columns: dict[str, Sequence[Member]] = {
            path: self._in.column(batch.columns, path) for path in self._in.objects()
        }
        columns |= {spec.name: self._column(batch.columns, spec.name, n_rows) for spec in self.read}
        rows = list(self._in.build({**columns, **changed}, n_rows))
        return Batch(rows, batch.malformed, self._in.columns(rows))

    def subjects(self, batch: Batch) -> Sequence[str | None]:
        """Return whom each row is about, as text; ``None`` where nobody can be read."""
        subject = self.plan.collection.subject
        return texts_of(self._column(batch.columns, subject.field if subject else None, len(batch)))

    def rows(self, batch: Batch) -> list[Row]:
        """Return what the row rules need to know of each row."""
        collection = self.plan.collection
        if collection.subject is None and collection.birth_date is None and collection.region is None:
            return [_NO_FACTS] * len(batch)
        regions = self._column(batch.columns, collection.region, len(batch))
        countries = {region: known_country(region) for region in set(regions)}
        return [
            Row(subject=who, birth_date=born, country=countries[where])
            for who, born, where in zip(
                self.subjects(batch),
                texts_of(self._column(batch.columns, collection.birth_date, len(batch))),
                regions,
                strict=True,
            )
        ]

    def linked(self, batch: Batch, people: Sequence[int | None]) -> Batch:
        """Return rows whose linking fields stand for their people.

        Args:
            batch: Rows that this codec decoded.
            people: For each row the number of its person; ``None`` where each value is to stand for itself.
        """
        n_rows = len(batch)
        return self._with(
            batch, {name: people_in(self._column(batch.columns, name, n_rows), people) for name in self.linking}
        )

    def wanted(self, batch: Batch, classes: Sequence[int]) -> Wanted:
        """Return what is to be asked of the vault before the kept rows of a batch can be encoded."""
        opened: dict[JoinDomain, list[tuple[bytes, int]]] = {}
        unturned: list[Unturned] = []
        if not self._vaulted:
            return NOTHING_WANTED
        places = [place for place, row_class in enumerate(classes) if row_class != WITHHELD]
        countries = self._countries(batch.columns, len(batch))
        for view in self._vaulted:
            spec, column = spec_of(self.plan, view.field), self._column(batch.columns, view.field, len(batch))
            if view.treatment.level == 0:
                unturned += self._met[view.field].unturned(spec, column, countries, places)
            elif tokens := tokens_in(column, places):
                opened.setdefault(spec.join_domain, []).extend(tokens)
        return Wanted(opened=opened, unturned=unturned)

    def encode(
        self, batch: Batch, classes: Sequence[int], spell: Spell | None = None, known: Known = NOTHING_KNOWN
    ) -> list[bytes]:
        """Return each kept row as one JSON object, in order, or in another form.

        Args:
            batch: Rows that this codec decoded.
            classes: For each row its class, or ``WITHHELD``.
            spell: Spells rows from the columns of ``leaving``, in its order.
            known: What the vault said to what was ``wanted``.

        Raises:
            ValueError: There is not one known class for each row.
            KeyUnavailable: A surrogate's key is gone.
        """
        if len(classes) != len(batch):
            raise ValueError(f"{len(batch)} rows and {len(classes)} classes")
        present = set(classes)
        if len(present) == 1 and WITHHELD not in present:
            return self._encoded(batch.rows, batch.columns, classes[0], spell, known)
        lines: dict[int, bytes] = {}
        for row_class in present - {WITHHELD}:
            places = [place for place, own in enumerate(classes) if own == row_class]
            rows = [batch.rows[place] for place in places]
            made = self._encoded(rows, self._in.columns(rows), row_class, spell, known)
            lines.update(zip(places, made, strict=True))
        return [lines[place] for place in sorted(lines)]

    def run(self, batch: Batch, classes: Sequence[int], known: Known = NOTHING_KNOWN) -> Run | list[bytes]:
        """Return what ``encode`` does as JSON, where the kept rows are of one class all at once.

        Raises:
            ValueError: There is not one known class for each row.
            KeyUnavailable: A surrogate's key is gone.
        """
        kept = set(classes) - {WITHHELD}
        if len(kept) != 1 or len(classes) != len(batch):
            return self.encode(batch, classes, known=known)
        rows, columns = batch.rows, batch.columns
        if WITHHELD in classes:
            rows = [row for row, row_class in zip(rows, classes, strict=True) if row_class != WITHHELD]
            columns = self._in.columns(rows)
        return self._made(columns, kept.pop(), len(rows), known)

    def held_forms(self, batch: Batch, field: FieldName) -> list[bytes]:
        """Return the inner form of what the store holds of a field in each row; empty for what is nothing.

        Args:
            batch: Rows that this codec decoded; the field is one that may leave.
            field: Of text.

        Raises:
            KeyUnavailable: The join domain has no key in force.
        """
        spec = spec_of(self.plan, field)
        maker, cells = self._surrogates.maker(spec), self._column(batch.columns, field, len(batch))
        regions = self._column(batch.columns, self.plan.collection.region, len(batch))
        countries = {region: known_country(region) for region in set(regions)}
        return [
            (maker.form(cell, countries[region]) if isinstance(cell, str) else b"")
            for cell, region in zip(cells, regions, strict=True)
        ]

    def cells(self, batch: Batch, field: FieldName) -> Sequence[Cell]:
        """Return a field of rows as the store holds it; missing where it is not read at all."""
        return self._column(batch.columns, field, len(batch)) if field in self.leaving else [UNSET] * len(batch)

    def told(self, batch: Batch, known: Known) -> dict[str, Sequence[Cell]]:
        """Return the columns that leave, treated, of rows from which no rule takes anything more."""
        return self._treated(batch.columns, 0, len(batch), known)

    def _encoded(
        self, rows: Sequence[msgspec.Struct], columns: Columns, row_class: int, spell: Spell | None, known: Known
    ) -> list[bytes]:
        if spell is None:
            return self._made(columns, row_class, len(rows), known).each()
        treated = self._treated(columns, row_class, len(rows), known)
        missing: Sequence[Cell] = [UNSET] * len(rows)
        return spell([treated.get(name, missing) for name in self.leaving], len(rows))

    def _made(self, columns: Columns, row_class: int, n_rows: int, known: Known) -> Run:
        """Return the rows as they leave."""
        objects: dict[str, Sequence[Member]] = {path: self._in.column(columns, path) for path in self._out.objects()}
        treated = self._treated(columns, row_class, n_rows, known)
        return Run(list(self._out.build({**objects, **treated}, n_rows)), self._encoder.encode)

    def _treated(self, columns: Columns, row_class: int, n_rows: int, known: Known) -> dict[str, Sequence[Cell]]:
        """Return the columns that leave in a class of rows, treated, by field."""
        countries = self._countries(columns, n_rows)
        return {
            view.field: treat(self._opened(view, columns, n_rows, countries, known), countries)
            for view, treat in zip(self._leaving, self._vectors.of(row_class), strict=True)
            if treat is not None
        }

    def _opened(
        self, view: FieldView, columns: Columns, n_rows: int, countries: Sequence[str | None], known: Known
    ) -> Sequence[Cell]:
        """Return the column of a field; of a vault's with what its treatment is made of, in the tokens' place."""
        column = self._column(columns, view.field, n_rows)
        if view not in self._vaulted:
            return column
        spec = spec_of(self.plan, view.field)
        return known.clear(spec, column) if view.treatment.level else known.stored(spec, column, countries)

    def _column(self, columns: Columns, field: FieldName | None, n_rows: int) -> Sequence[Cell]:
        # A field's column holds values alone: objects stand only at the paths of objects.
        return [None] * n_rows if field is None else cast("Sequence[Cell]", self._in.column(columns, field))

    def _countries(self, columns: Columns, n_rows: int) -> Sequence[str | None]:
        if not self._looks_at_country:
            return ()
        regions = self._column(columns, self.plan.collection.region, n_rows)
        known = {region: known_country(region) for region in set(regions)}
        return [known[region] for region in regions]

    def _is_sound(self, columns: Columns) -> bool:
        """Tell whether all decimals are numbers of JSON that can be reckoned with: no NaN, no 1e999999999."""
        return not any(any(map(is_wild, self._column(columns, field, 0))) for field in self._decimals)


def compile_codec(plan: ViewPlan, keys: SurrogateKeys) -> Codec:
    """Return the codec of a plan.

    Raises:
        ValueError: The plan names a field, rung or level that does not exist.
    """
    return Codec(plan, Surrogates(keys, key_class=plan.key_class, recipient=plan.recipient))


def _block_decoder(row: type[msgspec.Struct]) -> msgspec.json.Decoder[list[msgspec.Struct]]:
    return msgspec.json.Decoder(list.__class_getitem__(row))
