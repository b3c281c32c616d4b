# SPDX-License-Identifier: Apache-2.0
"""Cells of a column that is turned over: what each of them is, and what is to stand in its place.

RULES

1. What is turned over already is left alone; under a retired key it is made anew under the key in force.
2. Text in the shape of a surrogate at rest, also the beginning of one, that opens under no key of ours is neither
   sealed nor changed: a store that cuts long texts off must not have what it cut off sealed once more.
3. A value of which only the normalised spelling would come back is told apart, and left alone unless that was
   accepted.
4. Rows are read for the fields that a migration needs and for no other; no repr shows a value.
"""

import re
from collections.abc import AsyncIterator, Sequence
from typing import Protocol, cast

import msgspec
from msgspec import UNSET
from typing_extensions import override

from gateway.domain.catalog import AnswerShape, Collection, FieldSpec
from gateway.domain.errors import StoreMisbehaved
from gateway.domain.names import FieldName, PersonNumber
from gateway.domain.turning import Found, Turned
from gateway.transform.at_rest import Stored
from gateway.transform.formats import splitter_of
from gateway.transform.inner import MOST_SEALED_BYTES, Cell, inner_form, text_of
from gateway.transform.normalise import SPELLINGS, known_country
from gateway.transform.reading import or_none
from gateway.transform.shape import KINDS, RowShape
from gateway.transform.split import rows_of

_BEGINNING = re.compile(r"a[hsv][1-9][0-9]{0,8}_", re.IGNORECASE | re.ASCII)
NULL = Turned(found=Found.NULL)


def is_beginning(text: str) -> bool:
    """Tell whether a text begins like what a store is to hold in a value's place."""
    return _BEGINNING.match(text) is not None


class SivColumn:
    """A column whose field is at rest as ``siv``."""

    def __init__(self, stored: Stored, spec: FieldSpec) -> None:
        """Keep what seals and opens it."""
        self._stored, self._spell = stored, SPELLINGS[spec.form]

    async def over(
        self,
        cells: Sequence[Cell],
        countries: Sequence[str | None],
        people: Sequence[PersonNumber | None],
        *,
        make: bool,
        accept: bool,
    ) -> list[Turned]:
        """Return what each cell is, and what is to stand there once it is turned over.

        Args:
            cells: As the store holds them.
            countries: Country of each row's person.
            people: Number of each row's person.
            make: Off for a look: nothing new is made.
            accept: Turn values over of which only the normalised spelling would come back.

        Raises:
            KeyUnavailable: The domain has no key in force.
        """
        del people
        return [
            self._over(cell, country, make=make, accept=accept) for cell, country in zip(cells, countries, strict=True)
        ]

    async def back(self, cells: Sequence[Cell]) -> list[Turned]:
        """Return what each cell is, and the value that is to stand there again."""
        return [self._back(cell) for cell in cells]

    def _over(self, cell: Cell, country: str | None, *, make: bool, accept: bool) -> Turned:
        if not isinstance(cell, str):
            return NULL
        form = self._stored.form(cell)
        if form:
            anew = self._stored.made(form)
            return Turned(found=Found.OVER) if anew == cell else Turned(found=Found.OLDER, text=anew)
        if form is not None or is_beginning(cell):
            return Turned(found=Found.UNREADABLE)
        form = inner_form(self._spell, cell, country)
        if len(form) > MOST_SEALED_BYTES:
            return Turned(found=Found.TOO_LONG)
        found = Found.CLEAR if text_of(form) == cell else Found.LOSES
        if not make or (found is Found.LOSES and not accept):
            return Turned(found=found)
        return Turned(found=found, text=self._stored.made(form))

    def _back(self, cell: Cell) -> Turned:
        if not isinstance(cell, str):
            return NULL
        form = self._stored.form(cell)
        if form:
            return Turned(found=Found.OVER, text=text_of(form))
        if form is not None or is_beginning(cell):
            return Turned(found=Found.UNREADABLE)
        return Turned(found=Found.CLEAR)


class TurningRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a migration reads of one row.

    Attributes:
        keys: What the path of its record is made of; empty where a part of it cannot be read.
        subject: Identity of its person, as the store spells it.
        country: Of its person.
        cells: Of each field that is turned over.
    """

    keys: tuple[str, ...]
    subject: str | None
    country: str | None
    cells: tuple[Cell, ...]

    @override
    def __repr__(self) -> str:
        return f"<TurningRow of {len(self.cells)} cells>"


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one question.

    Attributes:
        malformed: Rows that are not as the dataset declares.
        next: Where the store says that its list goes on.
    """

    rows: tuple[TurningRow, ...]
    malformed: int = 0
    next: str | None = None


class Answer(Protocol):
    """An answer of a store."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body's pieces."""


class TurningRows:
    """Reads rows of a collection for the fields that a migration needs."""

    def __init__(self, collection: Collection, keys: Sequence[FieldName], fields: Sequence[FieldName]) -> None:
        """Make the type of a row."""
        subject = collection.subject.field if collection.subject is not None else None
        self._keys, self._fields = tuple(keys), tuple(fields)
        self._subject, self._region = subject, collection.region
        needed = dict.fromkeys((*keys, *fields, *(name for name in (subject, collection.region) if name is not None)))
        self.read = tuple(spec for spec in collection.fields if spec.name in needed)
        self._shape = RowShape("Turning", [(spec.name, KINDS[spec.type]) for spec in self.read])
        self._row = msgspec.json.Decoder(self._shape.type)
        self._array: msgspec.json.Decoder[list[msgspec.Struct]] = msgspec.json.Decoder(
            list.__class_getitem__(self._shape.type)
        )

    async def page(self, answer: Answer, shape: AnswerShape) -> Page:
        """Return the rows of a whole answer.

        Raises:
            StoreMisbehaved: It is not as the route declares.
        """
        splitter, found, n_malformed = splitter_of(shape, self.read), list[TurningRow](), 0
        async for chunk in answer.chunks():
            for array in splitter.feed(chunk):
                n_malformed += self._take(array, found)
        members = splitter.finish()
        for array in members.rest:
            n_malformed += self._take(array, found)
        return Page(rows=tuple(found), malformed=n_malformed, next=members.next)

    async def record(self, answer: Answer, shape: AnswerShape) -> TurningRow:
        """Return the one row of an answer.

        Raises:
            StoreMisbehaved: It is not as the route declares.
        """
        page = await self.page(answer, shape)
        if len(page.rows) != 1 or page.malformed:
            raise StoreMisbehaved("a record is not as the dataset declares")
        return page.rows[0]

    def _take(self, array: bytes, found: list[TurningRow]) -> int:
        rows = or_none(self._array.decode, array)
        n_malformed = 0
        if rows is None:
            each = [or_none(self._row.decode, text) for text in rows_of(array)]
            rows = [row for row in each if row is not None]
            n_malformed = len(each) - len(rows)
        found += self._rows(rows)
        return n_malformed

    def _rows(self, rows: Sequence[msgspec.Struct]) -> list[TurningRow]:
        columns = self._shape.columns(rows)

        def column(name: FieldName | None) -> Sequence[Cell]:
            none: Sequence[Cell] = [None] * len(rows)
            return none if name is None else cast("Sequence[Cell]", self._shape.column(columns, name))

        keys = [column(name) for name in self._keys]
        cells = [column(name) for name in self._fields]
        subjects, regions = column(self._subject), column(self._region)
        return [
            TurningRow(
                keys=_path([one[place] for one in keys]),
                subject=_said(subjects[place]) or None,
                country=known_country(regions[place]),
                cells=tuple(one[place] for one in cells),
            )
            for place in range(len(rows))
        ]


def _path(cells: Sequence[Cell]) -> tuple[str, ...]:
    said = tuple(map(_said, cells))
    # These two are no segments of a path, whatever they are in a store.
    return said if all(said) and not {".", ".."} & set(said) else ()


def _said(cell: Cell) -> str:
    """Return a key or an identity as text; nothing for what is none."""
    text = "" if cell is None or cell is UNSET or isinstance(cell, bool) else str(cell)
    return text if text.strip() else ""
