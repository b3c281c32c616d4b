# SPDX-License-Identifier: Apache-2.0
"""Numbers with their words, as sentences for people have them."""

_IRREGULAR = {"person": "people"}


def counted(n: int, what: str) -> str:
    """Return a number with its word, of which the singular is given: ``1 entry``, ``12,000 entries``, ``2 hashes``."""
    if n == 1:
        return f"1 {what}"
    return f"{n:,} {_IRREGULAR.get(what) or _plural(what)}"


def _plural(what: str) -> str:
    if what.endswith("y") and what[-2] not in "aeiou":
        return f"{what[:-1]}ies"
    return f"{what}es" if what.endswith(("s", "sh", "ch", "x")) else f"{what}s"
