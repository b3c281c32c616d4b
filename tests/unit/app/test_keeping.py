# SPDX-License-Identifier: Apache-2.0
"""Marks and beats of a running process, and numbers that the log holds before anybody is told."""

from pathlib import Path

import pytest

from gateway.app.installation import open_installation
from gateway.app.making import make_installation
from gateway.app.slots import CLI_SLOT, DOOR_SLOT
from gateway.domain.entry import Changed, Looked, Numbered
from gateway.domain.names import IdentityKind
from gateway.record.reading.reader import records
from gateway.settings.loading import Settings
from gateway.store.marks import Marks

CUSTOMER = IdentityKind("crm.customer_id")


@pytest.fixture
def installation(tmp_path: Path) -> Settings:
    """An installation in which nothing happened."""
    content: dict[str, object] = {"installation": "i", "log": {"least_free_bytes": 0, "least_free_percent": 0}}
    return make_installation(tmp_path / "state", content)


def beats(settings: Settings, slot: str) -> list[int]:
    """Return the beats that a log names."""
    bodies = [record.line.body for record in records(settings.state / "log" / slot)]
    return [int(one.facts["beat"]) for one in bodies if isinstance(one, Changed) and one.what == "database-marked"]


async def test_a_mark_follows_a_minute_behind(installation: Settings) -> None:
    """What was entered since the last tick may not be committed yet."""
    async with open_installation(installation, DOOR_SLOT, with_rules=False) as rooms:
        before = rooms.log.size
        await rooms.people.numbers(CUSTOMER, ["a"])
        await rooms.keeper.tick()
        first = (await Marks(rooms.store).read()).places
        await rooms.keeper.tick()
        second = (await Marks(rooms.store).read()).places
    assert first["i/node1/door-0"] == before
    assert second["i/node1/door-0"] == before + 1
    assert beats(installation, DOOR_SLOT) == [1], "the second minute told nothing"


async def test_an_orderly_end_marks_everything_and_one_with_an_error_nothing(installation: Settings) -> None:
    """What was entered before an error may never have been made."""

    async def broken_off() -> None:
        async with open_installation(installation, CLI_SLOT, with_rules=False) as rooms:
            await rooms.people.numbers(CUSTOMER, ["a"])
            raise RuntimeError("broken off")

    with pytest.raises(RuntimeError):
        await broken_off()
    async with open_installation(installation, CLI_SLOT, with_rules=False) as rooms:
        assert (await Marks(rooms.store).read()).places["i/node1/cli"] == 1
        await rooms.people.numbers(CUSTOMER, ["b"])
    async with open_installation(installation, DOOR_SLOT, with_rules=False) as rooms:
        size = len(list(records(installation.state / "log" / CLI_SLOT)))
        # All but the close.
        assert (await Marks(rooms.store).read()).places["i/node1/cli"] == size - 1


async def test_looking_changes_nothing_and_writes_nothing(installation: Settings) -> None:
    """A command that only reads moves no mark and counts no beat."""
    async with open_installation(installation, CLI_SLOT, with_rules=False) as rooms:
        await rooms.log.append(Looked(by="local:test", what="users", query="", rows=0))
    assert beats(installation, CLI_SLOT) == []


async def test_numbers_are_in_the_log_before_they_are_told(installation: Settings) -> None:
    """Each once; a number that is known from the database of an older version is entered when it is met."""
    async with open_installation(installation, CLI_SLOT, with_rules=False) as rooms:
        numbers = await rooms.people.numbers(CUSTOMER, ["a", "b"])
        await rooms.people.numbers(CUSTOMER, ["b", "a"])
        rooms.people.forget()
        assert await rooms.people.find(CUSTOMER, "a") == numbers[0]
    found = [one for one in records(installation.state / "log" / CLI_SLOT) if isinstance(one.line.body, Numbered)]
    assert [one.line.body for one in found] == [Numbered(people=2, identity=CUSTOMER)]
    assert found[0].part is not None
    held = found[0].part.numbered
    assert [int.from_bytes(held[place : place + 4], "big") for place in (32, 68)] == numbers
