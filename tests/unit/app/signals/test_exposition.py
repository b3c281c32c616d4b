# SPDX-License-Identifier: Apache-2.0
"""The text of the metrics: one scrape gives the whole gateway, in a form that Prometheus' own reader reads."""

import os

from prometheus_client.parser import text_string_to_metric_families

import gateway
from gateway.app.signals.exposition import told
from gateway.app.signals.meters import Meters
from gateway.app.signals.metrics import APPEND_TIME, CALLS, LOG_SIZE, METRICS, OWN_ANSWERS, Kind
from gateway.app.signals.page import Page, Region


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return what Prometheus' reader reads."""
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def test_counts_of_all_processes_are_one_and_gauges_are_of_each() -> None:
    """A histogram is a count too."""
    regions = {"door-0": Region.alone(), "door-1": Region.alone()}
    for number, region in enumerate(regions.values(), start=1):
        meters = Meters(region)
        meters.add(OWN_ANSWERS, number, "live")
        meters.observe(APPEND_TIME, 0.002 * number)
        meters.put(LOG_SIZE, number)
    found = samples(told(regions))
    assert found["gateway_own_answers_total", (("what", "live"),)] == 3
    assert found["gateway_log_append_seconds_count", ()] == 2
    assert found["gateway_log_append_seconds_sum", ()] == 0.006
    assert found["gateway_log_append_seconds_bucket", (("le", "0.0025"),)] == 1
    assert found["gateway_log_append_seconds_bucket", (("le", "0.005"),)] == 2
    assert [found["gateway_log_size_entries", (("slot", slot),)] for slot in regions] == [1, 2]


def test_a_process_that_is_gone_keeps_its_counts_and_has_no_gauges() -> None:
    """What it did was done; how it is, nobody can say."""
    page = Page.new()
    pid = os.fork()
    if not pid:
        try:
            meters = Meters(page.region(1))
            meters.add(OWN_ANSWERS, 1, "live")
            meters.put(LOG_SIZE, 9)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    found = samples(told({"door-0": page.region(1)}))
    assert found["gateway_own_answers_total", (("what", "live"),)] == 1
    assert not [name for name, _ in found if name == "gateway_log_size_entries"]


def test_the_reader_of_prometheus_reads_every_metric_as_it_is_meant() -> None:
    """Kinds and words come through, and a label that holds a quote, a backslash and a line end."""
    region = Region.alone()
    meters = Meters(region)
    for metric in METRICS:
        labels = ('a"b\\c\nd',) * len(metric.labels)
        if metric.kind is Kind.HISTOGRAM:
            meters.observe(metric, 0.1, *labels)
        elif metric.kind is Kind.COUNTER:
            meters.add(metric, 1, *labels)
        elif metric.name != "gateway_build_info":
            meters.put(metric, 1, *labels)
    families = {one.name: one for one in text_string_to_metric_families(told({"worker": region}))}
    assert len(families) == len(METRICS)
    for metric in METRICS:
        family = families[metric.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.kind, metric.means)
        label = 'a"b\\c\nd' if metric.name != "gateway_build_info" else gateway.__version__
        assert all(family.samples[0].labels[name] == label for name in metric.labels)


def test_what_another_version_counted_is_passed_over() -> None:
    """A metric of other labels, of another length, or of another name."""
    region = Region.alone()
    meters = Meters(region)
    for name, labels, n in ((CALLS.name, ("one",), 1), (APPEND_TIME.name, (), 3), ("gateway_former_total", (), 1)):
        place = region.add(name, labels, n)
        assert place is not None
        region.values[place] = 1
    meters.observe(APPEND_TIME, 0.1)
    found = samples(told({"door-0": region}))
    assert found["gateway_log_append_seconds_count", ()] == 1
    assert not [name for name, _ in found if name in {CALLS.name, "gateway_former_total"}]
