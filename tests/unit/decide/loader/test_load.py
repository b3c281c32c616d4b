# SPDX-License-Identifier: Apache-2.0
"""All files together: every problem at once, the digest, and what is no rule file."""

import pytest

from gateway.decide.loader.load import SINGLE, digest, load_with_notes
from gateway.decide.loader.shipped import shipped_files
from tests.fakes.rule_files import edited, loaded, no_complaint, sentences


def test_problems_of_all_files_are_told_at_once_and_in_order() -> None:
    """An author mends all in one go."""
    files = edited("purposes.yaml", "ground: consent", "ground: content")
    files = edited("grants.csv", "p, analyst, crm, user.unique_id", "q, analyst, crm, user.unique_id", files)
    files = edited("organisation.yaml", "role: own", "role: mine", files)
    told = sentences(files)
    assert [sentence.split(":")[0] for sentence in told] == [
        "grants.csv",
        "organisation.yaml",
        "organisation.yaml",
        "purposes.yaml",
    ]


@pytest.mark.parametrize("name", SINGLE)
def test_a_missing_file_is_told(name: str) -> None:
    """Once, by its name; what depends on it is not told too."""
    files = shipped_files()
    del files[name]
    told = [sentence for sentence in sentences(files) if sentence.startswith(name)]
    assert told == [f"{name}:1: is missing"]


@pytest.mark.parametrize(
    "name",
    ["grants.csv~", "readme.md", "datasets/crm.yml", "datasets/old/crm.yaml", "Grants.csv", "datasets/.crm.yaml"],
)
def test_a_file_that_is_none_of_ours_is_told(name: str) -> None:
    """A misnamed rule file would be rules that nobody follows."""
    told = sentences(shipped_files() | {name: b"\n"})
    assert any(sentence.startswith(f"{name}:1: is no rule file") for sentence in told)


@pytest.mark.parametrize("name", sorted(shipped_files()))
@pytest.mark.parametrize("garbage", [b"", b"\xff\n", b"\x00\n", b"a: [\n", b"- a\n", b"a\n"])
def test_garbage_in_any_file_is_a_problem_and_nothing_worse(name: str, garbage: bytes) -> None:
    """No content makes the loader fail in another way, or pass."""
    assert any(sentence.startswith(name) for sentence in sentences(shipped_files() | {name: garbage}))


def test_one_unreadable_file_hides_no_problem_of_another() -> None:
    """What does not depend on it is still checked."""
    files = edited("grants.csv", "g, marketing-lead, analyst", "g, marketing-lead") | {"treatments.yaml": b"\xff\n"}
    assert [sentence.split(":")[0] for sentence in sentences(files)] == ["grants.csv", "treatments.yaml"]


def test_the_digest_depends_on_every_byte_and_name() -> None:
    """Two different sets of files never share one."""
    files = shipped_files()
    seen = {digest(files)}
    for name in files:
        seen.add(digest(files | {name: files[name] + b" "}))
        seen.add(digest({other: content for other, content in files.items() if other != name}))
        seen.add(digest({(other + "x" if other == name else other): content for other, content in files.items()}))
    assert len(seen) == 1 + 3 * len(files)


def test_the_digest_is_the_same_in_any_order_of_names() -> None:
    """Names are sorted before they are hashed."""
    files = shipped_files()
    assert digest(dict(reversed(files.items()))) == digest(files) == loaded().digest


def test_contents_cannot_be_moved_between_names() -> None:
    """Lengths frame every part, so no two sets give the same bytes to hash."""
    assert digest({"a": b"bc"}) != digest({"ab": b"c"})
    assert digest({"a": b"", "b": b"x"}) != digest({"a": b"x", "b": b""})


def test_what_has_ended_is_noted_when_the_time_is_known() -> None:
    """Time changes notes, never rules."""
    late_us = 1_900_000_000_000_000
    early, late = (load_with_notes(shipped_files(), check_chain=no_complaint, now_us=now_us) for now_us in (0, late_us))
    assert early.rules.digest == late.rules.digest
    new = set(late.notes) - set(early.notes)
    assert {note.file for note in new} == {"grants.csv", "organisation.yaml"}


def test_fields_that_await_review_are_noted_with_their_number() -> None:
    """A note, so that the rules load: what awaits review is dropped and nothing else is."""
    marked = "identifies: yes, reviewed: no}"
    files = edited("datasets/crm.yaml", "identifies: yes}", marked)
    notes = [
        note.message for note in load_with_notes(files, check_chain=no_complaint).notes if "review" in note.message
    ]
    assert notes == ["`crm.customers`: 1 of 30 fields awaits review, and nothing of what awaits it leaves"]
