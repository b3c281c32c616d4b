# SPDX-License-Identifier: Apache-2.0
"""The forms in which entries of the log are handed to other systems."""

from enum import StrEnum


class LogForm(StrEnum):
    """What an export is written as."""

    OCSF = "ocsf"
    """Events of the Open Cybersecurity Schema Framework 1.8.0, one a line."""
    CSV = "csv"
    NDJSON = "ndjson"
