# SPDX-License-Identifier: Apache-2.0
"""People as numbers: u32 values without meaning, drawn from shuffled blocks.

Numbers are handed out so that neighbours in a list of a store are not neighbours in number: within
each block of 65,536 the order is a keyed permutation. The log and every set of people hold these
numbers and nothing else about a person.
"""

from hashlib import blake2b

import msgspec

from gateway.domain.names import IdentityKind, PersonNumber

BLOCK_SIZE = 65_536
ROUNDS = 8
"""Luby and Rackoff need 4 rounds of a keyed function for a strong permutation; 8 leave a margin."""


class Identity(msgspec.Struct, frozen=True):
    """How a store names a person: the kind and the value in its one spelling."""

    kind: IdentityKind
    value: str


def shuffled(place: int, key: bytes) -> PersonNumber:
    """Return the number for the n-th person ever seen, ``place`` counted from 0.

    Within its block of 65,536 the order follows a Feistel network on two halves of 8 bits.

    Args:
        place: 0 to 2**32 - 1.
        key: 32 secret bytes; the same key must be used for the life of an installation.

    Source: M. Luby, C. Rackoff, How to construct pseudorandom permutations, 1988.
    """
    block, inside = divmod(place, BLOCK_SIZE)
    left, right = inside >> 8, inside & 0xFF
    for round_number in range(ROUNDS):
        salt = block.to_bytes(4, "big") + bytes((round_number, right))
        left, right = right, left ^ blake2b(salt, key=key, digest_size=1).digest()[0]
    return PersonNumber(block * BLOCK_SIZE + (left << 8 | right))
