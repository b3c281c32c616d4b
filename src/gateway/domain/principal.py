# SPDX-License-Identifier: Apache-2.0
"""Who acts, through which client, for which recipient, and how strongly they proved it."""

from enum import IntEnum, StrEnum

import msgspec

from gateway.domain.names import AccountId, ClientId, PurposeKey, RecipientId, RoleName

FRESH_SIGN_IN_US = 5 * 60 * 1_000_000
"""Age up to which a sign-in counts as fresh (DESIGN 3; the max_age told by step-up, RFC 9470)."""


class PrincipalKind(StrEnum):
    """A person signs in with two factors; a service with its client's secret or key."""

    PERSON = "person"
    SERVICE = "service"


class Assurance(IntEnum):
    """How strongly a principal proved who it is; each level includes those below."""

    NONE = 0
    SERVICE_SECRET = 1
    SERVICE_KEY_BOUND = 2
    PERSON = 3
    """A person with two factors."""
    PERSON_FRESH = 4
    """The same, at most five minutes ago."""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """One identified caller, as its verified bearer describes it.

    Attributes:
        roles: Roles of the account; roles that these contain are found by the rules.
        proof: Level of the sign-in itself, 0 to 3; freshness is judged at each call.
        signed_in_us: When the factors were shown (``auth_time``), UTC microseconds.
        scopes: Purposes that the bearer is for.
        session: Sign-in that the bearer descends from; the unit of revocation.
    """

    account: AccountId
    kind: PrincipalKind
    roles: tuple[RoleName, ...]
    client: ClientId
    recipient: RecipientId
    proof: Assurance
    signed_in_us: int
    scopes: tuple[PurposeKey, ...]
    session: str


def purpose_of(stated: PurposeKey | None, who: Principal) -> PurposeKey | None:
    """Return the purpose of a call: as stated, or the bearer's only one."""
    if stated is None and len(who.scopes) == 1:
        return who.scopes[0]
    return stated


def assurance_at(principal: Principal, now_us: int) -> Assurance:
    """Return the level in force at a time: a person's sign-in is fresh for five minutes, and not before it."""
    if principal.proof == Assurance.PERSON and 0 <= now_us - principal.signed_in_us <= FRESH_SIGN_IN_US:
        return Assurance.PERSON_FRESH
    return principal.proof
