# SPDX-License-Identifier: Apache-2.0
"""Blocks on their way out: withheld rows, people, malformed rows, and what is read again before each."""

from collections.abc import Callable, Sequence
from hashlib import sha256

import msgspec
import pytest
from pyroaring import BitMap

from gateway.decide.rules import RuleSet
from gateway.domain.budget import BudgetRule, Counted
from gateway.domain.catalog import AnswerShape, FieldSpec, MemberUse, Route
from gateway.domain.continuation import following
from gateway.domain.decision import Deny, Reason
from gateway.domain.entry import End, Refused, Release
from gateway.domain.inquiry import Form
from tests.fakes.access import AccessHouse, FakeChoiceSet, FakeOut, array, person_rows
from tests.fakes.deciding import (
    COLLECTION,
    MINORS,
    PERSON,
    ROUTE,
    RULES,
    grant,
    hold,
    inquiry,
    needs_fresh,
    rules,
    with_purpose,
)

MANY = person_rows(*(f"c{place}" for place in range(5_000)))
FREE = with_purpose(needs_consent=False, honours_objection=False)


@pytest.fixture
def house() -> AccessHouse:
    """The flow over fakes."""
    return AccessHouse()


def shaped(house: AccessHouse, shape: AnswerShape) -> None:
    """Let the route answer in another shape."""
    house.asked = msgspec.structs.replace(inquiry(), route=msgspec.structs.replace(ROUTE, answer=shape), limit=2)


def releases(house: AccessHouse) -> list[Release]:
    """Return the entries of blocks."""
    return [entry for entry in house.entries if isinstance(entry, Release)]


async def test_an_entry_holds_rows_bytes_people_and_digest_of_its_block(house: AccessHouse) -> None:
    """Exactly those of the body; facts only in the first of a call."""
    house.target.pieces = [array(MANY)]
    out = await house.run()
    blocks = [one for one in out.told if isinstance(one, bytes)]

    assert [entry.digest for entry in releases(house)] == [sha256(block).hexdigest() for block in blocks]
    assert [entry.bytes for entry in releases(house)] == [len(block) for block in blocks]
    assert [entry.n for entry in releases(house)] == list(range(len(blocks)))
    assert sum(entry.rows for entry in releases(house)) == 5_000
    assert [entry.facts is not None for entry in releases(house)] == [True, *[False] * (len(blocks) - 1)]
    met = [number for _, part in house.recorder.entries if part for number in BitMap.deserialize(part.people)]
    assert sorted(met) == sorted(house.people.known.values())
    assert out.answer is not None
    assert (out.answer.length, out.answer.withheld, out.answer.more) == (None, None, None)


async def test_withheld_people_are_neither_in_the_body_nor_in_the_part(house: AccessHouse) -> None:
    """They are counted by cause, in the entry exactly."""
    house.target.pieces = [array(person_rows("c1", "c2", None) + person_rows("c3", born="2020-01-01"))]
    house.rules.swap(rules(red_lines=(MINORS,)))
    house.choices.now = FakeChoiceSet(against=frozenset({101}))
    out = await house.run()

    [entry] = releases(house)
    assert len(msgspec.json.decode(out.body)) == entry.rows == entry.people == 1
    assert entry.withheld == {"choice": 1, "no-subject": 1, "age": 1}
    _, part = house.recorder.entries[0]
    assert part is not None
    assert list(BitMap.deserialize(part.people)) == [100]
    assert out.answer is not None
    # Four rows are too few to be counted to the caller.
    assert out.answer.withheld is None


async def test_counts_are_told_of_a_page_that_no_filter_chose(house: AccessHouse) -> None:
    """Twenty rows of the store are enough."""
    house.target.pieces = [array(person_rows(*(f"c{number}" for number in range(20))))]
    house.choices.now = FakeChoiceSet(against=frozenset({101}))
    out = await house.run()

    [entry] = releases(house)
    assert out.answer is not None
    assert out.answer.withheld == entry.withheld == {"choice": 1}


async def test_a_row_without_a_person_counts_as_a_new_one_where_nobody_is_asked() -> None:
    """Each of them."""
    house = AccessHouse(FREE)
    house.target.pieces = [array(person_rows("c1", None, "", "c1"))]
    await house.run()
    [entry] = releases(house)
    assert (entry.rows, entry.people, house.people.n_orphans) == (4, 3, 2)


