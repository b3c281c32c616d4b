# SPDX-License-Identifier: Apache-2.0
"""What came of laying a log of a store beside the log of the gateway."""

import msgspec

NO_TRACE = "no-trace"
NOT_OURS = "not-ours"
REPEATED = "repeated"
OTHER_STORE = "other-store"
OTHER_TIME = "other-time"
NOT_IN_LOG = "not-in-log"
"""In which ways a line of a store's log has no decision of its own."""


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the store's log without a decision of its own; the decision is the one that it names, if any."""

    why: str
    line: int
    at_us: int | None
    method: str
    decision: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What came of laying both beside each other.

    Attributes:
        since_us / until_us: From the first to the last line of the store's log; ``None`` where no line says when.
        lines / with_decision / looks / left_out / unread: Of the store's log; looks are the gateway's own, which
            decide nothing.
        without_decision: Lines by why they have none.
        under_way: Lines of the last quarter of an hour that name a decision which is not entered yet.
        decisions: On calls to the store in that time.
        without_line: Those that a line should be there for and is not.
        examples / examples_without_line: The first of either.
    """

    store: str
    since_us: int | None
    until_us: int | None
    lines: int
    with_decision: int
    looks: int
    left_out: int
    unread: int
    without_decision: dict[str, int]
    under_way: int
    decisions: int
    without_line: int
    examples: tuple[Example, ...]
    examples_without_line: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Tell whether every line has its decision."""
        return not self.without_decision
