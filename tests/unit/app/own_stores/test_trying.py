# SPDX-License-Identifier: Apache-2.0
"""An installation is made whole or not at all, with secrets that nobody else can read."""

import socket
from pathlib import Path

import pytest

from gateway.app.own_stores.starting import settings_content, starter_files
from gateway.app.own_stores.trying import CLIENT_FILE, PASSWORD_FILE, TOTP_FILE, check_free, client_of, free_port, make
from gateway.decide.loader.shipped import shipped_files
from gateway.domain.errors import SettingsError
from gateway.domain.names import StoreName
from gateway.record.proof.verify import verify_logs
from gateway.settings.loading import Settings
from tests.fakes.own_dataset import UNREVIEWED

CLUB = StoreName("club")
CONTENT = settings_content(CLUB, "http://127.0.0.1:9/api", host="127.0.0.1", port=8080, authorization_file=None)


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_PASSWORDS__MEMORY_KIB", "64")
    monkeypatch.setenv("GATEWAY_PASSWORDS__TIME_COST", "1")


def made(state: Path) -> Settings:
    """Make an installation."""
    return make(state, CONTENT, starter_files(CLUB, UNREVIEWED), by="local:test")


def test_an_installation_has_the_rules_that_were_given(tmp_path: Path) -> None:
    """And none of the demo's stores; its log verifies."""
    settings = made(tmp_path / "state")
    names = {path.relative_to(settings.policies_dir).as_posix() for path in settings.policies_dir.rglob("*.*")}
    assert names == {"datasets/club.yaml", "datasets/gateway.yaml"} | {
        name for name in shipped_files() if not name.startswith(("datasets/", "tests/"))
    }
    assert verify_logs(settings.state / "log").is_right
    assert list(tmp_path.iterdir()) == [tmp_path / "state"]


def test_secrets_are_files_of_their_owner_alone(tmp_path: Path) -> None:
    """Made up anew for each installation, and in no repr."""
    states = [made(tmp_path / name).state for name in ("one", "other")]
    for name in (CLIENT_FILE, PASSWORD_FILE, TOTP_FILE):
        assert {(state / name).stat().st_mode & 0o777 for state in states} == {0o600}
        assert len({(state / name).read_text() for state in states}) == 2
    client = client_of(states[0])
    assert client.client_secret not in repr(client)


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    """With what to do instead."""
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SettingsError, match="not empty; give a folder"):
        made(tmp_path)
    made(tmp_path / "state")
    with pytest.raises(SettingsError, match="gateway serve --state"):
        check_free(tmp_path / "state")
    (tmp_path / "empty").mkdir()
    assert made(tmp_path / "empty").state == tmp_path / "empty"


def test_a_run_that_was_broken_off_is_begun_again(tmp_path: Path) -> None:
    """What it left is ours by its mark; anything else of that name is in the way."""
    with pytest.raises(SettingsError):
        make(tmp_path / "state", {"nonsense": 1}, {}, by="local:test")
    assert not (tmp_path / "state").exists()
    made(tmp_path / "state")

    (tmp_path / ".other.unfinished").mkdir()
    with pytest.raises(SettingsError, match="in the way"):
        made(tmp_path / "other")


def test_a_port_that_is_taken_is_passed_over() -> None:
    """So the gateway that was made can be started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = taken.getsockname()[1]
        assert free_port("127.0.0.1", wanted) not in {0, wanted}
    assert free_port("127.0.0.1", wanted) == wanted


def test_an_installation_of_another_making_has_no_client(tmp_path: Path) -> None:
    """It is said which file is missing."""
    with pytest.raises(SettingsError, match=CLIENT_FILE):
        client_of(tmp_path)
