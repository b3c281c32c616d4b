# SPDX-License-Identifier: Apache-2.0
"""Whom a write is about: who is withheld cannot be written to, and is answered like who is not there."""

import msgspec
import pytest

from gateway.decide.rules import AgeCondition
from gateway.domain.decision import Reason
from gateway.domain.entry import End, Refused, Release
from gateway.domain.errors import LogUnavailable
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import DecisionId
from gateway.domain.viewplan import RowEffect
from gateway.flows.access.concerning import record_route
from tests.fakes.deciding import MINORS, red_line
from tests.fakes.writing import (
    CREATE,
    CREATE_MANY,
    DELETE,
    PATCH,
    READ_ONE,
    Answered,
    WriteHouse,
    person,
    write,
    writing_rules,
)

CHILD = "2020-01-01"
RENAME = write(PATCH, {"name": "Ida"}, of="c1")
REMOVE = write(DELETE, of="c1")


async def refused(house: WriteHouse, asked: Inquiry) -> Refused:
    """Return the entry of a write that must have been refused before it was sent."""
    house.asked = asked
    out = await house.run()
    assert out.refusal is not None
    assert out.refusal.reason is Reason.NOT_FOUND
    assert out.refusal.fields == ()
    assert set(house.store.methods) <= {"GET"}
    entry = house.entries[-1]
    assert isinstance(entry, Refused)
    return entry


async def against(house: WriteHouse, identity: str) -> None:
    """Let a person object."""
    (number,) = await house.people.numbers("crm.id", [identity])  # type: ignore[arg-type]
    house.choices.now = msgspec.structs.replace(house.choices.now, against=frozenset({number}))


@pytest.mark.parametrize("asked", [RENAME, REMOVE])
async def test_absent_and_withheld_take_one_question_and_get_one_answer(asked: Inquiry) -> None:
    """The log alone knows which it was."""
    absent, withheld = WriteHouse(), WriteHouse()
    absent.store.answers["GET"] = Answered(status=404)
    await against(withheld, "c1")

    one, other = await refused(absent, asked), await refused(withheld, asked)
    assert absent.store.methods == withheld.store.methods == ["GET"]
    assert msgspec.structs.replace(one, rule=None) == msgspec.structs.replace(other, rule=None)
    assert (one.rule, other.rule) == (None, "withheld:choice")


async def test_who_is_asked_for_and_not_there_gets_no_number() -> None:
    """And who is there gets one before the intent."""
    house = WriteHouse()
    house.store.answers["GET"] = Answered(status=404)
    await refused(house, RENAME)
    assert house.people.known == {}

    house = WriteHouse()
    house.asked = RENAME
    await house.run()
    _, part = house.recorder.entries[0]
    assert part is not None
    assert part.met == (house.people.known["c1"],)


async def test_what_is_created_is_judged_by_what_is_written() -> None:
    """A person who objected is not made anew; a stranger may be, and is numbered by what the store made."""
    house = WriteHouse()
    await against(house, "c1")
    await refused(house, write(CREATE, {"id": "c1", "name": "Ida"}))

    house = WriteHouse()
    house.asked = write(CREATE, {"name": "Ida"})
    await house.run()
    assert house.store.methods == ["POST"]
    _, part = house.recorder.entries[-1]
    assert part is not None
    assert part.met == (house.people.known["c9"],)


async def test_one_who_objected_refuses_a_whole_bulk() -> None:
    """All or nothing; which of them it was is not told."""
    house = WriteHouse()
    await against(house, "c2")
    await refused(house, write(CREATE_MANY, {"id": "c1"}, {"id": "c2"}))


async def test_where_consent_is_needed_a_stranger_is_not_written_to() -> None:
    """Whom nobody met chose nothing; who is not named cannot have chosen."""
    for record in ({"id": "c1"}, {"name": "Ida"}):
        entry = await refused(WriteHouse(writing_rules(consent=True)), write(CREATE, record))
        assert entry.rule in {"withheld:choice", "withheld:no-subject"}
    house = WriteHouse(writing_rules(consent=True))
    await house.people.numbers("crm.id", ["c1"])  # type: ignore[arg-type]
    house.asked = write(CREATE, {"id": "c1"})
    assert (await house.run()).refusal is None


async def test_age_is_judged_by_the_record_before_and_after() -> None:
    """A child's record is not changed, and no record is made a child's."""
    house = WriteHouse(writing_rules(red_lines=(MINORS,)))
    house.store.answers["GET"] = Answered(body=person("c1", born=CHILD))
    assert (await refused(house, RENAME)).rule == "withheld:age"
    assert (await refused(house, REMOVE)).rule == "withheld:age"

    house = WriteHouse(writing_rules(red_lines=(MINORS,)))
    assert (await refused(house, write(PATCH, {"born": CHILD}, of="c1"))).rule == "withheld:age"
    house.asked = write(PATCH, {"born": "1980-05-02"}, of="c1")
    assert (await house.run()).answer is not None


