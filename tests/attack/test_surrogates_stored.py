# SPDX-License-Identifier: Apache-2.0
"""Attack: write a surrogate that a store would keep as text: behind a letter or a dash, in wide letters, with blanks."""

import shutil
from pathlib import Path

import pytest

from tests.story.conftest import ANALYST, World
from tests.story.test_writes import stored, written


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store, since these tests write."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_no_spelling_of_a_surrogate_comes_into_a_store(world: World) -> None:
    """It is refused as what the gateway made up, and the record stays."""
    rows = (await world.get("/crm/customers?limit=1&fields=phone", "analyst", ANALYST)).json["items"]
    text = rows[0]["phone"]
    before = await stored(world)

    wide = text.translate({ord(sign): ord(sign) + 0xFEE0 for sign in map(chr, range(0x21, 0x7F))})
    for spelled in (f"x{text}", f"-{text}", f"9_{text}", wide, f"see {text[:20]} {text[20:]}", text.upper()):
        reply = await written(world, "PATCH", "/crm/customers/c-000150", {"city": spelled})

        assert (reply.status, reply.json["reason"]) == (409, "unrevealed-value-written"), spelled[:3]
    assert await stored(world) == before
