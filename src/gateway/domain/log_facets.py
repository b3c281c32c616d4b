# SPDX-License-Identifier: Apache-2.0
"""What entries of the log are counted by, and how counts are gathered: the same from the index and from files."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from gateway.domain.log_index import HOUR_US
from gateway.domain.log_query import LogRow

FACETS = (
    "account",
    "client",
    "recipient",
    "purpose",
    "dataset",
    "operation",
    "decision",
    "reason",
    "kind",
    "day",
    "hour",
)
"""What entries can be counted by; of hours and days the beginning, in UTC."""

TIMES = ("day", "hour")
MOST_VALUES = 100
"""Values of one facet that are told: those with the most entries, of times the newest."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LogCount(msgspec.Struct, frozen=True, kw_only=True):
    """How much one value of a facet has.

    Attributes:
        value: Identifier, key or word; of a time its beginning, ``2026-06-15`` or ``2026-06-15T08:00:00Z``.
        entries: Of the log.
        rows / bytes: That those entries authorised.
    """

    facet: str
    value: str
    entries: int
    rows: int
    bytes: int


class Tally:
    """Counts of entries by some facets; entries that say nothing of a facet are not counted by it."""

    def __init__(self, facets: Iterable[str] = FACETS) -> None:
        """Begin with nothing."""
        self.facets = tuple(facets)
        self._counts: dict[tuple[str, str], list[int]] = {}

    def add(self, facet: str, value: str, entries: int, rows: int, n_bytes: int) -> None:
        """Count some entries by one facet."""
        if value and facet in self.facets:
            held = self._counts.setdefault((facet, value), [0, 0, 0])
            for place, n in enumerate((entries, rows, n_bytes)):
                held[place] += n

    def add_row(self, row: LogRow) -> None:
        """Count one entry by every facet."""
        hour = row.at_us // HOUR_US
        for facet in self.facets:
            value = time_told(facet, hour) if facet in TIMES else str(getattr(row, facet))
            self.add(facet, value, 1, row.rows, row.bytes)

    def told(self, most: int = MOST_VALUES) -> tuple[LogCount, ...]:
        """Return the counts, by facet in the order asked for; the largest first, of times the newest."""
        found: list[LogCount] = []
        for facet in self.facets:
            own = [(value, held) for (name, value), held in self._counts.items() if name == facet]
            own.sort(key=lambda one: one[0], reverse=facet in TIMES)
            if facet not in TIMES:
                own.sort(key=lambda one: -one[1][0])
            found += (
                LogCount(facet=facet, value=value, entries=held[0], rows=held[1], bytes=held[2])
                for value, held in own[:most]
            )
        return tuple(found)


def time_told(facet: str, hour: int) -> str:
    """Return the beginning of an hour, or of its day, in UTC.

    Args:
        facet: ``hour`` or ``day``.
        hour: Hours since 1970.
    """
    moment = _EPOCH + timedelta(hours=hour)
    return moment.date().isoformat() if facet == "day" else moment.strftime("%Y-%m-%dT%H:00:00Z")


def unknown_facets(names: Collection[str]) -> list[str]:
    """Return what of some names is no facet."""
    return sorted(set(names) - set(FACETS))
