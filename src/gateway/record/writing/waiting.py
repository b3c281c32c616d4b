# SPDX-License-Identifier: Apache-2.0
"""What waits for the disk of a log: entries with their callers, and ends that the log still owes.

Rules:
1. Whoever gives up waiting takes the entry back while it still waits. Once the disk has it, only the
   disk can say whether it is in the log.
2. The first entry of a call that turns out durable after its caller gave up authorised what was never
   sent, so an end is owed: ``failed``, 0 bytes. After a later entry the flow itself says how the call ended.
3. An end that could not be entered is owed too, and goes in with the first batch that the disk takes.
   What is still owed when the process dies becomes ``end: unknown`` at the next start.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

import msgspec

from gateway.domain.entry import Changed, End, Entry, Intent, Observed, Release
from gateway.domain.errors import LogUnavailable
from gateway.record.writing.drafts import Draft, draft

MOST_OWED = 10_000
"""Ends kept in memory at most; the calls beyond it are ended at the next start."""


OWN = "log"
"""By whom a change is that the log enters of itself."""


class Item:
    """An entry on its way to the disk.

    Attributes:
        durable: Whom to tell; ``None`` for what the log itself owes.
        is_given_up: Its caller was told that it is not in the log, before the disk was asked.
    """

    __slots__ = ("durable", "entry", "is_given_up", "one")

    def __init__(self, entry: Entry, one: Draft, durable: "asyncio.Future[int] | None") -> None:
        self.entry, self.one, self.durable = entry, one, durable
        self.is_given_up = False


class Waiting:
    """The entries that wait; its length does not count what is owed."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._items: deque[Item] = deque()
        self._owed: deque[End | Changed] = deque(maxlen=MOST_OWED)

    def __len__(self) -> int:
        """Return how many callers wait."""
        return len(self._items)

    @property
    def owes(self) -> bool:
        """Tell whether an end waits to be entered."""
        return bool(self._owed)

    def add(self, entry: Entry, one: Draft, durable: "asyncio.Future[int]") -> Item:
        """Let an entry wait behind the others."""
        item = Item(entry, one, durable)
        self._items.append(item)
        return item

    def give_up(self, item: Item) -> None:
        """Take an entry back that nobody waits for any more; an end is wanted all the same."""
        if isinstance(item.entry, End):
            return
        try:
            self._items.remove(item)
        except ValueError:
            item.is_given_up = True

    def owe(self, entry: Entry) -> None:
        """Keep an end that the log does not take now; anything else is its caller's affair.

        What the end would have let the caller be told is not told then, because it was refused.
        """
        if isinstance(entry, End):
            self._owed.append(msgspec.structs.replace(entry, told=0))
        elif isinstance(entry, Changed) and entry.by == OWN:
            self._owed.append(entry)

    def owe_change(self, what: str, target: str, facts: dict[str, str | int]) -> None:
        """Let the log say what became of itself, with the next batch."""
        self._owed.append(Changed(by=OWN, what=what, target=target, facts=facts))

    def taken(self, most: int, at_us: int) -> list[Item]:
        """Return the next entries for the disk, first what is owed; ``at_us`` is the time of that."""
        items = [Item(end, draft(end, None, at_us), None) for end in self._some_owed(most)]
        while self._items and len(items) < most:
            items.append(self._items.popleft())
        return items

    def _some_owed(self, most: int) -> list[End | Changed]:
        return [self._owed.popleft() for _ in range(min(len(self._owed), most))]

    def refuse(self, items: Sequence[Item], why: str) -> None:
        """Tell callers that their entries are not in the log; those who gave up are passed over."""
        for item in items:
            self.owe(item.entry)
            if item.durable is not None and not item.durable.done():
                item.durable.set_exception(LogUnavailable(why))

    def refuse_all(self, why: str) -> None:
        """Refuse whoever waits."""
        items = list(self._items)
        self._items.clear()
        self.refuse(items, why)

    def enter(self, items: Sequence[Item], first: int) -> None:
        """Tell callers that their entries are durable, the first of them at this place."""
        for place, item in enumerate(items, first):
            if item.is_given_up:
                self._disown(item.entry)
            if item.durable is not None and not item.durable.done():
                item.durable.set_result(place)

    def _disown(self, entry: Entry) -> None:
        if isinstance(entry, Release | Intent | Observed) and entry.facts is not None:
            self._owed.append(End(call=entry.call, how="failed", bytes=0, reason="log-unavailable"))
