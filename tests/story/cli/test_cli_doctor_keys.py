# SPDX-License-Identifier: Apache-2.0
"""What the check-up says of rows and columns under retired versions of keys, each with what is to be done."""

import json

import pytest

from gateway.app.installation import open_installation
from gateway.cli.desk.desk import run_to_end
from gateway.domain.names import IdentityKind
from gateway.domain.turning import ColumnState, Turn
from gateway.settings.loading import load
from tests.fakes.command_line import CommandLine
from tests.story.cli.test_cli_doctor import Found, doctor, the_one
from tests.story.cli.test_cli_keys import known_of
from tests.story.test_migrating import at_rest

HOUR_US = 3_600_000_000


def of_rows(command: CommandLine, *, code: int = 0) -> list[Found]:
    """Return what is found of sealed rows."""
    return [one for one in doctor(command, code=code) if one["check"] == "sealed rows"]


def aged(command: CommandLine, *, hours: int) -> None:
    """Let every key be older."""
    path = command.state / "keys" / "keyring.json"
    ring = json.loads(path.read_text())
    for one in ring["keys"]:
        one["created_us"] -= hours * HOUR_US
    path.write_text(json.dumps(ring))


def test_a_sealing_anew_that_is_behind_is_found_and_made_good_by_what_it_says(
    fresh: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On both engines; of a rotation a short while ago nothing is wrong yet, and behind it the old version can go."""
    for name, value in fresh.environment.items():
        monkeypatch.setenv(name, value)
    fresh.init()

    async def meet() -> None:
        async with open_installation(load(state=fresh.state), "cli", with_rules=False) as rooms:
            await rooms.people.numbers(IdentityKind("crm.customer_id"), ["C-1", "C-2"])

    run_to_end(meet())
    assert the_one(of_rows(fresh), "ok", "every row is under the version in force")
    fresh("key", "rotate", "people/wrap")
    assert the_one(of_rows(fresh), "note", "2 rows wait to be sealed anew")
    aged(fresh, hours=3)
    [behind] = of_rows(fresh)
    assert behind["grade"] == "warning"
    assert "2 rows are still under version 1 of people/wrap, which was retired 3 hours ago" in behind["sentence"]

    fresh(*behind["fix"].partition("; or gateway ")[2].split())
    unneeded = the_one(of_rows(fresh), "note", "no row needs version 1 of people/wrap any more")
    fresh(*unneeded["fix"].split()[1:], "--yes")
    assert the_one(of_rows(fresh), "ok", "every row is under the version in force")


def test_a_key_that_the_keyring_lacks_is_a_problem(command: CommandLine) -> None:
    """As with an older copy of it; what was shredded on purpose is a note."""
    path = command.state / "keys" / "keyring.json"
    before = path.read_bytes()
    command("key", "rotate", "totp")
    command("key", "rewrap", "totp")
    newer = path.read_bytes()
    path.write_bytes(before)
    found = the_one(of_rows(command, code=1), "problem", "2 rows need version 2 of totp, which the keyring lacks")
    assert found["fix"] == "put a newer copy of keys/ back"
    path.write_bytes(newer)
    command("key", "rotate", "totp")
    command("key", "shred", "totp", "2", "--yes", "--although-needed")
    assert the_one(of_rows(command), "note", "2 rows can never be opened again: version 2 of totp is shredded")


def test_columns_under_a_retired_version_are_named_with_what_makes_them_anew(command: CommandLine) -> None:
    """Those that were turned over; then the version can go."""
    at_rest(load(state=command.state), {"email": "mails", "phone": "phones"})
    known_of(command, phone=ColumnState(Turn.DONE, 1))
    command("key", "rotate", "at-rest/phones")
    found = the_one(of_rows(command), "note", "crm.customers.phone holds surrogates under version 1 of at-rest/phones")
    assert found["fix"] == "gateway surrogate migrate crm.customers"
    known_of(command, phone=ColumnState(Turn.DONE, 2))
    unneeded = the_one(of_rows(command), "note", "no column needs version 1 of at-rest/phones any more")
    assert unneeded["fix"] == "gateway key shred at-rest/phones 1"
