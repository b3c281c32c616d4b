# SPDX-License-Identifier: Apache-2.0
"""Which calls a log surely has no entry of, for as long as its table has no index that could tell.

A log that is indexed from its first entry on is known by 64 bits of each of its calls, in two bitmaps: a few bytes
a call. Refusals before anybody was identified have no earlier entry, and most questions are about such.
"""

from collections.abc import Collection

import msgspec
from pyroaring import BitMap

from gateway.domain.log_packing import PackedBatch, call_words, word_of


class _Log(msgspec.Struct):
    size: int
    words: tuple[BitMap, BitMap]


class BegunCalls:
    """The calls of logs, as far as they were added from their first entries on and without a gap."""

    def __init__(self) -> None:
        """Begin with no log."""
        self._logs: dict[str, _Log] = {}

    def add(self, batch: PackedBatch) -> None:
        """Take the calls of a batch that was entered."""
        before = batch.before
        if before.is_beginning:
            self._logs[before.slot] = _Log(before.size, (BitMap(), BitMap()))
        known = self._logs.get(before.slot)
        if known is None or known.size != before.size:
            self._logs.pop(before.slot, None)
            return
        known.size = batch.after.size
        for word, held in enumerate(known.words):
            held |= BitMap(call_words(batch, word))  # noqa: PLW2901 - in its place

    def possible(self, slot: str, calls: Collection[str]) -> list[str]:
        """Return those calls that may have an entry in a log; all of them where it is not known."""
        known = self._logs.get(slot)
        if known is None:
            return list(calls)
        one, other = known.words
        return [call for call in calls if word_of(call, 0) in one and word_of(call, 1) in other]
