# SPDX-License-Identifier: Apache-2.0
"""Proofs are made only for what is there. Published proofs: tests/conformance."""

import pytest

from gateway.record.format.merkle import EMPTY_ROOT, Leaves, leaf_hash
from gateway.record.format.proofs import (
    ProofInvalid,
    consistency_proof,
    inclusion_proof,
    is_consistent,
    is_included,
    root_from_proof,
)

LEAVES = Leaves(leaf_hash(bytes((place,))) for place in range(5))


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (0, 0), (0, 6)])
def test_no_inclusion_proof_is_made_for_a_place_outside(index: int, size: int) -> None:
    """Neither below the first, nor at the size, nor beyond the leaves."""
    with pytest.raises(ValueError, match="no entry"):
        inclusion_proof(LEAVES, index, size)


@pytest.mark.parametrize(("first", "second"), [(0, 5), (4, 3), (1, 6)])
def test_no_consistency_proof_is_made_out_of_order(first: int, second: int) -> None:
    """Neither from nothing, nor backwards, nor beyond the leaves."""
    with pytest.raises(ValueError, match="no proof"):
        consistency_proof(LEAVES, first, second)


@pytest.mark.parametrize(("change", "message"), [(-1, "too short"), (1, "too long")])
def test_a_proof_of_the_wrong_length_is_named_so(change: int, message: str) -> None:
    """One hash less, one hash more."""
    proof = inclusion_proof(LEAVES, 1, 5)
    bent = proof[:change] if change < 0 else [*proof, proof[0]]

    with pytest.raises(ProofInvalid, match=message):
        root_from_proof(LEAVES[1], 1, 5, bent)


def test_a_proof_of_something_else_than_hashes_is_refused() -> None:
    """A hash has 32 bytes."""
    with pytest.raises(ProofInvalid, match="32 bytes"):
        root_from_proof(LEAVES[0], 0, 2, [b"short"])


@pytest.mark.parametrize(
    ("first", "second"), [(first, second) for second in range(1, 6) for first in range(1, second + 1)]
)
def test_what_is_made_is_accepted_and_its_neighbours_are_not(first: int, second: int) -> None:
    """Over every pair of sizes up to five."""
    old, new, proof = LEAVES.root(0, first), LEAVES.root(0, second), consistency_proof(LEAVES, first, second)

    assert is_consistent(first, old, second, new, proof)
    assert not is_consistent(first, old, second, old if first < second else LEAVES[0] * 2, proof)
    assert not is_consistent(first, old, second, new, [*proof, old])
    if len(proof) > 1:
        assert not is_consistent(first, old, second, new, proof[:-1])
    path = inclusion_proof(LEAVES, first - 1, second)
    assert is_included(LEAVES[first - 1], first - 1, second, path, new)
    assert not is_included(LEAVES[first - 1], first, second, path, new)


def test_the_empty_tree_begins_every_tree_and_needs_no_proof() -> None:
    """With its own root only."""
    assert is_consistent(0, EMPTY_ROOT, 3, LEAVES.root(0, 3), [])
    assert not is_consistent(0, LEAVES[0], 3, LEAVES.root(0, 3), [])
    assert not is_consistent(3, LEAVES.root(0, 3), 2, LEAVES.root(0, 2), [LEAVES[0]])
