# SPDX-License-Identifier: Apache-2.0
"""An approval: one person's word that another may have so many surrogates revealed, once and for one thing."""

from enum import StrEnum

import msgspec

from gateway.domain.names import AccountId, ClientId, DatasetName, FieldName, PurposeKey, RecipientId

LASTS_US = 8 * 3600 * 1_000_000
"""From when it is asked for to when it can be used no more."""

MOST_OPEN = 20
"""Approvals of one account that wait at one time."""


class ApprovalState(StrEnum):
    """What became of it; one that lapsed stays as it was and is of no use."""

    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"
    SPENT = "spent"


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """What an approval is for, and for nothing else.

    Attributes:
        digest: SHA-256 of the set of surrogates, hexadecimal: their order and how often each is asked for change nothing.
    """

    account: AccountId
    client: ClientId
    recipient: RecipientId
    purpose: PurposeKey
    reference: str
    dataset: DatasetName
    field: FieldName
    digest: str


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """One approval as it stands.

    Attributes:
        surrogates: How many different ones.
        by: Who decided; empty while nobody has.
    """

    id: str
    bound: Bound
    surrogates: int
    asked_us: int
    until_us: int
    state: ApprovalState = ApprovalState.OPEN
    by: AccountId = AccountId("")
    decided_us: int | None = None
