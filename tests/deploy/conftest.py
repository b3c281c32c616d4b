# SPDX-License-Identifier: Apache-2.0
"""The world of the stories, behind the nginx that is shipped."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.settings.loading import Settings
from tests.servers.front import Front, front_before
from tests.story import conftest as story
from tests.story.conftest import World

crowd, store_file, store_port, world, unbehind = (
    story.crowd, story.store_file, story.store_port, story.world, story.settings,
)  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> str:
    """SQLite alone: the database has no part in what these tests claim."""
    return str(tmp_path / "state")


@pytest.fixture
def settings(unbehind: Settings) -> Settings:
    """Settings of an installation that believes its own nginx."""
    return unbehind.model_copy(update={"trusted_proxies": ("127.0.0.1/32",)})


@pytest.fixture
def front(world: World, tmp_path: Path) -> Iterator[Front]:
    """The shipped nginx before the world's door."""
    with front_before(world.port, tmp_path / "nginx") as front:
        yield front
