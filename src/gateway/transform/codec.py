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

Rows are treated by columns, so that the cost of Python is paid by the block and not by the value.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import cast

import msgspec
from msgspec import UNSET, UnsetType

from gateway.domain.catalog import AtRest, FieldSpec, FieldType, Form
from gateway.domain.names import FieldName, JoinDomain
from gateway.domain.treatment import NOTHING, Family, Treatment, smaller
from gateway.domain.viewplan import FieldView, Row, RowEffect, ViewPlan
from gateway.transform.blocks import Run
from gateway.transform.inner import (
    MOST_SEALED_BYTES,
    TOKEN,
    Cell,
    Linked,
    SurrogateKeys,
    Value,
    inner_form,
    text_of,
)
from gateway.transform.normalise import SPELLINGS, known_country
from gateway.transform.opening import Opening
from gateway.transform.reading import Batch, Reading, or_none
from gateway.transform.rows import WITHHELD, row_classes
from gateway.transform.shape import KINDS, Columns, Member, RowShape
from gateway.transform.split import rows_of
from gateway.transform.surrogates import Surrogates
from gateway.transform.treat import Column, column_of
from gateway.transform.vaulted import (
    NOTHING_KNOWN,
    NOTHING_WANTED,
    Known,
    Met,
    Unturned,
    Wanted,
    is_vaulted,
    token_of,
    tokens_in,
)

MAX_EXPONENT = 1000
"""Decimals beyond this power of ten are no amounts; reckoning with them would exhaust memory."""

Spell = Callable[[Sequence[Sequence[Cell]], int], list[bytes]]
"""Returns the rows that columns of equal length make, in a form other than JSON."""

_NO_FACTS = Row(subject=None, birth_date=None, country=None)


