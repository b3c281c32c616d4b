# SPDX-License-Identifier: Apache-2.0
"""Proofs over trees of any size: those that are made are accepted, those that are bent are not."""

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway.record.format.merkle import EMPTY_ROOT, Leaves, Tree, leaf_hash, node_hash
from gateway.record.format.proofs import consistency_proof, inclusion_proof, is_consistent, is_included

MOST = 70
LEAVES = Leaves(leaf_hash(bytes((place,))) for place in range(MOST))
sizes = st.integers(1, MOST)


def root_by_definition(leaves: list[bytes]) -> bytes:
    """The recursive definition of RFC 6962 section 2.1, word for word."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(root_by_definition(leaves[:k]), root_by_definition(leaves[k:]))


@given(st.integers(0, MOST))
def test_the_growing_tree_has_the_root_of_the_definition(size: int) -> None:
    """Whatever the size."""
    tree = Tree()
    for place in range(size):
        tree.append(LEAVES[place])

    assert tree.root() == root_by_definition([LEAVES[place] for place in range(size)]) == LEAVES.roots([size])[size]


@given(st.data(), sizes)
def test_every_entry_has_an_inclusion_proof_that_fits_no_other_place(data: st.DataObject, size: int) -> None:
    """The proof is accepted at its place and refused at every other one."""
    index, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size + 1))
    root, proof = LEAVES.root(0, size), inclusion_proof(LEAVES, index, size)

    assert is_included(LEAVES[index], index, size, proof, root)
    assert is_included(LEAVES[index], other, size, proof, root) is (other == index)


@given(st.data(), sizes)
def test_every_earlier_size_is_shown_to_be_a_beginning(data: st.DataObject, second: int) -> None:
    """And no proof shows that a changed root is one."""
    first = data.draw(st.integers(1, second))
    proof = consistency_proof(LEAVES, first, second)

    assert is_consistent(first, LEAVES.root(0, first), second, LEAVES.root(0, second), proof)
    assert not is_consistent(first, leaf_hash(b"other"), second, LEAVES.root(0, second), proof)
    assert not is_consistent(first, LEAVES.root(0, first), second, leaf_hash(b"other"), proof)


@settings(max_examples=200)
@given(st.data(), sizes)
def test_a_bent_proof_is_refused(data: st.DataObject, size: int) -> None:
    """One bit flipped anywhere in it, one hash more or one less."""
    index = data.draw(st.integers(0, size - 1))
    root, proof = LEAVES.root(0, size), inclusion_proof(LEAVES, index, size)
    assume(proof)
    place, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
    flipped = (int.from_bytes(proof[place], "big") ^ (1 << bit)).to_bytes(32, "big")

    for bent in ([*proof[:place], flipped, *proof[place + 1 :]], proof[:-1], proof[1:], [*proof, proof[-1]]):
        assert not is_included(LEAVES[index], index, size, bent, root)
