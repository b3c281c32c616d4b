# SPDX-License-Identifier: Apache-2.0
"""The eight-leaf reference tree of certificate transparency: its roots, its proofs, and broken proofs.

Source: certificate-transparency reference vectors, as in transparency-dev/merkle proof/verify_test.go.
The broken proofs follow the mutations listed there.
"""

from collections.abc import Iterator

import pytest

from gateway.record.format.merkle import EMPTY_ROOT, Leaves, Tree, leaf_hash
from gateway.record.format.proofs import consistency_proof, inclusion_proof, is_consistent, is_included

ENTRIES = [
    bytes.fromhex(one)
    for one in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    bytes.fromhex(one)
    for one in (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
INCLUSION = [
    (0, 1, ()),
    (
        0,
        8,
        (
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ),
    ),
    (
        5,
        8,
        (
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ),
    ),
    (2, 3, ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",)),
    (
        1,
        5,
        (
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ),
    ),
]
CONSISTENCY = [
    (1, 1, ()),
    (
        1,
        8,
        (
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ),
    ),
    (
        6,
        8,
        (
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ),
    ),
    (
        2,
        5,
        (
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ),
    ),
    (
        6,
        7,
        (
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ),
    ),
]
SOME_HASH = bytes.fromhex("abacaba000000000000000000000000000000000000000000060061e00123456")
LEAVES = Leaves(map(leaf_hash, ENTRIES))


def hashes(proof: tuple[str, ...]) -> list[bytes]:
    return [bytes.fromhex(one) for one in proof]


def broken_inclusions(
    index: int, size: int, proof: list[bytes], root: bytes, leaf: bytes
) -> Iterator[tuple[bytes, int, int, list[bytes], bytes]]:
    for wrong in (index - 1, index + 1, index ^ 2):
        yield leaf, wrong, size, proof, root
    for height in (size * 2, size // 2):
        yield leaf, index, height, proof, root
    yield b"WrongLeaf", index, size, proof, root
    for other in (EMPTY_ROOT, SOME_HASH):
        yield leaf, index, size, proof, other
    for longer in ([*proof, b""], [*proof, root], [b"", *proof], [root, *proof]):
        yield leaf, index, size, longer, root
    for place, one in enumerate(proof):
        yield leaf, index, size, [*proof[:place], bytes((one[0] ^ 8,)) + one[1:], *proof[place + 1 :]], root
    if proof:
        yield leaf, index, size, proof[:-1], root
    if len(proof) > 1:
        yield leaf, index, size, [proof[0], SOME_HASH, *proof[1:]], root


def broken_consistencies(
    first: int, second: int, old: bytes, new: bytes, proof: list[bytes]
) -> Iterator[tuple[int, bytes, int, bytes, list[bytes]]]:
    for wrong in (first - 1, first + 1, first ^ 2):
        yield wrong, old, second, new, proof
    for height in (second * 2, second // 2):
        yield first, old, height, new, proof
    yield first, b"WrongRoot", second, new, proof
    yield first, old, second, b"WrongRoot", proof
    yield first, new, second, old, proof
    yield first, old, second, new, []
    for end in (b"", old, new):
        yield first, old, second, new, [*proof, end]
        yield first, old, second, new, [end, *proof]
    yield first, old, second, new, [proof[0], *proof]
    yield first, old, second, new, proof[:-1]
    for place, one in enumerate(proof):
        yield first, old, second, new, [*proof[:place], bytes((one[0] ^ 16,)) + one[1:], *proof[place + 1 :]]


def test_the_tree_has_the_published_root_at_every_size() -> None:
    """Leaf by leaf, the incremental tree passes through the eight roots."""
    tree, roots = Tree(), []
    for entry in ENTRIES:
        tree.append(leaf_hash(entry))
        roots.append(tree.root())

    assert roots == ROOTS


def test_the_empty_tree_has_the_hash_of_nothing_as_its_root() -> None:
    """RFC 6962 section 2.1."""
    assert Tree().root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSION)
def test_the_published_inclusion_proofs_are_made_and_accepted(index: int, size: int, proof: tuple[str, ...]) -> None:
    """Ours are the same hashes in the same order."""
    made = inclusion_proof(LEAVES, index, size)

    assert made == hashes(proof)
    assert is_included(LEAVES[index], index, size, made, ROOTS[size - 1])


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSION)
def test_every_broken_inclusion_proof_is_refused(index: int, size: int, proof: tuple[str, ...]) -> None:
    """Wrong place, size, leaf, root, bit, or number of hashes."""
    for case in broken_inclusions(index, size, hashes(proof), ROOTS[size - 1], LEAVES[index]):
        leaf, at, of, path, root = case

        assert not is_included(leaf, at, of, path, root), case


@pytest.mark.parametrize(("first", "second", "proof"), CONSISTENCY)
def test_the_published_consistency_proofs_are_made_and_accepted(
    first: int, second: int, proof: tuple[str, ...]
) -> None:
    """Ours are the same hashes in the same order."""
    made = consistency_proof(LEAVES, first, second)

    assert made == hashes(proof)
    assert is_consistent(first, ROOTS[first - 1], second, ROOTS[second - 1], made)


@pytest.mark.parametrize(("first", "second", "proof"), CONSISTENCY[1:])
def test_every_broken_consistency_proof_is_refused(first: int, second: int, proof: tuple[str, ...]) -> None:
    """Wrong sizes, roots, bits, or number of hashes."""
    for case in broken_consistencies(first, second, ROOTS[first - 1], ROOTS[second - 1], hashes(proof)):
        assert not is_consistent(*case), case


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 0), (2, 1), (-1, 1)])
def test_no_place_outside_the_tree_can_be_proven(index: int, size: int) -> None:
    """Not even with an empty proof and the root as leaf."""
    assert not is_included(SOME_HASH, index, size, [], SOME_HASH)


@pytest.mark.parametrize(
    ("first", "second", "old", "new", "proof", "holds"),
    [
        (0, 0, EMPTY_ROOT, EMPTY_ROOT, [], True),
        (0, 1, EMPTY_ROOT, SOME_HASH, [], True),
        (1, 1, SOME_HASH, SOME_HASH, [], True),
        (0, 0, EMPTY_ROOT, SOME_HASH, [], False),
        (0, 1, SOME_HASH, SOME_HASH, [], False),
        (1, 1, EMPTY_ROOT, SOME_HASH, [], False),
        (1, 0, SOME_HASH, EMPTY_ROOT, [], False),
        (2, 1, SOME_HASH, SOME_HASH, [], False),
        (1, 2, SOME_HASH, SOME_HASH, [], False),
        (0, 1, EMPTY_ROOT, SOME_HASH, [EMPTY_ROOT], False),
        (1, 1, SOME_HASH, SOME_HASH, [EMPTY_ROOT], False),
    ],
)
def test_consistency_at_the_edges(
    first: int, second: int, old: bytes, new: bytes, proof: list[bytes], holds: bool
) -> None:
    """The empty tree begins every tree; time does not run backwards; no proof where none is needed."""
    assert is_consistent(first, old, second, new, proof) is holds
