# SPDX-License-Identifier: Apache-2.0
"""A large column of a live store turned over, made anew under another key and turned back: how fast, and to the byte."""

import sqlite3
import time
from pathlib import Path

import pytest

from gateway.demo.people import people
from gateway.demo.tables import make
from gateway.settings.loading import Settings
from tests.referee.numbers import COLUMN_ROWS
from tests.referee.report import summary
from tests.story.conftest import TODAY, World, crowd, store_port, world
from tests.story.conftest import settings as story_settings
from tests.story.test_migrating import at_rest, column, migrated, table

__all__ = ["crowd", "store_port", "story_settings", "world"]
"""Fixtures of stories, which a gateway in a process of the test takes."""

pytestmark = [pytest.mark.alone, pytest.mark.referee]


@pytest.fixture
def store_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample store with as many people as are asked for, each with a mail address that comes back as it is."""
    path = tmp_path_factory.mktemp("sample-store") / "store.db"
    make(path, list(people(None, COLUMN_ROWS.of(referee=True), today=TODAY)))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE customers SET email = lower(trim(email))")
    return path


@pytest.fixture
def settings(story_settings: Settings) -> Settings:
    """The installation, whose rules say that the store is to hold surrogates for mail addresses."""
    at_rest(story_settings, {"email": "mails"})
    return story_settings


async def test_a_large_column_goes_there_and_back(world: World, settings: Settings, store_file: Path) -> None:
    """Every row once in each direction; nothing else of any row is another."""
    before = table(store_file)
    for title, how in (("over", {}), ("anew", {}), ("back", {"back": True})):
        if title == "anew":
            world.rooms.keyring.rotate("at-rest/mails")
        began_s = time.monotonic()
        report = await migrated(settings, ("email",), **how)
        took_s = time.monotonic() - began_s
        assert report.is_right
        summary(f"{report.rows} rows turned {title}", f"{report.written / took_s:.0f} records/s, {report.walks} walks")
        if title != "back":
            version = 1 if title == "over" else 2
            assert all(str(value).startswith(f"as{version}_") for value in column(store_file, "email") if value)
    assert table(store_file) == before
    assert world.verdict().is_right
