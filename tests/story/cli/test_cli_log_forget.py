# SPDX-License-Identifier: Apache-2.0
"""A person who is forgotten is in no part, on no disk, in no page of index or database; everybody else stays."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from pyroaring import BitMap, BitMap64
from sqlalchemy import make_url

from gateway.app.installation import open_installation
from gateway.app.slots import DOOR_SLOT
from gateway.cli.desk.desk import run_to_end
from gateway.domain.budget import BudgetKey
from gateway.domain.choice import Choice, ChoiceState, packed
from gateway.domain.entry import Changed, Facts, Looked, Part, Release
from gateway.domain.log_index import SPAN
from gateway.domain.names import AccountId, DecisionId, IdentityKind, PersonNumber, PurposeKey, RecipientId
from gateway.flows.policy_change import IN_FORCE
from gateway.record.format.layout import LineFile
from gateway.record.format.parts import parse_part
from gateway.settings.loading import load
from tests.fakes.command_line import CommandLine

KIND = IdentityKind("crm.customer_id")
PURPOSE = PurposeKey("marketing.communications.email")


def facts(dataset: str, rules: str) -> Facts:
    return Facts(
        account="a_someone",
        client="newsletter-app",
        recipient="own",
        purpose=PURPOSE,
        dataset=dataset,
        operation="read",
        fields={"reveal": ("email",)},
        rules=rules,
    )


async def _filled(state: Path, n_more: int) -> tuple[int, int]:
    """Let three people be numbered, released, met, chosen for and counted; return the first two."""
    async with open_installation(load(state=state), DOOR_SLOT) as rooms:
        rules = await rooms.meta.read(IN_FORCE) or ""
        gone, stays, other = await rooms.people.numbers(KIND, ["c-1", "c-2", "c-3"])
        for place, (people, dataset) in enumerate(
            [((gone, stays, other), "crm.customers"), ((gone,), "shop.orders"), ((stays,), "crm.customers")]
        ):
            call = DecisionId(f"{place:032x}")
            held = BitMap(people).serialize()
            entry = Release(
                call=call, n=0, rows=len(people), bytes=9, people=len(people), last=True, facts=facts(dataset, rules)
            )
            await rooms.log.append(entry, Part(ip="192.0.2.7", people=held, met=(gone, other)))
            key = BudgetKey(account=AccountId("a_someone"), key_class="marketing", recipient=RecipientId("own"))
            await rooms.budgets.replay(call, 0, key, held, len(people), rooms.clock())
        choices = [
            Choice(person=PersonNumber(one), purpose=PURPOSE, state=ChoiceState.REFUSED, at_us=1_700_000_000_000_000)
            for one in (gone, stays)
        ]
        await rooms.log.append(
            Changed(by="local:root", what="choices-imported", target="file"), Part(choices=packed(choices))
        )
        await rooms.choices.record(choices, "file")
        looks = (Looked(by="local:root", what="log", query="", rows=0) for _ in range(n_more))
        await asyncio.gather(*(rooms.log.append(one) for one in looks))
        return gone, stays


def stored(log: Path) -> Iterator[Part]:
    for path in log.glob("*/parts/*.ndjson"):
        for line in LineFile(path).lines():
            yield parse_part(line).part()


def places_of(logs: Path, person: int) -> list[int]:
    """Return the places of the entries whose parts hold a person."""
    return sorted(
        parse_part(line).seq
        for path in logs.glob("*/parts/*.ndjson")
        for line in LineFile(path).lines()
        if person in people_of(parse_part(line).part())
    )


def people_of(part: Part) -> set[int]:
    from gateway.domain.choice import unpacked

    numbered = {int.from_bytes(part.numbered[at + 32 : at + 36], "big") for at in range(0, len(part.numbered), 36)}
    chosen = {int(one.person) for one in unpacked(part.choices)} if part.choices else set()
    released = set(BitMap.deserialize(part.people)) if part.people else set()
    return {*part.met, *numbered, *chosen, *released}


def rows_of(command: CommandLine, query: str) -> list[tuple[Any, ...]]:
    url = command.environment.get("GATEWAY_DATABASE")
    if url is not None:
        address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(address) as connection:
            return list(connection.execute(query.replace("FROM log_", "FROM log_index.log_")).fetchall())
    name = "log-index.db" if "log_" in query else "gateway.db"
    with sqlite3.connect(command.state / name) as connection:
        return list(connection.execute(query))


def numbers_in_tables(command: CommandLine) -> set[int]:
    found: set[int] = set()
    for (held,) in rows_of(command, "SELECT people FROM log_people"):
        found |= set(BitMap.deserialize(held))
    for (held,) in rows_of(command, "SELECT postings FROM log_person"):
        found |= {one >> 16 for one in BitMap64.deserialize(held)}
    for (held,) in rows_of(command, "SELECT people FROM budget_people"):
        found |= set(BitMap.deserialize(held))
    for query in ("SELECT person FROM choice", "SELECT number FROM person_identity", "SELECT number FROM person_merge"):
        found |= {int(one) for (one,) in rows_of(command, query)}
    return found


@pytest.fixture
def second(tmp_path: Path) -> Path:
    folder = tmp_path / "other-disk"
    folder.mkdir()
    return folder


def made(fresh: CommandLine, second: Path, n_more: int = 0) -> tuple[int, int]:
    fresh.init()
    with (fresh.state / "gateway.yaml").open("a") as file:
        file.write(f"log: {{second: {second}, least_free_bytes: 0}}\n")
    people = run_to_end(_filled(fresh.state, n_more))
    fresh("log", "index", "rebuild")
    return people


def test_a_person_who_is_forgotten_is_unreadable_everywhere(
    fresh: CommandLine, second: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files on both disks, index and database pages; the logs verify, and everybody else is found as before."""
    for name, value in fresh.environment.items():
        monkeypatch.setenv(name, value)
    gone, stays = made(fresh, second, SPAN)
    assert gone in {number for part in stored(fresh.state / "log") for number in people_of(part)}
    before = places_of(fresh.state / "log", stays)
    assert len(before) == 4

    held = BitMap([gone]).serialize()
    assert gone in numbers_in_tables(fresh)
    if "GATEWAY_DATABASE" not in fresh.environment:
        assert {path.name for path in fresh.state.glob("*.db") if held in path.read_bytes()} == {
            "gateway.db",
            "log-index.db",
        }
    answer = fresh("log", "forget", "--person", str(gone), "--yes", code=1)
    assert "erase the person first" in answer.err
    told = fresh("log", "forget", "--person", str(gone), "--erase", "--yes", "--json").document()
    assert (told["numbers"], told["parts"]) == (1, 5)

    for logs in (fresh.state / "log", second):
        assert gone not in {number for part in stored(logs) for number in people_of(part)}
        assert fresh("log", "verify", "--dir", str(logs), "--json").document()["is_right"]
    assert gone not in numbers_in_tables(fresh)
    if "GATEWAY_DATABASE" not in fresh.environment:
        for path in fresh.state.glob("*.db*"):
            content = path.read_bytes()
            assert held not in content, path.name
            assert BitMap([gone, stays]).serialize() not in content, path.name

    assert places_of(fresh.state / "log", stays) == before
    assert places_of(second, stays) == before
    assert not (fresh.state / "log" / "forgetting").exists()
    assert fresh("log", "index", "check", "--json").document()


