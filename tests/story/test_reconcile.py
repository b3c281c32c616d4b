# SPDX-License-Identifier: Apache-2.0
"""A store's own log laid beside the gateway's: every call has its line, and who goes past the gateway is found."""

import asyncio
import gzip
import http.client
import json
import re
import shlex
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from gateway.app.traces import Traces
from gateway.demo.access_log import AccessLog
from gateway.demo.store import app as store_app
from gateway.domain.names import DecisionId, StoreName
from tests.fakes.command_line import CommandLine
from tests.story.conftest import ANALYST, EMAIL, SUPPORT, World, _serving
from tests.story.test_writes import written


@pytest.fixture
def store_log(tmp_path: Path) -> Path:
    """Where the sample store writes a line for each call."""
    return tmp_path / "store-access.log"


@pytest.fixture
async def store_port(store_file: Path, store_log: Path) -> AsyncIterator[int]:
    """Port of a sample store of one's own that logs."""
    own = Path(shutil.copy(store_file, store_log.with_name("store.db")))
    async with _serving(uvicorn.Config(AccessLog(store_app(own), store_log), log_config=None)) as port:
        yield port


@pytest.fixture
def command(world: World) -> CommandLine:
    """The command line of the world's installation."""
    database = world.rooms.settings.database
    told = {} if database is None else {"GATEWAY_DATABASE": database.get_secret_value()}
    stores = {
        f"GATEWAY_STORES__{name.upper()}__BASE_URL": one.base_url for name, one in world.rooms.settings.stores.items()
    }
    return CommandLine(world.state, {**told, **stores})


async def reconciled(command: CommandLine, log: Path, *words: str, code: int = 0) -> Any:
    """Lay a store's log beside the gateway's, and return what came of it."""
    given = ("log", "reconcile", "--store-log", str(log), "--store", "crm", "--json", *words)
    return (await asyncio.to_thread(lambda: command(*given, code=code))).document()


async def calls(world: World) -> list[str]:
    """Make calls that ask the store once, twice and not at all; return the decisions that surely asked it."""
    asked = [await world.get(f"/crm/customers?limit={n}", "analyst", ANALYST) for n in (25, 30, 35)]
    asked.append(await world.get("/crm/contacts?limit=25", "campaigner", EMAIL))
    changed = await written(world, "PATCH", f"/crm/customers/{world.crowd[3].id}", {"city": "Ulm"})
    absent = await world.get("/crm/customers/c-999999", "service-agent", SUPPORT)
    await world.get("/crm/customers?limit=25&fields=national_id", "analyst", ANALYST)
    assert [one.status for one in asked] == [200] * 4
    assert (changed.status, absent.status) == (200, 404)
    return [one.headers["decision-id"] for one in (*asked, changed)]


def lines_of(log: Path) -> list[str]:
    """Return the lines of the store's log."""
    return log.read_text().splitlines()


def put(log: Path, lines: list[str]) -> None:
    """Write the store's log anew."""
    log.write_text("".join(f"{line}\n" for line in lines))


def pack(log: Path, packed: Path) -> None:
    """Write the store's log packed."""
    packed.write_bytes(gzip.compress(log.read_bytes()))


def trace_in(line: str) -> str:
    """Return the trace of a line."""
    return line.rsplit('"', 2)[1]


def past_the_gateway(port: int, trace: str | None = None, agent: str = "curl/8") -> None:
    """Ask the store itself."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"User-Agent": agent, **({} if trace is None else {"traceparent": trace})}
    connection.request("GET", "/crm/customers?limit=1", headers=headers)
    connection.getresponse().read()
    connection.close()


async def test_every_call_of_the_gateway_has_its_decision(world: World, command: CommandLine, store_log: Path) -> None:
    """Reads, a write with the look before it, and a record that is absent; no line is left over on either side."""
    await calls(world)
    found = await reconciled(command, store_log)
    n_lines = len(lines_of(store_log))
    assert n_lines >= 6
    assert (found["lines"], found["with_decision"]) == (n_lines, n_lines)
    assert (found["without_decision"], found["without_line"], found["unread"]) == ({}, 0, 0)
    assert found["decisions"] >= 6
    looked = [entry["body"] for entry in command.entries() if entry["body"].get("what") == "log-reconcile"]
    assert [one["rows"] for one in looked] == [n_lines]


async def test_two_calls_of_one_decision_have_two_parent_ids(world: World, store_log: Path) -> None:
    """The look before a write and the write are told apart by their traces."""
    await calls(world)
    traces = [trace_in(line).split("-") for line in lines_of(store_log) if " /crm/" in line]
    assert len({tuple(one) for one in traces}) == len(traces)
    assert len({one[1] for one in traces}) == len(traces) - 1


async def test_whoever_goes_past_the_gateway_is_found(world: World, command: CommandLine, store_log: Path) -> None:
    """Without a trace, with one made up around a real decision, with a copied one, and with one in the user agent."""
    ids = await calls(world)
    copied = trace_in(lines_of(store_log)[0])
    for trace, agent in (
        (None, "curl/8"),
        (f"00-{ids[0]}-{ids[0][:16]}-01", "curl/8"),
        (f"00-{'ab' * 16}-{'cd' * 8}-01", "curl/8"),
        (copied, "curl/8"),
        (None, copied),
        (None, f'x" "{copied}'),
    ):
        await asyncio.to_thread(past_the_gateway, world.store_port, trace, agent)
    found = await reconciled(command, store_log, code=1)
    assert found["without_decision"] == {"no-trace": 3, "not-ours": 2, "repeated": 1}
    assert [one["why"] for one in found["examples"]].count("no-trace") == 3
    assert found["without_line"] == 0
    text = json.dumps(found)
    assert "/crm/customers" not in text
    assert "curl" not in text
    told = await asyncio.to_thread(
        lambda: command("log", "reconcile", "--store-log", str(store_log), "--store", "crm", code=1)
    )
    assert "name no decision" in told.out


async def test_a_trace_of_another_store_or_of_no_entry_is_found(
    world: World, command: CommandLine, store_log: Path
) -> None:
    """A header of a call to the shop in the log of the CRM, and one of the gateway's own that its log does not know."""
    reply = await world.get("/shop/orders?limit=25", "analyst", ANALYST)
    ids = [reply.headers["decision-id"]] if reply.status == 200 else []
    lines = lines_of(store_log)
    traces = Traces(world.rooms.keyring)
    [(_, unknown)] = traces.of_call(StoreName("crm"), DecisionId("12" * 16))
    old = '127.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "GET /crm/customers HTTP/1.1" 200 5 "-" "x" '
    put(store_log, [*lines, f'{old}"{unknown}"'])
    found = await reconciled(command, store_log, code=1)
    assert found["without_decision"] == {"not-in-log": 1, **({"other-store": 1} if ids else {})}


