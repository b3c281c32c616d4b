# SPDX-License-Identifier: Apache-2.0
"""Numbers of people: each once, shuffled by a key, in blocks."""

from gateway.domain.names import IdentityKind
from gateway.domain.people import BLOCK_SIZE, Identity, shuffled

KEY = bytes(range(32))


def test_a_block_is_a_permutation_of_its_own_numbers() -> None:
    """Nobody shares a number, and none is left out."""
    for block in (0, 3):
        places = range(block * BLOCK_SIZE, (block + 1) * BLOCK_SIZE)
        assert sorted(shuffled(place, KEY) for place in places) == list(places)


def test_neighbours_in_a_list_are_not_neighbours_in_number() -> None:
    """Of 10,000 pairs about 2 in 65,536 would be by chance."""
    pairs = ((shuffled(place, KEY), shuffled(place + 1, KEY)) for place in range(10_000))
    assert sum(abs(one - other) == 1 for one, other in pairs) < 10


def test_each_block_and_each_key_has_an_order_of_its_own() -> None:
    """The order of one says nothing of another."""
    first = [shuffled(place, KEY) for place in range(100)]
    other_key = [shuffled(place, bytes(32)) for place in range(100)]
    other_block = [shuffled(place + BLOCK_SIZE, KEY) - BLOCK_SIZE for place in range(100)]
    assert len({tuple(first), tuple(other_key), tuple(other_block)}) == 3
    assert first == [shuffled(place, KEY) for place in range(100)]


def test_the_last_place_has_a_number_of_32_bits() -> None:
    """The log keeps people in bitmaps of these."""
    assert 2**32 - BLOCK_SIZE <= shuffled(2**32 - 1, KEY) < 2**32


def test_identities_are_values() -> None:
    """Kind and value together."""
    kind = IdentityKind("crm.id")
    assert Identity(kind, "1") == Identity(kind, "1")
    assert Identity(kind, "1") != Identity(IdentityKind("shop.id"), "1")
