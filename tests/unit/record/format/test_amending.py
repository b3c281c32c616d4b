# SPDX-License-Identifier: Apache-2.0
"""People are taken out of parts, and nothing else is."""

from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from gateway.domain.choice import Choice, ChoiceState, packed, unpacked
from gateway.domain.entry import Amended, Part
from gateway.domain.names import PersonNumber, PurposeKey
from gateway.record.format.amending import in_place_of, without
from gateway.record.format.files import DiskFiles
from gateway.record.format.layout import parts_path
from gateway.record.format.parts import StoredPart, parse_part
from gateway.record.proof.parts_scan import parts_without
from gateway.record.proof.verify import verify_log, verify_logs
from gateway.record.reading.reader import records
from gateway.record.writing.rewriting import Rewriting
from tests.fakes.log import NAME, START_US, enter, opened, part, release

NUMBERS = st.sets(st.integers(0, 40) | st.integers(0, (1 << 32) - 1), max_size=12)


def made(released: set[int], met: set[int], numbered: set[int], chosen: set[int]) -> Part:
    pieces = b"".join(number.to_bytes(4, "big") * 8 + number.to_bytes(4, "big") for number in sorted(numbered))
    choices = [
        Choice(person=PersonNumber(one), purpose=PurposeKey("marketing"), state=ChoiceState.REFUSED, at_us=5)
        for one in sorted(chosen)
    ]
    return Part(
        ip="192.0.2.7",
        user_agent="test/1",
        people=BitMap(released).serialize() if released else b"",
        met=tuple(sorted(met)),
        numbered=pieces,
        choices=packed(choices) if choices else b"",
    )


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_only_these_people_are_taken_out(
    released: set[int], met: set[int], numbered: set[int], chosen: set[int], people: set[int]
) -> None:
    """Everybody else stands where they stood, and so does the caller's address."""
    before = made(released, met, numbered, chosen)
    after, n_people = without(before, frozenset(people))

    assert n_people == len((released | met | numbered | chosen) & people)
    assert (after is before) == (n_people == 0)
    assert (set(BitMap.deserialize(after.people)) if after.people else set()) == released - people
    assert set(after.met) == met - people
    assert after.numbered == made(set(), set(), numbered - people, set()).numbered
    assert (
        {int(one.person) for one in unpacked(after.choices)} == chosen - people
        if after.choices
        else not chosen - people
    )
    assert (after.ip, after.user_agent) == ("192.0.2.7", "test/1")


def test_what_stands_in_the_place_of_a_part_has_a_salt_of_its_own() -> None:
    """Under the old one the old digest would tell who was taken out, by trying numbers."""
    old = StoredPart(7, b"s" * 16, b'{"met":[1,2]}')
    new = in_place_of(old, Part(met=(2,)))
    assert new.salt != old.salt
    assert (new.seq, new.was, new.digest) == (7, old.digest, old.digest)
    assert new.own_digest != old.digest
    again = in_place_of(StoredPart(new.seq, new.salt, new.content, new.was, "demo/node1/cli:3"), Part())
    assert again.was == old.digest


def test_it_is_stored_in_one_spelling() -> None:
    """And reads back."""
    new = StoredPart(7, b"s" * 16, b"{}", "0" * 64, "demo/node1/cli:3")
    assert parse_part(new.line()[:-1]) == new


def test_an_amended_part_that_no_entry_speaks_of_is_found(tmp_path: Path) -> None:
    """By whoever has all logs; who has one alone is told that the entry is elsewhere."""
    log = opened(tmp_path / "log" / "door-0")
    for place in range(4):
        enter(log, release(f"d{place}"), part(1, place + 10))
    cli = opened(tmp_path / "log" / "cli", "demo/node-1/cli")
    found = parts_without(tmp_path / "log" / "door-0", 0, frozenset({1}))
    instead = {}
    for one in found:
        entry = Amended(origin=NAME, place=one.after.seq, taken=one.people, digest=one.after.own_digest)
        place = enter(cli, entry)
        instead[one.after.seq] = msgspec.structs.replace(one.after, amended=f"demo/node-1/cli:{place}")
    Rewriting(DiskFiles(), tmp_path / "log" / "door-0", 0, lambda held: instead.get(held.seq, held)).run()
    log.close(START_US)
    cli.close(START_US)

    assert len(found) == 4
    assert verify_logs(tmp_path / "log").is_right
    assert [one.part for one in records(tmp_path / "log" / "door-0") if one.part is not None] == [
        Part(ip="192.0.2.7", user_agent="test/1", met=(place + 10,)) for place in range(4)
    ]
    assert "in a log not here" in verify_log(tmp_path / "log" / "door-0").notes[0]

    path = parts_path(tmp_path / "log" / "door-0", 0)
    path.write_bytes(path.read_bytes().replace(b'"met":[12]', b'"met":[13]'))
    verdict = next(one for one in verify_logs(tmp_path / "log").logs if one.slot == "door-0")
    assert (verdict.first_bad, verdict.problems) == (3, ("the part of entry 3 was changed: no entry says so",))
