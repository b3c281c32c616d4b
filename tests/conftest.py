# SPDX-License-Identifier: Apache-2.0
"""Fixtures that tests of every room share: a clock, a keyring, and the store on both engines.

The tables are built once for each engine and copied for each test: a directory of two SQLite files,
and a template database on PostgreSQL. The PostgreSQL half runs where GATEWAY_TEST_POSTGRES is a
SQLAlchemy URL whose user may create databases (``.ci/postgres`` starts such a server).

When the last test has run, all that the session wrote is searched for canaries (promise P2); one that
is found fails the session.
"""

import logging
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL, make_url

from gateway.keys.keyring import Keyring
from gateway.keys.providers import FileKek
from gateway.store.engine import KEYS_FILE, MAIN_FILE, Store, open_store
from gateway.store.log_schema import INDEX_SCHEMA
from gateway.store.migrate import migrate
from gateway.store.schema import KEYS_SCHEMA
from tests.fakes.canary_search import canaries_below, canaries_in_output, write_out
from tests.fakes.clock import FakeClock

_reports = pytest.StashKey[list[pytest.TestReport]]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep the reports of tests, which hold what they wrote to output."""
    config.stash[_reports] = []
    config.pluginmanager.register(_Keeping(config.stash[_reports]))


class _Keeping:
    def __init__(self, reports: list[pytest.TestReport]) -> None:
        self._reports = reports

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.sections:
            self._reports.append(report)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let nothing be skipped where GATEWAY_TEST_SKIPS_NOTHING is set.

    Except what only some systems let us mount, and what ``.ci/extra`` runs by itself.
    """
    report = yield
    may_skip = any(item.get_closest_marker(name) is not None for name in ("mounts", "extra"))
    is_strict = "GATEWAY_TEST_SKIPS_NOTHING" in os.environ and not may_skip
    if is_strict and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome, report.longrepr = "failed", f"skipped, which this run does not allow: {report.longrepr}"
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the session if a canary is in anything that it wrote, and say where."""
    if hasattr(session.config, "workerinput"):
        # Of several processes the one that started the others looks, when all have written what they write.
        return
    factory: pytest.TempPathFactory = session.config._tmp_path_factory  # type: ignore[attr-defined]
    reports = session.config.stash[_reports]
    found = canaries_in_output(reports)
    if factory._basetemp is not None:
        found += canaries_below(factory._basetemp)
    if found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        terminal = session.config.pluginmanager.get_plugin("terminalreporter")
        assert terminal is not None
        terminal.section("canaries", sep="=", red=True, bold=True)
        terminal.write("\n".join([*found, ""]))


@pytest.fixture(autouse=True)
def remarks_as_they_were() -> Iterator[None]:
    """Whoever serves in a test lets remarks go to the stderr of that test, which others must not write to."""
    yield
    for logger in (logging.getLogger(name) for name in ("gateway", "uvicorn.error", "asyncio")):
        if logger.handlers:
            logger.handlers.clear()
            logger.setLevel(logging.NOTSET)
            logger.propagate = True


@pytest.fixture
def clock() -> FakeClock:
    """Time that only the test moves."""
    return FakeClock()


@pytest.fixture
def keyring(tmp_path: Path, clock: FakeClock) -> Keyring:
    """An empty keyring of a new installation."""
    directory = tmp_path / "keyring"
    directory.mkdir(mode=0o700)
    return Keyring(directory, FileKek.create(directory / "kek"), clock)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with both SQLite files at the newest revision and nobody in them."""
    directory = tmp_path_factory.mktemp("template")
    for base, name in (("main", MAIN_FILE), ("keys", KEYS_FILE)):
        migrate(URL.create("sqlite", database=str(directory / name)), base, None)
    return directory


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[str]:
    """Name of a template database at the newest revision, dropped after the last test."""
    server = postgres_url()
    name = f"gateway_template_{secrets.token_hex(6)}"
    run_on_server(f'CREATE DATABASE "{name}"')
    for base, schema in (("main", None), ("keys", KEYS_SCHEMA), ("index", INDEX_SCHEMA)):
        migrate(server.set(database=name), base, schema)
    yield name
    run_on_server(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def sqlite_world(sqlite_template: Path) -> Path:
    """What the store of a test that asks for a ``world`` is copied from; rooms that have one put theirs here."""
    return sqlite_template


@pytest.fixture(scope="session")
def postgres_world(postgres_template: str) -> tuple[Path | None, str]:
    """The same on PostgreSQL: the state, if there is one, and the name of a database."""
    return None, postgres_template


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a fresh store is, in the words that ``open_store`` takes; a test may open it many times.

    That of a ``world`` has what belongs to it already.
    """
    of_world = "world" in request.fixturenames
    if request.param == "sqlite":
        directory = tmp_path / "state"
        shutil.copytree(request.getfixturevalue("sqlite_world" if of_world else "sqlite_template"), directory)
        yield str(directory)
        return
    if "GATEWAY_TEST_POSTGRES" not in os.environ:
        pytest.skip("set GATEWAY_TEST_POSTGRES")
    name = f"gateway_test_{secrets.token_hex(6)}"
    template = (
        request.getfixturevalue("postgres_world")[1] if of_world else request.getfixturevalue("postgres_template")
    )
    run_on_server(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    yield postgres_url().set(database=name).render_as_string(hide_password=False)
    write_out(libpq_url(name), tmp_path / "postgres.txt")
    run_on_server(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def store(place: str) -> AsyncIterator[Store]:
    """An open store with nobody in it, once on SQLite and once on PostgreSQL."""
    store = await open_store(place, upgrade=False)
    yield store
    await store.close()


def postgres_url() -> URL:
    """Return the address of the test server, for the driver that we use."""
    return make_url(os.environ["GATEWAY_TEST_POSTGRES"]).set(drivername="postgresql+psycopg")


def run_on_server(statement: str) -> None:
    """Run one statement outside of a transaction, as CREATE DATABASE demands."""
    with psycopg.connect(libpq_url(), autocommit=True) as connection:
        connection.execute(statement.encode())


def libpq_url(database: str | None = None) -> str:
    """Return the address of the test server, or of a database on it, as libpq takes it."""
    url = postgres_url().set(drivername="postgresql")
    return (url.set(database=database) if database else url).render_as_string(hide_password=False)
