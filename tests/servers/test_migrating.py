# SPDX-License-Identifier: Apache-2.0
"""A column of a store that is not ours turned over and back: json-server in both its styles, to tokens and to surrogates."""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from gateway.app.surrogates.migrating import migration, opened
from gateway.domain.errors import SettingsError
from gateway.flows.migrating.report import Report
from gateway.settings.loading import Settings
from tests.fakes.own_pages import files_of, settings_for
from tests.fakes.programme import MEMBERS
from tests.servers.test_json_server import CLASSIC, NEWER, PAGE, programs, serving

__all__ = ["programs"]

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("npm") is None, reason="json-server needs node and npm, which are not installed"),
]
UPDATE = {
    "method": "PATCH", "path": "/loyalty/members/{id}", "operation": "update", "parameters": {"id": {"field": "id"}},
    "body": {"kind": "fields"}, "answer": {"kind": "record"},
}  # fmt: skip


@pytest_asyncio.fixture(params=[CLASSIC, NEWER], loop_scope="module")
async def store(request: pytest.FixtureRequest, programs: Path, tmp_path: Path) -> AsyncIterator[tuple[int, Path, str]]:
    """A json-server with the members: its port, its file, and which it is."""
    (tmp_path / "store").mkdir()
    for port in serving(programs, request.param, tmp_path / "store"):
        yield port, tmp_path / "store" / "store.db.json", request.param


def installed(store: tuple[int, Path, str], folder: Path, kind: str, *, updates: bool = True) -> Settings:
    """Return an installation before it, by whose rules mail addresses are at rest."""
    port, _, package = store
    settings, files = settings_for(PAGE, port, folder / "state"), files_of(PAGE)
    dataset = yaml.safe_load(files["policies/datasets/loyalty.yaml"])
    members = dataset["dataset"][0]["collections"][0]
    if package == NEWER:
        members["gateway"]["routes"][0] = yaml.safe_load(files["members-1.yaml"])[0]
    members["gateway"]["routes"] += [UPDATE] if updates else []
    mail = next(one for one in members["fields"] if one["name"] == "email")
    mail["gateway"]["at_rest"] = {"domain": "mails", "kind": kind}
    text = yaml.safe_dump(dataset, sort_keys=False, allow_unicode=True).replace("true", "yes")
    (settings.state / "policies/datasets/loyalty.yaml").write_text(text, "utf-8")
    return settings


async def migrated(settings: Settings, *, back: bool = False) -> Report:
    """Migrate the members."""
    async with opened(settings) as rooms, migration(rooms, "loyalty.members", back=back, by="local:test") as (work, _):
        return await work.run()


@pytest.mark.parametrize("kind", ["siv", "vault"])
async def test_a_column_of_json_server_goes_there_and_back(
    store: tuple[int, Path, str], tmp_path: Path, kind: str
) -> None:
    """Between, its file holds no address; at the end it holds what it did."""
    settings, file = installed(store, tmp_path, kind), store[1]
    before = json.loads(file.read_text("utf-8"))
    over = await migrated(settings)
    # The newer one reads its own file again while it is written, and loses some: these are turned over once more.
    assert (over.is_right, over.rows) == (True, len(MEMBERS))
    assert over.written == len(MEMBERS) if store[2] == CLASSIC else over.written >= len(MEMBERS)
    between = file.read_text("utf-8")
    assert "@members.example" not in between
    mark = {"siv": "as1_", "vault": "av1_"}[kind]
    assert all(one["email"].startswith(mark) for one in json.loads(between)["members"])
    assert (await migrated(settings, back=True)).is_right
    assert json.loads(file.read_text("utf-8"))["members"] == before["members"]


async def test_a_store_whose_records_cannot_be_changed_is_told_before_anything_is_asked(
    store: tuple[int, Path, str], tmp_path: Path
) -> None:
    """With the route that is missing; Datasette, whose updates are no objects of fields, is told the same."""
    settings = installed(store, tmp_path, "siv", updates=False)
    with pytest.raises(SettingsError, match="no route with operation `update`"):
        await migrated(settings)
