# SPDX-License-Identifier: Apache-2.0
"""The list of metrics: every one is named as Prometheus wants it, and no label can name a person."""

import re

import pytest

from gateway.app.signals.metrics import METRICS, Kind, Metric

ALLOWED = {
    "store",
    "operation",
    "purpose",
    "decision",
    "reason",
    "how",
    "cause",
    "kind",
    "step",
    "result",
    "what",
    "would",
    "base",
    "log",
    "version",
}
"""Labels from closed sets; whoever adds one says here that its set is closed."""


def test_names_are_there_once() -> None:
    """Two metrics of one name would be one."""
    names = [one.name for one in METRICS]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("metric", METRICS, ids=lambda one: one.name)
def test_a_metric_is_named_by_what_it_is(metric: Metric) -> None:
    """A counter ends in ``_total``, a histogram in its unit; nothing else does."""
    assert re.fullmatch(r"gateway_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    if metric.kind is Kind.HISTOGRAM:
        assert metric.name.endswith("_seconds")
    assert metric.means.rstrip().endswith(".") or metric.name.endswith("info")
    assert "\n" not in metric.means


@pytest.mark.parametrize("metric", METRICS, ids=lambda one: one.name)
def test_a_label_comes_from_a_closed_set(metric: Metric) -> None:
    """No account, client, person, address, path or query."""
    assert set(metric.labels) <= ALLOWED
