# SPDX-License-Identifier: Apache-2.0
"""A review by options: what it confirms, what it refuses to write, and what it shows of fields that nobody declared."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from gateway.app.own_stores.dataset_text import unreviewed
from gateway.domain.names import DatasetName
from gateway.store.engine import open_store
from gateway.store.unseen import UnseenFields
from tests.fakes.command_line import CommandLine
from tests.fakes.own_dataset import UNREVIEWED

CLUB = DatasetName("club.people")


@pytest.fixture
def club(command: CommandLine) -> CommandLine:
    """An installation whose rules describe a club as well; nothing of it is reviewed, and its store is not there."""
    sheet(command).write_text(UNREVIEWED)
    return command


def sheet(command: CommandLine) -> Path:
    """Return the club's file."""
    return command.state / "policies" / "datasets" / "club.yaml"


def left(command: CommandLine) -> set[str]:
    """Return the fields that nobody reviewed."""
    return {place.field for place in unreviewed(sheet(command).read_text())}


def test_fields_are_confirmed_by_name(club: CommandLine) -> None:
    """With or without their collection; the log has who, and which."""
    told = club("dataset", "review", "club", "--confirm", "id", "--confirm", "people.city", "--json").document()

    assert (told["confirmed"], told["unreviewed"], told["file"]) == (2, 9, "datasets/club.yaml")
    assert left(club) == {place.field for place in unreviewed(UNREVIEWED)} - {"id", "city"}
    bodies = [entry["body"] for entry in club.entries()]
    (entry,) = [body for body in bodies if body.get("what") == "dataset-reviewed"]
    assert (entry["target"], entry["facts"]["confirmed"], entry["facts"]["rules"]) == ("club", "id city", told["rules"])
    assert told["rules"] == club("check", "--json").document()["rules"]


def test_another_category_confirms_its_field(club: CommandLine) -> None:
    """Comments stay."""
    club("dataset", "review", "club", "--category", "tier=user.behavior.purchase_history")
    assert (
        "{name: tier, data_categories: [user.behavior.purchase_history], gateway: {type: text}}  # guess: a word"
        in (sheet(club).read_text())
    )


def test_without_options_the_table_is_shown_and_nothing_changes(club: CommandLine) -> None:
    """Where there is no terminal; nothing is entered either."""
    before, n_entries = sheet(club).read_bytes(), len(club.kinds())
    answer = club("dataset", "review", "club")
    assert "people.religion" in answer.out
    assert "0 confirmed, 11 unreviewed and dropped" in answer.out
    assert "gateway.yaml has no store club" in answer.err
    assert (sheet(club).read_bytes(), len(club.kinds())) == (before, n_entries)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("club", "--confirm", "age"), 2, "age is no field; there are people.id, "),
        (("club", "--category", "tier=user.fortune"), 2, "expected FIELD=KEY with a category of the vocabulary"),
        (("club", "--category", "tier"), 2, "expected FIELD=KEY"),
        (("club", "--category", "tier=user.nam"), 2, "did you mean `user.name`?"),
        (("club", "--all-certain"), 2, "which fields are certain cannot be told now: gateway.yaml has no store club"),
        (("nobody",), 2, "no dataset describes the store nobody; there are club, crm, shop"),
        (("gateway",), 2, "gateway is the name of the gateway itself, whose own data no store tells"),
        ((), 2, "which store? There are club, crm, shop"),
    ],
)
def test_what_cannot_be_done_is_told(club: CommandLine, words: tuple[str, ...], code: int, sentence: str) -> None:
    """And nothing is written."""
    assert sentence in club("dataset", "review", *words, code=code).err
    assert sheet(club).read_text() == UNREVIEWED


def test_what_would_not_load_is_not_written(club: CommandLine) -> None:
    """A test of the rules, a grant or a type may need the category that a field had."""
    told = club("dataset", "review", "club", "--category", "birth_date=local.birthday", code=1)
    assert "local.birthday" in told.err
    assert sheet(club).read_text() == UNREVIEWED
    assert "dataset-reviewed" not in club.kinds()


def test_a_store_that_does_not_answer_shows_no_values(club: CommandLine) -> None:
    """It can be reviewed by what the file says all the same."""
    settings = club.state / "gateway.yaml"
    text = settings.read_text().replace("stores: {}", "stores: {club: {base_url: 'http://127.0.0.1:1'}}")
    settings.write_text(text)
    answer = club("dataset", "review", "club", "--confirm", "city")
    assert "the store tells nothing now" in answer.err
    assert "1 confirmed" in answer.out


def test_a_field_that_nobody_declared_is_shown_as_new(club: CommandLine) -> None:
    """In the review and in the list; it cannot be confirmed, since there is nothing to confirm."""

    async def notice() -> None:
        store = await open_store(club.state, upgrade=False)
        await UnseenFields(store).add(CLUB, "shoe_size", 1)
        await UnseenFields(store).add(CLUB, "city", 1)
        await store.close()

    asyncio.run(notice())
    told = club("dataset", "review", "club", "--json").document()["fields"]
    assert [one["field"] for one in told if one["new"]] == ["people.shoe_size"]
    assert "new  │ people.shoe_size" in club("dataset", "review", "club").out.replace("new │", "new  │")
    refused = club("dataset", "review", "club", "--confirm", "shoe_size", code=2).err
    assert "people.shoe_size is new, and no dataset declares it yet; `gateway dataset infer" in refused
    listed = {one["dataset"]: one for one in club("dataset", "list", "--json").document()}
    assert (listed["club.people"]["new"], listed["club.people"]["unreviewed"]) == (["shoe_size"], 11)
    assert "shoe_size" in club("dataset", "list").out


def test_the_file_keeps_its_mode(club: CommandLine) -> None:
    """And no copy of it is left behind."""
    sheet(club).chmod(0o640)
    club("dataset", "review", "club", "--confirm", "city")
    assert sheet(club).stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(sheet(club).parent)) == ["club.yaml", "crm.yaml", "gateway.yaml", "shop.yaml"]  # noqa: PTH208 - hidden ones too
    shutil.rmtree(club.state)
