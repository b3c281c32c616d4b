# SPDX-License-Identifier: Apache-2.0
"""Dates and instants of rule files as UTC integer microseconds."""

import re
from datetime import UTC, datetime, timedelta

EXPECTED = "a day such as 2027-01-31 or an instant such as 2027-01-31T18:00:00Z"

_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}Z)?\Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant_us(text: str) -> int | None:
    """Return the instant in microseconds, a day meaning its first one; ``None`` if it is neither.

    Only UTC is understood: a rule must begin at the same moment wherever it is read.
    """
    if _INSTANT.match(text) is None:
        return None
    try:
        moment = datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
    except ValueError:
        return None
    return (moment - _EPOCH) // timedelta(microseconds=1)
