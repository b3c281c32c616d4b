# SPDX-License-Identifier: Apache-2.0
"""What each entry means for an older database, and that none which changes state is passed over."""

import re
from pathlib import Path

import pytest

from gateway.domain.choice import Choice, ChoiceState, packed
from gateway.domain.entry import Changed, Entry, Line, Numbered, Part
from gateway.domain.errors import StateBehind
from gateway.domain.mandate import facts_of
from gateway.domain.names import PersonNumber, PurposeKey
from gateway.domain.replay import (
    ApprovalRefused,
    ApprovalSpent,
    ChoicesMade,
    HoldsLifted,
    HoldsSet,
    ListOpened,
    MandateApproved,
    MandateAsked,
    MandateRevoked,
    MessagesIntended,
    NumbersGiven,
    PeopleMerged,
    PersonErased,
    PersonShredded,
    Replayed,
    TombstoneLifted,
)
from gateway.flows.restore.reading import APPLIED, FOLDED, HARMLESS, KEYS, applied, is_first
from gateway.flows.rewrapping import BEGUN, DONE
from gateway.record.reading.reader import Record
from tests.unit.domain.test_mandate import a_mandate

SOURCE = Path(__file__).parents[4] / "src" / "gateway"
OBJECTED = Choice(person=PersonNumber(7), purpose=PurposeKey("marketing"), state=ChoiceState.OBJECTED, at_us=3)


def record(body: Entry, part: Part | None = None) -> Record:
    """Return an entry as it is read."""
    return Record(Line(log="i/n/cli", seq=12, prev="0" * 64, at_us=9, body=body), b"", part)


def changed(what: str, target: str, **facts: str | int) -> Changed:
    """Return a change."""
    return Changed(by="local:root", what=what, target=target, facts=facts)


CAP: dict[str, str | int] = {
    "categories": "user system",
    "rung": "drop",
    "link": 0,
    "said": "lock: x",
    "holds": "h_1 h_2",
}
STORIES: list[tuple[Entry, Part | None, type[Replayed]]] = [
    (changed("choice-recorded", "7", purpose="marketing", state="objected", at_us=3, source="cli"), None, ChoicesMade),
    (changed("choices-imported", "sha256:x", new=1), Part(choices=packed([OBJECTED])), ChoicesMade),
    (changed("account-locked", "a_1", **CAP), None, HoldsSet),
    (changed("account-lock-lifted", "a_1", holds="h_1"), None, HoldsLifted),
    (changed("incident-list-opened", "l_1", people=2), Part(people=b""), ListOpened),
    (changed("person-merged", "7", into=8), None, PeopleMerged),
    (changed("person-shredded", "7"), None, PersonShredded),
    (changed("person-erased", "7", merged="8 9", tombstone="t1", digests="aa bb"), None, PersonErased),
    (changed("tombstone-lifted", "t1", how="officer"), None, TombstoneLifted),
    (Changed(by="a_officer", what="reveal-refused", target="ap_1"), None, ApprovalRefused),
    (changed("mandate-asked", "m_aaaaaaaaaaaaaaaa", **facts_of(a_mandate().terms)), None, MandateAsked),
    (changed("mandate-approved", "m_aaaaaaaaaaaaaaaa", at="local:x"), None, MandateApproved),
    (changed("mandate-revoked", "m_aaaaaaaaaaaaaaaa", at="local:x"), None, MandateRevoked),
    (Numbered(people=1, identity="crm.customer_id"), Part(numbered=b"x" * 32 + b"\0\0\0\x07"), NumbersGiven),
    # Of two people one was taken out.
    (Numbered(people=2, identity="crm.customer_id"), Part(numbered=b"x" * 32 + b"\0\0\0\x07"), NumbersGiven),
]


