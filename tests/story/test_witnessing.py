# SPDX-License-Identifier: Apache-2.0
"""A gateway and its witness, both as programs: logs are co-signed to their end, and a state that was put back does not start."""

import asyncio
import shutil
from pathlib import Path

import pytest

from gateway.record.format.bundle import parse_proof
from gateway.record.format.checkpoint import parse_verifier_key
from gateway.record.proof.verify import verify_logs
from gateway.record.proof.witness_folder import WitnessFolder
from gateway.settings.loading import Settings, load
from tests.fakes.command_line import CommandLine
from tests.fakes.processes import Served, ended, gateway_served
from tests.fakes.serving import exchange, request
from tests.fakes.wire import until
from tests.fakes.witness import witness_served

SLOTS = ("cli", "door-0", "worker")


@pytest.fixture
def command(tmp_path: Path) -> CommandLine:
    made = CommandLine(tmp_path / "state", {})
    made.init()
    path = made.state / "gateway.yaml"
    path.write_text(path.read_text().replace("port: 8080", "port: 0"))
    return made


@pytest.fixture
def folder(tmp_path: Path, command: CommandLine) -> Path:
    command.bare("log", "witness", "init", "--dir", str(tmp_path / "witness"), "--name", "witness.example/1")
    return tmp_path / "witness"


def witnessed_by(command: CommandLine, folder: Path, url: str) -> Settings:
    """Return the settings with a witness, as an operator writes them."""
    key = (folder / "witness.pub").read_text().strip()
    path = command.state / "gateway.yaml"
    kept = path.read_text().partition("\nlog:")[0].rstrip("\n")
    path.write_text(f"{kept}\nlog: {{witnesses: [{{url: '{url}', key: '{key}'}}]}}\n")
    return load(state=command.state)


def know(command: CommandLine, folder: Path) -> None:
    """Let the witness know every log of the installation."""
    held = WitnessFolder(folder)
    for path in command.state.glob("log/*/log.pub"):
        held.add(parse_verifier_key(path.read_text().strip()))


def sizes(folder: Path) -> dict[str, int]:
    """Return how many entries the witness co-signed of each slot."""
    known = WitnessFolder(folder).known()
    return {one.key.name.rpartition("/")[2]: int((one.note or "\n0").split("\n")[1]) for one in known}


async def lived(settings: Settings) -> None:
    """Let a gateway live and end in order; every log of it is co-signed to its end then, if a witness is there."""
    async with gateway_served(settings) as served:
        assert await ended(served) == 0


async def refused(settings: Settings, tmp_path: Path) -> str:
    """Return what a gateway says that does not start."""
    with pytest.raises(AssertionError) as said:
        async with gateway_served(settings):
            pass
    return str(said.value)


async def test_a_state_that_was_put_back_does_not_start(command: CommandLine, folder: Path, tmp_path: Path) -> None:
    """As a whole, with what it kept of its witness: only the witness knows better."""
    await lived(load(state=command.state))
    know(command, folder)
    async with witness_served(folder) as witness:
        settings = witnessed_by(command, folder, witness.url)
        await lived(settings)
        shutil.copytree(command.state, tmp_path / "copy")
        await lived(settings)
        ends = {
            path.parent.name: int(path.read_text().split("\n")[1]) for path in command.state.glob("log/*/checkpoint")
        }
        assert {slot: sizes(folder)[slot] for slot in SLOTS} == ends
        assert verify_logs(command.state / "log", witnesses=[witness.key]).is_right

        shutil.rmtree(command.state)
        shutil.copytree(tmp_path / "copy", command.state)
        said = await refused(settings, tmp_path)

        assert "its witnesses co-signed" in said
        assert "put back to an older copy" in said
        # What the start learnt lies beside the log, so it stays refused when the witness is away.
        await witness.kill()
        assert "its witnesses co-signed" in await refused(settings, tmp_path)


@pytest.mark.parametrize("slot", ["cli", "door-1"])
async def test_a_log_that_no_process_opens_at_a_start_keeps_it_from_starting_too(
    command: CommandLine, folder: Path, tmp_path: Path, slot: str
) -> None:
    """The command line's, and that of a door that is not started any more: put back alone, they are missed as well."""
    settings = load(state=command.state)
    async with gateway_served(settings, "--workers", "2") as served:
        assert await ended(served) == 0
    know(command, folder)
    async with witness_served(folder) as witness:
        settings = witnessed_by(command, folder, witness.url)
        shutil.copytree(command.state / "log" / slot, tmp_path / slot)
        await asyncio.to_thread(command, "log", "tail")
        async with gateway_served(settings, "--workers", "2") as served:
            assert await ended(served) == 0
        put_back(command, slot, tmp_path)

        assert "its witnesses co-signed" in await refused(settings, tmp_path)


