# SPDX-License-Identifier: Apache-2.0
"""Logs read by another process: the same as in this one, with what it asks answered, and its end told."""

import os
import signal
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import aclosing
from pathlib import Path

import pytest

from gateway.app.index.stretches import read_by_process, read_in_thread
from gateway.domain.entry import End
from gateway.domain.errors import LogDamaged
from gateway.domain.log_index import SPAN
from gateway.domain.log_packing import Stretch
from gateway.domain.log_query import LogRow
from gateway.domain.names import DecisionId
from tests.fakes.log import START_US, enter, lines, opened, put_lines
from tests.fakes.log_index import long_log

SLOT = "door-0"
Read = Callable[..., AsyncGenerator[Stretch, None]]
BOTH = pytest.mark.parametrize("read", [read_in_thread, read_by_process])


class Index:
    """Knows the first entry of one call, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[set[str]] = []
        self.row = LogRow(slot=SLOT, seq=0, at_us=1, kind="release", call="b" * 32, account="a:analyst")

    async def first_of(self, calls: Collection[str]) -> Mapping[str, LogRow]:
        """Return it if it is asked for."""
        self.asked.append(set(calls))
        return {"b" * 32: self.row} if "b" * 32 in calls else {}


async def _all(read: Read, directory: Path, index: Index, until: int | None = None) -> list[Stretch]:
    async with aclosing(read(directory, index.first_of, until)) as found:
        return [one async for one in found]


async def test_a_process_reads_what_a_thread_reads(tmp_path: Path) -> None:
    """A whole span with its people, and the beginning of another; or as far as it is told."""
    long_log(tmp_path / SLOT, SPAN + 50)
    here, there = [await _all(read, tmp_path / SLOT, Index()) for read in (read_in_thread, read_by_process)]
    assert here == there
    assert there[0].batch.n_entries == SPAN
    assert there[0].span() is not None
    short = await _all(read_by_process, tmp_path / SLOT, Index(), 100)
    assert [one.batch.after.size for one in short] == [100]


@BOTH
async def test_calls_that_began_before_are_asked_for(tmp_path: Path, read: Read) -> None:
    """What is answered stands in the entry; a call that nobody knows begins with it."""
    log = opened(tmp_path / SLOT)
    for call in ("b" * 32, "c" * 32):
        enter(log, End(call=DecisionId(call), how="cut"))
    log.close(START_US)
    index = Index()
    (one,) = await _all(read, tmp_path / SLOT, index)
    assert index.asked == [{"b" * 32, "c" * 32}]
    assert "a:analyst" in {use.account for use in one.batch.uses}


@BOTH
async def test_what_cannot_be_read_is_told(tmp_path: Path, read: Read) -> None:
    """In the words of who read it."""
    long_log(tmp_path / SLOT, 30)
    whole = lines(tmp_path / SLOT)
    put_lines(tmp_path / SLOT, [*whole[:3], b"{}\n", *whole[4:]])
    with pytest.raises(LogDamaged, match="door-0 cannot be read; run `gateway log verify`"):
        await _all(read, tmp_path / SLOT, Index())


async def test_a_process_that_is_killed_is_no_end_of_the_log(tmp_path: Path) -> None:
    """What it had not sent would be missing unseen."""
    long_log(tmp_path / SLOT, 4 * SPAN)
    async with aclosing(read_by_process(tmp_path / SLOT, Index().first_of)) as found:
        await anext(found)
        for child in _children():
            os.kill(child, signal.SIGKILL)
        with pytest.raises(LogDamaged, match="ended before it was done"):
            await _rest(found)


async def test_nobody_is_left_behind_by_who_stops_early(tmp_path: Path) -> None:
    """The process ends with the reading."""
    long_log(tmp_path / SLOT, 2 * SPAN)
    async with aclosing(read_by_process(tmp_path / SLOT, Index().first_of)) as found:
        await anext(found)
        assert _children()
    assert not _children()


async def _rest(found: AsyncGenerator[Stretch, None]) -> list[Stretch]:
    return [one async for one in found]


def _children() -> list[int]:
    pid = os.getpid()
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(one) for one in listed if b"gateway.app.index.stretches" in Path(f"/proc/{one}/cmdline").read_bytes()]