class Codec:
    """Reads rows of a plan's collection and writes what of them may leave; made by ``compile_codec``.

    Attributes:
        plan: The plan that it was compiled from.
        In / Out: The types of a row as read and as written.
        read: The fields that a row is read for.
        leaving: The names of those that may leave, in the order of the collection.
        words: They by word of treatment, as ``view_words`` tells.
        linking: Of those, fields whose surrogates can be of the row's person and not of its value.
    """

    def __init__(self, plan: ViewPlan, surrogates: Surrogates) -> None:
        self.plan = plan
        self._surrogates = surrogates
        self._leaving = tuple(view for view in plan.views if view.treatment != NOTHING)
        self.leaving = tuple(view.field for view in self._leaving)
        self._rules = row_classes(plan)
        self._vectors: dict[int, tuple[Column | None, ...]] = {}
        self._vector(0)  # a plan that contradicts itself fails here, and not with its first row
        self.words = view_words(plan)
        self.read = tuple(_read_fields(plan, self._leaving))
        self._vaulted = tuple(view for view in self._leaving if is_vaulted(_spec(plan, view.field)))
        self._met = Met()
        self.linking = _linking(plan, self._leaving)
        self._decimals = tuple(spec.name for spec in self.read if spec.type is FieldType.DECIMAL)
        self._in = RowShape("In", [(spec.name, KINDS[spec.type]) for spec in self.read])
        self._out = RowShape("Out", [(view.field, _left_kind(plan, view)) for view in self._leaving])
        self.In, self.Out = self._in.type, self._out.type
        self._row = msgspec.json.Decoder(self.In)
        self._block = _block_decoder(self.In)
        self._encoder = msgspec.json.Encoder(decimal_format="number")
        self._looks_at_country = any(
            view.treatment.level == 0 and _spec(plan, view.field).form is Form.PHONE for view in self._leaving
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
                return Batch(rows, 0, columns)
        texts = rows_of(array)
        each = [or_none(self._row.decode, text) for text in texts]
        found = [row for row in each if row is not None and self._is_sound(self._in.columns([row]))]
        return Batch(found, len(texts) - len(found), self._in.columns(found))

    def subjects(self, batch: Batch) -> Sequence[str | None]:
        """Return whom each row is about, as text; ``None`` where nobody can be read."""
        subject = self.plan.collection.subject
        return _texts(self._column(batch.columns, subject.field if subject else None, len(batch)))

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
                _texts(self._column(batch.columns, collection.birth_date, len(batch))),
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
        columns: dict[str, Sequence[Member]] = {
            path: self._in.column(batch.columns, path) for path in self._in.objects()
        }
        for spec in self.read:
            cells = self._column(batch.columns, spec.name, n_rows)
            columns[spec.name] = cells if spec.name not in self.linking else _people_in(cells, people)
        rows = list(self._in.build(columns, n_rows))
        return Batch(rows, batch.malformed, self._in.columns(rows))

    def wanted(self, batch: Batch, classes: Sequence[int]) -> Wanted:
        """Return what is to be asked of the vault before the kept rows of a batch can be encoded."""
        opened: dict[JoinDomain, list[tuple[bytes, int]]] = {}
        unturned: list[Unturned] = []
        if not self._vaulted:
            return NOTHING_WANTED
        places = [place for place, row_class in enumerate(classes) if row_class != WITHHELD]
        countries = self._countries(batch.columns, len(batch))
        for view in self._vaulted:
            spec, column = _spec(self.plan, view.field), self._column(batch.columns, view.field, len(batch))
            if view.treatment.level == 0:
                unturned += self._met.unturned(spec, column, countries, places)
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

    def resolve(self, field: FieldName, text: str) -> str | None:
        """Return the value that a surrogate of this plan's scope stands for, as the store holds it; ``None`` if it is none."""
        spec = self.plan.collection.field(field)
        value = None if spec is None else self._surrogates.inner(spec, text)
        return value if value is None else self.held(field, value)

    def in_vault(self, field: FieldName) -> FieldSpec | None:
        """Return a field in whose place the store holds tokens of the vault; ``None`` for any other."""
        spec = self.plan.collection.field(field)
        return spec if spec is not None and is_vaulted(spec) else None

    def token_or_value(self, field: FieldName, text: str) -> tuple[bytes | None, str | None]:
        """Return what a surrogate of this plan's scope stands for in a vault: a token, or a value of before; or neither."""
        spec = _spec(self.plan, field)
        token = self._surrogates.token(spec, text)
        return (token, None) if token is not None else (None, self._surrogates.inner(spec, text))

    def forms(self, field: FieldName, texts: Sequence[str]) -> list[bytes]:
        """Return the inner form that each surrogate of this plan's scope stands for; empty where it is none.

        Raises:
            KeyUnavailable: The join domain has no key in force.
        """
        return Opening(self._surrogates.keys, _spec(self.plan, field), self._surrogates.scope).forms(texts)

    def held_forms(self, batch: Batch, field: FieldName) -> list[bytes]:
        """Return the inner form of what the store holds of a field in each row; empty for what is nothing.

        Args:
            batch: Rows that this codec decoded; the field is one that may leave.
            field: Of text.

        Raises:
            KeyUnavailable: The join domain has no key in force.
        """
        spec = _spec(self.plan, field)
        maker, cells = self._surrogates.maker(spec), self._column(batch.columns, field, len(batch))
        regions = self._column(batch.columns, self.plan.collection.region, len(batch))
        countries = {region: known_country(region) for region in set(regions)}
        return [
            (maker.form(cell, countries[region]) if isinstance(cell, str) else b"")
            for cell, region in zip(cells, regions, strict=True)
        ]

    def held(self, field: FieldName, text: str, country: str | None = None) -> str | None:
        """Return a value as the store holds it: itself, or its surrogate at rest; ``None`` if it can have none.

        Of a vault's field nothing: which token it has is for the vault to say.

        Raises:
            KeyUnavailable: The join domain has no key for values at rest in force.
        """
        spec = _spec(self.plan, field)
        if is_vaulted(spec):
            return None
        stored = self._surrogates.stored(spec)
        if stored is None:
            return text
        return stored.sealed(SPELLINGS[spec.form], text, country)

    def cells(self, batch: Batch, field: FieldName) -> Sequence[Cell]:
        """Return a field of rows as the store holds it; missing where it is not read at all."""
        return self._column(batch.columns, field, len(batch)) if field in self.leaving else [UNSET] * len(batch)

    def stands_for(self, field: FieldName, held: Value, country: str | None = None) -> bytes:
        """Return the inner form that what a store holds stands for, at rest or not; empty where it is nothing."""
        spec = _spec(self.plan, field)
        if spec.at_rest is AtRest.VAULT and isinstance(held, str) and (token := token_of(held)) is not None:
            return TOKEN + token if token else b""
        stored = self._surrogates.stored(spec) if isinstance(held, str) else None
        form = None if stored is None else stored.form(str(held))
        return inner_form(SPELLINGS[spec.form], held, country) if form is None else form

    def every_form(self, field: FieldName, clear: str, oldest: int, *, mixed: bool) -> tuple[str, ...]:
        """Return all that may stand in a store for a value of a field that is at rest as ``siv``, likeliest first.

        Args:
            field: Which.
            clear: The value, as somebody asks for it.
            oldest: Version of the oldest key that anything may be sealed under.
            mixed: The column may hold the value itself.

        Raises:
            KeyUnavailable: The join domain has no key for values at rest in force.
        """
        spec = _spec(self.plan, field)
        stored, form = self._surrogates.stored(spec), inner_form(SPELLINGS[spec.form], clear)
        if stored is None:
            return (clear,)
        sealed = stored.every(form, oldest) if len(form) <= MOST_SEALED_BYTES else ()
        return tuple(dict.fromkeys((*sealed, clear, text_of(form)) if mixed else sealed))

    def inner(self, field: FieldName, surrogate: str) -> str | None:
        """Return the normalised value that a surrogate of this plan's scope stands for, else ``None``."""
        spec = self.plan.collection.field(field)
        return None if spec is None else self._surrogates.inner(spec, surrogate)

    def vault_token(self, field: FieldName, text: str) -> bytes | None:
        """Return the token that a text of a vault's field stands for, at rest or outgoing; nothing for any other text."""
        if self.in_vault(field) is None:
            return None
        return token_of(text) or self._surrogates.token(_spec(self.plan, field), text) or None

    def meant(self, field: FieldName, text: str) -> str | None:
        """Return the value in clear that a text stands for which a caller writes or a store holds.

        Returns:
            The text itself where it stands for itself; ``None`` where it stands for nothing, or a token.
        """
        spec = _spec(self.plan, field)
        if is_vaulted(spec) and (token_of(text) is not None or self._surrogates.token(spec, text)):
            return None
        inner = self._surrogates.inner(spec, text)
        if inner is not None:
            return inner
        stored = self._surrogates.stored(spec)
        form = None if stored is None else stored.form(text)
        if form is None:
            return text
        return text_of(form) if form else None

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
            for view, treat in zip(self._leaving, self._vector(row_class), strict=True)
            if treat is not None
        }

    def _opened(
        self, view: FieldView, columns: Columns, n_rows: int, countries: Sequence[str | None], known: Known
    ) -> Sequence[Cell]:
        """Return the column of a field; of a vault's with what its treatment is made of, in the tokens' place."""
        column = self._column(columns, view.field, n_rows)
        if view not in self._vaulted:
            return column
        spec = _spec(self.plan, view.field)
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

    def _vector(self, row_class: int) -> tuple[Column | None, ...]:
        """Return how each leaving field is treated in a class of rows; made when first asked for."""
        if not 0 <= row_class < 1 << len(self._rules):
            raise ValueError(f"there is no class {row_class} of rows")
        if row_class not in self._vectors:
            self._vectors[row_class] = tuple(self._treatment(view, row_class) for view in self._leaving)
        return self._vectors[row_class]

    def _treatment(self, view: FieldView, row_class: int) -> Column | None:
        treatment = view.treatment
        for place, rule in enumerate(self._rules):
            if row_class >> place & 1 and rule.effect is RowEffect.UNLINK:
                treatment = smaller(treatment, Treatment(treatment.level, link=False))
            elif row_class >> place & 1 and view.field in rule.fields:
                treatment = smaller(treatment, NOTHING)
        return column_of(_spec(self.plan, view.field), view.chain, treatment, self._surrogates)

    def _is_sound(self, columns: Columns) -> bool:
        """Tell whether all decimals are numbers of JSON that can be reckoned with: no NaN, no 1e999999999."""
        return not any(any(map(_is_wild, self._column(columns, field, 0))) for field in self._decimals)