async def test_what_is_created_tells_its_own_age() -> None:
    """A birth date that is not written is not known, and so it is caught."""
    for record in ({"name": "Ida"}, {"name": "Ida", "born": CHILD}, {"name": "Ida", "born": None}):
        house = WriteHouse(writing_rules(red_lines=(MINORS,)))
        assert (await refused(house, write(CREATE, record))).rule == "withheld:age"
    house = WriteHouse(writing_rules(red_lines=(MINORS,)))
    house.asked = write(CREATE, {"name": "Ida", "born": "1980-05-01"})
    assert (await house.run()).answer is not None


async def test_where_the_record_cannot_be_looked_at_the_path_is_enough_for_a_choice_and_for_no_more() -> None:
    """Without a declared route for the record, age is not known."""
    blind = WriteHouse(writing_rules(routes=(PATCH,)))
    blind.asked = RENAME
    assert (await blind.run()).answer is not None
    assert blind.store.methods == ["PATCH"]
    unwilling = WriteHouse(writing_rules(routes=(PATCH,)))
    await against(unwilling, "c1")
    assert (await refused(unwilling, RENAME)).rule == "withheld:choice"
    await refused(WriteHouse(writing_rules(routes=(PATCH,), consent=True)), RENAME)
    old = WriteHouse(writing_rules(routes=(PATCH,), red_lines=(MINORS,)))
    assert (await refused(old, RENAME)).rule == "withheld:not-known"


async def test_a_record_that_changes_hands_is_judged_for_both_people() -> None:
    """The one whom it is about now, and the one whom it would be about."""
    contact = msgspec.structs.replace(PATCH, template="/crm/people/{email}")
    look = msgspec.structs.replace(READ_ONE, template="/crm/people/{email}")
    asked = write(contact, {"id": "c2"})
    house = WriteHouse(writing_rules(routes=(contact, look)))
    asked = msgspec.structs.replace(
        asked,
        filters=tuple(
            msgspec.structs.replace(each, field="email", parameter="email", value="eve@x.org")
            for each in RENAME.filters
        ),
    )
    await against(house, "c2")
    assert (await refused(house, asked)).rule == "withheld:choice"
    await against(house, "c1")
    assert (await refused(house, asked)).rule == "withheld:choice"


async def test_a_rule_that_blanks_a_field_withholds_who_writes_it() -> None:
    """Other fields of the same person may be written."""
    line = red_line("no-names", "user.name", age=AgeCondition(under_years=18, effect=RowEffect.BLANK))
    house = WriteHouse(writing_rules(red_lines=(line,)))
    house.store.answers["GET"] = Answered(body=person("c1", born=CHILD))
    await refused(house, RENAME)
    house.asked = write(PATCH, {"email": "ida@x.org"}, of="c1")
    assert (await house.run()).answer is not None


async def test_an_unreadable_record_is_not_written_to() -> None:
    """What the store sends where its record was looked at is not as declared."""
    house = WriteHouse()
    house.store.answers["GET"] = Answered(body=b'{"id": {}}')
    house.asked = RENAME
    out = await house.run()
    assert out.refusal is not None
    assert (out.refusal.reason, house.store.methods) == (Reason.STORE_ANSWER_INVALID, ["GET"])


async def test_a_store_that_was_asked_for_the_record_is_in_the_log_although_there_is_no_intent() -> None:
    """The disk refused the intent; the store has a request of this call all the same."""
    house = WriteHouse()
    house.asked = RENAME
    house.recorder.fails_at = 0
    with pytest.raises(LogUnavailable):
        await house.run()
    assert house.store.methods == ["GET"]
    assert house.entries == [End(call=DecisionId("d"), how="failed", bytes=0, reason="log-unavailable")]


async def test_who_was_made_and_is_not_known_counts_as_a_new_person() -> None:
    """The store answered with nothing: each record is one more nobody."""
    house = WriteHouse()
    house.store.answers["POST"] = Answered(status=201)
    house.asked = write(CREATE_MANY, {"name": "Ida"}, {"name": "Eva"})
    await house.run()
    entry, part = house.recorder.entries[-1]
    assert isinstance(entry, Release)
    assert part is not None
    assert (house.people.n_orphans, len(part.met)) == (2, 2)


def test_a_record_is_read_by_the_route_of_the_same_path() -> None:
    """Of the same dataset, by GET, answered by one record."""
    elsewhere = msgspec.structs.replace(READ_ONE, template="/crm/people/{id}/all")
    listed = msgspec.structs.replace(READ_ONE, answer=msgspec.structs.replace(READ_ONE.answer, kind="array"))
    assert record_route((CREATE, elsewhere, listed, READ_ONE), PATCH) is READ_ONE
    assert record_route((CREATE, elsewhere, listed), PATCH) is None
