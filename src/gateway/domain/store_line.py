# SPDX-License-Identifier: Apache-2.0
"""A line of a store's own access log, as far as it is laid beside the gateway's; no path, no address."""

import msgspec


class StoreLine(msgspec.Struct, frozen=True, kw_only=True):
    """One call as a store wrote it down.

    Attributes:
        number: Of the line, from 1 over all files that are read.
        traceparent: As the store wrote it; empty or ``-`` where it had none.
        at_us: When, UTC microseconds; ``None`` where the line does not say.
        method: In capitals; empty where the line does not say.
        path: Only to leave out what was asked to be; it is in no report.
    """

    number: int
    traceparent: str
    at_us: int | None = None
    method: str = ""
    path: str = ""
