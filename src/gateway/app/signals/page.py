# SPDX-License-Identifier: Apache-2.0
"""Numbers that several processes write and one of them tells: a page of memory with a region for each slot.

RULES

1. The supervisor makes the page before it forks; it is memory without a name, so nothing is left on a disk,
   a full disk cannot end a process that counts, and nothing has to be removed at a start.
2. A region is written by the one process that holds its slot. Whoever gets the slot next goes on with what is
   in it: a restart and a kill lose no count and count nothing twice. Gauges are forgotten with their process.
3. A series is a name and a run of 64-bit floats. Its name is written before its floats are used, and its length
   is part of the name, so a program of another version reads what it knows and passes over the rest.
4. A program that takes the place of the supervisor's takes the page over (see ``handover``); one that does
   not know a page of this layout begins a new one.
"""

import mmap
import os
from collections.abc import Iterator, MutableMapping
from math import nan

import msgspec

VARIABLE = "SUPERVISOR_PAGE"
LAYOUT = 1
N_REGIONS = 66
"""The worker's, as many doors' as settings allow, and that of one that stands in for a restart. Memory is taken
when it is first written, so regions of doors that there are not cost nothing."""

HEAD_BYTES = 16
NAMES_BYTES = 1 << 19
MOST_VALUES = 1 << 15
REGION_BYTES = HEAD_BYTES + NAMES_BYTES + 8 * MOST_VALUES

_LENGTH = slice(0, 8)
_PID = slice(8, 16)


class Note(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a supervisor's page is, for the program that takes its place."""

    pid: int
    descriptor: int
    layout: int


class Series(msgspec.Struct, frozen=True, array_like=True):
    """One series as its name is written.

    Attributes:
        n: How many floats it has.
        first: Place of the first of them in its region.
    """

    metric: str
    labels: tuple[str, ...]
    n: int
    first: int


class Page:
    """The memory of every region."""

    def __init__(self, descriptor: int) -> None:
        """Take a memory file of the right size."""
        self.descriptor = descriptor
        self._memory = mmap.mmap(descriptor, N_REGIONS * REGION_BYTES)

    @classmethod
    def new(cls) -> "Page":
        """Return an empty page that ends with the last process that has it."""
        descriptor = os.memfd_create("gateway-signals", os.MFD_CLOEXEC)
        os.ftruncate(descriptor, N_REGIONS * REGION_BYTES)
        return cls(descriptor)

    @classmethod
    def of_supervisor(cls, environment: MutableMapping[str, str] = os.environ) -> "Page":
        """Return the page that a program before this one left to this process, or a new one that can be left."""
        page = _left(environment) or cls.new()
        # Programs that are started close every descriptor but those they are given; only one that takes the
        # place of this very process keeps it.
        os.set_inheritable(page.descriptor, True)
        note = Note(pid=os.getpid(), descriptor=page.descriptor, layout=LAYOUT)
        environment[VARIABLE] = msgspec.json.encode(note).decode()
        return page

    def region(self, number: int) -> "Region":
        """Return a region by its number; at most one process writes it."""
        start = number * REGION_BYTES
        return Region(memoryview(self._memory)[start : start + REGION_BYTES])


def _left(environment: MutableMapping[str, str]) -> Page | None:
    content = environment.pop(VARIABLE, None)
    if content is None:
        return None
    try:
        note = msgspec.json.decode(content, type=Note)
        if note.pid != os.getpid() or note.layout != LAYOUT:
            return None
        return Page(note.descriptor) if os.fstat(note.descriptor).st_size == N_REGIONS * REGION_BYTES else None
    except (msgspec.DecodeError, OSError, ValueError):
        return None


class Region:
    """The part of the page that one slot has.

    Attributes:
        values: Every float of the region; a writer adds to those of its own series.
    """

    def __init__(self, memory: memoryview) -> None:
        """Look at the memory; nothing is changed."""
        self._head = memory[:HEAD_BYTES]
        self._names = memory[HEAD_BYTES : HEAD_BYTES + NAMES_BYTES]
        self.values = memory[HEAD_BYTES + NAMES_BYTES :].cast("d")
        self._next = 0

    @classmethod
    def alone(cls) -> "Region":
        """Return a region that no other process sees."""
        return cls(memoryview(mmap.mmap(-1, REGION_BYTES)))

    def begin(self, gauges: frozenset[str]) -> dict[tuple[str, tuple[str, ...], int], int]:
        """Take the region for this process; return the places of the series that are there.

        Args:
            gauges: Metrics whose values told of the process before and are forgotten.
        """
        self._head[_PID] = os.getpid().to_bytes(8, "little")
        places = {}
        for one in self.series():
            places[one.metric, one.labels, one.n] = one.first
            self._next = one.first + one.n
            if one.metric in gauges:
                for place in range(one.first, one.first + one.n):
                    self.values[place] = nan
        return places

    def add(self, metric: str, labels: tuple[str, ...], n: int, *, gauge: bool = False) -> int | None:
        """Make a series of ``n`` floats and return the place of the first; ``None`` if there is no room."""
        first = self._next
        name = msgspec.json.encode(Series(metric, labels, n, first)) + b"\n"
        length = self._length()
        if first + n > MOST_VALUES or length + len(name) > NAMES_BYTES:
            return None
        if gauge:
            self.values[first] = nan
        self._names[length : length + len(name)] = name
        self._next = first + n
        # Whoever reads sees the name as a whole or not at all.
        self._head[_LENGTH] = (length + len(name)).to_bytes(8, "little")
        return first

    def series(self) -> Iterator[Series]:
        """Yield what is in the region."""
        for line in bytes(self._names[: self._length()]).splitlines():
            yield msgspec.json.decode(line, type=Series)

    def is_alive(self) -> bool:
        """Tell whether the process that wrote here last still runs."""
        pid = int.from_bytes(self._head[_PID], "little")
        if not pid:
            return False
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True

    def _length(self) -> int:
        return min(int.from_bytes(self._head[_LENGTH], "little"), NAMES_BYTES)
