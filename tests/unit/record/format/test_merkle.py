# SPDX-License-Identifier: Apache-2.0
"""Trees grow, and leaves are kept side by side. Published roots: tests/conformance."""

import pytest

from gateway.record.format.merkle import EMPTY_ROOT, MARK, Leaves, Tree, leaf_hash, node_hash


def test_a_leaf_and_a_node_of_the_same_bytes_have_different_hashes() -> None:
    """So no inner node can pass for an entry."""
    one, other = leaf_hash(b"1"), leaf_hash(b"2")

    assert leaf_hash(one + other) != node_hash(one, other)


def test_a_tree_of_two_has_their_node_as_its_root() -> None:
    """The smallest tree with a node."""
    tree = Tree()
    tree.append(leaf_hash(b"1"))
    tree.append(leaf_hash(b"2"))

    assert (tree.size, tree.root()) == (2, node_hash(leaf_hash(b"1"), leaf_hash(b"2")))


def test_leaves_come_back_by_their_places() -> None:
    """And nothing lies outside of them."""
    leaves = Leaves([leaf_hash(b"1"), leaf_hash(b"2")])

    assert [len(leaves), leaves[0], leaves[1]] == [2, leaf_hash(b"1"), leaf_hash(b"2")]
    for outside in (-1, 2):
        with pytest.raises(IndexError):
            leaves[outside]


def test_roots_are_told_only_for_sizes_that_the_leaves_reach() -> None:
    """A size beyond the end or below zero has no root."""
    leaves = Leaves([leaf_hash(b"1")])

    assert leaves.roots([1, 0, 2, -1, 1]) == {0: EMPTY_ROOT, 1: leaf_hash(b"1")}


def test_roots_are_the_same_in_whatever_order_they_are_asked_for() -> None:
    """Marks that one question leaves serve the next, also behind leaves that are known by their tree alone."""
    hashes = [leaf_hash(str(n).encode()) for n in range(3 * MARK + 5)]
    tree = Tree()
    roots = {0: EMPTY_ROOT}
    for size, leaf in enumerate(hashes, 1):
        tree.append(leaf)
        roots[size] = tree.root()
    before = Tree()
    for leaf in hashes[:11]:
        before.append(leaf)
    for leaves in (Leaves(hashes), Leaves(hashes[11:], before=before)):
        reached = [size for size in roots if size >= leaves.first]
        for sizes in ([len(hashes)], [MARK + 1, 12], reached[::-7], [2 * MARK - 1, 2 * MARK, 2 * MARK + 1]):
            assert leaves.roots(sizes) == {size: roots[size] for size in sizes}
        leaves.append(leaf_hash(b"more"))
        assert leaves.tree(len(hashes)).root() == roots[len(hashes)]
