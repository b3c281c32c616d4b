# SPDX-License-Identifier: Apache-2.0
"""A grant that a caller asks for: what, for which purpose, why and until when, and what became of it.

What is asked for is settled when it is asked: fields are turned into categories, since that is what grants
speak of, and the request says which fields these reach. An approval never gives more than that.
"""

from enum import StrEnum

import msgspec
from typing_extensions import override

from gateway.domain.names import AccountId, CategoryKey, DatasetName, FieldName, PurposeKey, RoleName
from gateway.domain.treatment import Rung


class GrantRequestState(StrEnum):
    """What became of a request."""

    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"
    LAPSED = "lapsed"
    """Nobody decided before the day came until which it was asked for."""


class AskedGrant(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for.

    Attributes:
        fields: As the caller named them; empty if it named categories.
        rung / link: The most that is wanted of each value: ``reveal``, ``drop`` with the link for a surrogate.
        why: The caller's own words; shown to whoever decides, and in no log.
        until_us: When the grant would end, UTC microseconds.
    """

    dataset: DatasetName
    fields: tuple[FieldName, ...]
    categories: tuple[CategoryKey, ...]
    operation: str
    purpose: PurposeKey
    rung: Rung
    link: bool
    why: str
    until_us: int

    @override
    def __repr__(self) -> str:
        return f"AskedGrant({self.dataset}, {self.purpose}, …)"


class GrantRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request.

    Attributes:
        covers: Every field of the dataset that grants on the categories reach; nothing beyond it is ever given.
        decided_us / because: When it was decided, and what whoever decided said about it.
        role: Of an approval, the role that got the grants.
        granted_until_us: Of an approval, when the grants end.
    """

    id: str
    account: AccountId
    asked: AskedGrant
    covers: tuple[FieldName, ...]
    asked_us: int
    state: GrantRequestState = GrantRequestState.OPEN
    decided_us: int | None = None
    because: str | None = None
    role: RoleName | None = None
    granted_until_us: int | None = None

    def at(self, now_us: int) -> "GrantRequest":
        """Return the request as it stands at a time: an open one lapses when what it asks for would have ended."""
        if self.state is GrantRequestState.OPEN and self.asked.until_us <= now_us:
            return msgspec.structs.replace(self, state=GrantRequestState.LAPSED)
        return self
