# SPDX-License-Identifier: Apache-2.0
"""A column turned over and back over fakes: nothing is passed over, nothing else changes, and the log says it."""

import json

import pytest

from gateway.domain.entry import Changed, Intent, Refused, Release
from gateway.domain.errors import StoreMisbehaved, StoreUnreachable
from gateway.domain.names import FieldName
from gateway.domain.turning import MIGRATION, ColumnState, Turn
from gateway.flows.migrating.ports import Asked
from tests.fakes.migrating import MAIL, PAGING, PHONE, Answer, House


def is_over(house: House) -> bool:
    """Tell whether no value is left in either column."""
    values = [*house.values("phone"), *house.values("mail")]
    return all(str(value).startswith("as1_") for value in values if value is not None)


@pytest.mark.parametrize("paging", PAGING)
async def test_there_and_back_every_row_is_as_it_was(paging: str) -> None:
    """By every way through a list; between, no value is left."""
    house = House(paging=paging)
    before = house.snapshot()

    over = await house.migration().run()
    assert over.is_right
    assert is_over(house)
    assert (over.rows, over.written, over.walks) == (120, 120, 2)
    back = await house.migration(back=True).run()

    assert back.is_right
    assert house.snapshot() == before


async def test_it_is_remembered_that_a_column_may_hold_surrogates_until_it_was_turned_back() -> None:
    """Before the first record is written, and after the whole walk that finds none."""
    house = House(rows=4)
    held = list[set[FieldName]]()

    def note(asked: Asked) -> None:
        if asked.body is not None:
            held.append(set(house.sealed.fields))

    house.store.before = note
    await house.migration().look()
    assert house.sealed.fields == set()
    await house.migration().run()
    await house.migration(back=True).run()
    assert held == [{PHONE, MAIL}] * 8
    assert house.sealed.fields == set()


@pytest.mark.parametrize("paging", PAGING)
async def test_a_look_writes_nothing_and_counts_what_there_is(paging: str) -> None:
    """Nulls, what is over already, what loses its spelling, and what cannot be turned over, with its places."""
    house = House(rows=60, paging=paging)
    house.store.write("p00001", phone=None)
    house.store.write("p00002", phone="030 1000002")
    house.store.write("p00003", mail="x" * 2000)
    house.store.write("p00004", mail="as1_" + "0" * 96)
    before = house.snapshot()
    found = await house.migration().look()
    phone, mail = found.fields

    assert (phone.to_turn, phone.null, phone.loses_spelling) == (58, 1, 1)
    assert (mail.to_turn, mail.too_long, mail.unreadable) == (58, 1, 1)
    assert (phone.examples, mail.examples) == ({"loses-spelling": (3,)}, {"too-long": (4,), "unreadable": (5,)})
    assert house.snapshot() == before
    assert {asked.route.method for asked in house.store.asked} == {"GET"}
    assert house.states.said == []


async def test_what_was_asked_for_in_vain_is_entered_as_well() -> None:
    """A page and a record that do not come, each try by itself, and nothing of them is entered as read."""
    house, failed = House(rows=4), list[Asked]()

    def fail(asked: Asked) -> None:
        if len([one for one in failed if one.path == asked.path]) < 2:
            failed.append(asked)
            raise StoreUnreachable("gone", not_sent=True)

    house.store.before = fail
    assert (await house.migration().run()).is_right
    vain = [entry for entry, _ in house.log.entries if isinstance(entry, Refused)]
    assert {one.call for one in vain} == {one.decision_id for one in failed if not one.writes}
    assert {(one.reason, one.status) for one in vain} == {("store-unreachable", 502)}
    assert {one.facts.account for one in vain if one.facts is not None} == {MIGRATION}
    told = {entry.call for entry, _ in house.log.entries if isinstance(entry, Release | Refused | Intent)}
    assert told >= {asked.decision_id for asked in house.store.asked}


async def test_what_would_lose_its_spelling_is_left_unless_that_is_accepted() -> None:
    """And then comes back in its normalised spelling."""
    house = House(rows=30)
    house.store.write("p00002", phone="030 1000002")
    kept = await house.migration().run()
    assert house.values("phone")[2] == "030 1000002"
    assert str(house.store.rows["p00002"]["mail"]).startswith("as1_")
    assert (kept.whole, kept.loses) == (True, 1)

    await house.migration(accept=True).run()
    assert is_over(house)
    await house.migration(back=True).run()
    assert house.store.rows["p00002"]["phone"] == "+49301000002"


