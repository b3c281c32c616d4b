# SPDX-License-Identifier: Apache-2.0
"""Blocks on their way out: withheld rows, people, malformed rows, and what is read again before each."""

from collections.abc import Callable
from hashlib import sha256

import msgspec
import pytest
from pyroaring import BitMap

from gateway.decide.rules import RuleSet
from gateway.domain.catalog import AnswerShape, MemberUse
from gateway.domain.decision import Reason
from gateway.domain.entry import End, Refused, Release
from gateway.domain.errors import StoreMisbehaved
from gateway.domain.treatment import Chain, Rung
from gateway.domain.viewplan import Cause
from gateway.flows.access.releasing import absent, check_malformed, covers, today
from tests.fakes.access import AccessHouse, FakeChoiceSet, array, person_rows
from tests.fakes.deciding import (
    CHAINS,
    COLLECTION,
    MAILING,
    MINORS,
    PERSON,
    PURPOSE,
    ROUTE,
    RULES,
    TEXT,
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


@pytest.mark.parametrize(
    ("n_rows", "n_malformed", "is_refused"), [(100, 1, False), (100, 2, True), (99, 1, True), (1, 0, False)]
)
def test_above_one_in_a_hundred_malformed_rows_the_store_is_broken(
    n_rows: int, n_malformed: int, is_refused: bool
) -> None:
    """Of the rows that it sent since the block before."""
    withheld = {Cause.MALFORMED: n_malformed, Cause.CHOICE: 50}
    if is_refused:
        with pytest.raises(StoreMisbehaved):
            check_malformed(n_rows, withheld)
    else:
        check_malformed(n_rows, withheld)


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


def plan_of(of: RuleSet, *, fields: tuple[str, ...] | None = None):  # type: ignore[no-untyped-def]
    """Return the plan of a call under rules."""
    house = AccessHouse(of)
    decision = house.rules.decider.decide(inquiry(fields=fields), (), house.clock())
    return decision.plan  # type: ignore[union-attr]


WIDER = Chain(TEXT.name, (*TEXT.rungs[:3], Rung("mask.name"), TEXT.rungs[3]))


@pytest.mark.parametrize(
    ("now", "is_covered"),
    [
        (RULES, True),
        (rules(grants=(*RULES.grants, grant("user.belief", line=9))), True),
        (rules(grants=RULES.grants[1:]), False),
        (rules(red_lines=(MINORS,)), False),
        (with_purpose(key_class="other"), False),
        (with_purpose(needs_consent=False), False),
        (rules(chains={**CHAINS, TEXT.name: WIDER}), False),
        (
            rules(
                catalog=msgspec.structs.replace(
                    RULES.catalog,
                    collections={COLLECTION.dataset: msgspec.structs.replace(COLLECTION, birth_date=None)},
                )
            ),
            False,
        ),
        (
            rules(
                catalog=msgspec.structs.replace(
                    RULES.catalog,
                    collections={COLLECTION.dataset: msgspec.structs.replace(COLLECTION, fields=COLLECTION.fields[:1])},
                )
            ),
            False,
        ),
    ],
)  # fmt: skip
def test_a_plan_covers_another_only_on_the_same_chains_classes_and_row_rules(now: RuleSet, is_covered: bool) -> None:
    """More grants do; a rung put into a chain, another class of surrogates or other fields for rows do not."""
    assert covers(plan_of(now), plan_of(RULES)) is is_covered


def test_a_plan_covers_itself() -> None:
    """Which is the way of nearly every block."""
    plan = plan_of(RULES)
    assert covers(plan, plan)
    assert plan.purpose == MAILING == PURPOSE.key


def test_absence_says_nothing_to_the_caller() -> None:
    """The cause goes into the log alone."""
    assert absent({}).rule is None
    assert absent({Cause.AGE: 1}) == msgspec.structs.replace(absent({}), rule="withheld:age")


def test_the_day_is_that_of_utc() -> None:
    """Ages are reckoned by it."""
    assert today(0).isoformat() == "1970-01-01"
    assert today(86_400_000_000 - 1).isoformat() == "1970-01-01"
    assert today(1_750_000_000_000_000).isoformat() == "2025-06-15"