def test_a_forgetting_that_was_broken_off_is_finished_by_the_next(
    fresh: CommandLine, second: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parts of the second disk are those of the first, although nothing is found there any more."""
    for name, value in fresh.environment.items():
        monkeypatch.setenv(name, value)
    gone, stays = made(fresh, second)
    kept = {path: path.read_bytes() for path in second.glob("*/parts/*.ndjson")}
    fresh("log", "forget", "--person", str(gone), "--erase", "--yes")
    for path, content in kept.items():
        if path.parent.parent.name == DOOR_SLOT:
            path.write_bytes(content)
    (fresh.state / "log" / "forgetting").write_bytes(msgspec.json.encode([gone]))

    fresh("log", "forget", "--person", str(stays), "--erase", "--yes")
    assert not {gone, stays} & {
        number for logs in (fresh.state / "log", second) for part in stored(logs) for number in people_of(part)
    }
    for slot in (DOOR_SLOT, "cli"):
        for path in second.glob(f"{slot}/parts/*.ndjson"):
            assert path.read_bytes() == (fresh.state / "log" / slot / "parts" / path.name).read_bytes()
    assert fresh("log", "verify", "--json").document()["is_right"]


def test_nobody_is_forgotten_while_a_hold_is_on(
    fresh: CommandLine, second: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is anything else deleted."""
    for name, value in fresh.environment.items():
        monkeypatch.setenv(name, value)
    gone, _ = made(fresh, second)
    hold = fresh("log", "hold", "add", "--because", "case 7", "--json").document()["hold"]
    refused = fresh("log", "forget", "--person", str(gone), "--erase", "--yes", code=1)
    assert hold in refused.err
    assert fresh("log", "hold", "list", "--json").document()[0]["because"] == "case 7"
    fresh("log", "hold", "lift", hold)
    fresh("log", "hold", "lift", hold, code=2)
    fresh("log", "forget", "--person", str(gone), "--erase", "--yes")


def test_a_copy_from_before_can_still_be_put_back(
    fresh: CommandLine, second: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The replay takes amended parts as they are; who was forgotten is forgotten again by the same command."""
    for name, value in fresh.environment.items():
        monkeypatch.setenv(name, value)
    fresh.init()
    fresh("db", "backup", str(tmp_path / "copy.gwb"))
    with (fresh.state / "gateway.yaml").open("a") as file:
        file.write(f"log: {{second: {second}, least_free_bytes: 0}}\n")
    gone, stays = run_to_end(_filled(fresh.state, 0))
    fresh("log", "forget", "--person", str(gone), "--erase", "--yes")
    fresh("db", "restore", str(tmp_path / "copy.gwb"), "--without-keys")

    assert {int(one) for (one,) in rows_of(fresh, "SELECT number FROM person_identity")} >= {stays}
    fresh("log", "forget", "--person", str(gone), "--yes")
    assert gone not in numbers_in_tables(fresh)
    assert fresh("log", "verify", "--json").document()["is_right"]