async def test_every_record_has_an_intent_and_a_release_and_no_value_is_in_them() -> None:
    """With fields, the row's person in the part, and the one who gave the command in the entry of the whole."""
    house = House(rows=25)
    before = house.snapshot()
    await house.migration().run()
    entries = [entry for entry, _ in house.log.entries]
    intents = [(entry, part) for entry, part in house.log.entries if isinstance(entry, Intent)]
    assert len(intents) == 25
    for entry, part in intents:
        assert entry.facts is not None
        assert (entry.facts.account, entry.facts.dataset, entry.facts.operation) == (MIGRATION, "crm.people", "update")
        assert entry.written == {"surrogate": ("phone", "mail")}
        assert part is not None
        assert len(part.met) == 1
    ended = {entry.call for entry in entries if isinstance(entry, Release) and entry.last}
    assert {entry.call for entry, _ in intents} <= ended
    said = [(entry.by, entry.what) for entry in entries if isinstance(entry, Changed)]
    assert said == [("local:test", "column-turning"), ("local:test", "column-turned")]
    text = repr(house.log.entries)
    assert not [
        value
        for row in before.values()
        for value in json.loads(row).values()
        if str(value) in text and len(str(value)) > 8
    ]


async def test_doors_are_told_before_the_first_write_and_after_the_last() -> None:
    """Mixed while it is turned over, whole under one key behind it; mixed again before the first value is back."""
    house = House(rows=10)
    await house.migration().run()
    assert [state[PHONE] for state in house.states.said] == [ColumnState(Turn.OVER), ColumnState(Turn.DONE, 1)]
    assert house.waited == [False]

    await house.migration(back=True).run()
    assert house.states.now[MAIL] == ColumnState(Turn.BACK)
    assert house.waited == [False, True]


async def test_under_another_key_a_column_is_made_anew_and_was_never_clear() -> None:
    """What was sealed under the retired key is sealed under the one in force, and so is what is known of it."""
    house = House(rows=40)
    before = house.snapshot()
    await house.migration().run()
    house.keys.rotate()
    found = await house.migration().look()
    assert [one.to_turn for one in found.fields] == [40, 40]

    again = await house.migration().run()
    assert again.written == 40
    assert all(str(value).startswith("as2_") for value in house.values("phone"))
    assert house.states.now[PHONE] == ColumnState(Turn.DONE, 2)
    assert all(not state[PHONE].is_mixed for state in house.states.said[1:])
    await house.migration(back=True).run()
    assert house.snapshot() == before


async def test_what_somebody_writes_meanwhile_is_not_lost() -> None:
    """The store says 412, and the record is read again."""
    house = House(rows=30)

    def writes(asked: Asked) -> None:
        if (
            asked.body is not None
            and asked.n == 1
            and asked.path.endswith("7")
            and not house.store.versions.get(asked.path[-6:])
        ):
            house.store.write(asked.path[-6:], phone="+493099999", note="theirs")

    house.store.before = writes
    report = await house.migration().run()
    assert report.again == 3
    assert any(isinstance(entry, Refused) and entry.status == 412 for entry, _ in house.log.entries)
    house.store.before = lambda _asked: None
    await house.migration(back=True).run()
    assert [house.store.rows[f"p000{n}7"]["phone"] for n in range(3)] == ["+493099999"] * 3
    assert house.store.rows["p00017"]["note"] == "theirs"


@pytest.mark.parametrize("after", [1, 2, 7, 40, 61, 65])
async def test_broken_off_anywhere_it_goes_on_when_it_is_begun_again(after: int) -> None:
    """A row is as it was or turned over, at every moment."""
    house = House(rows=30)
    before = house.snapshot()
    plain, n_asked = house.column(PHONE), 0

    class KilledError(Exception):
        pass

    def dies(_asked: Asked) -> None:
        nonlocal n_asked
        n_asked += 1
        if n_asked == after:
            raise KilledError

    house.store.before = dies
    with pytest.raises(KilledError):
        await house.migration().run()
    cells = [str(value) for value in house.values("phone")]
    opened = [cell.text or was for cell, was in zip(await plain.back(cells), cells, strict=True)]
    assert opened == [json.loads(row)["phone"] for row in before.values()]

    assert (await house.migration().run()).is_right
    assert (await house.migration(back=True).run()).is_right
    assert house.snapshot() == before


