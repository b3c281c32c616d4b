# SPDX-License-Identifier: Apache-2.0
"""Every figure of the referee in one place: what is run, and what must hold.

The first of a pair is for continuous integration, the second for ``make referee``. Each can be set by an
environment variable (``GATEWAY_TEST_CALLS=1000 make referee``), which then counts for both.
"""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Pair:
    """A figure for each tier.

    Attributes:
        variable: Environment variable that takes the place of both.
    """

    variable: str
    ci: int
    referee: int

    def of(self, *, referee: bool) -> int:
        """Return the figure of a tier."""
        told = os.environ.get(self.variable)
        return int(told) if told else (self.referee if referee else self.ci)


CALLS = Pair("GATEWAY_TEST_CALLS", 5_000, 200_000)
"""Calls through the wiretap."""
CYCLES = Pair("GATEWAY_TEST_CYCLES", 40, 500)
"""Kills under load."""
PEOPLE = Pair("GATEWAY_TEST_PEOPLE", 600, 1_000)
"""People in the sample store behind both."""
AT_ONCE = Pair("GATEWAY_TEST_AT_ONCE", 16, 16)
"""Callers at the same time."""

MESSAGES = Pair("GATEWAY_TEST_MESSAGES", 200, 20_000)
"""Messages that a service sends in a night."""

VAULT_KILLS = Pair("GATEWAY_TEST_VAULT_KILLS", 2, 40)
"""Kills of a door while values get their tokens, on each engine."""

CHANGE_ROUNDS = Pair("GATEWAY_TEST_CHANGE_ROUNDS", 1, 10)
"""Rounds of changing keys and columns under load; in each, every command that does it is killed once."""

COLUMN_ROWS = Pair("GATEWAY_TEST_COLUMN_ROWS", 300, 50_000)
"""Rows of a live store whose column is turned over and back."""

WRITE_BACKS = Pair("GATEWAY_TEST_WRITE_BACKS", 100, 20_000)
"""Rows that are read, changed in one field and written back, each under views of its own."""

RESTARTS = Pair("GATEWAY_TEST_RESTARTS", 1, 20)
"""Restarts under load."""
DOOR_KILLS = Pair("GATEWAY_TEST_DOOR_KILLS", 2, 40)
"""Kills of the one door of a gateway, each timed."""
STARTS = Pair("GATEWAY_TEST_STARTS", 2, 20)
"""Starts after a kill of the whole gateway, each timed."""

READY_WITHIN_S = 2.0
"""From the start of a process to its first answer as ready."""
REFUSED_WITHIN_S = 1.0
"""From a call that cannot be logged to its 503."""
BACK_WITHIN_S = 5.0
"""From the moment when the disk takes writes again to the first answer with rows."""
MEGABYTES = Pair("GATEWAY_TEST_MEGABYTES", 1_000, 1_000)
"""Rows of a store that go through each format, in megabytes of the store's body."""
GROWTH_BYTES = 64 << 20
"""Most memory that a serving process may take over what it has when idle, whatever goes through it."""

ENTRIES = Pair("GATEWAY_TEST_ENTRIES", 100, 1_000)
"""Entries of the log of which every bit is flipped."""
EDITS = Pair("GATEWAY_TEST_EDITS", 1_000, 100_000)
"""Random edits of such a log, one to four at once."""
ROLLBACKS = Pair("GATEWAY_TEST_ROLLBACKS", 50, 1_000)
"""Logs that are rolled back, and as many that are forked."""
INDEX_EDITS = Pair("GATEWAY_TEST_INDEX_EDITS", 4, 300)
"""Edits of the tables of the index of the log, on each engine."""
INDEX_KILLS = Pair("GATEWAY_TEST_INDEX_KILLS", 20, 200)
"""Kills of whoever builds the index."""
EVIDENCE = Pair("GATEWAY_TEST_EVIDENCE", 19_000, 1_000_000)
"""Entries of the log that the answers of the index are laid beside a reading of all files of."""
EVIDENCE_GROWTH = Pair("GATEWAY_TEST_EVIDENCE_GROWTH", 10_000_000, 10_000_000)
"""Entries of the log that growth is shown to."""
