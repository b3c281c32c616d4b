# SPDX-License-Identifier: Apache-2.0
"""``gateway surrogate migrate`` as a process that is killed wherever it stands, and given again until it is done."""

import asyncio
import contextlib
import json
import random
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

from gateway.app.making import make_installation
from gateway.demo.tables import CUSTOMERS
from gateway.domain.catalog import Form
from gateway.domain.entry import Changed, Intent, Release
from gateway.record.proof.verify import verify_logs
from gateway.record.reading.reader import records
from gateway.settings.loading import Settings
from gateway.transform.normalise import SPELLINGS
from tests.story.test_migrating import AT_REST, at_rest, column, only, table


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store that a test may write to."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


@pytest.fixture
def installed(place: str, tmp_path: Path, store_port: int) -> Settings:
    """An installation whose files say all that a command needs."""
    content: dict[str, object] = {
        "installation": "killed",
        "stores": {"crm": {"base_url": f"http://127.0.0.1:{store_port}/crm", "read_s": 5}},
        "log": {"least_free_bytes": 0, "least_free_percent": 0},
    }
    if "://" in place:
        content["database"] = place
    made = make_installation(Path(place) if "://" not in place else tmp_path / "state", content)
    at_rest(made, AT_REST)
    return made


async def given(settings: Settings, *words: str, killed_after: int | None = None) -> tuple[int, bytes]:
    """Give the command, and kill it after so many bytes of its log; return how it ended and what it said."""
    command = (sys.executable, "-m", "gateway", "surrogate", "migrate", "crm.customers")
    before = n_bytes(settings)
    process = await asyncio.create_subprocess_exec(
        *command, *words, "--json", "--state", str(settings.state), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    told = asyncio.create_task(process.stdout.read())
    while killed_after is not None and not told.done() and n_bytes(settings) - before < killed_after:
        await asyncio.wait([told], timeout=0.01)
    if killed_after is not None and process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    async with asyncio.timeout(180):
        return await process.wait(), await told


def n_bytes(settings: Settings) -> int:
    """Return how much the migration has entered so far."""
    return sum(file.stat().st_size for file in (settings.state / "log" / "migration").glob("*.ndjson"))


@pytest.mark.parametrize(("kills", "n_rows"), [(3, 120), pytest.param(12, 300, marks=pytest.mark.referee)])
async def test_killed_anywhere_nothing_is_lost_and_it_goes_on(
    installed: Settings, store_file: Path, kills: int, n_rows: int
) -> None:
    """There and back, killed at moments of chance: between, each cell is a value or stands for it; at the end all is as before."""
    only(store_file, n_rows)
    rng, before = random.Random(1), table(store_file)
    n_killed = 0
    for direction in ((), ("--back",)):
        for _ in range(kills):
            code, _out = await given(
                installed, "--accept-normalised", *direction, killed_after=rng.randint(2_000, 90_000)
            )
            n_killed += code == -9
            assert untouched(table(store_file)) == untouched(before)
        code, out = await given(installed, "--accept-normalised", *direction)
        assert code == 0, out
        assert json.loads(out)["whole"]
        if not direction:
            cells = [value for field in AT_REST for value in column(store_file, field) if value is not None]
            assert all(value.startswith("as1_") for value in cells)
    assert n_killed >= kills
    # What came back is the value in its one spelling, which was accepted.
    assert meant(table(store_file)) == meant(before)
    entered = [record.line.body for record in records(installed.state / "log" / "migration")]
    intents = {one.call for one in entered if isinstance(one, Intent)}
    assert len(intents) >= 2 * len(before) - 10
    said = [one.what for one in entered if isinstance(one, Changed) and one.what.startswith("column-")]
    assert said[-1] == "column-turned"
    ended = {one.call for one in entered if isinstance(one, Release) and one.last}
    open_ = [one for one in entered if isinstance(one, Intent) and one.call not in ended]
    assert len(open_) <= 2 * kills * 8
    assert verify_logs(installed.state / "log").is_right


def meant(rows: dict[str, tuple[object, ...]]) -> dict[str, list[object]]:
    """Return what the columns that are turned over mean in each row."""
    found: dict[str, list[object]] = {}
    for name, row in rows.items():
        own = dict(zip(NAMES, row, strict=False))
        country = str(own["country"])
        found[name] = [
            (value and SPELLINGS[form](str(value), country)) or value
            for value, form in ((own["email"], Form.EMAIL), (own["phone"], Form.PHONE))
        ]
    return found


def untouched(rows: dict[str, tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Return rows without the columns that are turned over."""
    with_names = [dict(zip(NAMES, row, strict=False)) for row in rows.values()]
    return [tuple(value for name, value in row.items() if name not in AT_REST) for row in with_names]


NAMES = [column.name for column in CUSTOMERS.columns]


async def test_what_would_lose_its_spelling_is_refused_before_anything_is_written(
    installed: Settings, store_file: Path
) -> None:
    """With exit code 1, counts, and the places of the first ones; a look says the same with 0."""
    with sqlite3.connect(store_file) as connection:
        connection.execute("UPDATE customers SET phone = '030 / 55 51 23', country = 'DE' WHERE id = 'c-000150'")
    before = table(store_file)
    code, out = await given(installed, "--dry-run", "--field", "phone")
    looked = json.loads(out)
    assert (code, looked["is_dry"], looked["rows"]) == (0, True, 300)
    [phone] = looked["fields"]
    assert phone["loses_spelling"] >= 1
    assert len(phone["examples"]["loses-spelling"]) <= 20

    code, out = await given(installed, "--field", "phone")
    assert code == 1
    assert table(store_file) == before
    assert b"55 51 23" not in out