async def test_a_store_that_does_not_answer_is_asked_again_for_a_while() -> None:
    """With longer and longer waits; then the migration ends, and loses nothing."""
    house = House(rows=30)
    n_failed = 0

    def fails(asked: Asked) -> None:
        nonlocal n_failed
        if n_failed < 4 and (asked.body is not None or n_failed < 2):
            n_failed += 1
            raise StoreUnreachable("no answer", timed_out=True)

    house.store.before = fails
    assert (await house.migration().run()).is_right
    assert len(house.slept) == 4

    def is_gone(_asked: Asked) -> None:
        raise StoreUnreachable("gone")

    house.store.before = is_gone
    with pytest.raises(StoreUnreachable):
        await house.migration(back=True).run()
    assert is_over(house)


async def test_a_column_that_is_too_short_costs_nothing() -> None:
    """The first record is written alone and looked at; its value is put back."""
    house = House(rows=30)
    before = house.snapshot()
    house.store.keeps = lambda text: text[:64]
    with pytest.raises(StoreMisbehaved, match="too short"):
        await house.migration().run()
    assert house.snapshot() == before


async def test_a_store_that_refuses_the_first_record_is_left_alone() -> None:
    """And one that refuses some of them is told of."""
    house = House(rows=30)
    before = house.snapshot()
    house.store.lie = lambda asked, answer: answer if asked.body is None else Answer(status=422)
    with pytest.raises(StoreMisbehaved, match="422"):
        await house.migration().run()
    house = House(rows=30)
    before = house.snapshot()
    plain = house.store._answer

    def some(asked: Asked) -> Answer:
        return Answer(status=409) if asked.body is not None and asked.path.endswith("9") else plain(asked)

    house.store._answer = some  # type: ignore[method-assign]
    report = await house.migration().run()
    assert (report.refused, report.is_right) == ({409: 3}, False)
    assert house.snapshot()["p00009"] == before["p00009"]


async def test_without_a_route_that_reads_one_record_it_goes_by_the_list() -> None:
    """And says that it cannot keep what others write in the same moment."""
    house = House(rows=30, reads=False, tags=False)
    before = house.snapshot()
    report = await house.migration().run()
    assert (report.is_right, report.conditional) == (True, False)
    assert (await house.migration(back=True).run()).is_right
    assert house.snapshot() == before


async def test_one_field_alone_can_be_turned_over() -> None:
    """The other stays as it is, and so does what is known of it."""
    house = House(rows=10)
    house.plan = house.plan.__class__(
        collection=house.plan.collection,
        fields=tuple(spec for spec in house.plan.fields if spec.name == "phone"),
        keys=house.plan.keys,
        walk=house.plan.walk,
        update=house.plan.update,
        record=house.plan.record,
    )
    mails = house.values("mail")
    await house.migration().run()
    assert house.values("mail") == mails
    assert FieldName("mail") not in house.states.now


async def test_a_key_that_is_rotated_in_the_last_walk_is_not_that_of_every_row() -> None:
    """What was looked at before lies under the one before: nobody may take that for unneeded."""

    async def walked(rotates_at: int) -> tuple[House, int]:
        house, n_lists = House(rows=40), 0
        for row_id in list(house.store.rows)[20:]:
            house.store.write(row_id, phone=None, mail=None)

        def before(asked: Asked) -> None:
            nonlocal n_lists
            n_lists += asked.path == "/people"
            if n_lists == rotates_at:
                house.keys.rotate()

        house.store.before = before
        assert (await house.migration().run()).is_right
        return house, n_lists

    _, last = await walked(-1)
    house, n_lists = await walked(last)
    assert n_lists == last
    assert set(house.states.now.values()) == {ColumnState(Turn.DONE, 1)}
    assert {str(value)[:4] for value in house.values("phone") if value} == {"as1_"}
