# SPDX-License-Identifier: Apache-2.0
"""What a reveal stands on: people, the vault, the words of second persons, rules, and the log."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from gateway.decide.decide import Decider
from gateway.domain.approval import Approval, ApprovalState, Bound
from gateway.domain.decision import Deny
from gateway.domain.entry import Entry, Part
from gateway.domain.names import AccountId, IdentityKind, JoinDomain, PersonNumber
from gateway.domain.principal import Principal
from gateway.domain.viewplan import Hold


class People(Protocol):
    """Numbers of people."""

    async def find_each(self, kind: IdentityKind, values: Sequence[str]) -> Sequence[PersonNumber | None]:
        """Return for each identity its number if it has one; nobody gets one by being asked for."""


class Vault(Protocol):
    """Values in whose place stores hold tokens."""

    async def found(
        self, domain: JoinDomain, tokens: Iterable[bytes]
    ) -> Mapping[bytes, tuple[str, tuple[PersonNumber, ...]]]:
        """Return the value of each token that stands for one, and in order whose it is."""


class KeptApprovals(Protocol):
    """Where approvals are kept."""

    async def of(self, bound: Bound, now_us: int) -> Approval | None:
        """Return what there is for exactly this and can be used or waits; an approved one before one that waits."""

    async def n_open(self, account: AccountId, now_us: int) -> int:
        """Return how many of an account wait."""

    async def add(self, approval: Approval, *, most_open: int, now_us: int) -> Approval | None:
        """Keep a new one and return it, or what came before it for the same; ``None`` if too many wait."""

    async def find(self, approval_id: str, now_us: int) -> Approval | None:
        """Return one that waits."""

    async def decide(self, approval_id: str, state: ApprovalState, by: AccountId, now_us: int) -> bool:
        """Decide one that waits and was not asked for by the same account; tell whether this was the time."""

    async def spend(self, approval_id: str, now_us: int) -> bool:
        """Let one that was approved be used up; tell whether this was the time."""


class Rules(Protocol):
    """The rules in force."""

    @property
    def decider(self) -> Decider:
        """Return the decider of the rules in force."""


class Identify(Protocol):
    """Who asks."""

    def principal(self, authorization: str | None, now_us: int) -> Principal | Deny:
        """Return the principal of a bearer, or why there is none."""


class Holds(Protocol):
    """The caps on accounts."""

    def for_account(self, account: AccountId) -> tuple[Hold, ...]:
        """Return the holds in force on an account."""


class Recorder(Protocol):
    """The log."""

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Return once the entry is durable."""
