# SPDX-License-Identifier: Apache-2.0
"""The rule files that this version ships: what ``gateway init`` copies. Package data, as fixed as code."""

from importlib.resources import files
from importlib.resources.abc import Traversable


def shipped_files() -> dict[str, bytes]:
    """Return the content of every shipped rule file by its name below ``policies/``."""
    return dict(sorted(_below(files("gateway.decide").joinpath("templates", "policies"), "")))


def _below(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _below(entry, f"{prefix}{entry.name}/")
        else:
            found.append((prefix + entry.name, entry.read_bytes()))
    return found
