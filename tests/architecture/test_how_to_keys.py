# SPDX-License-Identifier: Apache-2.0
"""The page on keys is run as its reader would: each command, and what it says comes of it."""

import re
import shlex
from pathlib import Path

import pytest

from gateway.flows import rewrapping
from tests.fakes.command_line import CommandLine

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "keys.md").read_text("utf-8")
BLOCK = re.compile(r"^```(sh|output)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_what_the_page_shows_is_what_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In its order, on one installation."""
    monkeypatch.delenv("GATEWAY_STATE", raising=False)
    monkeypatch.setattr(rewrapping, "SETTLE_US", 0)
    command = CommandLine(tmp_path / "state", {})
    command.init()
    printed, n_shown = "", 0
    for kind, text in BLOCK.findall(PAGE):
        if kind == "sh":
            printed = "".join(command(*shlex.split(line)[1:]).out for line in text.strip().splitlines())
            continue
        pattern = re.escape(text.strip()).replace("…", ".*")
        assert re.fullmatch(pattern, printed.strip(), re.DOTALL), printed
        n_shown += 1
    assert n_shown >= 5


def test_every_key_for_life_is_named_on_the_page() -> None:
    """Whoever wants to rotate one finds it there."""
    from gateway.domain.key_labels import FOR_LIFE

    assert [one for one in FOR_LIFE if f"`{one.replace('.', '/')}`" not in PAGE and f"`{one}/…`" not in PAGE] == []
