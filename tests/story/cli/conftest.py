# SPDX-License-Identifier: Apache-2.0
"""An installation that was made by ``gateway init`` once, and copied for each test."""

import shutil
from pathlib import Path

import pytest

from tests.fakes.command_line import CommandLine


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let nothing that the developer set lead a command to another installation."""
    monkeypatch.delenv("GATEWAY_STATE", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """State of a new installation with its administrator, an analyst and a client."""
    command = CommandLine(tmp_path_factory.mktemp("installation") / "state", {})
    command.init()
    command.add_analyst()
    command.add_client()
    return command.state


@pytest.fixture
def command(template: Path, tmp_path: Path) -> CommandLine:
    """The command line of an installation of one's own."""
    state = tmp_path / "state"
    shutil.copytree(template, state)
    return CommandLine(state, {})


@pytest.fixture
def fresh(place: str, tmp_path: Path) -> CommandLine:
    """The command line before ``init``; once on SQLite, once on PostgreSQL."""
    return CommandLine(tmp_path / "fresh", {"GATEWAY_DATABASE": place} if "://" in place else {})
