# SPDX-License-Identifier: Apache-2.0
"""One call in flight: what it has come to so far, and the rooms with state that it needs."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

import msgspec
from pyroaring import BitMap

from gateway.decide.decide import Decider
from gateway.domain.decision import Decision, Deny, Outcome, Permit, Reason, StepUp
from gateway.domain.entry import Facts, Part, Refused
from gateway.domain.inquiry import Form, Inquiry
from gateway.domain.names import PersonNumber
from gateway.domain.viewplan import Hold, ViewPlan
from gateway.flows.access.ports.at_rest import Columns, NoTombstones, NoVault, Reveals, Tombstones, Vault, WholeColumns
from gateway.flows.access.ports.doorway import Arrival, Out
from gateway.flows.access.ports.sending import Dispatches, Mandates, NoDispatches, NoMandates, NoRecipients, Recipients
from gateway.flows.access.ports.state import (
    Budgets,
    Choices,
    Holds,
    IdempotencyKeys,
    Identify,
    Locks,
    NoLocks,
    People,
    Recorder,
    RulesInUse,
)
from gateway.flows.access.ports.stores import NoSamples, Samples, Target
from gateway.flows.access.scopes import Scopes
from gateway.transform.codec import Codec


class EarlyRefusals(Protocol):
    """Enters refusals before identification: singly up to a rate, beyond it as counts."""

    async def refused(self, entry: Refused, part: Part) -> None:
        """Return once the refusal is durable, by itself or as a count that will be."""


class Rooms(msgspec.Struct, frozen=True, kw_only=True):
    """Everything with state that the flow works with."""

    rules: RulesInUse
    identify: Identify
    people: People
    choices: Choices
    holds: Holds
    budgets: Budgets
    target: Target
    recorder: Recorder
    early: EarlyRefusals
    is_current: Callable[[], bool]
    """What this process remembers of changes elsewhere is new enough to decide by."""
    codec_of: Callable[[ViewPlan], Codec]
    idempotency: IdempotencyKeys
    status_of: Callable[[Reason], int]
    clock: Callable[[], int]
    """UTC microseconds."""
    samples: Samples = NoSamples()
    vault: Vault = NoVault()
    columns: Columns = WholeColumns()
    recipients: Recipients = NoRecipients()
    dispatches: Dispatches = NoDispatches()
    mandates: Mandates = NoMandates()
    scopes: Scopes = msgspec.field(default_factory=Scopes)
    tombstones: Tombstones = NoTombstones()
    locks: Locks = NoLocks()
    most_erased_told: int = 200
    """Erased people who one account is told of in a day by refusals."""
    reveals: Reveals | None = None
    """Where there is none, nothing is revealed."""


class Judged(msgspec.Struct, frozen=True):
    """A permit, and all that it was found by: as long as that is the same, so is the decision."""

    permit: Permit
    decider: Decider
    holds: tuple[Hold, ...]
    at_us: int

    def stands(self, permit: Permit, decider: Decider, holds: tuple[Hold, ...], now_us: int) -> bool:
        """Tell whether the same would be decided again."""
        return (
            permit is self.permit
            and decider is self.decider
            and holds == self.holds
            and self.at_us <= now_us < permit.plan.valid_until_us
        )


class Call:
    """What one call has come to so far; belongs to the flow for the call's life.

    Attributes:
        fresh: The sign-in was fresh when the call began.
        judged: What its permit was found by.
        started: The head of the answer was sent.
        met: Numbers of the people whom path and filters name.
        form: How a stream is written that may be cut; JSON where nothing can be told behind its rows.
        intended: An ``intent`` entry holds the facts of this call; whatever ends it is a later entry.
        outcome: Of a write that fails now: whether the store may have done it. ``None`` where nothing is written.
        asked: A store may have seen a request of the call, so the log says how it ended, whatever left.
        status / etag: Of the answer; the tag in the store's own words.
    """

    def __init__(self, arrival: Arrival, out: Out) -> None:
        """Begin with nothing known."""
        self.arrival = arrival
        self.out = out
        self._facts: Callable[[], Facts] | None = None
        self.fresh = False
        self.judged: Judged | None = None
        self.started = False
        self.met: tuple[int, ...] = ()
        self.n_blocks = 0
        self.released_bytes = 0
        self.released_rows = 0
        self.form = Form.JSON
        self.asked = False
        self.intended = False
        self.outcome: Outcome | None = None
        self.status = 200
        self.etag: str | None = None

    def meet(self, people: Iterable[PersonNumber]) -> None:
        """Let these be the people whom the call named."""
        self.met = tuple(sorted(set(people)))

    @property
    def facts(self) -> Facts | None:
        """What is known for the log; ``None`` while nobody is identified. Only a refusal needs it."""
        return None if self._facts is None else self._facts()

    def know(self, facts: Callable[[], Facts]) -> None:
        """Keep how to tell what is known from now on."""
        self._facts = facts

    def as_begun(self, inquiry: Inquiry, now_us: int) -> Inquiry:
        """Return an inquiry with the age that its sign-in had when the call began: a call may outlast it."""
        if not self.fresh:
            return inquiry
        return msgspec.structs.replace(
            inquiry, principal=msgspec.structs.replace(inquiry.principal, signed_in_us=now_us)
        )

    def part(self, people: Sequence[PersonNumber] = ()) -> Part:
        """Return the part of an entry of this call."""
        origin = self.arrival.origin
        return Part(
            ip=origin.ip,
            user_agent=origin.user_agent,
            people=BitMap(people).serialize() if people else b"",
            met=self.met,
        )


class RefusedError(Exception):
    """Leaves the stages of a call with a refusal; the flow catches it, nobody else sees it."""

    def __init__(self, deny: Deny) -> None:
        """Keep the refusal."""
        super().__init__(deny.reason)
        self.deny = deny


T = TypeVar("T")


def settled(outcome: T | Deny) -> T:
    """Return the outcome unless it is a refusal."""
    if isinstance(outcome, Deny):
        raise RefusedError(outcome)
    return outcome


def permitted(decision: Decision) -> Permit:
    """Return the permit that a decision is, unless it is none."""
    match decision:
        case Permit():
            return decision
        case StepUp():
            raise RefusedError(Deny(reason=Reason.STEP_UP_REQUIRED, fields=decision.fields))
        case Deny():
            raise RefusedError(decision)
