# SPDX-License-Identifier: Apache-2.0
"""P3 from outside: kill -9 under load, on both engines, and nothing that was seen is lost."""

import os
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import postgres_url, run_on_server
from tests.referee import numbers, rig
from tests.referee.crash_loop import FAULTS, CrashLoop, Outcome
from tests.referee.report import progress, summary

pytestmark = pytest.mark.alone

ON_POSTGRES = 4
"""One cycle of so many runs on PostgreSQL."""


@pytest.fixture
def database() -> Iterator[str]:
    """URL of an empty PostgreSQL database, dropped afterwards."""
    if "GATEWAY_TEST_POSTGRES" not in os.environ:
        pytest.skip("set GATEWAY_TEST_POSTGRES")
    name = f"gateway_crash_{secrets.token_hex(6)}"
    run_on_server(f'CREATE DATABASE "{name}"')
    yield postgres_url().set(database=name).render_as_string(hide_password=False)
    run_on_server(f'DROP DATABASE "{name}" WITH (FORCE)')


async def crashed(folder: Path, n_cycles: int, n_people: int, database: str | None) -> Outcome:
    """Go through so many kills."""
    store_port, faults = rig.free_port(), folder / "disk"
    faults.mkdir()
    made = await rig.made(folder, n_people, store_port=store_port, database=database)
    environment = {"GATEWAY_TEST_FAULTS": str(faults), "PYTHONPATH": os.pathsep.join(_path())}
    title = f"kill -9, {n_cycles} cycles on {'PostgreSQL' if database else 'SQLite'}"
    async with rig.sample_store(folder, store_port):
        loop = CrashLoop(replace(made, environment=environment), seed=n_cycles, n_in_line=2 if database else 1)
        outcome = await loop.run(n_cycles, progress(title, n_cycles))
    summary(title, outcome.sentence())
    return outcome


def _path() -> list[str]:
    return [str(FAULTS), *filter(None, [os.environ.get("PYTHONPATH")])]


def assert_nothing_was_lost(outcome: Outcome, n_cycles: int) -> None:
    """Hold what must hold."""
    assert outcome.wrong == []
    assert outcome.n_cycles == n_cycles
    assert outcome.n_seen > n_cycles
    assert outcome.n_people > n_cycles
    assert max(outcome.own_s) <= numbers.READY_WITHIN_S


async def test_what_was_seen_before_a_kill_is_in_the_log(tmp_path: Path) -> None:
    """Doors and whole trees of processes, over SQLite."""
    n_cycles = numbers.CYCLES.of(referee=False) * (ON_POSTGRES - 1) // ON_POSTGRES
    outcome = await crashed(tmp_path, n_cycles, numbers.PEOPLE.of(referee=False), None)
    assert_nothing_was_lost(outcome, n_cycles)


async def test_what_was_seen_before_a_kill_is_in_the_log_on_postgres(tmp_path: Path, database: str) -> None:
    """The same over PostgreSQL."""
    n_cycles = numbers.CYCLES.of(referee=False) // ON_POSTGRES
    outcome = await crashed(tmp_path, n_cycles, numbers.PEOPLE.of(referee=False), database)
    assert_nothing_was_lost(outcome, n_cycles)


@pytest.mark.referee
async def test_what_was_seen_before_hundreds_of_kills_is_in_the_log(tmp_path: Path) -> None:
    """As many cycles as the referee has."""
    n_cycles = numbers.CYCLES.of(referee=True) * (ON_POSTGRES - 1) // ON_POSTGRES
    outcome = await crashed(tmp_path, n_cycles, numbers.PEOPLE.of(referee=True), None)
    assert_nothing_was_lost(outcome, n_cycles)


@pytest.mark.referee
async def test_what_was_seen_before_hundreds_of_kills_is_in_the_log_on_postgres(tmp_path: Path, database: str) -> None:
    """The rest of them, over PostgreSQL."""
    n_cycles = numbers.CYCLES.of(referee=True) // ON_POSTGRES
    outcome = await crashed(tmp_path, n_cycles, numbers.PEOPLE.of(referee=True), database)
    assert_nothing_was_lost(outcome, n_cycles)
