# SPDX-License-Identifier: Apache-2.0
"""The life of a reveal over fakes: what leaves, what counts, what is entered, and what a second person is needed for."""

from decimal import Decimal

import msgspec
import pytest
from pyroaring import BitMap

from gateway.domain.budget import BudgetRule, Counted
from gateway.domain.catalog import FieldType
from gateway.domain.decision import Reason
from gateway.domain.entry import Refused, Release
from gateway.domain.errors import LogUnavailable
from gateway.domain.mandate import Mandate, MandateTerms
from gateway.domain.names import AccountId, FieldName, PersonNumber
from gateway.domain.principal import Assurance
from gateway.domain.viewplan import RowEffect
from gateway.flows.access.revealed import bound_of, typed
from tests.fakes.access import FakeChoiceSet
from tests.fakes.deciding import MAILING, MINORS, NOW_US, PEOPLE, PERSON, hold
from tests.fakes.revealing import EMAIL, RevealHouse, revealing_rules

A, B, C = "a@x.org", "b@x.org", "c@x.org"


@pytest.fixture
def house() -> RevealHouse:
    """The flow over fakes."""
    return RevealHouse()


def released(house: RevealHouse) -> Release:
    """Return the one entry of a reveal that was done."""
    (entry,) = house.entries
    assert isinstance(entry, Release)
    assert entry.last
    return entry


def refusal(house: RevealHouse) -> Refused:
    """Return the one entry of a reveal that was refused; nothing of it was told."""
    (entry,) = house.entries
    assert isinstance(entry, Refused)
    assert house.out.told == ["refused"]
    return entry


async def test_each_value_comes_in_its_place_behind_a_durable_entry(house: RevealHouse) -> None:
    """The same surrogate twice is told twice, and is one person."""
    house.ask(house.of(A, B, A))
    order: list[str] = []
    house.recorder.on_append = lambda: order.append("entered" if house.out.told == [] else "told before")
    await house.run()
    assert order == ["entered"]
    assert house.told == [(A, None), (B, None), (A, None)]
    entry = released(house)
    assert (entry.rows, entry.people, entry.bytes) == (3, 2, len(house.out.body))
    assert entry.facts is not None
    assert entry.facts.operation == "reveal"
    (_, part), *_ = house.recorder.entries
    assert part is not None
    assert list(BitMap.deserialize(part.people)) == [100, 101]


async def test_what_was_not_made_for_this_purpose_is_one_word_and_nothing_else(house: RevealHouse) -> None:
    """Made for another, changed, at rest, or made up."""
    (good,) = house.of(A)
    (foreign,) = house.of(A, key_class="analytics")
    house.ask([foreign, good[:-1] + "x", "as1_" + good[4:], A, good])
    await house.run()
    assert house.told == [(None, "not-recognised")] * 4 + [(A, None)]
    assert released(house).withheld == {"not-recognised": 4}


async def test_what_is_gone_is_erased(house: RevealHouse) -> None:
    """And counts as nothing."""
    house.ask(house.of(A, B))
    house.behind.erased.add(A)
    await house.run()
    assert house.told == [(None, "erased"), (B, None)]
    assert (released(house).rows, released(house).people) == (1, 1)


async def test_a_value_of_several_people_leaves_for_all_of_them_or_for_none(house: RevealHouse) -> None:
    """And counts each."""
    house.behind.people[A] = (PersonNumber(7), PersonNumber(8))
    house.ask(house.of(A))
    await house.run()
    assert released(house).people == 2
    house.choices.now = FakeChoiceSet(against=frozenset({8}))
    house.recorder.entries.clear()
    house.out.told.clear()
    await house.run()
    assert house.told == [(None, "choice")]
    (_, part), *_ = house.recorder.entries
    assert part is not None
    assert part.met == (7, 8)
    assert not part.people


async def test_nobody_known_is_withheld_where_choices_count_and_one_new_person_elsewhere(house: RevealHouse) -> None:
    """Consent and objection alike."""
    house.behind.people[A] = ()
    house.ask(house.of(A))
    await house.run()
    assert house.told == [(None, "no-subject")]
    duty = RevealHouse(revealing_rules(needs_consent=False, honours_objection=False))
    duty.behind.people[A] = ()
    duty.ask(duty.of(A, A))
    await duty.run()
    assert duty.told == [(A, None)] * 2
    assert released(duty).people == duty.people.n_orphans == 2


