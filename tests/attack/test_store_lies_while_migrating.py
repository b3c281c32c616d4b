# SPDX-License-Identifier: Apache-2.0
"""A store that lies while its column is turned over: nothing of one person goes into the record of another."""

import json
from collections.abc import Callable

import pytest

from gateway.domain.errors import StoreMisbehaved
from gateway.flows.migrating.ports import Asked
from gateway.transform.turning import is_beginning
from tests.fakes.migrating import PHONE, Answer, House

Lie = Callable[[Asked, Answer], Answer]


def with_row(change: Callable[[dict[str, object]], object]) -> Lie:
    """Return a lie about single records as they are read."""

    def lie(asked: Asked, answer: Answer) -> Answer:
        if asked.path == "/people" or not answer.body:
            return answer
        row = json.loads(answer.body)
        change(row)
        answer.body = json.dumps(row).encode()
        return answer

    return lie


def swapped(asked: Asked, answer: Answer) -> Answer:
    """Tell of each row of a list what belongs to the next one."""
    if asked.path == "/people" and answer.body:
        said = json.loads(answer.body)
        rows = said["items"]
        said["items"] = [
            row | {"phone": rows[n - 1]["phone"], "mail": rows[n - 1]["mail"]} for n, row in enumerate(rows)
        ]
        answer.body = json.dumps(said).encode()
    return answer


async def meanings(house: House) -> dict[str, object]:
    """Return whose phone is which, whether it is turned over or not."""
    cells = [str(value) for value in house.values("phone")]
    turned = await house.column(PHONE).back(cells)
    return {row_id: one.text or cell for row_id, one, cell in zip(house.store.rows, turned, cells, strict=True)}


async def test_a_record_with_another_key_is_not_written_to() -> None:
    """Asked for one person, it answers with another."""
    house = House(rows=20)
    before = house.snapshot()
    house.store.lie = with_row(lambda row: row.update(id="p99999"))
    with pytest.raises(StoreMisbehaved, match="another record"):
        await house.migration().run()
    assert house.snapshot() == before


async def test_rows_that_are_swapped_in_a_list_are_written_from_their_records() -> None:
    """What is written is made of the record as it is, not of what a list said of it."""
    house = House(rows=40)
    before = await meanings(house)
    house.store.lie = swapped
    assert not (await house.migration().run()).is_right
    assert await meanings(house) == before
    house.store.lie = lambda _asked, answer: answer
    assert (await house.migration().run()).is_right
    assert await meanings(house) == before


async def test_a_field_that_is_dropped_from_records_is_not_made_anything() -> None:
    """A list that has it and a record that has not: nothing is written, and it is told that something is left."""
    house = House(rows=20)
    before = house.snapshot()
    house.store.lie = with_row(lambda row: (row.pop("phone"), row.pop("mail")))
    report = await house.migration().run()
    assert house.snapshot() == before
    assert [one.to_turn for one in report.fields] == [20, 20]
    assert not report.is_right


async def test_a_record_that_comes_back_without_what_was_written_is_put_back() -> None:
    """It said that it wrote, and tells nothing of it: the first record ends the migration."""
    house = House(rows=20)
    before = house.snapshot()
    n_patched = 0

    def lie(asked: Asked, answer: Answer) -> Answer:
        nonlocal n_patched
        n_patched += asked.body is not None
        if n_patched and answer.body and asked.path != "/people":
            row = json.loads(answer.body)
            row["phone"] = None
            answer.body = json.dumps(row).encode()
        return answer

    house.store.lie = lie
    with pytest.raises(StoreMisbehaved, match="put back"):
        await house.migration().run()
    assert json.loads(house.snapshot()["p00000"])["phone"] == json.loads(before["p00000"])["phone"]
    assert [house.snapshot()[key] for key in list(before)[1:]] == [before[key] for key in list(before)[1:]]


async def test_a_store_that_only_says_that_it_wrote_ends_the_migration() -> None:
    """And keeps what it had."""
    house = House(rows=20)
    before = house.snapshot()

    def lie(asked: Asked) -> None:
        if asked.body is not None:
            house.store.keeps = lambda _text: house.store.rows[asked.path[-6:]]["phone"]

    house.store.before = lie
    with pytest.raises(StoreMisbehaved, match="does not hold"):
        await house.migration().run()
    assert json.loads(house.snapshot()["p00000"])["phone"] == json.loads(before["p00000"])["phone"]


@pytest.mark.parametrize("text", ["as1_" + "0" * 96, "AS1_" + "f" * 128, "as1_dead", "av1_" + "1" * 32])
async def test_a_value_that_looks_like_a_surrogate_is_neither_sealed_nor_opened(text: str) -> None:
    """Somebody wrote it before the column was at rest; it is left as it is, and told of by its place."""
    house = House(rows=20)
    house.store.write("p00003", phone=text)
    assert is_beginning(text)
    report = await house.migration().run()
    assert house.values("phone")[3] == text
    assert report.fields[0].examples == {"unreadable": (4,)}
    assert not report.is_right
    await house.migration(back=True).run()
    assert house.values("phone")[3] == text


async def test_what_was_sealed_for_another_column_is_not_opened_in_this_one() -> None:
    """A store that copies one column into another gets no value out of it."""
    house = House(rows=20)
    await house.migration().run()
    stolen = house.values("mail")[5]
    house.store.write("p00003", phone=stolen)
    report = await house.migration(back=True).run()
    assert house.values("phone")[3] == stolen
    assert report.fields[0].unreadable == 1


async def test_rows_without_a_key_or_of_another_kind_are_counted_and_left() -> None:
    """No path is made of them, whatever stands in the place of the key."""
    house = House(rows=10)
    for n, key in enumerate([None, " ", True, {"id": 1}, ["x"], ".", ".."]):
        house.store.rows[f"z{n}"] = {"id": key, "phone": "+4930901820", "mail": "a@example.org"}
    house.store.rows["slashes"] = {"id": "../orders/1?x=#", "phone": "+4930901820", "mail": "a@example.org"}
    seen: list[str] = []
    house.store.before = lambda asked: seen.append(asked.path)
    report = await house.migration().look()
    assert report.without_key == 4
    assert report.malformed >= 3
    assert set(seen) == {"/people"}
    await house.migration().run()
    assert {path for path in seen if "orders" in path} == {"/people/..%2Forders%2F1%3Fx%3D%23"}
