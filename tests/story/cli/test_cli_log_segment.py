# SPDX-License-Identifier: Apache-2.0
"""Old parts go, old segments move, and what is left is proven by commands."""

from pathlib import Path

import pytest

from gateway.app.clock import now_us
from gateway.app.installation import open_installation
from gateway.app.keyring import open_keyring
from gateway.app.slots import DOOR_SLOT, log_name, log_signer
from gateway.cli.desk.desk import run_to_end
from gateway.domain.entry import Numbered, Part
from gateway.flows.retention import DAY_US
from gateway.record.format.layout import segments
from gateway.record.proof.parts_scan import stored_parts
from gateway.settings.loading import load
from tests.fakes.command_line import CommandLine
from tests.fakes.log import enter, opened, part, release


async def _noted(command: CommandLine) -> None:
    """Let the database know that it has seen what the door's log holds."""
    async with open_installation(load(state=command.state), DOOR_SLOT, with_rules=False) as rooms:
        await rooms.keeper.tick()
        await rooms.keeper.tick()


@pytest.fixture
def old(command: CommandLine) -> CommandLine:
    """An installation whose door has 500 days old segments, closed in order."""
    settings = load(state=command.state)
    at_us = now_us() - 500 * DAY_US
    log = opened(
        command.state / "log" / DOOR_SLOT,
        log_name(settings, DOOR_SLOT),
        key=log_signer(open_keyring(settings), DOOR_SLOT),
        clock=lambda: at_us,
        most_bytes=2_000,
    )
    enter(log, Numbered(people=1, identity="crm.customer_id"), Part(numbered=b"n" * 36), at_us)
    for place in range(20):
        enter(log, release(f"{place:032x}"), part(place), at_us)
    log.close(at_us)
    run_to_end(_noted(command))
    return command


def say(command: CommandLine, settings: str) -> None:
    with (command.state / "gateway.yaml").open("a") as file:
        file.write(f"log: {{{settings}}}\n")


def take_law_away(command: CommandLine) -> None:
    """Let no regime of the folder say how long logs are kept."""
    law = command.state / "policies" / "regimes" / "pipl.yaml"
    lines = law.read_text("utf-8").splitlines(keepends=True)
    law.write_text("".join(line for line in lines if "network_logs" not in line), "utf-8")


def n_parts(command: CommandLine) -> int:
    log = command.state / "log" / DOOR_SLOT
    return sum(1 for number in segments(log) for _ in stored_parts(log, number))


def test_old_parts_go_and_the_log_verifies(old: CommandLine) -> None:
    """Shown first, then deleted; it is entered which."""
    before = n_parts(old)
    shown = old("log", "retain", "--dry-run", "--json").document()
    assert (shown["deleted"], shown["parts"], n_parts(old)) == (False, 21, before)
    assert "entries" not in old("log", "retain", "--dry-run").out
    done = old("log", "retain", "--yes", "--json").document()
    assert (done["deleted"], done["parts"]) == (True, 21)
    assert n_parts(old) == before - 21
    verdict = old("log", "verify", "--json").document()
    assert verdict["is_right"]
    told = [one["body"] for one in old.entries() if one["body"].get("what") == "parts-deleted"]
    assert sum(one["facts"]["parts"] for one in told) == 21
    assert {(one["target"], one["facts"]["days"], one["facts"]["regime"]) for one in told} == {("door-0", 400, "pipl")}
    assert old("log", "retain", "--yes").out == "no part is old enough\n"


def test_what_a_restore_needs_stays(old: CommandLine) -> None:
    """As long as the oldest copy that may be put back."""
    say(old, "restore_days: 600")
    done = old("log", "retain", "--yes", "--json").document()
    assert (done["parts"], sum(one["kept"] for one in done["segments"])) == (20, 1)


def test_a_time_below_the_law_is_refused_with_its_citation(old: CommandLine) -> None:
    """Of the regimes that the installation has."""
    say(old, "keep_parts_days: 100")
    before = n_parts(old)
    answer = old("log", "retain", "--yes", code=1)
    assert "pipl asks for at least 6 months (网络安全法" in answer.err
    assert n_parts(old) == before
    take_law_away(old)
    assert old("log", "retain", "--dry-run", "--json").document()["parts"] == 21


async def _in_force(command: CommandLine) -> None:
    """Put the rules of the folder in force, as a door does that starts."""
    async with open_installation(load(state=command.state), DOOR_SLOT):
        pass


def test_a_law_counts_until_rules_without_it_are_in_force(old: CommandLine) -> None:
    """An edit of the folder alone lets nothing go."""
    run_to_end(_in_force(old))
    say(old, "keep_parts_days: 100")
    take_law_away(old)
    assert "pipl asks for at least 6 months" in old("log", "retain", "--yes", code=1).err

    run_to_end(_in_force(old))

    assert old("log", "retain", "--dry-run", "--json").document()["parts"] == 21


