# SPDX-License-Identifier: Apache-2.0
"""Making an installation, and accounts for scripts."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.app import making
from gateway.app.clock import now_us
from gateway.app.installation import Rooms, open_installation
from gateway.app.making import Enrolled, enrol_at_once, issue_locally, make_installation, write_rules
from gateway.app.slots import CLI_SLOT
from gateway.demo.making import settings_of
from gateway.domain.errors import SettingsError
from gateway.settings.loading import Settings

SMALL = {"passwords": {"memory_kib": 64, "time_cost": 1}, "log": {"least_free_bytes": 0, "least_free_percent": 0}}
STEP_US = 30_000_000


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a new installation."""
    return make_installation(tmp_path / "state", SMALL)


@pytest.fixture
async def rooms(settings: Settings) -> AsyncIterator[Rooms]:
    """Its rooms, as a command opens them."""
    async with open_installation(settings, CLI_SLOT) as rooms:
        yield rooms


async def enrolled(rooms: Rooms) -> Enrolled:
    """Enrol an analyst at once."""
    password = "seven lamps of architecture"
    return await enrol_at_once(rooms, "ana", password, roles=("analyst",), recipient="own", by="local:test")


def test_an_installation_is_its_owners_alone(settings: Settings) -> None:
    """Folder and keys, whatever the umask is."""
    assert settings.state.stat().st_mode & 0o077 == 0
    assert (settings.state / "keys" / "kek").stat().st_mode & 0o077 == 0
    assert settings.policies_dir.is_dir()


def test_an_installation_is_not_made_over_another(settings: Settings) -> None:
    """Its keys would be lost."""
    with pytest.raises(SettingsError, match="already"):
        make_installation(settings.state, {})


def test_the_folder_that_is_named_stands_above_the_environment(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A demo made beside an installation that the environment names writes nothing into that one."""
    monkeypatch.setenv("GATEWAY_STATE", str(settings.state))
    other = make_installation(tmp_path / "other", SMALL)
    assert other.state == tmp_path / "other"
    assert settings_of(other.state).state == other.state
    assert (other.state / "keys" / "kek").read_bytes() != (settings.state / "keys" / "kek").read_bytes()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """Here a file is in the way."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="file"):
        make_installation(tmp_path / "file" / "state", {})


def test_rules_that_are_there_stay_as_they_are(tmp_path: Path) -> None:
    """Only missing files are written."""
    (tmp_path / "grants.csv").write_text("mine")
    write_rules(tmp_path)
    assert (tmp_path / "grants.csv").read_text() == "mine"
    assert (tmp_path / "purposes.yaml").is_file()


def times(*told: int) -> Iterator[int]:
    """Yield these times, then the real one for ever."""
    yield from told
    while True:
        yield now_us()


async def test_a_person_is_enrolled_even_where_a_time_step_ends_meanwhile(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code is made once more."""
    moments = times(now_us() - 3 * STEP_US)
    monkeypatch.setattr(making, "now_us", lambda: next(moments))
    assert (await enrolled(rooms)).account


async def test_a_clock_that_is_wrong_is_told(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every code is too old."""
    monkeypatch.setattr(making, "now_us", lambda: now_us() - 10 * STEP_US)
    with pytest.raises(SettingsError, match="clock"):
        await enrolled(rooms)


async def test_a_bearer_is_issued_for_an_account_and_for_nobody_else(rooms: Rooms) -> None:
    """And the log says by whom."""
    await enrolled(rooms)
    bearer = await issue_locally(rooms, "ana", signed_in_ago_us=0, by="local:test")
    assert bearer is not None
    assert rooms.bearers.verify(bearer, now_us()) is not None
    assert await issue_locally(rooms, "nobody", signed_in_ago_us=0, by="local:test") is None
