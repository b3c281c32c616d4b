# SPDX-License-Identifier: Apache-2.0
"""The numbers of one process: an addition to a float in memory, so counting costs next to nothing.

Only the thread of the event loop writes here. What has no room in the region is counted as dropped.
"""

from bisect import bisect_left

from gateway.app.signals.metrics import DROPPED, GAUGES, SECONDS, Kind, Metric
from gateway.app.signals.page import Region

_SUM = len(SECONDS) + 1


class Meters:
    """Counters, gauges and histograms of one process."""

    def __init__(self, region: Region | None = None) -> None:
        """Go on with what a region holds; with one of its own if none is given."""
        self._region = region or Region.alone()
        self._values = self._region.values
        self._known = self._region.begin(GAUGES)
        self._places: dict[tuple[str, tuple[str, ...]], int | None] = {}
        self.add(DROPPED, 0)

    def add(self, metric: Metric, amount: float, *labels: str) -> None:
        """Add to a counter."""
        place = self._place(metric, labels)
        if place is not None:
            self._values[place] += amount

    def put(self, metric: Metric, value: float, *labels: str) -> None:
        """Set a gauge."""
        place = self._place(metric, labels)
        if place is not None:
            self._values[place] = value

    def observe(self, metric: Metric, seconds: float, *labels: str) -> None:
        """Count a time in its bucket."""
        place = self._place(metric, labels)
        if place is not None:
            self._values[place + bisect_left(SECONDS, seconds)] += 1
            self._values[place + _SUM] += seconds

    def _place(self, metric: Metric, labels: tuple[str, ...]) -> int | None:
        try:
            return self._places[metric.name, labels]
        except KeyError:
            return self._found(metric, labels)

    def _found(self, metric: Metric, labels: tuple[str, ...]) -> int | None:
        place = self._known.get((metric.name, labels, metric.n))
        if place is None:
            place = self._region.add(metric.name, labels, metric.n, gauge=metric.kind is Kind.GAUGE)
        if place is None:
            # Not remembered, since a label that is not bounded would fill the memory instead.
            self.add(DROPPED, 1)
            return None
        self._places[metric.name, labels] = place
        return place
