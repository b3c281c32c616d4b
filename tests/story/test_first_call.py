# SPDX-License-Identifier: Apache-2.0
"""From the address of an API to a first useful call, as docs/how-to/first-call.md tells it; and what goes wrong on the way.

The page's lines are counted, and run but for the clone and the installation of the program.
"""

import asyncio
import http.client
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gateway.record.proof.verify import verify_logs
from gateway.record.reading.reader import records
from tests.fakes.command_line import Answer, CommandLine
from tests.fakes.own_api import PEOPLE, own_api
from tests.fakes.terminal import Terminal

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "first-call.md"
MOST_COMMANDS, MOST_LINES = 8, 15
PROGRAM = str(Path(sys.executable).parent / "gateway")
CLEAR = {"full_name", "religion", "remarks"}
"""Fields of which nothing leaves to an analyst."""


def typed() -> list[str]:
    """Return the lines of the page that a reader types, in order."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


@pytest.fixture
def environment() -> dict[str, str]:
    """What a reader's shell has, with the cost of passwords and the room for the log of tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    own = {
        "GATEWAY_PASSWORDS__MEMORY_KIB": "64",
        "GATEWAY_PASSWORDS__TIME_COST": "1",
        "GATEWAY_LOG__LEAST_FREE_BYTES": "0",
        "GATEWAY_LOG__LEAST_FREE_PERCENT": "0",
    }
    return {**kept, **own, "LINES": "40"}


@pytest.fixture
async def api() -> AsyncIterator[str]:
    """Address of an API that is not the demo's."""
    async with own_api() as port:
        yield f"http://127.0.0.1:{port}"


async def run(line: str, environment: Mapping[str, str], folder: Path, *, code: int = 0) -> str:
    """Return what a line prints, on both streams."""
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", line, cwd=folder, env=environment,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, _ = await process.communicate()
    assert process.returncode == code, out.decode()
    return out.decode()


def test_the_page_asks_for_few_lines() -> None:
    """From the clone to the call, and each line is one command."""
    lines = typed()
    assert len(lines) <= MOST_COMMANDS
    assert len(lines) <= MOST_LINES
    assert not any(joint in line for line in lines for joint in ("&&", ";", "\\\n", " | "))
    assert lines[:3] == [
        "git clone https://git.example.com/compliance-gateway",
        "cd compliance-gateway",
        "make install",
    ]


Give = Callable[..., Awaitable[Answer]]


def commands(folder: Path, monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]) -> Give:
    """Return what gives commands in this process, standing in a folder."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("GATEWAY_STATE", raising=False)
    own = {name: value for name, value in environment.items() if name.startswith("GATEWAY_")}
    line = CommandLine(folder / "unused", own)

    async def give(*words: str, code: int = 0) -> Answer:
        return await asyncio.to_thread(partial(line.bare, *words, code=code))

    return give


@asynccontextmanager
async def served(state: Path, environment: Mapping[str, str]) -> AsyncIterator[str]:
    """Serve an installation and yield what it says first."""
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "serve", "--state", str(state), env=environment, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            yield (await process.stdout.readline()).decode()
    finally:
        process.terminate()
        await process.wait()


def at_terminal(line: str, environment: Mapping[str, str], keys: tuple[tuple[str, str], ...] = ()) -> str:
    """Return what a terminal shows of a line; of each pair of keys the second is typed once the first is shown."""
    terminal = Terminal(["bash", "-c", line], environment)
    for shown, key in keys:
        terminal.until(shown)
        os.write(terminal._line, key.encode())
    assert terminal.end() == 0, terminal.seen
    return terminal.seen


async def test_the_page_leads_to_a_first_useful_call(api: str, environment: dict[str, str], tmp_path: Path) -> None:
    """Each line as it stands but for addresses; what a command prints as next is what the page says is next."""
    place = {".venv/bin/gateway": PROGRAM, "http://127.0.0.1:9000": api, "--state mine": f"--state {tmp_path}/mine"}

    def here(line: str) -> str:
        for theirs, own in place.items():
            line = line.replace(theirs, own)
        return line

    trying, *rest = map(here, typed()[3:])
    shown = await asyncio.to_thread(at_terminal, trying, environment)
    assert str(PEOPLE[0]["email"]) in shown
    assert "p***@example.org" in shown
    assert "Today nobody sees any of it" in shown

    printed = [line.replace("\r", "") for line in shown.splitlines() if "mine" in line][-3:]
    port = re.findall(r"127\.0\.0\.1:(\d+)/store", printed[2])[0]
    place["127.0.0.1:8080"] = f"127.0.0.1:{port}"
    assert printed == [*map(here, typed()[4:])]

    keys = (("11 unreviewed.", "a"), ("confirmed", "\r" * 11), ("0 unreviewed.", "s"))
    reviewed = await asyncio.to_thread(at_terminal, rest[0], environment, keys)
    assert "11 confirmed, 0 unreviewed" in reviewed

    async with served(tmp_path / "mine", environment) as said:
        assert said == f"listening on http://127.0.0.1:{port}\n"
        rows = json.loads(await run(printed[2], environment, tmp_path))["items"]

    assert len(rows) == 3
    assert set(rows[0]) == set(PEOPLE[0]) - CLEAR
    assert [row["city"] for row in rows] == [person["city"] for person in PEOPLE[:3]]
    assert [row["email"] for row in rows] == ["p***@example.org", "p***@example.com", "p***@example.org"]
    assert all(row["id"].startswith("sv1_") and row["mobile"].startswith("sv1_") for row in rows)
    assert_nothing_of_the_store(tmp_path / "mine")


def assert_nothing_of_the_store(state: Path) -> None:
    """Assert that no file of an installation holds a value of the store, and that its log is right."""
    values = [str(person[field]) for person in PEOPLE for field in ("full_name", "email", "mobile", "id")]
    for path in state.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert not [value for value in values if value.encode() in content], path
    assert verify_logs(state / "log").is_right


def asked(url: str, bearer: str) -> Any:
    """Return what a call is answered with, parsed."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}", headers={"Authorization": f"Bearer {bearer}"})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


