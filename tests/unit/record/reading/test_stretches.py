# SPDX-License-Identifier: Apache-2.0
"""A log read stretch by stretch: every entry once, everybody of each whole span, and calls that began before asked for."""

from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from gateway.domain import log_index
from gateway.domain.entry import End
from gateway.domain.log_index import LogPosition
from gateway.domain.log_packing import packed
from gateway.domain.log_query import LogRow
from gateway.domain.names import DecisionId
from gateway.record.reading import indexing, spans, stretches
from gateway.record.reading.indexing import SlotReader
from gateway.record.reading.spans import SpanGathering
from gateway.record.reading.stretches import stretches as stretches_of
from tests.fakes.log import START_US, enter, opened, part, release
from tests.fakes.log_index import long_log

SLOT = "door-0"


def nothing(_calls: Collection[str]) -> Mapping[str, LogRow]:
    """Know no call."""
    return {}


def test_each_stretch_is_what_a_reader_reads_with_its_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However large a span may become; what is behind the last whole span has none."""
    for module in (log_index, indexing, spans, stretches):
        monkeypatch.setattr(module, "SPAN", 64)
    monkeypatch.setattr(indexing, "MOST_BYTES", 20_000)
    long_log(tmp_path / SLOT, 200)
    reader, found = SlotReader(tmp_path / SLOT, LogPosition(slot=SLOT)), list(stretches_of(tmp_path / SLOT, nothing))

    gathering, whole = SpanGathering(SLOT, 0), []
    for one in found:
        batch = reader.read()
        assert batch is not None
        assert one.batch == packed(batch)
        gathering.add(batch.entries)
        if batch.after.size % 64 == 0:
            whole.append(gathering.people())
            gathering = SpanGathering(SLOT, batch.after.size // 64)
            assert one.span() == whole[-1]
    assert reader.read() is None
    assert len(found) > len(whole) >= 3


@pytest.mark.parametrize("until", [1, 30, 64])
def test_it_stops_where_it_is_told_to(tmp_path: Path, until: int) -> None:
    """And reads nothing behind that."""
    long_log(tmp_path / SLOT, 100)
    (*_others, last) = stretches_of(tmp_path / SLOT, nothing, until)
    assert last.batch.after.size == until


def test_calls_whose_beginning_is_forgotten_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once what came before was given out."""
    monkeypatch.setattr(indexing, "MOST_KNOWN", 1)
    monkeypatch.setattr(stretches, "SPAN", 3)
    log = opened(tmp_path / SLOT)
    for number in range(5):
        enter(log, release(f"{number:032x}", last=False), part(1))
    enter(log, End(call=DecisionId(f"{0:032x}"), how="cut"))
    log.close(START_US)
    asked: list[Collection[str]] = []
    sizes: list[int] = []

    def first_of(calls: Collection[str]) -> Mapping[str, LogRow]:
        asked.append(calls)
        assert sum(sizes) >= 2
        return {}

    for one in stretches_of(tmp_path / SLOT, first_of):
        sizes.append(one.batch.n_entries)  # noqa: PERF401 - first_of looks at it meanwhile
    assert asked == [{f"{0:032x}"}]
