# SPDX-License-Identifier: Apache-2.0
"""Every metric that there is: its name, its kind, its labels and what it means.

RULES

1. A label comes from a closed set: stores, operations and purposes as the rules declare them, reasons and
   causes of this program, slots. No person, account, client, address, path, query or value is ever one.
2. Nothing here tells more of a person than an answer tells its caller: withheld rows are counted as the
   answers told them, in steps, and only by cause.
3. Times of events are moments, so that a process that stands still is seen to age.
"""

from enum import StrEnum

import msgspec

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of the buckets of every histogram: the hot path is below a millisecond, a slow store above a second."""


class Kind(StrEnum):
    """How values of a metric are to be read."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One metric.

    Attributes:
        name: As it is told; a histogram has ``_bucket``, ``_sum`` and ``_count`` behind it.
        of_process: It tells of one process; the label ``slot`` is added.
    """

    name: str
    kind: Kind
    means: str
    labels: tuple[str, ...] = ()
    of_process: bool = False

    @property
    def n(self) -> int:
        """Return how many numbers a series has: for a histogram one a bucket, one beyond them, and the sum."""
        return len(SECONDS) + 2 if self.kind is Kind.HISTOGRAM else 1


def _counter(name: str, means: str, *labels: str) -> Metric:
    return Metric(name=name, kind=Kind.COUNTER, means=means, labels=labels)


def _histogram(name: str, means: str, *labels: str) -> Metric:
    return Metric(name=name, kind=Kind.HISTOGRAM, means=means, labels=labels)


def _gauge(name: str, means: str, *labels: str, of_process: bool = True) -> Metric:
    return Metric(name=name, kind=Kind.GAUGE, means=means, labels=labels, of_process=of_process)


CALLS = _counter(
    "gateway_calls_total",
    "Calls by what was decided, counted with the entry that says so. `decision` is `permit` or `deny`; a refusal has "
    "its reason; store, operation and purpose are empty where a call was refused before they were known.",
    "store",
    "operation",
    "purpose",
    "decision",
    "reason",
)
CUT = _counter(
    "gateway_calls_cut_total",
    "Calls that ended otherwise than was authorised: `hang-up`, `cut`, `store-failed`, `failed`.",
    "how",
    "reason",
)
PASSED_ON = _counter(
    "gateway_calls_not_enforced_total",
    "Calls passed on to stores with `enforced: false`, by what would have come of them.",
    "store",
    "would",
    "reason",
)
WITHHELD = _counter(
    "gateway_rows_withheld_told_total",
    "Withheld rows as answers told them, in their steps, by cause. Answers that tell no counts (few rows, chosen by a "
    "filter) are not in it, so it tells nobody's choice.",
    "cause",
)
ROWS = _counter("gateway_rows_released_total", "Rows that left.", "store", "operation")
BYTES = _counter("gateway_bytes_released_total", "Bytes of bodies that left.", "store", "operation")
OWN_TIME = _histogram(
    "gateway_own_seconds",
    "The gateway's own part of a call: from its head to the durable entry of its first block or refusal, without the "
    "time that the store took.",
    "operation",
)
STORE_TIME = _histogram(
    "gateway_store_seconds", "From asking a store to the head of its answer, or to the failure.", "store"
)
APPEND_TIME = _histogram(
    "gateway_log_append_seconds", "From handing an entry to the log until it is durable, the wait for others included."
)
ENTRIES = _counter("gateway_log_entries_total", "Entries of the log that are durable, by kind.", "kind")
LOG_FAILURES = _counter(
    "gateway_log_failures_total", "Entries that the log did not take; what they authorise did not leave."
)
SIGN_INS = _counter(
    "gateway_sign_ins_total",
    "Steps of sign-ins. `reason` is empty for a step that was right; `locked` means that the account takes no tries now.",
    "step",
    "result",
    "reason",
)
OWN_ANSWERS = _counter(
    "gateway_own_answers_total",
    "Answers that are entered as counts (health, keys, metrics), connections that were one too many (`turned-away`) "
    "and calls that could not be entered (`unavailable`). Counted within a minute.",
    "what",
)
DATABASE_FAILURES = _counter(
    "gateway_database_failures_total", "Times that the gateway's own database did not answer or was busy for too long."
)
DROPPED = _counter(
    "gateway_series_dropped_total", "Numbers for which there was no room. Anything but 0 is worth a report."
)

LOG_SIZE = _gauge("gateway_log_size_entries", "Entries that a log holds.")
LOG_TAIL = _gauge("gateway_log_unsigned_entries", "Entries that no checkpoint covers yet; at most 256.")
CHECKPOINT_AT = _gauge("gateway_log_checkpoint_timestamp_seconds", "When the newest checkpoint of a log was written.")
WITNESSED_AT = _gauge(
    "gateway_log_witnessed_timestamp_seconds",
    "When a witness last co-signed a checkpoint of a log. Not there where none ever did.",
    "log",
)
CONTRADICTED = _gauge(
    "gateway_log_contradicted",
    "1 while a witness has co-signed another history of a log than the one that is here. Anything but 0 is an alarm.",
    "log",
)
LOG_WELL = _gauge("gateway_log_takes_entries", "1 while a log takes entries, 0 while it does not.")
SINKS_LOST = _gauge(
    "gateway_log_sinks_lost", "1 while one of the two disks of a log takes nothing and the log goes on in the other."
)
INDEX_AT = _gauge(
    "gateway_log_index_timestamp_seconds",
    "When the index of the log last held every entry that there was; searches read what is newer from the files.",
)
INDEX_BEHIND = _gauge("gateway_log_index_behind_entries", "Entries of all logs that the index has not.")
REWRAP_AT = _gauge(
    "gateway_keys_rewrapped_timestamp_seconds",
    "When the worker last found every row under the version in force of its key. It looks every hour, and soon after a "
    "rotation.",
)
REWRAP_BEHIND = _gauge(
    "gateway_keys_rewrap_behind_rows", "Rows that the worker has still to seal anew, since their version was retired."
)
DISK_FREE = _gauge("gateway_disk_free_bytes", "Free space of the disk of the log.")
DISK_SIZE = _gauge("gateway_disk_size_bytes", "Size of the disk of the log.")
DISK_LEAST = _gauge("gateway_disk_least_free_bytes", "Free space below which data calls are refused.")
BREAKER = _gauge(
    "gateway_store_breaker",
    "0 while calls go to a store, 1 while one tries whether it is back, 2 while it is left alone.",
    "store",
)
STORE_CALLS = _gauge("gateway_store_calls_under_way", "Calls to a store that are under way.", "store")
STORE_MOST = _gauge("gateway_store_calls_most", "Calls to a store that a process lets be under way.", "store")
DATABASE_IN_USE = _gauge(
    "gateway_database_connections_in_use", "Connections to the gateway's own database that are in use."
)
FEED_AT = _gauge(
    "gateway_change_feed_timestamp_seconds",
    "When a door last knew that it knows every change; 2 s later it refuses calls.",
)
RULES_AT = _gauge(
    "gateway_rules_in_force_timestamp_seconds", "Since when a door decides by the rules that it decides by."
)
CONNECTIONS = _gauge("gateway_connections_open", "Open connections of callers.")
CONNECTIONS_MOST = _gauge("gateway_connections_most", "Connections of callers that a process holds at most.")
HELD = _gauge("gateway_accounts_held", "Accounts on which a hold is in force.")
MEMORY = _gauge("gateway_process_resident_bytes", "Memory of a process; what is shared with others counts in each.")
CPU = _gauge("gateway_process_cpu_seconds", "Processor time that a process has used.")
STARTED_AT = _gauge("gateway_process_start_timestamp_seconds", "When a process began its work.")
LATE = _gauge(
    "gateway_loop_late_seconds", "By how much the newest look of a process at itself came late: its work keeps it busy."
)
BACKUP_AT = _gauge(
    "gateway_backup_timestamp_seconds", "When the newest copy of a base was made by `gateway db backup`.", "base"
)
CLOCK_SKEW = _gauge("gateway_clock_skew_seconds", "The database server's clock minus this machine's. PostgreSQL only.")
BUILD = _gauge("gateway_build_info", "1, with the version as a label.", "version", of_process=False)

METRICS: tuple[Metric, ...] = (
    CALLS, CUT, PASSED_ON, ROWS, BYTES, WITHHELD, OWN_TIME, STORE_TIME,
    APPEND_TIME, ENTRIES, LOG_FAILURES, LOG_SIZE, LOG_TAIL, CHECKPOINT_AT, WITNESSED_AT,
    CONTRADICTED, LOG_WELL, SINKS_LOST, INDEX_AT, INDEX_BEHIND, REWRAP_AT, REWRAP_BEHIND, DISK_FREE, DISK_SIZE, DISK_LEAST,
    SIGN_INS, HELD, OWN_ANSWERS,
    BREAKER, STORE_CALLS, STORE_MOST,
    DATABASE_FAILURES, DATABASE_IN_USE, FEED_AT, RULES_AT, BACKUP_AT, CLOCK_SKEW,
    CONNECTIONS, CONNECTIONS_MOST, MEMORY, CPU, STARTED_AT, LATE, DROPPED, BUILD,
)  # fmt: skip
GAUGES = frozenset(one.name for one in METRICS if one.kind is Kind.GAUGE)
