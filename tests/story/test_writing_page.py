# SPDX-License-Identifier: Apache-2.0
"""The how-to page on writing: its calls are made as they stand, and are answered as it says."""

import re
import shutil
from pathlib import Path

import pytest

from tests.story.conftest import SUPPORT, World

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "writing.md").read_text("utf-8")
CALL = re.compile(r"^```call\n(.*?)^```\n\n```answer\n(\d+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store that a test may write to."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


async def test_the_calls_of_the_page_do_what_it_says(world: World) -> None:
    """One after the other, by an agent."""
    found = CALL.findall(PAGE)
    assert len(found) == PAGE.count("```call") == PAGE.count("```answer") > 5
    told = {"Authorization": "Bearer " + await world.bearer("service-agent"), "Data-Purpose": SUPPORT}
    for call, status, body in found:
        head, _, content = call.partition("\n\n")
        (method, path), *lines = [line.split(" ", 1) for line in head.strip().splitlines()]
        headers = {name.rstrip(":"): value for name, value in lines}
        reply = await world.ask(method, path, told | headers, content.strip().encode() or None)
        pattern = ".*".join(re.escape(part) for part in body.strip().split("…"))
        assert reply.status == int(status), reply.body
        assert re.fullmatch(pattern, reply.body.decode(), re.DOTALL), reply.body
