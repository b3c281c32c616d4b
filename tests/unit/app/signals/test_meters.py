# SPDX-License-Identifier: Apache-2.0
"""Counting: numbers come to where they belong, and what has no room is known to be missing."""

from gateway.app.signals.exposition import told
from gateway.app.signals.meters import Meters
from gateway.app.signals.metrics import APPEND_TIME, CUT, LOG_SIZE, OWN_ANSWERS, SECONDS
from gateway.app.signals.page import Region


def lines(region: Region, name: str) -> list[str]:
    """Return what is told of a metric."""
    return [line for line in told({"door-0": region}).splitlines() if line.startswith(name)]


def test_what_is_counted_is_told() -> None:
    """Each combination of labels for itself."""
    region = Region.alone()
    meters = Meters(region)
    for _ in range(3):
        meters.add(CUT, 1, "hang-up", "")
    meters.add(CUT, 2, "cut", "held")
    meters.put(LOG_SIZE, 5)
    meters.put(LOG_SIZE, 6)
    assert lines(region, "gateway_calls_cut_total") == [
        'gateway_calls_cut_total{how="cut",reason="held"} 2.0',
        'gateway_calls_cut_total{how="hang-up",reason=""} 3.0',
    ]
    assert lines(region, "gateway_log_size_entries") == ['gateway_log_size_entries{slot="door-0"} 6.0']


def test_a_time_is_in_its_bucket_and_in_all_above() -> None:
    """A time at the end of a bucket is inside of it; one beyond the last is in the endless one."""
    region = Region.alone()
    meters = Meters(region)
    for seconds in (SECONDS[0], SECONDS[1], SECONDS[-1] + 1):
        meters.observe(APPEND_TIME, seconds)
    found = lines(region, "gateway_log_append_seconds")
    assert found[:2] == [
        'gateway_log_append_seconds_bucket{le="0.0005"} 1.0',
        'gateway_log_append_seconds_bucket{le="0.001"} 2.0',
    ]
    assert found[-4:] == [
        'gateway_log_append_seconds_bucket{le="10.0"} 2.0',
        'gateway_log_append_seconds_bucket{le="+Inf"} 3.0',
        f"gateway_log_append_seconds_sum {SECONDS[0] + SECONDS[1] + SECONDS[-1] + 1!r}",
        "gateway_log_append_seconds_count 3.0",
    ]


def test_the_next_process_goes_on_counting() -> None:
    """Nothing begins anew."""
    region = Region.alone()
    Meters(region).add(OWN_ANSWERS, 4, "live")
    Meters(region).add(OWN_ANSWERS, 1, "live")
    assert lines(region, "gateway_own_answers_total") == ['gateway_own_answers_total{what="live"} 5.0']


def test_what_has_no_room_is_counted_as_dropped() -> None:
    """And fails nothing."""
    region = Region.alone()
    meters = Meters(region)
    for number in range(20):
        meters.add(OWN_ANSWERS, 1, "x" * 60_000 + str(number))
    (dropped,) = lines(region, "gateway_series_dropped_total")
    assert float(dropped.split()[1]) >= 10