async def test_rows_about_nobody_have_no_people() -> None:
    """A collection without a subject numbers nobody."""
    collection = msgspec.structs.replace(COLLECTION, subject=None, birth_date=None)
    catalog = msgspec.structs.replace(RULES.catalog, collections={COLLECTION.dataset: collection})
    house = AccessHouse(rules(catalog=catalog))
    house.target.pieces = [array(person_rows("c1"))]
    await house.run()
    [(entry, part)] = house.recorder.entries
    assert isinstance(entry, Release)
    assert (entry.rows, entry.people) == (1, 0)
    assert part is not None
    assert part.people == b""


@pytest.mark.parametrize(("of", "has_total"), [(FREE, True), (RULES, False)])
async def test_a_total_is_told_only_where_no_row_can_be_withheld(of: RuleSet, has_total: bool) -> None:
    """It would count those too."""
    house = AccessHouse(of)
    shaped(house, AnswerShape(kind="object", rows="items", members=(("total", MemberUse.RECOUNT),)))
    house.target.pieces = [b'{"total":7,"items":' + array(person_rows("c1")) + b"}"]
    out = await house.run()
    assert msgspec.json.decode(out.body).get("total") == (7 if has_total else None)


@pytest.mark.parametrize(("n_rows", "more"), [(1, False), (2, True)])
async def test_a_page_that_is_full_may_have_more_behind_it(house: AccessHouse, n_rows: int, more: bool) -> None:
    """Rows of the store count, not those that left."""
    shaped(house, AnswerShape(kind="array"))
    house.choices.now = FakeChoiceSet(against=frozenset({100}))
    house.target.pieces = [array(person_rows(*("c1", "c2")[:n_rows]))]
    out = await house.run()
    assert out.answer is not None
    assert out.answer.more is more


@pytest.mark.parametrize("row", [b'{"id":"c1"}', b"{}"])
async def test_a_record_that_is_withheld_is_told_as_absent(house: AccessHouse, row: bytes) -> None:
    """Only the log knows which it was."""
    shaped(house, AnswerShape(kind="record"))
    house.choices.now = FakeChoiceSet(against=frozenset({100}))
    house.target.pieces = [row]
    out = await house.run()
    assert out.refusal is not None
    assert (out.refusal.reason, out.refusal.title) == (Reason.NOT_FOUND, None)
    [entry] = house.entries
    assert isinstance(entry, Refused)
    assert (entry.rule or "").startswith("withheld:")


async def test_a_record_leaves_as_one_object(house: AccessHouse) -> None:
    """Without brackets around it."""
    shaped(house, AnswerShape(kind="record"))
    house.target.pieces = person_rows("c1")
    out = await house.run()
    assert msgspec.json.decode(out.body)["name"] == "name of c1"


async def test_a_malformed_record_is_a_broken_store(house: AccessHouse) -> None:
    """Never an empty answer."""
    shaped(house, AnswerShape(kind="record"))
    house.target.pieces = [b'{"id":{}}']
    out = await house.run()
    assert out.refusal is not None
    assert out.refusal.reason is Reason.STORE_ANSWER_INVALID


async def test_a_piece_that_fills_many_blocks_is_judged_as_a_whole(house: AccessHouse) -> None:
    """Though only the first block tells of what was withheld."""
    house.holds.now = (hold("system"),)
    rows = list(MANY[:3_000])
    rows[::150] = [b'{"id":{}}'] * 20
    house.target.pieces = [array(rows)]
    out = await house.run()
    assert out.told[-1] == "finished"
    assert [entry.withheld for entry in releases(house) if entry.withheld] == [{"malformed": 20}]
    assert {entry.rows for entry in releases(house)[:-1]} == {256}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("stale", "overloaded"),
        ("revoked", "sign-in-required"),
        ("held", "held"),
        ("no grant", "grant-missing"),
        ("less grant", "grant-missing"),
        ("step-up", "step-up-required"),
        ("choice", "overloaded"),
    ],
)
async def test_what_takes_away_between_blocks_cuts_the_stream(name: str, reason: str) -> None:
    """The first block has left, the second does not."""
    house = AccessHouse()
    long_ago = msgspec.structs.replace(PERSON, signed_in_us=house.clock() - 600_000_000)
    house.identify.found = long_ago
    house.asked = inquiry(who=long_ago, fields=("name",)) if name == "step-up" else inquiry(who=long_ago)
    house.target.pieces = [array(MANY)[:-1], b"]"]
    changes: dict[str, Callable[[], None]] = {
        "stale": lambda: setattr(house, "is_current", False),
        "revoked": lambda: setattr(house.identify, "revoked", True),
        "held": lambda: setattr(house.holds, "now", (hold("user.name"),)),
        "no grant": lambda: house.rules.swap(rules(grants=())),
        "less grant": lambda: house.rules.swap(rules(grants=RULES.grants[:1])),
        "step-up": lambda: house.rules.swap(rules(assurance=(needs_fresh("user.name"),))),
        "choice": lambda: setattr(house.choices, "now", FakeChoiceSet(version=2, against=frozenset({100 + 4_999}))),
    }
    house.target.between = lambda place: changes[name]() if place == 1 else None
    out = await house.run()

    end = house.entries[-1]
    assert isinstance(end, End)
    assert (end.how, end.reason, end.bytes) == ("cut", reason, len(out.body))
    assert out.told[-1] == "aborted"
    assert [entry.last for entry in releases(house)] == [False] * len(releases(house))


