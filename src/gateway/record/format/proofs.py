# SPDX-License-Identifier: Apache-2.0
"""Proofs that an entry is in the log, and that a longer log contains a shorter one; no I/O, no state.

Making a proof needs the leaf hashes; checking one needs only the proof and the roots. A check says no
to everything that is not exactly right: wrong length, wrong hash size, a size out of order.
"""

from collections.abc import Sequence
from typing import Protocol

from gateway.record.format.merkle import EMPTY_ROOT, HASH_BYTES, node_hash


class Roots(Protocol):
    """What proofs are made from: leaves side by side, or hashes of subtrees that are kept."""

    def __len__(self) -> int:
        """Return the number of leaves."""
        ...

    def root(self, start: int, stop: int) -> bytes:
        """Return the root over the leaves from ``start`` up to, but not including, ``stop``."""
        ...


class ProofInvalid(ValueError):
    """A proof does not have the form that its sizes demand."""


def inclusion_proof(leaves: Roots, index: int, size: int) -> list[bytes]:
    """Return the sibling hashes from a leaf up to the root over the first ``size`` leaves.

    Args:
        leaves: Leaf hashes, at least ``size``.
        index: Place of the leaf, counted from 0.
        size: Number of entries under the checkpoint.

    Raises:
        ValueError: ``index`` is not below ``size``, or the leaves do not reach so far.

    Source: RFC 9162 section 2.1.3.1.
    """
    if not 0 <= index < size <= len(leaves):
        raise ValueError(f"no entry {index} among {size} of {len(leaves)}")
    proof, start, stop = [], 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            proof.append(leaves.root(middle, stop))
            stop = middle
        else:
            proof.append(leaves.root(start, middle))
            start = middle
    return proof[::-1]


def consistency_proof(leaves: Roots, first: int, second: int) -> list[bytes]:
    """Return the hashes by which the root at ``second`` is shown to contain the root at ``first``.

    Raises:
        ValueError: Not ``0 < first <= second``, or the leaves do not reach so far.

    Source: RFC 9162 section 2.1.4.1.
    """
    if not 0 < first <= second <= len(leaves):
        raise ValueError(f"no proof from {first} to {second} of {len(leaves)}")
    proof, start, stop, is_whole = [], 0, second, True
    while first != stop:
        middle = start + _split(stop - start)
        if first <= middle:
            proof.append(leaves.root(middle, stop))
            stop = middle
        else:
            proof.append(leaves.root(start, middle))
            start, is_whole = middle, False
    if not is_whole:
        proof.append(leaves.root(start, stop))
    return proof[::-1]


def root_from_proof(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """Climb from a leaf to the root that its inclusion proof implies.

    Args:
        leaf: Leaf hash, 32 bytes.
        index: Place of the leaf in the log, counted from 0.
        size: Number of entries under the checkpoint.
        proof: Sibling hashes of 32 bytes each, from the leaf upwards.

    Raises:
        ProofInvalid: The proof has the wrong length for ``index`` and ``size``, or holds no hashes.

    Source: RFC 9162 section 2.1.3.2.
    """
    if not 0 <= index < size:
        raise ProofInvalid(f"no entry {index} among {size}")
    _check_hashes(leaf, *proof)
    place, last, root = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofInvalid("the proof is too long")
        if place & 1 or place == last:
            root = node_hash(sibling, root)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofInvalid("the proof is too short")
    return root


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether the proof shows the leaf at its place under the root."""
    try:
        return root_from_proof(leaf, index, size, proof) == root
    except ProofInvalid:
        return False


def is_consistent(first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]) -> bool:
    """Tell whether the proof shows that the tree at ``second`` begins with the tree at ``first``.

    The empty tree is the beginning of every tree and needs no proof.

    Source: RFC 9162 section 2.1.4.2.
    """
    if first == 0:
        return second >= 0 and not proof and first_root == EMPTY_ROOT and (second > 0 or second_root == EMPTY_ROOT)
    if first == second:
        return not proof and first_root == second_root
    try:
        return _roots_from_consistency(first, first_root, second, proof) == (first_root, second_root)
    except ProofInvalid:
        return False


def _roots_from_consistency(first: int, first_root: bytes, second: int, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Climb both trees at once and return the roots that the proof implies for each."""
    if not 0 < first < second or not proof:
        raise ProofInvalid("a longer tree needs a proof")
    _check_hashes(first_root, *proof)
    # A first size that is a power of two is a subtree itself: its root starts the path unsaid.
    path = list(proof) if first & (first - 1) else [first_root, *proof]
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofInvalid("the proof is too long")
        if place & 1 or place == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofInvalid("the proof is too short")
    return old, new


def _split(size: int) -> int:
    """Return the largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1


def _check_hashes(*hashes: bytes) -> None:
    """Refuse what is not a hash by its length."""
    if any(len(one) != HASH_BYTES for one in hashes):
        raise ProofInvalid(f"a hash has {HASH_BYTES} bytes")