async def test_a_gateway_that_runs_goes_on_beside_such_a_log(
    command: CommandLine, folder: Path, tmp_path: Path
) -> None:
    """Whoever can cut the command line's log must not be able to stop co-signing, retention and the index with it."""
    await lived(load(state=command.state))
    know(command, folder)
    async with witness_served(folder) as witness:
        settings = witnessed_by(command, folder, witness.url)
        shutil.copytree(command.state / "log" / "cli", tmp_path / "cli")
        await asyncio.to_thread(command, "log", "tail")
        await lived(settings)
        known = sizes(folder)["cli"]
        async with gateway_served(settings) as served:
            put_back(command, "cli", tmp_path)
            await served.another("worker", served.kill("worker"))
            await until(lambda: "the log was cut off or put back" in served.remarks, timeout_s=30)
            assert await ended(served) == 0
        assert sizes(folder)["cli"] == known


def put_back(command: CommandLine, slot: str, copies: Path) -> None:
    """Put an older copy in the place of a log, by renaming: a gateway that runs may write into either of them."""
    copy = shutil.copytree(copies / slot, copies / f"{slot}.copy")
    (command.state / "log" / slot).rename(copies / f"{slot}.newer")
    copy.rename(command.state / "log" / slot)


async def test_a_witness_that_is_away_stops_nothing(command: CommandLine, folder: Path) -> None:
    """The gateway starts and says so; once the witness is there, everything since is co-signed."""
    settings = witnessed_by(command, folder, "http://127.0.0.1:1")
    async with gateway_served(settings) as served:
        assert b" 200 " in (await exchange(served.port, request(b"/-/livez"))).split(b"\r\n")[0]
        await until(lambda: "does not answer now; the log is opened without it" in served.remarks, timeout_s=20)
        assert await ended(served) == 0
    assert not (command.state / "log" / "door-0" / "witnessed").exists()

    know(command, folder)
    async with witness_served(folder) as witness:
        await lived(witnessed_by(command, folder, witness.url))
        assert verify_logs(command.state / "log", witnesses=[witness.key]).is_right


async def proof_of(served: Served, target: bytes) -> tuple[bytes, str]:
    head, _, body = (await exchange(served.port, request(target))).partition(b"\r\n\r\n")
    return head.split(b"\r\n")[0], body.decode()


async def test_strangers_get_proofs_and_no_entry(command: CommandLine, folder: Path) -> None:
    """Checkpoint, inclusion, consistency; what there is not is one answer; every one is counted in the log."""
    settings = witnessed_by(command, folder, "http://127.0.0.1:1")
    async with gateway_served(settings) as served:
        status, text = await proof_of(served, b"/-/log/door-0/proof/0")
        assert status == b"HTTP/1.1 200 OK"
        assert parse_proof(text).extra is None
        assert (await proof_of(served, b"/-/log/cli/consistency/1/2"))[0] == b"HTTP/1.1 200 OK"
        for target in (b"door-0/proof/999999", b"door-0/proof/00", b"door-9/proof/0", b"door-0/consistency/2/1"):
            assert b" 404 " in (await proof_of(served, b"/-/log/" + target))[0]
        assert b" 400 " in (await proof_of(served, b"/-/log/door-0/proof/0?size=1"))[0]
        await ended(served)
    counts = [entry["body"]["counts"] for entry in command.entries() if entry["body"]["kind"] == "answered"]
    assert sum(one.get("proof", 0) for one in counts) == 1
    assert sum(one.get("consistency", 0) for one in counts) == 1


async def test_a_witness_says_what_is_wrong_with_the_settings(
    command: CommandLine, folder: Path, tmp_path: Path
) -> None:
    """A log's key in the place of a witness's; nothing was opened."""
    settings = witnessed_by(command, folder, "http://127.0.0.1:1")
    path = command.state / "gateway.yaml"
    wrong = (command.state / "log" / "cli" / "log.pub").read_text().strip()
    path.write_text(path.read_text().replace((folder / "witness.pub").read_text().strip(), wrong))

    said = await refused(load(state=settings.state), tmp_path)

    assert "log.witnesses: the verifier key is not a key of a witness" in said
    assert not (command.state / "log" / "door-0").exists()


async def test_two_witnesses_in_one_folder_do_not_run(folder: Path) -> None:
    """The second says why."""
    async with witness_served(folder):
        with pytest.raises(AssertionError, match="another process serves the witness"):
            async with witness_served(folder):
                pass


async def test_a_new_entry_is_shown_to_the_witness_when_it_is_proved(command: CommandLine, folder: Path) -> None:
    """Nobody has to wait for the next turn: the proof has the witness's signature."""
    know(command, folder)
    async with witness_served(folder) as witness:
        witnessed_by(command, folder, witness.url)
        shown = ("--purpose", "marketing", "--choice", "objected")
        await asyncio.to_thread(command, "choice", "set", "--identity", "crm.customer_id", "C-1", *shown)
        place = next(one["seq"] for one in command.entries() if one["body"].get("what") == "choice-recorded")
        text = (
            await asyncio.to_thread(command, "log", "receipt", f"cli:{place}", "--identity", "crm.customer_id", "C-1")
        ).out
        proof = (await asyncio.to_thread(command, "log", "prove", f"cli:{place}")).out

    assert "and was co-signed by witness.example/1" in text
    assert "\n— witness.example/1 " in proof