async def test_a_decision_without_a_line_is_told_and_is_no_failure(
    world: World, command: CommandLine, store_log: Path
) -> None:
    """A line that was taken out of the store's log is missed by the other side."""
    ids = await calls(world)
    lines = lines_of(store_log)
    put(store_log, [lines[0], *lines[2:]])
    found = await reconciled(command, store_log)
    assert (found["without_line"], found["examples_without_line"]) == (1, [ids[1]])


async def test_looks_of_the_gateway_itself_are_counted_apart(
    world: World, command: CommandLine, store_log: Path
) -> None:
    """A check-up asks the store's base address and decides nothing."""
    await calls(world)
    traces = Traces(world.rooms.keyring)
    [(_, look)] = traces.of_look()
    await asyncio.to_thread(past_the_gateway, world.store_port, look)
    found = await reconciled(command, store_log)
    assert (found["looks"], found["without_decision"]) == (1, {})


async def test_json_lines_and_a_pattern_are_read_too(
    world: World, command: CommandLine, store_log: Path, tmp_path: Path
) -> None:
    """The same calls written in other ways, one of them packed, come to the same."""
    await calls(world)
    lines = lines_of(store_log)
    traces = [trace_in(line) for line in lines]
    as_json, plain, packed = tmp_path / "lines.json", tmp_path / "postgres.log", tmp_path / "access.log.gz"
    put(as_json, [json.dumps({"req": {"trace": [one]}}) for one in traces])
    put(plain, [f"LOG app={one} statement" for one in traces])
    pack(store_log, packed)
    counts = [
        await reconciled(command, packed),
        await reconciled(command, as_json, "--field", "req.trace"),
        await reconciled(command, plain, "--pattern", r"app=(?P<traceparent>\S+)"),
    ]
    assert {(one["lines"], one["with_decision"]) for one in counts} == {(len(lines), len(lines))}
    for words, code in (
        (("--pattern", "("), 2),
        (("--pattern", "x"), 2),
        (("--field", "a", "--format", "combined"), 2),
    ):
        given = ("log", "reconcile", "--store-log", str(plain), "--store", "crm", *words)
        await asyncio.to_thread(partial(command, *given, code=code))


async def test_a_stores_health_check_can_be_left_out(world: World, command: CommandLine, store_log: Path) -> None:
    """Paths that others are meant to call are counted apart, and only those."""
    await calls(world)
    await asyncio.to_thread(past_the_gateway, world.store_port)
    found = await reconciled(command, store_log, "--leave-out", "/crm/customers")
    assert found["left_out"] > 1
    assert found["without_decision"] == {}


async def test_the_page_does_what_it_shows(
    world: World, command: CommandLine, store_log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command of the how-to ends well on logs of the kinds that it speaks of."""
    await calls(world)
    monkeypatch.chdir(tmp_path)
    lines = lines_of(store_log)
    traces = [trace_in(line) for line in lines]
    at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.000 UTC")
    put(tmp_path / "access.log", lines)
    put(tmp_path / "access.json", [json.dumps({"req": {"traceparent": one}}) for one in traces])
    put(tmp_path / "postgres.log", [f"{at} [{one}] LOG:  execute" for one in traces])
    commands = page_commands("find-what-went-past.md")
    assert len(commands) == 4
    for words in commands:
        pack(store_log, tmp_path / "access.log.1.gz")
        # The two of the rotated ones hold the same lines here, so the second of each is a copy.
        code = 1 if "access.log.1.gz" in words else 0
        told = await asyncio.to_thread(partial(command, *words[1:], code=code))
        assert "have their decision" in told.out


def page_commands(page: str) -> list[list[str]]:
    """Return the commands of a how-to's shell blocks, as words."""
    content = (Path(__file__).parents[2] / "docs" / "how-to" / page).read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", content, re.MULTILINE | re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines() if line.startswith("gateway ")]


async def test_a_time_in_which_nothing_can_lie_is_told(world: World, command: CommandLine, store_log: Path) -> None:
    """And is no clean answer."""
    await calls(world)
    given = ("log", "reconcile", "--store-log", str(store_log), "--store", "crm", "--since", "1h", "--until", "2h")
    answer = await asyncio.to_thread(lambda: command(*given, code=2))
    assert "--until must be later than --since" in answer.err