def compile_codec(plan: ViewPlan, keys: SurrogateKeys) -> Codec:
    """Return the codec of a plan.

    Raises:
        ValueError: The plan names a field, rung or level that does not exist.
    """
    return Codec(plan, Surrogates(keys, key_class=plan.key_class, recipient=plan.recipient))


def view_words(plan: ViewPlan) -> dict[str, tuple[FieldName, ...]]:
    """Return, by word of treatment, the fields that may leave under a plan; what is dropped is not told."""
    words: dict[str, tuple[FieldName, ...]] = {}
    for view in plan.views:
        family = view.chain.family(view.treatment)
        if family is not Family.DROP:
            words[family.value] = (*words.get(family.value, ()), view.field)
    return words


def _linking(plan: ViewPlan, leaving: Sequence[FieldView]) -> frozenset[FieldName]:
    """Return the fields that leave as surrogates and may link what belongs to one person."""
    rule = plan.link_rule
    return frozenset(view.field for view in leaving if rule and view.treatment.level == 0 and view.field in rule.fields)


def _people_in(cells: Sequence[Cell], people: Sequence[int | None]) -> list[Member]:
    """Return a column that stands for people where they are said; null stays null, missing stays missing."""
    return [
        cell if person is None or cell is None or cell is UNSET else Linked(person)
        for cell, person in zip(cells, people, strict=True)
    ]


