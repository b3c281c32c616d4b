# SPDX-License-Identifier: Apache-2.0
"""Canaries: values that no one else has, put into fields that may never leave for what the tests ask.

They are the same in every run, so the whole of what a run wrote and sent can be searched for them.
"""

from hashlib import sha256

N_CANARIES = 100
SECRET_FIELDS = ("national_id", "religion", "health_note")
"""Never revealed to any role that the stories sign in with; the officer's stories do not read these."""


def canary(number: int, field: str) -> str:
    """Return the canary of a field of a person: 24 characters that mean nothing."""
    return "cnry" + sha256(f"{field} of {number}".encode()).hexdigest()[:20]


def all_canaries() -> list[str]:
    """Return every canary of a run."""
    return [canary(number, field) for number in range(1, N_CANARIES + 1) for field in SECRET_FIELDS]
