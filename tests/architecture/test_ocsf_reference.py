# SPDX-License-Identifier: Apache-2.0
"""docs/reference/ocsf.md says of every kind of entry what the gateway writes of it."""

import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from gateway.domain.entry import Changed, End, Entry, SignIn
from gateway.record.reading.ocsf import OCSF_VERSION, event
from gateway.record.reading.ocsf_words import CHANGES, ENDS, OPERATIONS, STEPS
from tests.fakes.entries import CALL, EVERY, pairs

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "ocsf.md").read_text("utf-8")


def table(heading: str) -> list[list[str]]:
    """Return the rows of all tables under a heading."""
    section = PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return [row for row in rows if not set("".join(row)) <= set("-")]


def words(text: str) -> set[str]:
    """Return what stands between backquotes."""
    return set(re.findall(r"`([^`]+)`", text))


def told(body: Entry) -> Any:
    """Return the event of an entry."""
    return event(*pairs(((body, None),))[0], "9")


CLASSES = {kind: row for row in table("Classes and activities") if len(row) == 3 for kind in words(row[0])}


def test_the_page_names_every_kind_of_entry_once_and_its_version() -> None:
    """A new kind is mapped on purpose."""
    assert set(CLASSES) == {str(one.__struct_config__.tag) for one in get_args(Entry)}
    assert f"version {OCSF_VERSION}" in PAGE.replace("\n", " ")


@pytest.mark.parametrize(("row", "record"), pairs(), ids=lambda one: getattr(one, "kind", ""))
def test_class_and_activity_of_every_entry_are_those_of_the_page(row: Any, record: Any) -> None:
    """By number and name."""
    made, said = event(row, record, "9"), CLASSES[row.kind]

    assert said[1] == f"{made['class_name']} ({made['class_uid']})"
    if row.kind != "sign-in":
        assert made["activity_name"] in said[2]


def test_operations_and_words_of_changes_are_those_of_the_page() -> None:
    """In the order in which the page tells them."""
    calls, changes = CLASSES["release"][2], CLASSES["changed"][2]

    assert dict(re.findall(r"`(\w+)` (\w+)", calls)) == {name: each.name for name, each in OPERATIONS.items()}
    groups = re.findall(r"((?:`[\w-]+` ?)+)(Create|Delete)", changes)
    assert {word: name for text, name in groups for word in words(text)} == {
        word: each.name for word, each in CHANGES.items()
    }
    assert told(Changed(by="x", what="something-else", target=""))["activity_name"] == "Update"


def test_steps_of_a_sign_in_are_those_of_the_page() -> None:
    """Activity, protocol, and whether a second factor was shown."""
    steps = {
        row[0].strip("`"): row[1:] for row in table("Classes and activities") if len(row) == 4 and row[0][0] == "`"
    }

    assert set(steps) == set(STEPS)
    for step, (activity, protocol, second) in steps.items():
        made = told(SignIn(call=CALL, step=step, account="a_x", ok=True))
        assert made["activity_name"] == activity
        assert protocol in (made["auth_protocol"], "not said")
        assert second == {True: "yes", False: "no", None: "not said"}[made.get("is_mfa")]


def test_status_and_severity_of_every_entry_are_those_of_the_page() -> None:
    """The page tells each pair for the kinds that have it."""
    said = {
        (row[1].removeprefix("Other: "), row[2], kind) for row in table("Status and severity") for kind in words(row[0])
    }
    general = ("Success", "Informational")

    for row, record in pairs():
        made = event(row, record, "9")
        pair = (made["status"], made["severity"])
        assert pair == general or any((*pair, word) in said for word in (row.kind, "unknown", *ENDS)), row.kind


def test_every_way_to_end_is_on_the_page() -> None:
    """With its status and severity."""
    rows = {how: row[1:] for row in table("Status and severity") if row[0].startswith("`end`") for how in words(row[0])}

    for how in ENDS:
        made = told(End(call=CALL, how=how))
        status = made["status"] if made["status_id"] != 99 else f"Other: {made['status']}"
        assert rows[how] == [status, made["severity"]]


def test_attributes_of_the_page_are_in_events() -> None:
    """Each that it names, in some event at least."""
    made = [msgspec.to_builtins(event(row, record, "9")) for row, record in pairs()]
    named = {path for row in table("Attributes")[1:] for path in words(row[0])}

    assert {path for path in named if not any(_has(one, path.split(".")) for one in made)} == set()
    assert len(EVERY) == len(made)


def _has(one: Any, path: list[str]) -> bool:
    if not path:
        return True
    return isinstance(one, dict) and path[0] in one and _has(one[path[0]], path[1:])
