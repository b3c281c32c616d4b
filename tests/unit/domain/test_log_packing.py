# SPDX-License-Identifier: Apache-2.0
"""Batches packed for the index: each text once, every figure of every entry, and the same through a pipe."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.log_index import (
    HOUR_US,
    IndexEntry,
    LogBatch,
    LogPosition,
    SpanPeople,
    Use,
    UseTotals,
    call_bytes,
    hour_of,
    use_of,
)
from gateway.domain.log_packing import ENTRY, PackedBatch, Stretch, call_words, packed, word_of
from gateway.domain.log_query import LogRow

TEXT = st.sampled_from(["", "a", "b", "ü" * 9])
BIG = st.integers(0, 2**62)
ROW = st.builds(
    LogRow,
    slot=st.just("cli"), seq=st.just(0), at_us=BIG, kind=st.sampled_from(["release", "end"]),
    call=st.sampled_from(["", "0" * 32, "a7" * 16, "no digits"]), account=TEXT, client=TEXT, recipient=TEXT, session=TEXT,
    place=TEXT, purpose=TEXT, dataset=TEXT, operation=TEXT, reference=TEXT, decision=TEXT, reason=TEXT,
    fields=st.sampled_from(["{}", '{"reveal":["id"]}']), rows=BIG, bytes=BIG, people=BIG, segment=st.integers(0, 9),
    line_at=BIG, part_at=st.integers(-1, 2**62),
)  # fmt: skip
ENTRIES = st.lists(st.builds(IndexEntry, row=ROW, begins=st.booleans()), max_size=12)


def batch_of(entries: list[IndexEntry], first: int = 7) -> LogBatch:
    """Return entries as a batch of a log."""
    before = LogPosition(slot="cli", size=first)
    after = LogPosition(slot="cli", size=first + len(entries), line_at=9)
    return LogBatch(before=before, after=after, entries=tuple(entries))


def rows_of(batch: PackedBatch) -> list[LogRow]:
    """Return what a packed batch says of its entries."""
    found = []
    for call, at_us, kind, session, place, use, reference, decision, reason, *figures in ENTRY.iter_unpack(
        batch.entries
    ):
        rows, n_bytes, people, segment, line_at, part_at, has_call = figures
        of, words = batch.uses[use], batch.words
        found.append(
            LogRow(
                slot="cli", seq=0, at_us=at_us, kind=words[kind], call=call.hex() if has_call else "", account=of.account,
                client=of.client, recipient=of.recipient, session=words[session], place=batch.places[place],
                purpose=of.purpose, dataset=of.dataset, operation=of.operation, reference=words[reference],
                decision=words[decision], reason=words[reason], fields=of.fields, rows=rows, bytes=n_bytes, people=people,
                segment=segment, line_at=line_at, part_at=part_at,
            )
        )  # fmt: skip
    return found


@given(entries=ENTRIES)
def test_nothing_of_an_entry_is_lost(entries: list[IndexEntry]) -> None:
    """Not its texts, nor its figures, nor what it counts; each text, address and use stands once."""
    batch = packed(batch_of(entries))

    assert rows_of(batch) == [
        msgspec.structs.replace(one.row, call=call_bytes(one.row.call).hex() if one.row.call else "") for one in entries
    ]
    assert batch.n_entries == len(entries)
    assert all(len(set(some)) == len(some) for some in (batch.words, batch.places, batch.uses))
    assert set(batch.uses) == {use_of(one.row) for one in entries}
    counted = {
        (hour, batch.uses[use], batch.words[kind], batch.words[decision], batch.words[reason]): tuple(counts)
        for hour, use, kind, decision, reason, *counts in batch.hours
    }
    plain: dict[tuple[object, ...], tuple[int, ...]] = {}
    for one in entries:
        key = hour_of(one.row)
        told = (key.hour, key.use, key.kind, key.decision, key.reason)
        assert key.hour == one.row.at_us // HOUR_US
        before = plain.get(told, (0, 0, 0, 0))
        more = (1, one.begins, one.row.rows, one.row.bytes)
        plain[told] = tuple(old + new for old, new in zip(before, more, strict=True))
    assert counted == plain


@given(entries=ENTRIES)
def test_words_of_calls_are_those_of_each_call(entries: list[IndexEntry]) -> None:
    """Entry by entry; one without a call has a zero."""
    batch = packed(batch_of(entries))
    for word in range(4):
        assert call_words(batch, word) == [word_of(one.row.call, word) if one.row.call else 0 for one in entries]


def test_a_stretch_comes_through_a_pipe_as_it_was() -> None:
    """With the people of its span, or with none."""
    batch = packed(batch_of([IndexEntry(row=LogRow(slot="cli", seq=7, at_us=5, kind="release"))]))
    totals = UseTotals(first_us=1, last_us=2, entries=3, people=b"\x00\xff", rows=4, bytes=5)
    people = SpanPeople(
        slot="cli", span=0, first_us=1, last_us=2, uses={Use("a"): totals, Use("b"): totals}, postings={3: b"\x01"}
    )
    for span in (people, None):
        stretch = Stretch.of(batch, span)
        again = msgspec.msgpack.decode(msgspec.msgpack.encode(stretch), type=Stretch)
        assert again == stretch
        assert (again.batch, again.span()) == (batch, span)
