# SPDX-License-Identifier: Apache-2.0
"""The sets say what the records say, at once and after every refresh."""

import pytest

from gateway.domain.choice import Choice, ChoiceState
from gateway.domain.errors import StateUnavailable
from gateway.domain.names import PersonNumber, PurposeKey
from gateway.store import choices as module
from gateway.store.choices import Choices
from gateway.store.engine import Store
from gateway.store.versions import ChangeFeed, Topic
from tests.fakes.clock import FakeClock

ANN, BEN, CAT = PersonNumber(3), PersonNumber(70_000), PersonNumber(4_294_967_295)
EMAIL = PurposeKey("marketing.communications.email")
MARKETING = PurposeKey("marketing")


def chose(person: PersonNumber, state: ChoiceState, at_us: int, purpose: PurposeKey = EMAIL) -> Choice:
    """Return a record."""
    return Choice(person=person, purpose=purpose, state=state, at_us=at_us)


async def loaded(store: Store, clock: FakeClock) -> Choices:
    """Return choices with the set for e-mail."""
    choices = Choices(store, clock)
    await choices.load([EMAIL])
    return choices


async def test_nobody_has_chosen_at_first(store: Store, clock: FakeClock) -> None:
    """Without a record a row is withheld where consent is needed, and nowhere else."""
    known = (await loaded(store, clock)).sets_for(EMAIL)

    assert known.version == 0
    assert known.withheld([ANN, BEN], needs_consent=True, honours_objection=True) == [True, True]
    assert known.withheld([ANN, BEN], needs_consent=False, honours_objection=True) == [False, False]


async def test_a_consent_gives_and_an_objection_takes(store: Store, clock: FakeClock) -> None:
    """Each counts for the rule that asks for it."""
    choices = await loaded(store, clock)
    await choices.record([chose(ANN, ChoiceState.GIVEN, 1), chose(BEN, ChoiceState.OBJECTED, 1)], "test")
    await choices.refresh()
    known = choices.sets_for(EMAIL)

    assert known.withheld([ANN, BEN, CAT], needs_consent=True, honours_objection=True) == [False, True, True]
    assert known.withheld([ANN, BEN, CAT], needs_consent=False, honours_objection=True) == [False, True, False]
    assert known.withheld([ANN, BEN, CAT], needs_consent=False, honours_objection=False) == [False] * 3


async def test_a_later_objection_above_beats_a_consent_below(store: Store, clock: FakeClock) -> None:
    """Who objects to marketing objects to mail too, until a later consent to mail."""
    choices = await loaded(store, clock)
    await choices.record([chose(ANN, ChoiceState.GIVEN, 1)], "test")
    await choices.refresh()
    await choices.record([chose(ANN, ChoiceState.OBJECTED, 2, MARKETING)], "test")
    await choices.refresh()
    assert ANN in choices.sets_for(EMAIL).negative

    await choices.record([chose(ANN, ChoiceState.GIVEN, 3)], "test")
    await choices.refresh()
    assert ANN in choices.sets_for(EMAIL).given
    assert ANN not in choices.sets_for(EMAIL).negative


async def test_at_the_same_instant_the_negative_one_decides(store: Store, clock: FakeClock) -> None:
    """Whichever was recorded last."""
    choices = await loaded(store, clock)
    await choices.record([chose(ANN, ChoiceState.WITHDRAWN, 5), chose(ANN, ChoiceState.GIVEN, 5)], "test")
    await choices.refresh()

    assert ANN in choices.sets_for(EMAIL).negative


async def test_a_record_of_an_earlier_choice_that_comes_late_changes_nothing(store: Store, clock: FakeClock) -> None:
    """The time of the choice decides, not that of the record."""
    choices = await loaded(store, clock)
    await choices.record([chose(ANN, ChoiceState.WITHDRAWN, 9)], "test")
    await choices.record([chose(ANN, ChoiceState.GIVEN, 4)], "import")
    await choices.refresh()

    assert ANN in choices.sets_for(EMAIL).negative


async def test_choices_for_a_purpose_below_or_beside_do_not_count(store: Store, clock: FakeClock) -> None:
    """Only the purpose and its ancestors speak for it; a longer word is no ancestor."""
    choices = await loaded(store, clock)
    await choices.record(
        [
            chose(ANN, ChoiceState.GIVEN, 1, PurposeKey(EMAIL + ".newsletter")),
            chose(BEN, ChoiceState.GIVEN, 1, PurposeKey("market")),
        ],
        "test",
    )
    await choices.refresh()

    assert not choices.sets_for(EMAIL).given


async def test_a_set_in_hand_is_not_changed_by_a_refresh(store: Store, clock: FakeClock) -> None:
    """A block is judged by one set from its first row to its last."""
    choices = await loaded(store, clock)
    before = choices.sets_for(EMAIL)
    last = await choices.record([chose(ANN, ChoiceState.GIVEN, 1)], "test")
    await choices.refresh()

    assert (len(before.given), before.version) == (0, 0)
    assert choices.sets_for(EMAIL).version == last


async def test_a_purpose_that_was_not_loaded_is_an_error_of_ours(store: Store, clock: FakeClock) -> None:
    """It must not look as if nobody objected."""
    choices = await loaded(store, clock)

    with pytest.raises(StateUnavailable, match="marketing"):
        choices.sets_for(MARKETING)


async def test_new_records_are_announced(store: Store, clock: FakeClock) -> None:
    """Other processes hear of them from the feed."""
    feed = ChangeFeed(store)
    await feed.poll()

    await Choices(store, clock).record([chose(ANN, ChoiceState.GIVEN, 1)], "test")

    assert await feed.poll() == {Topic.CHOICES}
    await feed.close()


async def test_a_set_built_whole_equals_one_that_followed(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond some number of new records sets are built again, with the same result."""
    follower, builder = await loaded(store, clock), await loaded(store, clock)
    states = list(ChoiceState)
    records = [chose(PersonNumber(n * 977 % 300_000), states[n % 4], n % 7) for n in range(3_000)]
    await follower.record(records, "test")

    await follower.refresh()
    monkeypatch.setattr(module, "MOST_SINGLE_LOOKS", 10)
    await builder.refresh()

    assert follower.sets_for(EMAIL).given == builder.sets_for(EMAIL).given
    assert follower.sets_for(EMAIL).negative == builder.sets_for(EMAIL).negative


async def test_all_records_of_a_person_can_be_read(store: Store, clock: FakeClock) -> None:
    """Oldest first, and nobody else's."""
    choices = Choices(store, clock)
    mine = [chose(ANN, ChoiceState.OBJECTED, 2, MARKETING), chose(ANN, ChoiceState.GIVEN, 1)]
    await choices.record([*mine, chose(BEN, ChoiceState.GIVEN, 1)], "test")

    assert await choices.of(ANN) == (mine[1], mine[0])


async def test_what_is_recorded_already_is_known_again(store: Store, clock: FakeClock) -> None:
    """Person, purpose, state and time make a record; each unknown one is told once, in order."""
    choices = await loaded(store, clock)
    known = chose(ANN, ChoiceState.GIVEN, 1)
    await choices.record([known], "test")
    later, other = chose(ANN, ChoiceState.GIVEN, 2), chose(BEN, ChoiceState.GIVEN, 1)
    above, taken = chose(ANN, ChoiceState.GIVEN, 1, MARKETING), chose(ANN, ChoiceState.WITHDRAWN, 1)

    assert await choices.unknown([known, later, other, known, above, taken, other]) == (later, other, above, taken)
