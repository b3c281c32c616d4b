# SPDX-License-Identifier: Apache-2.0
"""A database of before is put back: what was revealed counts still, and an approval that was used up is no approval."""

from pathlib import Path

from gateway.app.making import enrol_at_once
from gateway.demo.people import Customer
from gateway.settings.loading import Settings
from tests.attack.test_reveal import decided, listed, revealed, values
from tests.story.conftest import World, fill, opened
from tests.story.test_restore import copied, put_back

ROLE = "case-worker"


async def _enrolled(world: World, crowd: list[Customer]) -> None:
    await fill(world.rooms, crowd)
    await enrol_at_once(world.rooms, ROLE, "case-worker correct horse", roles=(ROLE,), recipient="own", by="local:test")


async def test_what_was_revealed_after_the_backup_counts_still(
    settings: Settings, store_port: int, crowd: list[Customer], tmp_path: Path
) -> None:
    """The approval of before the backup was used after it; so was most of the day's allowance."""
    async with opened(settings, store_port, crowd, tmp_path / "wire.log") as world:
        await _enrolled(world, crowd)
        shown = await listed(world, 195)
        many, some, few = shown[:101], shown[101:186], shown[186:]
        approval = (await revealed(world, many)).json["approval"]
        assert (await decided(world, approval, "officer")).status == 200
        files = await copied(world.rooms, tmp_path / "backup")
        assert len(values(await revealed(world, many))) == 101
        assert len(values(await revealed(world, some))) == 85
    await put_back(settings, files)

    async with opened(settings, store_port, crowd, tmp_path / "wire.log") as world:
        assert world.rooms.restored is not None
        assert world.rooms.restored.counts["approvals spent"] == 1
        again = await revealed(world, many)
        assert (again.status, again.json["reason"]) == (403, "approval-required")
        assert again.json["approval"] != approval
        assert (await decided(world, approval, "officer")).status == 404
        assert (await revealed(world, few)).status == 403
