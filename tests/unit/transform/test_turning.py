# SPDX-License-Identifier: Apache-2.0
"""What each cell of a column is, and what is to stand in its place."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from gateway.domain.catalog import AnswerShape, Form
from gateway.domain.errors import StoreMisbehaved
from gateway.domain.names import FieldName, JoinDomain
from gateway.domain.turning import Found, Turned
from gateway.transform.at_rest import Stored
from gateway.transform.inner import Cell
from gateway.transform.turning import SivColumn, TurningRows
from tests.fakes.migrating import COLLECTION, spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys

KEYS = FakeSurrogateKeys()
STORED = Stored(KEYS, JoinDomain("phones"))
PHONES = SivColumn(STORED, spec("phone", Form.PHONE, at_rest="phones"))


async def over(cell: Cell, *, accept: bool = False, make: bool = True, country: str | None = None) -> Turned:
    """Return what becomes of one cell."""
    (found,) = await PHONES.over([cell], [country], [None], make=make, accept=accept)
    return found


async def test_a_value_is_sealed_and_comes_back_as_it_was() -> None:
    """And is left alone once it is sealed."""
    sealed = await over("+4930901820")
    assert sealed.found is Found.CLEAR
    assert (await over(sealed.text)).found is Found.OVER
    assert await PHONES.back([sealed.text]) == [Turned(found=Found.OVER, text="+4930901820")]
    assert await PHONES.back(["+4930901820"]) == [Turned(found=Found.CLEAR)]


async def test_a_spelling_that_would_be_lost_is_kept_unless_that_is_accepted() -> None:
    """It is read with the country of its row."""
    assert await over("030 901820", country="DE") == Turned(found=Found.LOSES)
    sealed = await over("030 901820", country="DE", accept=True)
    (back,) = await PHONES.back([sealed.text])
    assert back.text == "+4930901820"
    # What has no normal spelling comes back as it is.
    assert (await over("call after five")).found is Found.CLEAR


async def test_a_look_makes_nothing() -> None:
    """Whatever there is."""
    assert await over("+4930901820", make=False) == Turned(found=Found.CLEAR)


async def test_null_stays_null() -> None:
    """And missing stays missing."""
    nothing: list[Cell] = [None, msgspec.UNSET]
    assert await PHONES.back(nothing) == [Turned(found=Found.NULL)] * 2
    assert (await over(None)).found is Found.NULL


@pytest.mark.parametrize(
    "text",
    ["as1_" + "0" * 96, "AS7_" + "ab" * 48, "as1_", "as1_0f", "as1_" + "0" * 50, "av1_" + "0" * 32, "ah1_x"],
)
async def test_text_that_looks_like_a_surrogate_and_is_none_is_left_alone(text: str) -> None:
    """Also the beginning of one: what a short column has cut off is not sealed once more."""
    assert await over(text, accept=True) == Turned(found=Found.UNREADABLE)
    assert await PHONES.back([text]) == [Turned(found=Found.UNREADABLE)]


async def test_what_is_too_long_is_left_alone() -> None:
    """A surrogate of it could not be opened again."""
    assert await over("x" * 1100) == Turned(found=Found.TOO_LONG)


async def test_under_a_retired_key_and_in_another_case_it_is_made_anew() -> None:
    """Nothing is opened in the log, the store or on the way."""
    keys = FakeSurrogateKeys()
    column = SivColumn(Stored(keys, JoinDomain("phones")), spec("phone", Form.PHONE, at_rest="phones"))
    (first,) = await column.over(["+4930901820"], [None], [None], make=True, accept=False)
    keys.rotate()
    (second,) = await column.over([first.text], [None], [None], make=True, accept=False)
    assert second.found is Found.OLDER
    assert second.text is not None
    assert second.text.startswith("as2_")
    (shouted,) = await column.over([second.text.upper()], [None], [None], make=True, accept=False)
    assert shouted == Turned(found=Found.OLDER, text=second.text)


class Body:
    """An answer of these bytes."""

    def __init__(self, text: str) -> None:
        """Keep them."""
        self._text = text

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield them one by one."""
        for byte in self._text.encode():
            yield bytes([byte])


ROWS = TurningRows(COLLECTION, [FieldName("id")], [FieldName("phone"), FieldName("mail")])


async def test_rows_are_read_for_what_is_needed() -> None:
    """Keys as text, the person, the country, the cells; what is malformed is counted."""
    text = (
        '{"items": [{"id": "p1", "country": "de", "phone": "x", "note": [1]}, {"id": 7}, {"phone": null}, {"id": ""}]}'
    )
    page = await ROWS.page(Body(text), AnswerShape(kind="object", rows="items"))
    first, *others = page.rows
    assert (first.keys, first.subject, first.country, first.cells) == (("p1",), "p1", "DE", ("x", msgspec.UNSET))
    assert [row.keys for row in others] == [(), ()]
    assert page.malformed == 1
    assert "p1" not in repr(page)


async def test_a_record_that_is_none_is_not_read() -> None:
    """Nor one of another kind."""
    with pytest.raises(StoreMisbehaved):
        await ROWS.record(Body('{"id": "p1", "phone": 7}'), AnswerShape(kind="record"))
    assert (await ROWS.record(Body('{"id": "p1"}'), AnswerShape(kind="record"))).keys == ("p1",)
