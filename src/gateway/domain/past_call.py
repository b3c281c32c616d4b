# SPDX-License-Identifier: Apache-2.0
"""A call as the log holds it: what its decision rested on, what came of it, and nothing that it asked by value."""

import msgspec

from gateway.domain.entry import Facts
from gateway.domain.names import DecisionId
from gateway.domain.viewplan import Hold


class PastCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call of the past.

    Attributes:
        slot / seq / at_us: Of its first entry.
        decision: What was decided: ``permit``, ``deny`` or ``step-up``.
        reason / about / rule: Of its refusal; also where it was permitted and refused later.
        written: Fields that a permitted write names.
        is_write: It got as far as an intent.
        rows: Released in all.
        ended: How it ended, where that is not as it was authorised.
    """

    call: DecisionId
    slot: str
    seq: int
    at_us: int
    facts: Facts
    decision: str
    reason: str | None = None
    about: tuple[str, ...] = ()
    rule: str | None = None
    written: tuple[str, ...] = ()
    is_write: bool = False
    rows: int = 0
    ended: str | None = None


class PastHold(msgspec.Struct, frozen=True, kw_only=True):
    """A hold that was put on an account, and when it counted; ``until_us`` is ``None`` for one in force."""

    hold: Hold
    from_us: int
    until_us: int | None = None

    def counted(self, at_us: int) -> bool:
        """Tell whether it was in force at a time."""
        return self.from_us <= at_us and (self.until_us is None or at_us < self.until_us)
