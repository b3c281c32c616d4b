# SPDX-License-Identifier: Apache-2.0
"""The world of the stories, for attacks on the wire."""

from tests.story.conftest import crowd, settings, store_file, store_port, world

__all__ = ["crowd", "settings", "store_file", "store_port", "world"]
