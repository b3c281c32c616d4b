# SPDX-License-Identifier: Apache-2.0
"""By what somebody is known again who was erased: single values in one spelling, and how few of them are enough.

A strong identifier is one person's alone and is enough by itself. Any other is often shared, a family's phone by a
family, so two of different forms are needed together. They are only ever digested together, so nothing that is kept
tells of a single one.
"""

from collections.abc import Iterable
from enum import StrEnum
from itertools import combinations

import msgspec
from typing_extensions import override


class IdentifierForm(StrEnum):
    """What kind of value it is."""

    IDENTITY = "identity"
    """How a store names the person: kind and value, as ``identity_value`` joins them."""
    NATIONAL_ID = "national_id"
    PHONE = "phone"
    EMAIL = "email"
    NAME_AND_BIRTH = "name_and_birth"


STRONG = frozenset({IdentifierForm.IDENTITY, IdentifierForm.NATIONAL_ID})

MOST_WEAK = 16
"""Identifiers of one person that are not strong: 120 pairs at most."""


class Identifier(msgspec.Struct, frozen=True, order=True):
    """One value by which a person can be known; never shown."""

    form: IdentifierForm
    value: str

    @override
    def __repr__(self) -> str:
        return f"<Identifier {self.form}>"


Enough = tuple[Identifier, ...]
"""Identifiers that together are enough to know a person by, in their order."""


def identity_value(kind: str, value: str) -> str:
    """Return the value of an ``IDENTITY``: kind and value, so that no two pairs spell the same."""
    return f"{kind}\x00{value}"


def combined(identifiers: Iterable[Identifier]) -> list[Enough]:
    """Return everything that is enough: each strong one, and each two of the others that are of different forms.

    Of the others the first sixteen in their order count.
    """
    once = sorted(set(identifiers))
    weak = [one for one in once if one.form not in STRONG][:MOST_WEAK]
    strong: list[Enough] = [(one,) for one in once if one.form in STRONG]
    return strong + [pair for pair in combinations(weak, 2) if pair[0].form is not pair[1].form]
