# SPDX-License-Identifier: Apache-2.0
"""The call that the present task answers: its decision id, for remarks, and where its time went, for metrics.

It lies in a context variable, which every task has for itself; what a door sets is not seen by another call.
"""

from contextvars import ContextVar
from typing import Protocol

from gateway.domain.entry import Facts
from gateway.domain.names import DecisionId


class Waiting(Protocol):
    """An answer of a store that says how long was waited for its pieces."""

    waited_s: float


class Span:
    """One call in flight, as metrics see it; belongs to the task that answers it.

    Attributes:
        began_s: When it arrived, in seconds of ``ticks_s``.
        store_s: How long stores were waited for until the heads of their answers.
        answer: What is read of a store now, or was read last.
        facts: Of the first entry that has any; later entries of the call have none.
        rows / withheld: What was entered of it so far.
        is_timed: The own part was told.
    """

    __slots__ = ("answer", "began_s", "decision_id", "facts", "is_timed", "rows", "store_s", "withheld")

    def __init__(self, decision_id: DecisionId, began_s: float) -> None:
        """Begin with nothing known."""
        self.decision_id, self.began_s = decision_id, began_s
        self.store_s = 0.0
        self.answer: Waiting | None = None
        self.facts: Facts | None = None
        self.rows = 0
        self.withheld: dict[str, int] = {}
        self.is_timed = False

    def own_s(self, now_s: float) -> float:
        """Return how long the gateway itself was busy with the call so far."""
        waited_s = 0.0 if self.answer is None else self.answer.waited_s
        return max(0.0, now_s - self.began_s - self.store_s - waited_s)

    def asked(self, seconds: float, answer: Waiting | None) -> None:
        """Note how long a store took until the head of its answer, or until it failed."""
        if self.answer is not None:
            self.store_s += self.answer.waited_s
        self.store_s += seconds
        self.answer = answer


CURRENT: ContextVar[Span | None] = ContextVar("current", default=None)


def decision_id() -> str | None:
    """Return the decision id of the present call; ``None`` outside of calls."""
    span = CURRENT.get()
    return None if span is None else span.decision_id
