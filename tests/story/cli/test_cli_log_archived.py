# SPDX-License-Identifier: Apache-2.0
"""A log whose first segments were archived: its index is what is here, built as it goes or anew, and questions go on."""

from pathlib import Path

import pytest

from gateway.app.clock import now_us
from gateway.app.installation import open_installation
from gateway.app.keyring import open_keyring
from gateway.app.slots import DOOR_SLOT, log_name, log_signer
from gateway.cli.desk.desk import run_to_end
from gateway.flows.retention import DAY_US
from gateway.record.reading.reader import records
from gateway.settings.loading import load
from tests.fakes.command_line import CommandLine
from tests.fakes.log import enter, opened, part, release

N_OLD, N_NEW = 20, 5


@pytest.fixture
def grown(command: CommandLine) -> CommandLine:
    """An installation whose door has releases of 500 days ago, and fewer of today."""
    directory, settings = command.state / "log" / DOOR_SLOT, load(state=command.state)
    at_us, key = now_us(), log_signer(open_keyring(settings), DOOR_SLOT)
    for moment_us, places in ((at_us - 500 * DAY_US, range(N_OLD)), (at_us, range(N_OLD, N_OLD + N_NEW))):
        clock = iter([moment_us] * 1_000).__next__
        log = opened(directory, log_name(settings, DOOR_SLOT), key=key, clock=clock, most_bytes=2_000)
        for place in places:
            enter(log, release(f"{place:032x}"), part(place), moment_us)
        log.close(moment_us)
    run_to_end(_noted(command))
    return command


async def _noted(command: CommandLine) -> None:
    """Let the database know that it has seen what the door's log holds."""
    async with open_installation(load(state=command.state), DOOR_SLOT, with_rules=False) as rooms:
        await rooms.keeper.tick()
        await rooms.keeper.tick()


def test_the_index_of_an_archived_log_is_what_is_here(grown: CommandLine, tmp_path: Path) -> None:
    """What was indexed of it before leaves the index; a scope counts what is left, with the index and without."""
    grown("log", "index", "rebuild")
    before = state_of(grown)
    assert before["indexed"] == before["entries"]
    assert n_released(grown) == n_released(grown, "--from-files") == N_OLD + N_NEW
    shelf = tmp_path / "shelf"
    shelf.mkdir()

    moved = grown("log", "archive", str(shelf), "--yes", "--json").document()

    first = moved[-1]["last"] + 1
    left = list(records(grown.state / "log" / DOOR_SLOT))
    n_left = sum(record.line.body.__struct_config__.tag == "release" for record in left)
    assert left[0].line.seq == first
    assert N_NEW <= n_left < N_OLD
    # Nobody has read it anew yet, and the index does not claim to have.
    assert state_of(grown)["indexed"] == 0
    assert n_released(grown) == n_left
    for _ in range(2):
        built = grown("log", "index", "rebuild", "--json").document()
        assert built["troubles"] == {}
        assert grown("log", "index", "check", "--json").document()["is_same"]
        assert state_of(grown)["indexed"] == state_of(grown)["entries"] == before["entries"]
        assert n_released(grown) == n_released(grown, "--from-files") == n_left


def state_of(command: CommandLine) -> dict[str, int]:
    """Return how far the door's log is in the index."""
    told = command("log", "index", "status", "--json").document()["logs"]
    return next(one for one in told if one["slot"] == DOOR_SLOT)


def n_released(command: CommandLine, *words: str) -> int:
    """Return how many entries a scope of the store counts."""
    return int(command("incident", "scope", "--store", "crm", "--json", *words).document()["entries"])
