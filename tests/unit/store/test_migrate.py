# SPDX-License-Identifier: Apache-2.0
"""Migrations: once, by whoever comes first, and never backwards."""

import asyncio
import sys
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import select, text

from gateway.domain.errors import SettingsError
from gateway.store.engine import Store, open_store
from gateway.store.migrate import newest
from gateway.store.schema import version

OPEN = """
import asyncio, sys
from gateway.store.engine import open_store
async def main():
    store = await open_store(sys.argv[1])
    await store.close()
asyncio.run(main())
"""


async def test_processes_that_start_together_on_nothing_all_start(place: str, store: Store, tmp_path: Path) -> None:
    """The first makes the tables, the others wait for it and find them made."""
    if store.is_sqlite:
        place = str(tmp_path)
    else:
        async with store.begin() as connection:
            for statement in ("DROP SCHEMA public, person_keys CASCADE", "CREATE SCHEMA public"):
                await connection.execute(text(statement))

    commands = [await asyncio.create_subprocess_exec(sys.executable, "-c", OPEN, place) for _ in range(3)]
    codes = [await command.wait() for command in commands]

    assert codes == [0, 0, 0]


async def test_opening_again_keeps_what_is_there(place: str) -> None:
    """A second run of the migrations has nothing to do."""
    one = await open_store(place)
    async with one.begin() as connection:
        await connection.execute(version.update().where(version.c.topic == "rules").values(value=7))
    await one.close()

    other = await open_store(place)
    async with other.connect() as connection:
        got = (await connection.execute(select(version.c.value).where(version.c.topic == "rules"))).scalar_one()
    await other.close()

    assert got == 7


async def test_a_database_of_a_newer_program_is_refused(place: str, store: Store) -> None:
    """Whether it may upgrade or not, the program touches nothing that it does not know."""
    async with store.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(SettingsError, match="newer"):
        await open_store(place)
    with pytest.raises(SettingsError, match="9999"):
        await open_store(place, upgrade=False)


def test_the_newest_revision_is_the_one_that_its_files_lead_to() -> None:
    """Told by names of files, without Alembic; it must come to the same."""
    config = Config()
    config.set_main_option("script_location", "gateway.store:migrations")
    assert newest() == ScriptDirectory.from_config(config).get_current_head()


async def test_alembic_is_loaded_for_a_run_alone(place: str) -> None:
    """A base that is as it should be is opened without."""
    program = OPEN + "print('alembic' in sys.modules)"
    told = await asyncio.create_subprocess_exec(sys.executable, "-c", program, place, stdout=asyncio.subprocess.PIPE)
    assert (await told.communicate())[0] == b"False\n"
