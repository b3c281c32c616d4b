# SPDX-License-Identifier: Apache-2.0
"""Claims about how the sample store is written to."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.demo import writes
from gateway.demo.people import Customer
from gateway.demo.tables import CONTACTS, CUSTOMERS, Table, make
from gateway.demo.writes import Writer, tag_of


@pytest.fixture
def store_file(tmp_path: Path, crowd: tuple[Customer, ...]) -> Path:
    """A store of ten people."""
    path = tmp_path / "store.db"
    make(path, crowd[:10])
    return path


@pytest.fixture
def writer(store_file: Path) -> Iterator[Writer]:
    """Who writes to it."""
    with closing(Writer(store_file)) as made:
        yield made


def count(path: Path, table: Table = CUSTOMERS) -> int:
    """Return how many rows a table has."""
    with closing(sqlite3.connect(path)) as database:
        return int(database.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0])  # noqa: S608 - a name of ours


def test_a_record_is_made_with_an_id_of_its_own_or_of_the_callers(writer: Writer, store_file: Path) -> None:
    """What it does not name is null."""
    named = writer.create(CUSTOMERS, {"id": "c-new", "name": "Eve", "age": 30})
    unnamed = writer.create(CUSTOMERS, {"name": "Ida"})
    assert (named.status, unnamed.status, count(store_file)) == (201, 201, 12)
    told = json.loads(named.record)
    assert (told["id"], told["age"], told["religion"]) == ("c-new", 30, None)
    assert json.loads(unnamed.record)["id"] not in ("", None)


def test_an_id_that_is_taken_is_a_conflict_and_many_are_all_or_nothing(writer: Writer, store_file: Path) -> None:
    """The second of three is taken: none of them is made."""
    before = count(store_file, CONTACTS)
    rows = [{"id": "k-a"}, {"id": "k-b"}, {"id": "k-a"}]
    assert writer.create_many(CONTACTS, rows).status == 409
    assert count(store_file, CONTACTS) == before
    done = writer.create_many(CONTACTS, rows[:2])
    assert (done.status, done.record, count(store_file, CONTACTS)) == (201, b"", before + 2)
    assert writer.create_many(CONTACTS, {}).status == 400


def test_a_merge_patch_changes_what_it_names(writer: Writer) -> None:
    """Null is a value; the id stays."""
    before = json.loads(writer.change(CUSTOMERS, "c-000001", {}, match=None).record)
    done = writer.change(CUSTOMERS, "c-000001", {"city": "Ulm", "state": None, "default": "no"}, match=None)
    assert json.loads(done.record) == before | {"city": "Ulm", "state": None, "default": "no"}
    assert writer.change(CUSTOMERS, "c-000001", {"id": "c-2"}, match=None).status == 422


def test_a_tag_is_that_of_the_record_as_it_is(writer: Writer) -> None:
    """Another one, or that of an older state, is refused; the star is any."""
    old = writer.change(CUSTOMERS, "c-000001", {"city": "Ulm"}, match=None).record
    new = writer.change(CUSTOMERS, "c-000001", {"city": "Bonn"}, match=tag_of(old))
    assert new.status == 200
    assert writer.change(CUSTOMERS, "c-000001", {"city": "Kiel"}, match=tag_of(old)).status == 412
    assert writer.delete(CUSTOMERS, "c-000001", match=tag_of(old)).status == 412
    assert writer.change(CUSTOMERS, "c-000001", {}, match="*").record == new.record
    assert writer.delete(CUSTOMERS, "c-000001", match=tag_of(new.record)).status == 204
    assert writer.delete(CUSTOMERS, "c-000001", match=None).status == 404
    assert writer.change(CUSTOMERS, "c-000001", {"city": "Kiel"}, match="*").status == 404


@pytest.mark.parametrize(
    "said",
    [{"nothing": 1}, {"name": 5}, {"age": "5"}, {"age": True}, {"id": None}, "text", ["name"]],
)
def test_what_is_not_a_record_of_the_table_is_refused(writer: Writer, store_file: Path, said: object) -> None:
    """Without a word of the value."""
    done = writer.create(CUSTOMERS, said)
    assert (done.status, count(store_file)) == (422, 10)
    assert done.sentence


def test_a_key_that_was_seen_is_answered_as_it_was(
    writer: Writer, store_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once made, once answered; a refusal is forgotten, and so are old keys."""
    monkeypatch.setattr(writes, "MOST_KEYS", 1)
    assert writer.create(CUSTOMERS, {"name": 5}, key="1").status == 422
    first, again = (writer.create(CUSTOMERS, {"name": "Eve"}, key="1") for _ in range(2))
    assert (first, count(store_file)) == (again, 11)
    writer.create(CUSTOMERS, {"name": "Ida"}, key="2")
    assert writer.create(CUSTOMERS, {"name": "Eve"}, key="1") != first
