# SPDX-License-Identifier: Apache-2.0
"""``gateway dataset infer`` from the command line, on an installation, before a store on a real socket."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.fakes.command_line import CommandLine
from tests.fakes.proposals import SENSITIVE, crowd, members_api
from tests.fakes.undeclared_stores import Lists, customers, undeclared


@pytest.fixture
def store() -> Iterator[tuple[dict[str, list[dict[str, object]]], str]]:
    """A running store in a thread of its own: commands of the same process wait for its answers."""
    lists: Lists = {"/customers": customers()}
    started, ended = threading.Event(), asyncio.Event()
    found: list[str] = []
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with undeclared(lists) as (_, url):
            found.append(url)
            started.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert started.wait(20)
    yield dict(lists), found[0]
    loop.call_soon_threadsafe(ended.set)
    thread.join(20)
    loop.close()


def before(command: CommandLine, url: str) -> Path:
    """Put a store called loyalty before the installation, and return where its dataset will be."""
    path = command.state / "gateway.yaml"
    content = yaml.safe_load(path.read_text("utf-8"))
    content["stores"] = {**content.get("stores", {}), "loyalty": {"base_url": url}}
    path.write_text(yaml.safe_dump(content), "utf-8")
    return command.state / "policies" / "datasets" / "loyalty.yaml"


def test_a_store_of_the_settings_gets_a_dataset_that_checks_and_of_which_nothing_leaves(
    command: CommandLine, store: tuple[object, str]
) -> None:
    """The table tells the evidence; ``check`` notes what awaits review; ``explain`` says why nothing leaves."""
    path = before(command, store[1])
    told = command("dataset", "infer", "loyalty")
    for word in (
        "loyalty.customers",
        "GET /loyalty/customers",
        "user.contact.email",
        "certain",
        "gateway dataset review loyalty",
    ):
        assert word in told.out, word
    assert "30 of 30 fields await review" in command("check").out
    purposes = command.state / "policies" / "purposes.yaml"
    purposes.write_text(purposes.read_text("utf-8").replace("datasets: [crm", "datasets: [loyalty, crm"), "utf-8")
    grants = command.state / "policies" / "grants.csv"
    line = "p, analyst, loyalty, user, analytics, read, reveal, yes, allow, ,\n"
    grants.write_text(grants.read_text("utf-8") + line, "utf-8")
    explained = command(
        "explain", "analyst-1", "loyalty.customers", "--purpose", "analytics.reporting.campaign_insights", "--json", code=3
    )  # fmt: skip
    fields = explained.document()["fields"]
    assert {one["leaves"] for one in fields} == {"drop"}
    assert all(any(word["rule"] == "unreviewed" for word in one["layers"]) for one in fields)
    assert path.stat().st_mode & 0o777 == 0o600


def test_neither_the_answer_nor_the_log_nor_the_file_has_a_value_of_the_store(
    command: CommandLine, store: tuple[object, str]
) -> None:
    """What was looked at is entered, as a number of rows."""
    path = before(command, store[1])
    command("dataset", "infer", "loyalty")
    command("dataset", "infer", "loyalty", "--json")
    entries = command.entries()
    said = json.dumps(entries) + path.read_text("utf-8") + "".join(one.out + one.err for one in command.answers)
    assert '"what": "store-rows"' in said
    assert '"what": "dataset-inferred"' in said
    values = {
        str(row[name]) for row in crowd(40) for name in SENSITIVE if row[name] is not None and len(str(row[name])) > 4
    }
    assert not [value for value in values if value in said]


def test_a_reviewed_file_keeps_every_line_and_gets_what_is_new(
    command: CommandLine, store: tuple[dict[str, list[dict[str, object]]], str]
) -> None:
    """Until ``--replace``, which writes it anew."""
    path = before(command, store[1])
    command("dataset", "infer", "loyalty")
    reviewed = path.read_text("utf-8").replace("              reviewed: no\n", "", 5)
    path.write_text(reviewed, "utf-8")
    assert "nothing was written" in command("dataset", "infer", "loyalty").out
    assert path.read_text("utf-8") == reviewed
    for row in store[0]["/customers"]:
        row["微信号"] = None
    answer = command("dataset", "infer", "loyalty", "--json").document()
    assert answer["new_fields"] == ["customers.微信号"]
    left = iter(path.read_text("utf-8").splitlines())
    assert all(line in left for line in reviewed.splitlines())
    command("dataset", "infer", "loyalty", "--replace")
    assert path.read_text("utf-8").count("reviewed: no") == 32


def test_without_an_installation_an_address_and_a_file_are_enough(
    command: CommandLine, store: tuple[object, str], tmp_path: Path
) -> None:
    """And a description may come from a file."""
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(members_api()), "utf-8")
    out = tmp_path / "loyalty.yaml"
    command.bare("dataset", "infer", "loyalty", "--url", store[1], "--openapi", str(document), "--out", str(out))
    assert "path: /loyalty/members/search" in out.read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("a.b",), 2, "no name for a store"),
        (("nobody",), 2, "Give --url"),
        (("x", "--url", "http://127.0.0.1:9"), 1, "no connection"),
        (("x", "--url", "ftp://example.com"), 2, ""),
    ],
)
def test_what_cannot_be_looked_at_is_said_in_a_sentence(
    command: CommandLine, words: tuple[str, ...], code: int, says: str
) -> None:
    """And nothing is written."""
    answer = command("dataset", "infer", *words, code=code)
    assert says in answer.err
    assert not (command.state / "policies" / "datasets" / "x.yaml").exists()


def test_a_store_of_which_nothing_can_be_declared_is_said_to_be_one(
    command: CommandLine, store: tuple[object, str]
) -> None:
    """With what was asked in vain."""
    answer = command("dataset", "infer", "x", "--url", store[1], "--path", "/nothing-here", code=1)
    assert "`GET /nothing-here`: there is nothing" in answer.err