async def test_a_grant_that_ends_between_blocks_cuts_the_stream(house: AccessHouse) -> None:
    """What was decided holds no longer than the rules that it was decided by."""
    until_us = house.clock() + 60_000_000
    house.rules.swap(rules(grants=tuple(msgspec.structs.replace(one, until_us=until_us) for one in RULES.grants)))
    house.target.pieces = [array(MANY)[:-1], b"]"]

    def pass_time(place: int) -> None:
        if place == 1:
            house.clock.advance(s=60)

    house.target.between = pass_time
    await house.run()

    end = house.entries[-1]
    assert isinstance(end, End)
    assert (end.how, end.reason) == ("cut", "grant-missing")


async def test_what_leaves_the_view_as_it_is_does_not_cut(house: AccessHouse) -> None:
    """Other rules, another version of the choices, time that makes the sign-in stale."""
    house.rules.swap(rules(assurance=(needs_fresh("user.name"),)))
    house.target.pieces = [array(MANY)[:-1], b"]"]

    def change(place: int) -> None:
        if place == 1:
            house.rules.swap(rules(assurance=(needs_fresh("user.name"),), organisation="Other"))
            house.choices.now = FakeChoiceSet(version=2, against=frozenset({5}))
            house.clock.advance(s=3_600)

    house.target.between = change
    out = await house.run()
    assert out.told[-1] == "finished"


@pytest.mark.parametrize("kind", ["array", "ndjson", "csv"])
@pytest.mark.parametrize(
    ("form", "body"),
    [
        (Form.JSON, b'[{"id":"c1","name":"N, 1"},{"id":"c2","name":null}]'),
        (Form.NDJSON, b'{"id":"c1","name":"N, 1"}\n{"id":"c2","name":null}\n'),
        (Form.CSV, b'id,name\r\nc1,"N, 1"\r\nc2,\r\n'),
        (Form.CSV_FOR_PEOPLE, b'id,name\r\nc1,"N, 1"\r\nc2,\r\n'),
    ],
)
async def test_whatever_a_store_sends_leaves_in_the_form_asked_for(kind: str, form: Form, body: bytes) -> None:
    """Also where only the end of the store's answer completes its last row."""
    house = AccessHouse(rules(grants=(grant("user.id"), grant("user.name"))))
    house.target.pieces = {
        "array": [b'[{"id":"c1","name":"N, 1","born":"1980-01-01"},', b'{"id":"c2","name":null,"born":"1980-01-01"}]'],
        "ndjson": [b'{"id":"c1","name":"N, 1","born":"1980-01-01"}\n{"id":"c2",', b'"name":null,"born":"1980-01-01"}'],
        "csv": [b'id,x,name,born\nc1,,"N,', b' 1",1980-01-01\nc2,y,,1980-01-01'],
    }[kind]
    shaped(house, AnswerShape(kind=kind))
    assert not isinstance(house.asked, Deny)
    house.asked = msgspec.structs.replace(house.asked, form=form)
    out = await house.run()

    assert out.body == body
    [entry] = releases(house)
    assert (entry.rows, entry.people, entry.bytes, entry.last) == (2, 2, len(body), True)


@pytest.mark.parametrize("kind", ["ndjson", "csv"])
@pytest.mark.parametrize("form", [Form.JSON, Form.NDJSON, Form.CSV])
async def test_blocks_of_lines_have_the_same_bounds_and_entries(kind: str, form: Form) -> None:
    """Each row and person in exactly one."""
    house = AccessHouse(FREE)
    lines = [b'{"id":"c%d"}' % place for place in range(9_000)]
    house.target.pieces = (
        [b"\n".join(lines)] if kind == "ndjson" else [b"id\n" + b"\n".join(b"c%d" % n for n in range(9_000))]
    )
    shaped(house, AnswerShape(kind=kind))
    assert not isinstance(house.asked, Deny)
    house.asked = msgspec.structs.replace(house.asked, form=form)
    out = await house.run()
    blocks = [one for one in out.told if isinstance(one, bytes)]

    assert [entry.rows for entry in releases(house)] == [4_096, 4_096, 808]
    assert [entry.digest for entry in releases(house)] == [sha256(block).hexdigest() for block in blocks]
    assert [entry.last for entry in releases(house)] == [False, False, True]
    assert out.told[-1] == "finished"