async def test_nothing_is_revealed_before_it_is_confirmed(
    api: str, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call is refused with why; each field that a script confirms leaves after the reload, and no other."""
    give = commands(tmp_path, monkeypatch, environment)
    told = (await give("try", f"{api}/api", "--state", "mine", "--name", "club", "--json")).document()
    assert str(PEOPLE[0]["email"]) not in json.dumps(told)
    assert told["reviewed"] is False
    state, (url,) = tmp_path / "mine", re.findall(r'"(http[^"]*)"', told["first_call"])
    async with served(state, environment):
        bearer = (await give("try", "--bearer", "--state", "mine")).out.strip()
        problem = await asyncio.to_thread(asked, url, bearer)
        assert problem["reason"] == "field-not-permitted"
        assert "has not reviewed" in json.dumps(problem)

        file = state / "policies" / "datasets" / "club.yaml"
        before, words = file.read_text(), "--all-certain --confirm people.city --category tier=user.name --json"
        reviewed = (await give("dataset", "review", "--state", "mine", *words.split())).document()
        assert (reviewed["confirmed"], reviewed["categories"], reviewed["unreviewed"]) == (4, 1, 7)
        assert [line for line in file.read_text().splitlines() if "#" in line] == [
            line for line in before.splitlines() if "#" in line
        ]
        assert (await asyncio.to_thread(asked, url, bearer))["reason"] == "field-not-permitted"

        await give("check", "--reload", "--state", "mine")
        async with asyncio.timeout(20):
            while "items" not in (answer := await asyncio.to_thread(asked, url, bearer)):
                assert answer["reason"] == "field-not-permitted"
        assert set(answer["items"][0]) == {"email", "mobile", "city"}
    changes = [getattr(one.line.body, "what", "") for one in records(state / "log" / "cli")]
    assert "dataset-reviewed" in changes
    assert_nothing_of_the_store(state)


WRONG = [
    ("try http://127.0.0.1:1/api", 1, "nothing answers at http://127.0.0.1:1/api: start the store"),
    ("try {api}/locked", 1, "write the value of its Authorization header into a file"),
    ("try {api}/words --path /people", 1, "Name a path that answers with rows as JSON"),
    ("try {api}/empty --path /people", 1, "put one there, or give --openapi FILE"),
    ("try {api}/deep/people", 1, "`GET /people`: its rows stand in `data.items`, and only the answer itself or one"),
    ("try {api}/api --state .", 2, "is not empty; give a folder that is empty"),
    ("try {api}/api --name a.b", 2, "--name must be one word"),
    ("try {api}/api --name gateway", 2, "gateway is the name of the gateway itself"),
    ("try", 2, "Give the base address of its API"),
    ("try --bearer --state other", 2, "was not made by `gateway try`"),
]


def left_in(folder: Path) -> list[str]:
    """Return what is in a folder."""
    return [path.name for path in folder.rglob("*")]


async def test_what_goes_wrong_says_what_to_do(
    api: str, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And leaves nothing behind."""
    (tmp_path / "notes.txt").write_text("mine")
    give = commands(tmp_path, monkeypatch, environment)
    for words, code, sentence in WRONG:
        answer = await give(*words.format(api=api).split(), code=code)
        assert sentence in answer.err, words
        assert answer.out == ""
    assert left_in(tmp_path) == ["notes.txt"]


async def test_an_address_of_a_list_and_a_password_are_understood(
    api: str, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base address is found, and the credential is named in the settings."""
    (tmp_path / "authorization").write_text("Bearer sesame\n")
    give = commands(tmp_path, monkeypatch, environment)
    words = ("try", f"{api}/locked/people", "--authorization-file", "authorization")
    answer = await give(*words)
    assert f"the base address of its API is {api}/locked, " in answer.err
    settings = (tmp_path / "store-gateway" / "gateway.yaml").read_text()
    assert f"base_url: {api}/locked\n" in settings
    assert f"authorization_file: {tmp_path}/authorization" in settings
    again = await give("try", f"{api}/api", code=2)
    assert "holds an installation already" in again.err
    port = await give("try", "--bearer", code=1)
    assert "start it" in port.err or "gave no bearer" in port.err
