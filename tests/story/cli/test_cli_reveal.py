# SPDX-License-Identifier: Apache-2.0
"""``gateway surrogate reveal``, ``approvals`` and ``approve``, at a running gateway, by people who sign in for it."""

import asyncio
import csv
import io
from pathlib import Path

import pytest

from gateway.app.making import Enrolled, enrol_at_once, totp_now
from tests.fakes.command_line import Answer, CommandLine
from tests.story.conftest import SUPPORT, World

ROLE, PASSWORD = "case-worker", "case-worker correct horse"
OFFICER, OTHER, THIRD = "officer correct horse one", "officer correct horse two", "officer correct horse three"
OF = ("--dataset", "crm.customers", "--field", "id", "--purpose", SUPPORT, "--reference", "case-7")


class Desk:
    """A case worker and two officers at the command line, and the world that they work in."""

    def __init__(self, world: World, people: dict[str, Enrolled], folder: Path) -> None:
        self.world, self._people, self._folder = world, people, folder
        self._command = CommandLine(world.state, {"GATEWAY_LISTEN__PORT": str(world.port)})

    async def __call__(self, name: str, password: str, *words: str, code: int = 0, stdin: str = "") -> Answer:
        """Give a command as somebody who has not signed in before: a code is good once."""
        proof = self._folder / f"{name}.proof"
        proof.write_text(f"{password}\n{totp_now(self._people[name].totp_secret)}\n", encoding="utf-8")
        proof.chmod(0o600)
        told = ("--as", name, "--proof-file", str(proof))
        return await asyncio.to_thread(self._command, "surrogate", *words, *told, code=code, stdin=stdin)

    async def listed(self, n: int) -> str:
        """Return the surrogates of so many customers, one a line."""
        answer = await self.world.get(f"/crm/customers?limit={n}&fields=id", ROLE, SUPPORT)
        return "".join(row["id"] + "\n" for row in answer.json["items"])


@pytest.fixture
async def desk(world: World, tmp_path: Path) -> Desk:
    """Three people who have not signed in yet."""
    told = (
        (ROLE, PASSWORD, ROLE),
        ("first", OFFICER, "officer"),
        ("second", OTHER, "officer"),
        ("third", THIRD, "officer"),
    )
    people = {
        name: await enrol_at_once(world.rooms, name, password, roles=(role,), recipient="own", by="local:test")
        for name, password, role in told
    }
    return Desk(world, people, tmp_path)


async def test_a_list_comes_back_with_its_values_as_csv(desk: Desk) -> None:
    """One row a surrogate, in the order of the list."""
    shown = await desk.listed(3)
    answer = await desk(ROLE, PASSWORD, "reveal", *OF, stdin=shown)
    rows = list(csv.DictReader(io.StringIO(answer.out)))
    assert [row["surrogate"] for row in rows] == shown.split()
    assert {row["value"] for row in rows} <= {one.id for one in desk.world.crowd}
    assert answer.err.strip().endswith("3 values of 3 surrogates")


async def test_a_long_list_waits_for_a_second_person(desk: Desk, tmp_path: Path) -> None:
    """Refused with what to say; listed; approved; and JSON is one document."""
    file = tmp_path / "list.txt"
    file.write_text(await desk.listed(101), encoding="utf-8")
    refused = await desk(ROLE, PASSWORD, "reveal", str(file), *OF, code=3)
    assert "gateway surrogate approve ap_" in refused.err
    assert "--reference REF" in refused.err
    assert refused.out == ""
    listed = (await desk("first", OFFICER, "approvals", "--reference", "look", "--json")).document()["approvals"]
    assert [one["surrogates"] for one in listed] == [101]
    told = await desk("second", OTHER, "approve", listed[0]["id"], "--reference", "look", "--json")
    assert told.document()["state"] == "approved"
    late = await desk("third", THIRD, "approve", listed[0]["id"], "--reference", "look", "--refuse", "--json", code=1)
    assert "was decided already" in late.err
    assert late.document()["refusal"]["reason"] == "not-found"


async def test_what_the_door_would_refuse_is_said_in_the_words_of_a_command(desk: Desk) -> None:
    """No such field, and no reference, which is an option here and a header there; made-up text waits for nobody."""
    no_field = await desk(ROLE, PASSWORD, "reveal", *OF[:2], "--field", "fax", *OF[4:], stdin="sv1_00\n", code=2)
    assert "crm.customers has no field fax" in no_field.err
    made_up = "".join(f"sv1_{n:032x}\n" for n in range(101))
    answer = await desk(ROLE, PASSWORD, "reveal", *OF, "--json", stdin=made_up)
    assert {one["cause"] for one in answer.document()["values"]} == {"not-recognised"}
    refused = await desk("first", OFFICER, "approvals", "--json", code=1)
    assert "--reference" in refused.err
    assert "Data-Reference" not in refused.err
    assert refused.document()["refusal"]["reason"] == "reference-missing"


async def test_a_proof_that_others_can_read_is_refused(desk: Desk, tmp_path: Path) -> None:
    """As the file of the key-encryption key is."""
    proof = tmp_path / "open.proof"
    proof.write_text("a\n1\n", encoding="utf-8")
    proof.chmod(0o644)
    command = CommandLine(desk.world.state, {})
    told = ("approvals", "--as", "first", "--proof-file", str(proof))
    answer = await asyncio.to_thread(command, "surrogate", *told, code=2)
    assert f"chmod 600 {proof}" in answer.err


async def test_who_does_not_prove_who_they_are_is_told_nothing_else(desk: Desk) -> None:
    """A wrong password ends the command with 3."""
    answer = await desk(ROLE, "another password altogether", "reveal", *OF, stdin="sv1_00\n", code=3)
    assert "not signed in" in answer.err
    assert answer.out == ""
