# SPDX-License-Identifier: Apache-2.0
"""What an answer says about itself: ``Data-View``, ``Rows-Withheld``, ``Data-Page`` and ``RateLimit``.

What was dropped is never told, and counts of withheld rows only in steps, so that two calls that
differ in one person cannot be compared (a count of 1 to 5 reads 5). What is left of a budget comes here
in the steps in which it may be told (``domain.budget.in_steps``).

Source: RFC 9651 (structured fields); draft-ietf-httpapi-ratelimit-headers-10.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from gateway.domain.budget import BudgetState

WORDS = ("reveal", "surrogate", "mask", "generalise")
"""Families of treatment that are told, in this order."""


def data_view(view: Mapping[str, Sequence[str]], step_up: Sequence[str] = ()) -> str:
    """Return the value of ``Data-View``; empty if nothing left.

    Args:
        view: By word of treatment, the fields that left; any other word than ``WORDS`` is not told.
        step_up: Fields of which a fresh sign-in would show more.
    """
    told = [(word, view.get(word, ())) for word in WORDS] + [("step-up", step_up)]
    return ", ".join(f"{word}=({' '.join(map(_string, fields))})" for word, fields in told if fields)


KEPT_VIEWS = 1024


class Views:
    """Remembers how views are told: calls under one plan share the one object."""

    def __init__(self) -> None:
        """Begin with none."""
        self._told: dict[tuple[int, tuple[str, ...]], tuple[Mapping[str, Sequence[str]], bytes]] = {}

    def told(self, view: Mapping[str, Sequence[str]], step_up: Sequence[str]) -> bytes:
        """Return the value of ``Data-View``, as ``data_view`` makes it."""
        key = (id(view), tuple(step_up))
        known = self._told.get(key)
        if known is None:
            if len(self._told) >= KEPT_VIEWS:
                self._told.clear()
            # The view is kept beside its words, so that its id cannot be given to another.
            known = self._told[key] = (view, data_view(view, step_up).encode())
        return known[1]


def _string(text: str) -> str:
    """Return a string of RFC 9651, or a display string where the text is not printable ASCII."""
    if text.isascii() and text.isprintable():
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    # Unreserved characters and spaces stand for themselves; escapes are in lower case (section 4.1.11).
    escaped = quote(text, safe=" !#$&'()*+,/:;<=>?@[\\]^`{|}")
    return (
        '%"'
        + "".join(part if n == 0 else "%" + part[:2].lower() + part[2:] for n, part in enumerate(escaped.split("%")))
        + '"'
    )


def rows_withheld(counts: Mapping[str, int]) -> str:
    """Return the value of ``Rows-Withheld``: causes with stepped counts; empty if no row was."""
    return ", ".join(f"{cause}={stepped(n)}" for cause, n in sorted(counts.items()) if n > 0)


def stepped(n: int) -> int:
    """Return the smallest of 5, 10, 20, 50, 100, 200, 500, … that is not below ``n``; 0 stays 0."""
    if n <= 0:
        return 0
    scale = 1
    while True:
        for step in (5, 10, 20):
            if n <= step * scale:
                return step * scale
        scale *= 10


def data_page(*, more: bool) -> str:
    """Return the value of ``Data-Page``: whether there may be further rows."""
    return "more" if more else "last"


def rate_limit(states: Sequence[BudgetState]) -> tuple[str, str]:
    """Return the values of ``RateLimit-Policy`` and ``RateLimit``; both empty if nothing is counted."""
    policies = [f"{_string(one.rule.name)};q={one.rule.most};w={one.rule.hours * 3600}" for one in states]
    left = [f"{_string(one.rule.name)};r={max(0, one.left)};t={one.resets_s}" for one in states]
    return ", ".join(policies), ", ".join(left)