@pytest.mark.parametrize(("kind", "bad"), [("ndjson", b"{}{}\n"), ("csv", b"c,d\n"), ("array", b"5,")])
@pytest.mark.parametrize(("n_bad", "is_whole"), [(1, True), (2, False)])
async def test_malformed_rows_of_every_kind_are_withheld_up_to_1_percent(
    kind: str, bad: bytes, n_bad: int, is_whole: bool
) -> None:
    """Counted by cause; beyond it the answer is not usable."""
    house = AccessHouse(FREE)
    rows = {
        "ndjson": b"".join(b'{"id":"c%d"}\n' % n for n in range(100)),
        "csv": b"".join(b"c%d\n" % n for n in range(100)),
        "array": b",".join(b'{"id":"c%d"}' % n for n in range(100)),
    }[kind]
    house.target.pieces = {
        "ndjson": [bad * n_bad + rows],
        "csv": [b"id\n" + bad * n_bad + rows],
        "array": [b"[" + bad * n_bad + rows + b"]"],
    }[kind]
    shaped(house, AnswerShape(kind=kind))
    out = await house.run()
    if is_whole:
        [entry] = releases(house)
        assert (entry.rows, entry.withheld) == (100, {"malformed": 1})
    else:
        assert out.refusal is not None
        assert out.refusal.reason is Reason.STORE_ANSWER_INVALID


BUDGET = BudgetRule(counts=Counted.PEOPLE, most=100, hours=24)
BUDGETED = with_purpose(needs_consent=False, honours_objection=False, budgets=(BUDGET,))


async def test_a_page_for_which_a_budget_has_no_room_is_refused_whole() -> None:
    """With the time when it would fit, and what is left."""
    house = AccessHouse(BUDGETED)
    house.budgets.left = 2
    house.target.pieces = [array(person_rows("c1", "c2", "c3"))]
    out = await house.run()

    assert out.refusal is not None
    assert (out.refusal.reason, out.refusal.retry_after_s) == (Reason.BUDGET_SPENT, 60)
    assert [state.rule for state in out.refusal.budgets] == [BUDGET]
    assert [type(entry) for entry in house.entries] == [Refused]


async def test_a_stream_is_cut_behind_the_last_row_that_a_budget_has_room_for() -> None:
    """The entry of the last block says what left, and the end says why."""
    house = AccessHouse(BUDGETED)
    house.budgets.left = 4_500
    house.target.pieces = [array(MANY)]
    out = await house.run()

    assert [entry.rows for entry in releases(house)] == [4_096, 404]
    assert [entry.last for entry in releases(house)] == [False, False]
    [end] = [entry for entry in house.entries if isinstance(entry, End)]
    assert (end.how, end.reason, end.bytes) == ("cut", "budget-spent", len(out.body))
    assert out.told[-1] == "aborted"


async def test_a_purpose_that_is_only_counted_asks_the_budgets_too() -> None:
    """Another purpose of its class has one."""
    house = AccessHouse(with_purpose(needs_consent=False, honours_objection=False, counted=(Counted.PEOPLE,)))
    house.budgets.left = 10
    house.target.pieces = [array(person_rows("c1", "c2"))]
    await house.run()
    assert house.budgets.left == 8


async def test_a_choice_counts_for_rows_that_wait_also_where_a_hold_makes_the_blocks_small(house: AccessHouse) -> None:
    """300 rows wait; the last of them is about somebody who objects before they go out in blocks of 256."""
    first, second, third = MANY[:300], MANY[300:2_300], MANY[2_300:2_400]
    house.target.pieces = [b"[" + b",".join(first), b"," + b",".join(second), b"," + b",".join(third) + b"]"]

    def change(place: int) -> None:
        if place == 1:
            house.choices.now = FakeChoiceSet(version=2, against=frozenset({house.people.known["c299"]}))
        if place == 2:
            house.holds.now = (hold("user.unheard_of"),)

    house.target.between = change
    out = await house.run()

    assert b'"c299"' not in out.body
    end = house.entries[-1]
    assert isinstance(end, End)
    assert end.reason == "overloaded"