@pytest.mark.parametrize(("body", "part", "meant"), STORIES, ids=[meant.__name__ for _, _, meant in STORIES])
def test_an_entry_means_what_it_says(body: Entry, part: Part | None, meant: type[Replayed]) -> None:
    """With its own time and words."""
    found = applied(record(body, part))
    assert isinstance(found, meant)
    match found:
        case ChoicesMade():
            assert found.choices == (OBJECTED,)
        case NumbersGiven():
            assert found.numbers == ((b"x" * 32, 7),)
        case HoldsSet():
            told = [(one, cap.category, cap.rung, cap.link, cap.reason) for one, cap in found.holds]
            assert told == [("h_1", "user", "drop", False, "lock: x"), ("h_2", "system", "drop", False, "lock: x")]
        case HoldsLifted():
            assert found.ids == ("h_1",)
        case ListOpened():
            assert found.list_id == "l_1"
        case PeopleMerged():
            assert (found.source, found.target) == (7, 8)
        case PersonShredded():
            assert found.person == 7
        case PersonErased():
            assert (found.people, found.tombstone, found.digests) == ((7, 8, 9), "t1", ("aa", "bb"))
        case TombstoneLifted():
            assert found.tombstone == "t1"
        case MandateAsked():
            assert found.mandate.terms == a_mandate().terms
        case MandateApproved() | MandateRevoked():
            assert found.mandate == "m_aaaaaaaaaaaaaaaa"
        case ApprovalRefused():
            assert (found.approval, found.by) == ("ap_1", "a_officer")
        case ApprovalSpent() | MessagesIntended():
            raise AssertionError("told elsewhere")


@pytest.mark.parametrize(
    ("body", "part", "why"),
    [
        (changed("choices-imported", "x"), None, "its part was deleted"),
        (changed("choices-imported", "x"), Part(choices=b"no"), "does not say all"),
        (Numbered(people=1, identity="k"), None, "its part was deleted"),
        (Numbered(people=2, identity="k"), Part(numbered=b"x" * 35), "does not say all"),
        (Numbered(people=1, identity="k"), Part(numbered=b"x" * 72), "does not say all"),
        (Numbered(people=1), Part(numbered=b"x" * 36), "does not say all"),
        (changed("choice-recorded", "7", purpose="p"), None, "does not say all"),
        (changed("account-locked", "a_1"), None, "does not say all"),
        (changed("person-merged", "somebody", into=8), None, "does not say all"),
        (changed("person-erased", "7", merged=""), None, "does not say all"),
        (changed("mandate-asked", "m_aaaaaaaaaaaaaaaa", client="c"), None, "does not say all"),
        (changed("something-new", "x"), None, "does not know something-new"),
    ],
)
def test_an_entry_that_cannot_be_replayed_is_named(body: Entry, part: Part | None, why: str) -> None:
    """By its place, with what is missing."""
    with pytest.raises(StateBehind, match=f"entry 12 of i/n/cli cannot be replayed: .*{why}"):
        applied(record(body, part))


def test_every_change_that_the_program_enters_is_in_the_closed_list() -> None:
    """A new one must be put into it, or no restore would know what to do with it."""
    files = {path: path.read_text("utf-8") for path in SOURCE.rglob("*.py")}
    found = {what for text in files.values() for what in re.findall(r'Changed\([^)]*?what="([a-z-]+)"', text)}
    enrolment = files[SOURCE / "flows" / "enrolment.py"]
    found |= set(re.findall(r'_enter\(by, "([a-z-]+)"', enrolment))
    for path in (SOURCE / "cli" / "key").glob("*.py"):
        found |= set(re.findall(r'enter\(desk, rooms, "([a-z-]+)"', files[path]))
    found |= set(re.findall(r'_note\("([a-z-]+)"', files[SOURCE / "app" / "kek_change.py"]))
    found |= {BEGUN, DONE}
    assert {"key-rotated", "key-shredded", "kek-change-begun", "kek-changed"} <= found
    assert len(found) > 20
    assert sorted(found - HARMLESS - KEYS - FOLDED - APPLIED.keys()) == []


def test_changes_that_are_entered_first_are_those_that_are_made_again() -> None:
    """Accounts are changed in the database first, so an entry of theirs is never ahead of it."""
    assert {what for what in HARMLESS | KEYS | FOLDED | APPLIED.keys() if is_first(what)} == KEYS | APPLIED.keys()