def _spec(plan: ViewPlan, field: FieldName) -> FieldSpec:
    spec = plan.collection.field(field)
    if spec is None:
        raise ValueError(f"collection {plan.dataset} has no field {field}")
    return spec


def _read_fields(plan: ViewPlan, leaving: Sequence[FieldView]) -> list[FieldSpec]:
    """Return the specs of the fields that a row is read for: those that leave, then those rules need."""
    collection = plan.collection
    subject = collection.subject.field if collection.subject else None
    needed = [view.field for view in leaving]
    needed += [name for name in (subject, collection.birth_date, collection.region) if name is not None]
    return [_spec(plan, name) for name in dict.fromkeys(needed)]


def _left_kind(plan: ViewPlan, view: FieldView) -> type[Value]:
    """Return the kind that a field may leave in: its own where it is revealed, else text."""
    return KINDS[_spec(plan, view.field).type] if view.chain.family(view.treatment) is Family.REVEAL else str


def _block_decoder(row: type[msgspec.Struct]) -> msgspec.json.Decoder[list[msgspec.Struct]]:
    return msgspec.json.Decoder(list.__class_getitem__(row))


def _is_wild(value: Cell) -> bool:
    return isinstance(value, Decimal) and not (value.is_finite() and -MAX_EXPONENT < value.adjusted() < MAX_EXPONENT)


def _texts(column: Sequence[Cell]) -> Sequence[str | None]:
    kinds = set(map(type, column))
    # The usual columns are looked at without a turn of Python for each row.
    if kinds == {str} and all(map(str.strip, cast("Sequence[str]", column))):
        return cast("Sequence[str]", column)
    return [str(one) for one in column] if kinds == {int} else list(map(_spelled, column))


def _spelled(value: Cell) -> str | None:
    """Return a value of a row as text; ``None`` for null, missing and blank."""
    if isinstance(value, str):
        return value if value and not value.isspace() else None
    return None if value is None or isinstance(value, UnsetType) else str(value)
