# SPDX-License-Identifier: Apache-2.0
"""The people of a span: every one of every entry, however many are held at once, and compared as sets."""

import random

import msgspec
import pytest
from pyroaring import BitMap, BitMap64

from gateway.domain.log_index import BUCKETS, SPAN, IndexEntry, SpanPeople, Use
from gateway.domain.log_query import LogRow
from gateway.record.reading import spans
from gateway.record.reading.spans import SpanGathering, is_same

FIRST = 3 * SPAN


def entries(n: int) -> list[IndexEntry]:
    """Return entries of one span: releases by two accounts, and refusals that met somebody."""
    chance = random.Random(3)
    found = []
    for place in range(n):
        people = BitMap(chance.randrange(1 << 32) for _ in range(chance.randrange(30)))
        is_release = place % 4 != 3
        row = LogRow(
            slot="cli",
            seq=FIRST + place,
            at_us=1_000 + place,
            kind="release" if is_release else "refusal",
            account=f"a_{place % 2}",
            rows=len(people),
            bytes=7,
        )
        released = people.serialize() if is_release else b""
        found.append(IndexEntry(row=row, released=released, met=(5, place) if place % 7 == 0 else ()))
    return found


def gathered(of: list[IndexEntry]) -> SpanPeople:
    """Return the people of entries."""
    gathering = SpanGathering("cli", 3)
    gathering.add(of)
    return gathering.people()


@pytest.mark.parametrize("most", [1, 100, 1 << 20])
def test_nobody_is_lost_and_nobody_is_added(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In unions by use and in postings by bucket, whenever what is held is folded."""
    monkeypatch.setattr(spans, "MOST_PENDING", most)
    of = entries(200)
    found = gathered(of)

    postings = {posting for held in found.postings.values() for posting in BitMap64.deserialize(held)}
    assert postings == {
        person << 16 | entry.row.seq - FIRST
        for entry in of
        for person in {*(BitMap.deserialize(entry.released) if entry.released else ()), *entry.met}
    }
    for bucket, held in found.postings.items():
        assert {(posting >> 16) % BUCKETS for posting in BitMap64.deserialize(held)} == {bucket}
    for account in ("a_0", "a_1"):
        released = [one for one in of if one.row.kind == "release" and one.row.account == account]
        totals = found.uses[Use(account)]
        assert set(BitMap.deserialize(totals.people)) == {
            person for one in released for person in BitMap.deserialize(one.released)
        }
        assert (totals.entries, totals.rows) == (len(released), sum(one.row.rows for one in released))
    assert (found.first_us, found.last_us) == (1_000, 1_199)


def test_spans_are_compared_as_sets() -> None:
    """One bitmap has several spellings; what is no bitmap is no set."""
    people = BitMap(list(range(1_000)), optimize=False)
    optimised = people.copy()
    optimised.run_optimize()
    assert people.serialize() != optimised.serialize()
    one = gathered(entries(20))
    use, totals = next(iter(one.uses.items()))

    def with_people(held: bytes) -> SpanPeople:
        return msgspec.structs.replace(one, uses={**one.uses, use: msgspec.structs.replace(totals, people=held)})

    def with_postings(held: bytes) -> SpanPeople:
        return msgspec.structs.replace(one, postings={**one.postings, 5: held})

    assert is_same(with_people(people.serialize()), with_people(optimised.serialize()))
    assert is_same(one, gathered(entries(20)))
    assert not is_same(one, with_people(people.serialize()))
    for broken in (b"", b"\x00", b"no bitmap at all", totals.people[:-1]):
        assert not is_same(one, with_people(broken))
        assert not is_same(one, with_postings(broken))
    assert not is_same(one, msgspec.structs.replace(one, last_us=0))
    assert not is_same(one, msgspec.structs.replace(one, postings={}))