async def test_rows_of_which_none_can_leave_are_judged_without_a_block(house: AccessHouse) -> None:
    """A store could send nothing but malformed rows for ever, and no block would fill."""
    pulled: list[int] = []
    house.target.pieces = [b"[null", *[b",null" * 5_000] * 50, b"]"]
    house.target.between = pulled.append
    out = await house.run()

    assert out.refusal is not None
    assert out.refusal.reason is Reason.STORE_ANSWER_INVALID
    assert len(pulled) < 5


@pytest.mark.parametrize("gone", [True, False])
async def test_a_store_is_not_pulled_on_for_a_caller_that_gets_nothing(house: AccessHouse, *, gone: bool) -> None:
    """Hung up or revoked while every row is withheld: seen within a second, not when a block fills."""
    pulled: list[int] = []
    row = person_rows("c1", born="2024-01-01")[0]
    house.target.pieces = [b"[" + row, *[b"," + row] * 50, b"]"]

    def change(place: int) -> None:
        pulled.append(place)
        house.clock.advance(s=1)
        if place == 3:
            house.identify.revoked = not gone
            house.out.hangs_up_at = 0 if gone else None

    house.target.between = change
    out = await house.run()

    assert len(pulled) <= 6
    assert (out.refusal is None) == gone


class KeptSamples:
    """Keeps what calls leave to be looked at."""

    def __init__(self) -> None:
        self.rows: list[bytes] = []

    def offer(self, route: Route, fields: Sequence[FieldSpec], rows: bytes) -> None:
        """Keep it."""
        assert route.dataset == COLLECTION.dataset
        assert fields == COLLECTION.fields
        self.rows.append(rows)


async def test_a_call_leaves_what_the_store_sent_to_be_looked_at(house: AccessHouse) -> None:
    """As it came, with what nobody declared; the answer is the same."""
    house.target.pieces = [array(MANY[:3])]
    plain = (await house.run()).body
    samples, house.out = KeptSamples(), FakeOut()
    house.rooms = msgspec.structs.replace(house.rooms, samples=samples)
    await house.run()
    assert samples.rows == [array(MANY[:3])]
    assert house.out.body == plain


async def test_of_csv_the_columns_that_nobody_declared_are_left(house: AccessHouse) -> None:
    """Without a value; a field that is declared and dropped is none of them."""
    samples = KeptSamples()
    house.rooms = msgspec.structs.replace(house.rooms, samples=samples)
    shaped(house, AnswerShape(kind="csv"))
    house.target.pieces = [b"id,name,email,born,notes,tier\nc1,A,a@x.org,1980-05-01,n,gold\n"]
    await house.run()
    assert samples.rows == [b'[{"tier":null}]']


CONTINUED = AnswerShape(kind="object", rows="items", next="next")
GOES_ON = (b'{"items":', b',"next":"25,c1"}')


@pytest.mark.parametrize(("told", "more"), [(b'"25,c1"', True), (b"null", False)])
async def test_a_list_goes_on_by_the_stores_word_which_leaves_sealed(
    house: AccessHouse, told: bytes, more: bool
) -> None:
    """However many rows the page has; in the body and in the head, and never as the store told it."""
    shaped(house, CONTINUED)
    house.target.pieces = [b'{"items":' + array(person_rows("c1")) + b',"next":' + told + b"}"]
    out = await house.run(sealed=lambda place: f"sealed {len(place.told)}")
    assert out.answer is not None
    assert out.answer.more is more
    assert out.answer.next == msgspec.json.decode(out.body)["next"] == ("sealed 5" if more else None)
    assert b"25,c1" not in out.body


async def test_a_list_that_turns_in_a_circle_is_a_broken_store(house: AccessHouse) -> None:
    """Nothing of the page leaves."""
    shaped(house, CONTINUED)
    house.asked = msgspec.structs.replace(house.asked, continuation=following(None, "25,c1"))
    house.target.pieces = [array(person_rows("c1")).join(GOES_ON)]
    out = await house.run(sealed=lambda _place: "sealed")
    assert out.refusal is not None
    assert out.refusal.reason is Reason.STORE_ANSWER_INVALID


async def test_a_door_that_seals_nothing_is_told_only_that_there_is_more(house: AccessHouse) -> None:
    """The store's own word does not leave instead."""
    shaped(house, CONTINUED)
    house.target.pieces = [array(person_rows("c1")).join(GOES_ON)]
    out = await house.run()
    assert out.answer is not None
    assert (out.answer.more, out.answer.next) == (True, None)
    assert msgspec.json.decode(out.body)["next"] is None