@pytest.mark.parametrize("effect", [RowEffect.WITHHOLD, RowEffect.UNLINK])
async def test_where_age_counts_nobody_is_revealed_because_nobodys_is_known(effect: RowEffect) -> None:
    """A rule that unlinks withholds as well: whoever has a surrogate revealed links a row."""
    assert MINORS.age is not None
    line = msgspec.structs.replace(MINORS, age=msgspec.structs.replace(MINORS.age, effect=effect))
    house = RevealHouse(msgspec.structs.replace(revealing_rules(), red_lines=(line,)))
    house.ask(house.of(A))
    await house.run()
    assert house.told == [(None, "age")]


async def test_all_of_a_call_fits_the_budget_or_nothing_leaves() -> None:
    """However it is sliced."""
    rule = BudgetRule(counts=Counted.PEOPLE, most=2, hours=24)
    house = RevealHouse(revealing_rules(budgets=(rule,), above=0))
    house.ask(house.of(A, B, C))
    await house.run()
    assert refusal(house).reason == Reason.APPROVAL_REQUIRED
    house.approvals.approve()
    house.recorder.entries.clear()
    house.out.told.clear()
    house.budgets.left = 2
    await house.run()
    assert refusal(house).reason == Reason.BUDGET_SPENT
    assert house.approvals.spent == []


async def test_beyond_the_allowance_a_second_person_is_asked_for_by_an_identifier(house: RevealHouse) -> None:
    """And once they agree, exactly this goes, once."""
    shown = house.of(*(f"{n}@x.org" for n in range(11)))
    house.ask(shown)
    await house.run()
    assert refusal(house).reason == Reason.APPROVAL_REQUIRED
    assert house.out.refusal is not None
    assert house.out.refusal.approval == "ap_0"
    house.approvals.approve()
    house.recorder.entries.clear()
    house.out.told.clear()
    house.ask(reversed(shown))  # type: ignore[arg-type]
    await house.run()
    assert released(house).rows == 11
    assert house.approvals.spent == ["ap_0"]
    house.recorder.entries.clear()
    house.out.told.clear()
    await house.run()
    assert refusal(house).reason == Reason.APPROVAL_REQUIRED


async def test_what_opens_to_nothing_waits_for_nobody_and_uses_no_allowance(house: RevealHouse) -> None:
    """Text that was made up, however much; beside one that is a surrogate, that one counts."""
    made_up = [f"sv1_{n:032x}" for n in range(50)]
    house.ask([*made_up, *house.of(A)])
    house.budgets.left = 1
    await house.run()
    assert house.told == [(None, "not-recognised")] * 50 + [(A, None)]
    other = RevealHouse()
    other.budgets.left = 0
    other.ask(made_up)
    await other.run()
    assert other.told == [(None, "not-recognised")] * 50
    assert not other.approvals.asked


async def test_the_allowance_is_counted_over_calls(house: RevealHouse) -> None:
    """What does not fit any more needs a second person, however few they are."""
    house.budgets.left = 1
    house.ask(house.of(A))
    await house.run()
    house.recorder.entries.clear()
    house.out.told.clear()
    await house.run()
    assert refusal(house).reason == Reason.APPROVAL_REQUIRED


async def test_too_many_that_wait_are_refused_without_another(house: RevealHouse) -> None:
    """With a sentence that says so."""
    house.approvals.is_full = True
    house.ask(house.of(*(f"{n}@x.org" for n in range(11))))
    await house.run()
    assert house.out.refusal is not None
    assert (house.out.refusal.approval, house.out.refusal.title is not None) == (None, True)


async def test_whatever_changes_while_people_are_looked_for_counts(house: RevealHouse) -> None:
    """A hold, a sign-in that ended, rules that give less: nothing leaves and the approval stays."""
    house.ask(house.of(A))

    async def found(*asked: object) -> object:
        house.holds.now = (hold("user.contact"),)
        return await type(house.behind).found(house.behind, *asked)  # type: ignore[arg-type]

    house.behind.found = found  # type: ignore[method-assign, assignment]
    await house.run()
    assert refusal(house).reason == Reason.HELD


async def test_nothing_leaves_that_cannot_be_entered(house: RevealHouse) -> None:
    """Not a byte of it."""
    house.recorder.is_full = True
    house.ask(house.of(A))
    with pytest.raises(LogUnavailable):
        await house.run()
    assert house.out.told == []


async def test_without_what_a_reveal_needs_nothing_is_revealed(house: RevealHouse) -> None:
    """A door that was not given it refuses."""
    house.rooms = msgspec.structs.replace(house.rooms, reveals=None)
    house.ask(house.of(A))
    await house.run()
    assert refusal(house).reason == Reason.PURPOSE_NOT_ALLOWED