def test_segments_are_moved_and_verify_there_and_here(old: CommandLine, tmp_path: Path) -> None:
    """Each by itself there; here from the first seal on, which is said. Nothing moves while a hold is on."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    hold = old("log", "hold", "add", "--because", "case 7", "--json").document()["hold"]
    assert hold in old("log", "archive", str(shelf), "--yes", code=1).err
    old("log", "hold", "lift", hold)

    would = old("log", "archive", str(shelf), "--dry-run", "--json").document()
    assert "would be moved" in old("log", "archive", str(shelf), "--dry-run").out
    assert not list(shelf.iterdir())
    moved = old("log", "archive", str(shelf), "--yes", "--json").document()
    assert moved == would
    assert len(moved) > 2
    assert old("log", "archive", str(shelf)).out.startswith("no segment goes: none is sealed, old enough")
    for one in moved:
        name = f"{one['segment']:06}"
        alone = old("log", "verify", "--segment", str(shelf / "door-0" / f"{name}.ndjson"), "--json").document()
        assert (alone["is_right"], alone["size"]) == (True, one["last"] + 1)
    verdict = old("log", "verify", "--json").document()
    assert verdict["is_right"]
    notes = next(one["notes"] for one in verdict["logs"] if one["slot"] == DOOR_SLOT)
    assert notes == [f"segments 0-{moved[-1]['segment']} are not here; their seals hold"]
    run_to_end(_noted(old))
    assert old("log", "verify", "--json").document()["is_right"]

    spoiled = shelf / "door-0" / "000000.ndjson"
    spoiled.chmod(0o600)
    spoiled.write_bytes(spoiled.read_bytes().replace(b'"rows":3', b'"rows":4', 1))
    seal = str(old.state / "log" / DOOR_SLOT / "seals" / "000000")
    key = str(old.state / "log" / DOOR_SLOT / "log.pub")
    wrong = old("log", "verify", "--segment", str(spoiled), "--seal", seal, "--key", key, code=1)
    assert "its bytes differ" in wrong.out


def test_a_person_is_forgotten_in_what_was_moved_where_its_folder_is_given(old: CommandLine, tmp_path: Path) -> None:
    """Where it is not, the command says what it did not look through and how to."""
    shelf, other = tmp_path / "shelf", tmp_path / "other"
    shelf.mkdir()
    (other / DOOR_SLOT).mkdir(parents=True)
    moved = old("log", "archive", str(shelf), "--yes", "--json").document()

    def holding() -> int:
        door = shelf / DOOR_SLOT
        return sum(5 in stored.part().met for number in segments(door) for stored in stored_parts(door, number))

    assert holding() == 1
    told = old("log", "forget", "--person", "5", "--yes", "--json").document()
    assert (told["parts"], {one["folder"] for one in told["unseen"]}) == (0, {str(shelf)})
    assert [one["segment"] for one in told["unseen"]] == [one["segment"] for one in moved if one["slot"] == DOOR_SLOT]
    assert f"--archive {shelf}" in old("log", "forget", "--person", "5", "--yes").out
    assert holding() == 1

    wrong = old("log", "forget", "--person", "5", "--archive", str(other), "--yes", code=1)
    assert "no folder that segments of these logs were moved to" in wrong.err
    told = old("log", "forget", "--person", "5", "--archive", str(shelf), "--yes", "--json").document()
    assert (told["parts"], told["unseen"], holding()) == (1, [], 0)
    assert "not looked through" not in old("log", "forget", "--person", "6", "--archive", str(shelf), "--yes").out
    assert old("log", "verify", "--json").document()["is_right"]
    (shelf / "lost+found").mkdir()
    old("log", "forget", "--person", "7", "--archive", str(shelf), "--yes")


def test_the_doctor_looks_at_the_second_disk(old: CommandLine, tmp_path: Path) -> None:
    """Whether it is there, another disk, alone, equal and right."""
    say(old, f"second: {tmp_path / 'other'}")

    def found(code: int) -> list[str]:
        findings = old("doctor", "--json", code=code).document()["findings"]
        return [one["sentence"] for one in findings if one["check"] == "second log"]

    assert "is not there" in found(1)[0]
    (tmp_path / "other").mkdir()
    before = found(0)
    assert any(DOOR_SLOT in one and "takes effect at the next start" in one for one in before), before
    run_to_end(_noted(old))
    old("log", "tail")
    told = found(0)
    assert not any("next start" in one for one in told)
    assert any("same disk" in one for one in told)
    assert any("verify" in one for one in told)
    newest = max((tmp_path / "other" / "cli").glob("*.ndjson"))
    newest.chmod(0o600)
    newest.write_bytes(newest.read_bytes().replace(b'"seq":0', b'"seq":9', 1))
    assert any("differ from entry" in one for one in found(1))
