# SPDX-License-Identifier: Apache-2.0
"""The sets in memory equal the rule of the domain, record by record, on both engines."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from gateway.domain.choice import Choice, ChoiceState, deciding
from gateway.domain.names import PersonNumber, PurposeKey, is_under
from gateway.store.choices import Choices
from gateway.store.engine import Store
from gateway.store.schema import choice
from tests.fakes.clock import FakeClock

PEOPLE = [PersonNumber(number) for number in (0, 1, 65_536, 200_000, 2**32 - 1)]
PURPOSES = [PurposeKey(key) for key in ("a", "a.b", "a.b.c", "a.bc", "x")]

RECORDS = st.builds(
    Choice,
    person=st.sampled_from(PEOPLE),
    purpose=st.sampled_from(PURPOSES),
    state=st.sampled_from(ChoiceState),
    at_us=st.integers(0, 4),
)


def model(records: list[Choice], purpose: PurposeKey, *, given: bool) -> set[int]:
    """Return the people whose deciding record for a purpose is (or is not) a consent, the slow way."""
    found = set()
    for person in PEOPLE:
        latest = deciding(one for one in records if one.person == person and is_under(purpose, one.purpose))
        if latest is not None and (latest.state is ChoiceState.GIVEN) == given:
            found.add(int(person))
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(RECORDS, max_size=6), min_size=1, max_size=5))
async def test_sets_that_follow_and_sets_built_late_equal_the_rule(
    store: Store, clock: FakeClock, batches: list[list[Choice]]
) -> None:
    """After every batch, for every purpose, in a process that follows and in one that just started."""
    async with store.begin() as connection:
        await connection.execute(delete(choice))
    follower = Choices(store, clock)
    await follower.load(PURPOSES)
    so_far: list[Choice] = []

    for batch in batches:
        last = await follower.record(batch, "test")
        so_far += batch
        await follower.refresh()
        starter = Choices(store, clock)
        await starter.load(PURPOSES)
        for purpose in PURPOSES:
            for choices in (follower, starter):
                known = choices.sets_for(purpose)
                assert set(known.given) == model(so_far, purpose, given=True)
                assert set(known.negative) == model(so_far, purpose, given=False)
                assert known.version == last or not batch
