# SPDX-License-Identifier: Apache-2.0
"""Numbers of people: one each, never shared, whoever asks in whatever order and company."""

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.domain.names import IdentityKind, PersonNumber
from gateway.domain.people import BLOCK_SIZE, shuffled
from gateway.keys import envelope
from gateway.keys.keyring import Keyring
from gateway.store.engine import Store
from gateway.store.people import People
from tests.fakes.clock import FakeClock

KINDS = st.sampled_from([IdentityKind("crm.id"), IdentityKind("shop.id")])
CALLS = st.lists(st.tuples(KINDS, st.lists(st.sampled_from([str(n) for n in range(30)]), max_size=12)), max_size=6)


@settings(max_examples=3, deadline=None)
@given(block=st.integers(0, BLOCK_SIZE - 1), key=st.binary(min_size=32, max_size=32))
def test_the_shuffle_is_a_permutation_of_every_block(block: int, key: bytes) -> None:
    """Every number of the block comes exactly once, and nothing of another block."""
    first = block * BLOCK_SIZE
    numbers = {shuffled(place, key) for place in range(first, first + BLOCK_SIZE)}

    assert numbers == set(range(first, first + BLOCK_SIZE))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=CALLS, n_orphans=st.integers(0, 3))
async def test_identities_and_numbers_are_one_to_one(
    store: Store, keyring: Keyring, clock: FakeClock, calls: list[tuple[IdentityKind, list[str]]], n_orphans: int
) -> None:
    """Calls at the same time, some with an empty memory; people of earlier examples stay who they were."""
    crowd = [People(store, keyring, envelope, clock) for _ in range(2)]
    jobs = (crowd[n % 2].numbers(kind, values) for n, (kind, values) in enumerate(calls))

    answers, orphans = await asyncio.gather(asyncio.gather(*jobs), crowd[0].orphan_numbers(n_orphans))

    number_of: dict[tuple[IdentityKind, str], PersonNumber] = {}
    for (kind, values), numbers in zip(calls, answers, strict=True):
        assert len(numbers) == len(values)
        for value, number in zip(values, numbers, strict=True):
            assert number_of.setdefault((kind, value), number) == number
    taken = [*number_of.values(), *orphans]
    assert len(set(taken)) == len(taken)
    for (named, value), number in number_of.items():
        [identity] = await crowd[1].identities(number)
        assert (identity.kind, identity.value) == (named, value)
