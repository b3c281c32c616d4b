# SPDX-License-Identifier: Apache-2.0
"""The world of the stories, for attacks on the wire, and an installation without one for attacks at the machine."""

from tests.story.cli.conftest import command, template
from tests.story.conftest import crowd, postgres_world, settings, sqlite_world, store_file, store_port, world

__all__ = [
    "command",
    "crowd",
    "postgres_world",
    "settings",
    "sqlite_world",
    "store_file",
    "store_port",
    "template",
    "world",
]