TERMS = MandateTerms(
    operation="reveal",
    client=PERSON.client,
    purpose=MAILING,
    recipient=PERSON.recipient,
    dataset=PEOPLE,
    fields=(FieldName("email"),),
    most_people=3,
    from_us=NOW_US - 1,
    until_us=NOW_US + 1_000,
    reference="case-9",
)
APPROVED = ((AccountId("a_8"), 1), (AccountId("a_9"), 2))
MANDATE = Mandate(id="m_0123456789abcdef", terms=TERMS, asked_by=AccountId("a_7"), asked_us=1, approved=APPROVED)


class Mandates:
    """One mandate, as the test changes it."""

    def __init__(self) -> None:
        self.now = MANDATE

    async def find(self, mandate_id: str) -> Mandate | None:
        """Return it under its own name."""
        return self.now if mandate_id == self.now.id else None


@pytest.fixture
def service(house: RevealHouse) -> RevealHouse:
    """A service that names the mandate and asks for more than one may alone."""
    house.identify.found = msgspec.structs.replace(PERSON, proof=Assurance.SERVICE_KEY_BOUND)
    house.mandates = Mandates()
    house.rooms = msgspec.structs.replace(house.rooms, mandates=house.mandates)
    house.mandate = MANDATE.id
    house.ask(house.of(*(f"{n}@x.org" for n in range(11))), principal=house.identify.found, reference="case-9")
    return house


async def test_a_mandate_stands_in_for_the_sign_in_and_the_second_person(service: RevealHouse) -> None:
    """The entry names it, and its people are counted."""
    await service.run()
    assert released(service).rows == 11
    facts = released(service).facts
    assert facts is not None
    assert facts.mandate == MANDATE.id
    assert service.approvals.asked == {}


async def test_without_a_mandate_a_service_reveals_nothing(service: RevealHouse) -> None:
    """It cannot sign in afresh."""
    service.mandate = None
    await service.run()
    assert refusal(service).reason == Reason.STEP_UP_REQUIRED


@pytest.mark.parametrize("changes", [
    {"operation": "send"}, {"client": "other"}, {"purpose": "marketing.sms"}, {"recipient": "adnet"}, {"dataset": "crm.others"},
    {"fields": (FieldName("name"),)}, {"reference": "case-8"}, {"until_us": NOW_US}, {"from_us": NOW_US + 1},
    {"conditions": ((FieldName("city"), "Ulm"),)},
])  # fmt: skip
async def test_a_mandate_for_anything_else_is_none(service: RevealHouse, changes: dict[str, object]) -> None:
    """All told in one way."""
    terms = msgspec.structs.replace(TERMS, **changes)
    service.mandates.now = msgspec.structs.replace(MANDATE, terms=terms)
    await service.run()
    assert refusal(service).reason == Reason.MANDATE_NOT_IN_FORCE


async def test_a_mandate_reaches_no_more_people_than_it_says(service: RevealHouse) -> None:
    """All of the call or nothing; told apart from a budget, since waiting brings nobody back."""
    service.budgets.left = 3
    await service.run()
    assert refusal(service).reason == Reason.MANDATE_SPENT
    told = service.out.refusal
    assert told is not None
    assert (told.title, told.retry_after_s) == ("The mandate has room for 3 more people.", None)


async def test_a_mandate_lifts_no_hold(service: RevealHouse) -> None:
    """Nor a grant that is missing."""
    service.holds.now = (hold("user.contact"),)
    await service.run()
    assert refusal(service).reason == Reason.HELD


def test_an_approval_is_bound_to_the_set_and_to_who_asks(house: RevealHouse) -> None:
    """Order and repetition change nothing; everything else does."""
    shown = house.of(A, B)
    one = bound_of(house.ask(shown))
    assert one == bound_of(house.ask([shown[1], shown[0], shown[0]]))
    others = [
        house.ask(shown[:1]),
        house.ask([f"{shown[0]}\n{shown[1]}"]),
        house.ask(shown, reference="case-2"),
        house.ask(shown, purpose="marketing.sms"),
        house.ask(shown, principal=msgspec.structs.replace(PERSON, account="a_3")),
        house.ask(shown, principal=msgspec.structs.replace(PERSON, client="app")),
    ]
    assert one not in map(bound_of, others)


@pytest.mark.parametrize(("kind", "text", "value"), [
    (FieldType.INTEGER, "42", 42), (FieldType.DECIMAL, "1.50", Decimal("1.50")), (FieldType.BOOLEAN, "true", True),
    (FieldType.TEXT, "42", "42"), (FieldType.INTEGER, "n/a", "n/a"), (FieldType.BOOLEAN, "yes", "yes"),
])  # fmt: skip
def test_a_value_is_of_the_kind_of_its_field(kind: FieldType, text: str, value: object) -> None:
    """Text where it never was."""
    assert typed(msgspec.structs.replace(EMAIL, type=kind), text) == value
