# SPDX-License-Identifier: Apache-2.0
"""All regions of a page as one text: the format that Prometheus reads.

Counters and histograms of all slots are added up, those of slots that have no process any more as well. Gauges
are told for each process that runs.

Source: Prometheus exposition formats, text format version 0.0.4.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from math import isnan

import gateway
from gateway.app.signals.metrics import BUILD, METRICS, SECONDS, Kind, Metric
from gateway.app.signals.page import Region

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Values = dict[tuple[str, ...], list[float]]


def told(regions: Mapping[str, Region]) -> str:
    """Return the text of everything that the regions hold, by slot."""
    found = _gathered(regions)
    found[BUILD.name] = {(gateway.__version__,): [1.0]}
    return "".join(line + "\n" for metric in METRICS for line in _lines(metric, found.get(metric.name, {})))


def label_names(metric: Metric) -> tuple[str, ...]:
    """Return the labels of a metric in the order in which they are told."""
    return (*metric.labels, "slot") if metric.of_process else metric.labels


def _gathered(regions: Mapping[str, Region]) -> dict[str, Values]:
    known = {metric.name: metric for metric in METRICS}
    found: dict[str, Values] = {}
    for slot, region in regions.items():
        alive = region.is_alive()
        for one in region.series():
            metric = known.get(one.metric)
            if metric is None or one.n != metric.n or len(one.labels) != len(metric.labels):
                continue
            values = list(region.values[one.first : one.first + one.n])
            if metric.kind is Kind.GAUGE and (not alive or isnan(values[0])):
                continue
            labels = (*one.labels, slot) if metric.of_process else one.labels
            before = found.setdefault(one.metric, {}).get(labels)
            found[one.metric][labels] = (
                values if before is None else [a + b for a, b in zip(before, values, strict=True)]
            )
    return found


def _lines(metric: Metric, values: Values) -> Iterator[str]:
    yield f"# HELP {metric.name} {metric.means.replace(chr(92), chr(92) * 2)}"
    yield f"# TYPE {metric.name} {metric.kind}"
    names = label_names(metric)
    for labels, numbers in sorted(values.items()):
        pairs = tuple(zip(names, labels, strict=True))
        if metric.kind is Kind.HISTOGRAM:
            yield from _histogram(metric.name, pairs, numbers)
        else:
            yield f"{metric.name}{_braces(pairs)} {numbers[0]!r}"


def _histogram(name: str, pairs: Iterable[tuple[str, str]], numbers: list[float]) -> Iterator[str]:
    *buckets, total = numbers
    ends = (*(repr(end) for end in SECONDS), "+Inf")
    for end, count in zip(ends, accumulate(buckets), strict=True):
        yield f"{name}_bucket{_braces((*pairs, ('le', end)))} {count!r}"
    yield f"{name}_sum{_braces(pairs)} {total!r}"
    yield f"{name}_count{_braces(pairs)} {sum(buckets)!r}"


def _braces(pairs: Iterable[tuple[str, str]]) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs)
    return f"{{{inside}}}" if inside else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
