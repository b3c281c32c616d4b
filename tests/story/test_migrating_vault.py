# SPDX-License-Identifier: Apache-2.0
"""Columns of a live store turned over to tokens of the vault, and back: found at every moment, and to the byte as they were."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import pytest

from gateway.settings.loading import Settings
from tests.story.conftest import SUPPORT, World
from tests.story.test_migrating import AT_REST, at_rest, column, found, migrated, only, set_phones, table

SHARED = "+4930555123"


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store that a test may write to."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The installation, whose rules say that the store is to hold tokens for mail addresses and phones."""
    at_rest(settings, AT_REST, "vault")
    return settings


async def test_there_and_back_by_the_vault_is_where_it_was(world: World, settings: Settings, store_file: Path) -> None:
    """Between, each value that comes back as it is has a token; a second run has nothing to do; at the end all is as before."""
    only(store_file, 120)
    before, was = table(store_file), {field: column(store_file, field) for field in AT_REST}
    looked = await migrated(settings, dry=True)
    assert table(store_file) == before

    over = await migrated(settings)
    kept = sum(one.loses_spelling for one in over.fields)
    assert (over.whole, over.refused, over.written) == (True, {}, looked.rows)
    values = [value for field in AT_REST for value in column(store_file, field) if value is not None]
    tokens = [value for value in values if value.startswith("av1_")]
    assert len(tokens) == len(values) - kept > 0
    turned = {field: dict(_turned(was[field], column(store_file, field))) for field in AT_REST}
    # Equal values have one token, and others another.
    assert all(len(set(one.values())) == len(one) for one in turned.values())
    assert set(tokens) == {token for one in turned.values() for token in one.values()}
    assert (await migrated(settings)).written == 0
    shown = (await world.get("/crm/customers?limit=300&fields=id,email", "service-agent", SUPPORT)).json["items"]
    mails = dict(zip(sorted(before), was["email"], strict=True))
    assert shown
    assert all(row["email"] == mails[row["id"]] for row in shown)

    back = await migrated(settings, back=True)
    assert back.is_right
    assert table(store_file) == before
    assert world.verdict().is_right


def _turned(before: Sequence[str | None], now: Sequence[str | None]) -> list[tuple[str, str]]:
    """Return the values of which tokens stand in the store, each with its token."""
    both = zip(before, now, strict=True)
    return [(was, token) for was, token in both if was is not None and token is not None and was != token]


async def test_while_it_is_mixed_a_column_of_the_vault_is_found_in_both_forms(
    world: World, settings: Settings, store_file: Path
) -> None:
    """By the value and by the surrogate that was given before, in pages, each row once; and when it is whole, and back."""
    only(store_file, 120)
    every = (await world.get("/crm/customers?limit=300&fields=id", "service-agent", SUPPORT)).ids
    ids = sorted(every)[-46:]
    set_phones(store_file, dict.fromkeys(ids, SHARED))
    assert await found(world, "phone", SHARED) == ids
    assert (await migrated(settings, ("phone",), accept=True)).is_right
    token = {
        value for row, value in zip(sorted(table(store_file)), column(store_file, "phone"), strict=True) if row in ids
    }
    assert len(token) == 1
    await world.rooms.columns.forget()

    set_phones(store_file, dict.fromkeys(ids[::2], SHARED))
    assert await found(world, "phone", SHARED) == ids
    pages = [
        (await world.get(f"/crm/customers?phone={quote(SHARED)}&limit=20&offset={n}", "service-agent", SUPPORT)).ids
        for n in (0, 20, 40, 60)
    ]
    assert [len(page) for page in pages] == [20, 20, 6, 0]
    assert sorted(one for page in pages for one in page) == ids

    assert (await migrated(settings, ("phone",), accept=True)).is_right
    await world.rooms.changes.follow()
    assert await found(world, "phone", SHARED) == ids
    assert (await migrated(settings, ("phone",), back=True)).is_right
    await world.rooms.changes.follow()
    assert await found(world, "phone", SHARED) == ids
    assert not [value for value in column(store_file, "phone") if str(value).startswith("av1_")]
