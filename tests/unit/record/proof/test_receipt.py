# SPDX-License-Identifier: Apache-2.0
"""An entry is a person's to keep if it is about that person and nobody else."""

import pytest
from pyroaring import BitMap

from gateway.domain.entry import Changed, Entry, Intent, Line, Looked, Part, Release
from gateway.domain.names import DecisionId
from gateway.record.proof.receipt import Matter, is_of_one, matter_of

CALL = DecisionId("d")
RELEASE = Release(call=CALL, n=0, rows=1, bytes=9, people=1, last=True)


def line_of(body: Entry) -> Line:
    return Line(log="demo/node-1/door-0", seq=3, prev="0" * 64, at_us=1, body=body)


def changed(what: str, target: str = "7", **facts: str | int) -> Changed:
    return Changed(by="local:root", what=what, target=target, facts=facts)


@pytest.mark.parametrize(
    ("body", "part", "matter"),
    [
        (changed("choice-recorded", state="given"), None, Matter.CHOICE),
        (changed("person-shredded"), None, Matter.ERASURE),
        (changed("person-erased", merged="8"), None, Matter.ERASURE),
        (changed("request-received"), None, Matter.CHANGE),
        (changed("choice-recorded", target="8"), Part(met=(7,)), None),
        (changed("person-merged", into=8), None, None),
        (changed("account-locked"), None, None),
        (RELEASE, Part(people=BitMap([7]).serialize()), Matter.ACCESS),
        (RELEASE, Part(people=BitMap([7]).serialize(), met=(7,)), Matter.ACCESS),
        (RELEASE, Part(met=(7,)), Matter.SOUGHT),
        (RELEASE, Part(people=BitMap([7, 8]).serialize()), None),
        (RELEASE, Part(people=BitMap([7]).serialize(), met=(8,)), None),
        (RELEASE, Part(), None),
        (RELEASE, None, None),
        (Intent(call=CALL, records=1), Part(met=(7,)), Matter.WRITE),
        (Looked(by="a", what="choices", query="", rows=1), Part(met=(7,)), None),
    ],
)
def test_what_an_entry_is_to_a_person(body: Entry, part: Part | None, matter: Matter | None) -> None:
    """Several people, another one, or none: nobody gets it."""
    assert matter_of(line_of(body), part, 7) is matter


@pytest.mark.parametrize(
    ("part", "is_theirs"),
    [
        (Part(met=(7,)), True),
        (Part(people=BitMap([7]).serialize()), True),
        (Part(met=(7,), ip="192.0.2.1"), False),
        (Part(met=(7,), user_agent="x"), False),
        (Part(met=(7, 8)), False),
        (Part(), False),
        (Part(met=(7,), choices=b"x"), False),
    ],
)
def test_a_part_goes_along_only_if_nobody_else_is_in_it(part: Part, is_theirs: bool) -> None:
    """Whose address it is, is not this person's to know."""
    assert is_of_one(part, 7) is is_theirs
