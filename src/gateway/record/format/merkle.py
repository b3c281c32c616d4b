# SPDX-License-Identifier: Apache-2.0
"""Merkle tree hashes as RFC 6962 section 2.1 defines them, and a tree that grows leaf by leaf; no I/O.

Leaves and nodes are hashed with different first bytes, so that no node can pass for a leaf.
"""

from collections.abc import Iterable
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
MARK = 256
"""Leaves from one mark to the next: a root is then no more than so many steps away."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256(0x00, entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256(0x01, left, right)."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that only grows; it keeps the roots of its full subtrees, at most one of each height."""

    __slots__ = ("_peaks", "size")

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    @classmethod
    def over(cls, size: int, peaks: Iterable[bytes]) -> "Tree":
        """Return the tree of a size with these peaks, highest first.

        Raises:
            ValueError: A tree of that size has other peaks.
        """
        tree = cls()
        tree.size, tree._peaks = size, list(peaks)
        if len(tree._peaks) != size.bit_count() or any(len(peak) != HASH_BYTES for peak in tree._peaks):
            raise ValueError("these are not the peaks of a tree of that size")
        return tree

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """The roots of its full subtrees, highest first."""
        return tuple(self._peaks)

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash at the end: one node for each trailing one bit of the size before."""
        full, peaks = self.size, self._peaks
        while full & 1:
            leaf = node_hash(peaks.pop(), leaf)
            full >>= 1
        peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """Return the root over all leaves so far, in as many steps as the size has one bits."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


class Leaves:
    """Leaf hashes side by side, 32 bytes each: a million of them in 32 MB.

    Attributes:
        first: Place of the first that is held; those before it are known by the peaks of their tree alone.
    """

    __slots__ = ("_before", "_hashes", "_marks", "first")

    def __init__(self, leaves: Iterable[bytes] = (), *, before: Tree | None = None) -> None:
        self._hashes = bytearray(b"".join(leaves))
        self._before = before or Tree()
        self.first = self._before.size
        # Peaks behind every so many leaves, as far as somebody asked: leaves are only ever added, so they stay.
        self._marks: list[tuple[bytes, ...]] = []

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash at the end."""
        self._hashes += leaf

    def __len__(self) -> int:
        return self.first + len(self._hashes) // HASH_BYTES

    def __getitem__(self, index: int) -> bytes:
        if not self.first <= index < len(self):
            raise IndexError(index)
        start = (index - self.first) * HASH_BYTES
        return bytes(self._hashes[start : start + HASH_BYTES])

    def root(self, start: int, stop: int) -> bytes:
        """Return the root over the leaves from ``start`` up to, but not including, ``stop``."""
        tree = Tree()
        for index in range(start, stop):
            tree.append(self[index])
        return tree.root()

    def roots(self, sizes: Iterable[int]) -> dict[int, bytes]:
        """Return the root at each of the sizes that the leaves reach, in one pass over them; the next is shorter."""
        tree, roots = self._marked(self.first), {}
        for size in sorted(set(sizes)):
            if self.first <= size <= len(self):
                marked = self._marked(size)
                tree = marked if marked.size > tree.size else tree
                self._grow(tree, size)
                roots[size] = tree.root()
        return roots

    def tree(self, size: int) -> Tree:
        """Return the tree over the leaves up to a size, which is not before the first that is held."""
        tree = self._marked(size)
        self._grow(tree, size)
        return tree

    def _marked(self, size: int) -> Tree:
        """Return the tree at the last mark that is not beyond a size."""
        n_marks = min((size - self.first) // MARK, len(self._marks))
        peaks = self._marks[n_marks - 1] if n_marks else self._before.peaks
        return Tree.over(self.first + n_marks * MARK, peaks)

    def _grow(self, tree: Tree, size: int) -> None:
        """Add leaves to a tree up to a size, and leave marks on the way."""
        for index in range(tree.size, size):
            tree.append(self[index])
            if (tree.size - self.first) % MARK == 0 and tree.size - self.first > len(self._marks) * MARK:
                self._marks.append(tree.peaks)
