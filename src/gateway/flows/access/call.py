# SPDX-License-Identifier: Apache-2.0
"""One call in flight: what it has come to so far, and the rooms with state that it needs."""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
from pyroaring import BitMap

from gateway.domain.decision import Deny, Reason
from gateway.domain.entry import Facts, Part, Refused
from gateway.domain.names import PersonNumber
from gateway.domain.viewplan import ViewPlan
from gateway.flows.access import ports
from gateway.transform.codec import Codec


class EarlyRefusals(Protocol):
    """Enters refusals before identification: singly up to a rate, beyond it as counts."""

    async def refused(self, entry: Refused, part: Part) -> None:
        """Return once the refusal is durable, by itself or as a count that will be."""


class Rooms(msgspec.Struct, frozen=True, kw_only=True):
    """Everything with state that the flow works with."""

    rules: ports.RulesInUse
    identify: ports.Identify
    people: ports.People
    choices: ports.Choices
    holds: ports.Holds
    budgets: ports.Budgets
    target: ports.Target
    recorder: ports.Recorder
    early: EarlyRefusals
    is_current: Callable[[], bool]
    """What this process remembers of changes elsewhere is new enough to decide by."""
    codec_of: Callable[[ViewPlan], Codec]
    status_of: Callable[[Reason], int]
    clock: Callable[[], int]
    """UTC microseconds."""


class Call:
    """What one call has come to so far; belongs to the flow for the call's life.

    Attributes:
        facts: What is known for the log; grows as the call passes the stages.
        fresh: The sign-in was fresh when the call began.
        started: The head of the answer was sent.
        met: Numbers of the people whom path and filters name.
    """

    def __init__(self, arrival: ports.Arrival, out: ports.Out) -> None:
        """Begin with nothing known."""
        self.arrival = arrival
        self.out = out
        self.facts: Facts | None = None
        self.fresh = False
        self.started = False
        self.met: tuple[int, ...] = ()
        self.n_blocks = 0
        self.released_bytes = 0

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
