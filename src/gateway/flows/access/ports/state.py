# SPDX-License-Identifier: Apache-2.0
"""Who asks, whom it is about, what is in force and what is left of it; and the log."""

from collections.abc import Collection, Sequence
from typing import Protocol

from gateway.decide.decide import Decider
from gateway.domain.budget import BudgetKey, BudgetRule, Counted, Taken
from gateway.domain.decision import Deny
from gateway.domain.entry import Entry, Part
from gateway.domain.names import (
    AccountId,
    IdentityKind,
    PersonNumber,
    PurposeKey,
)
from gateway.domain.principal import Principal
from gateway.domain.viewplan import Hold


class Recorder(Protocol):
    """The log, as the flow needs it."""

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Return once the entry is durable; raises LogUnavailable."""

    def room_left(self) -> bool:
        """Tell whether the disk has room for the log to go on."""


class People(Protocol):
    """Numbers of people."""

    async def numbers(self, kind: IdentityKind, values: Sequence[str]) -> list[PersonNumber]:
        """Return the number of each identity; new ones are committed before the return."""

    async def orphan_numbers(self, n: int) -> list[PersonNumber]:
        """Return new numbers for rows whose person cannot be read."""

    async def find_each(self, kind: IdentityKind, values: Sequence[str]) -> Sequence[PersonNumber | None]:
        """Return for each identity its number if it has one; nobody gets one by being asked for."""

    async def known_still(self, numbers: Sequence[PersonNumber]) -> frozenset[PersonNumber]:
        """Return which numbers stand for somebody now, as the database says: not who was erased."""


class ChoiceSet(Protocol):
    """Who chose what for one purpose, at one version of the choices."""

    @property
    def version(self) -> int:
        """Return the version of the choices."""

    def withheld(
        self, numbers: Sequence[PersonNumber], *, needs_consent: bool, honours_objection: bool
    ) -> Sequence[bool]:
        """Tell for each person whether the choice withholds the row."""


class Choices(Protocol):
    """The choices in force."""

    def sets_for(self, purpose: PurposeKey) -> ChoiceSet:
        """Return the sets for a purpose as of the last good poll."""


class Holds(Protocol):
    """The caps that detectors and officers put on accounts."""

    def for_account(self, account: AccountId) -> tuple[Hold, ...]:
        """Return the holds in force on an account."""


class Locks(Protocol):
    """Takes everything from an account that asked for too much, until an officer gives it back."""

    async def lock(self, account: AccountId, reason: str) -> None:
        """Lock an account that is not locked yet; it is durable at the return.

        Raises:
            LogUnavailable / StateUnavailable: It may not be locked, and the call may not be answered.
        """


class NoLocks:
    """Locks nobody."""

    async def lock(self, account: AccountId, reason: str) -> None:
        """Do nothing."""
        del account, reason


class Budgets(Protocol):
    """What may still leave to whom, counted exactly over every process."""

    async def take(
        self,
        key: BudgetKey,
        rules: Sequence[BudgetRule],
        people: Sequence[PersonNumber],
        n_rows: int,
        *,
        whole: bool,
        now_us: int,
        counted: Collection[Counted] = tuple(Counted),
    ) -> Taken:
        """Spend for as many rows as fit, from the first on; what is spent is durable at the return.

        Args:
            key: Whose budget.
            rules: Every budget that counts; a row fits if it fits them all.
            people: The person of each row, or nothing where the rows are about nobody.
            n_rows: Rows of the block.
            whole: Spend for all rows or for none.
            now_us: UTC microseconds.
            counted: What is counted for the key, whether or not one of these rules limits it.

        Raises:
            StateUnavailable: It cannot be counted now, so nothing may leave.
        """


class Identify(Protocol):
    """Who asks."""

    def principal(self, authorization: str | None, now_us: int) -> Principal | Deny:
        """Return the principal of a bearer, or why there is none."""

    def is_revoked(self, who: Principal) -> bool:
        """Tell whether the sign-in was ended or the account locked since the bearer was verified."""


class IdempotencyKeys(Protocol):
    """What a store gets in the place of a caller's ``Idempotency-Key``."""

    def for_store(self, stated: str, whose: Sequence[str]) -> str:
        """Return an opaque key: the same for the same two, another for anything else."""

    def digest(self, stated: str, whose: Sequence[str]) -> bytes:
        """Return 32 bytes under a key of ours: the same for the same two, others for anything else."""


class RulesInUse(Protocol):
    """The rule set in force; swapped at once."""

    @property
    def decider(self) -> Decider:
        """Return the decider of the rules in force."""
