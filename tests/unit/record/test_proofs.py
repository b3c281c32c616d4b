# SPDX-License-Identifier: Apache-2.0
"""Proofs are made only for what is there. Published proofs: tests/conformance."""

import pytest

from gateway.record.merkle import Leaves, leaf_hash
from gateway.record.proofs import ProofInvalid, consistency_proof, inclusion_proof, root_from_proof

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
