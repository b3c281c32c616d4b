# SPDX-License-Identifier: Apache-2.0
"""When the disk, the database, the rules or our own code fail: nothing leaves, and the log stays right."""

import errno
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from gateway.app.installation import reload_rules
from gateway.app.slots import DOOR_SLOT
from gateway.domain.entry import End, RefusalsCounted, Refused, Release, RulesInForce, RulesRefused
from gateway.domain.errors import StateUnavailable
from tests.fakes.gated_store import GatedStore, contacts, in_pieces
from tests.fakes.log import FaultyDisk
from tests.fakes.wire import Heard, called, request
from tests.story.conftest import ANALYST, World

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
CANARY = "cnry-of-our-own-error"


@pytest.fixture
async def gated() -> AsyncIterator[GatedStore]:
    """A store that answers with ten contacts, or with what the test sets."""
    async with GatedStore() as store:
        store.answers(in_pieces(contacts(10)))
        yield store


@pytest.fixture
def store_port(gated: GatedStore) -> int:
    """Its port."""
    return gated.port


async def stated(world: World) -> dict[str, str]:
    """Return the headers of an analyst."""
    return {"Authorization": "Bearer " + await world.bearer("analyst"), "Data-Purpose": ANALYST}


async def asked(world: World) -> Heard:
    """Ask as an analyst."""
    return await called(world.port, request("/crm/contacts", await stated(world)))


async def test_while_nothing_can_be_entered_nothing_leaves(world: World, gated: GatedStore) -> None:
    """503, no body, when to come again; and as soon as the disk takes entries, answers."""
    bearer = await stated(world)
    disk = under(world)
    disk.fail = {"write": errno.ENOSPC}
    refused = [
        await called(world.port, request(path, headers))
        for path, headers in (("/crm/contacts", bearer), ("/crm/contacts", {}), ("/-/me", bearer))
    ]
    signing = await called(
        world.port,
        request(
            "/-/login",
            {"Content-Type": "application/json"},
            method="POST",
            body=b'{"username":"analyst","password":"x"}',
        ),
    )
    disk.fail = {}
    well = await called(world.port, request("/crm/contacts", bearer))

    for heard in (*refused, signing):
        assert (heard.status, heard.body, heard.is_whole) == (503, b"", True)
        assert heard.headers["content-length"] == "0"
        assert int(heard.headers["retry-after"]) > 0
    assert well.status == 200
    assert world.verdict().is_right


def log_files(world: World) -> list[Path]:
    """Return the segments of the door's log."""
    return sorted((world.state / "log" / DOOR_SLOT).glob("*.ndjson"))


def under(world: World) -> FaultyDisk:
    """Put a disk that can fail under the log of a running world."""
    disk = FaultyDisk()
    log = world.rooms.log
    slot = log._log
    sink = slot._sinks.whole
    log._files = sink.files = disk
    assert sink._segment is not None
    sink._segment._files = disk
    return disk


async def test_a_log_that_fails_midway_cuts_the_stream(world: World, gated: GatedStore) -> None:
    """No block leaves without its entry; how much left is entered when entries are taken again."""
    gated.answers(in_pieces(contacts(20_000)))
    # Everybody has a number, so that nothing but blocks is entered.
    await world.numbers([one.id for one in world.crowd])
    disk = under(world)

    bearer, failed = await stated(world), list[int]()

    def fail_with_the_second_block() -> None:
        # Checkpoints are synced in between whenever it is time, so blocks are counted and not syncs.
        n_blocks = sum(path.read_bytes().count(b'"kind":"release"') for path in log_files(world))
        disk.fail = {"sync": errno.EIO} if n_blocks == 2 and not failed else {}
        failed.extend([n_blocks] * bool(disk.fail))

    disk.before_sync = fail_with_the_second_block
    heard = await called(world.port, request("/crm/contacts", bearer))

    entries = [one for one, _ in world.entries_of(heard.headers["decision-id"])]
    assert not heard.is_whole
    assert len(heard.body) == sum(entry.bytes for entry in entries if isinstance(entry, Release))
    assert isinstance(entries[-1], End)
    assert (entries[-1].how, entries[-1].bytes, entries[-1].reason) == ("cut", len(heard.body), "log-unavailable")
    assert world.verdict().is_right


async def test_on_a_nearly_full_disk_data_calls_are_refused(world: World) -> None:
    """The last room is the log's; health is told as it is."""
    disk = under(world)
    world.rooms.log._limits = msgspec.structs.replace(world.rooms.log._limits, free_bytes=1 << 30)
    disk.free, world.rooms.log._room_asked_s = (1 << 20, 1 << 40), float("-inf")
    heard = await asked(world)
    ready = await called(world.port, request("/-/readyz", {}))

    assert (heard.status, heard.body) == (503, b"")
    assert (ready.status, ready.body) == (503, b"not ready\n")


class DeadFeed:
    """A feed whose database does not answer."""

    async def poll(self) -> tuple[str, ...]:
        """Fail."""
        raise StateUnavailable("the database does not answer")


async def test_a_door_that_does_not_hear_of_changes_answers_503(world: World, gated: GatedStore) -> None:
    """More than two seconds without a good poll, and nobody is told anything; then it goes on."""
    feed, bearer = world.rooms.changes._feed, await stated(world)
    world.rooms.changes._feed = DeadFeed()  # type: ignore[assignment]
    assert world.rooms.changes._good_us is not None
    world.rooms.changes._good_us -= 2_000_001
    stale = [await called(world.port, request(path, bearer)) for path in ("/crm/contacts", "/-/me", "/-/readyz")]
    world.rooms.changes._feed = feed
    await world.rooms.changes.follow()
    current = await called(world.port, request("/crm/contacts", bearer))

    assert [heard.status for heard in stale] == [503, 503, 503]
    assert "retry-after" in stale[0].headers
    assert current.status == 200


async def test_rules_that_cannot_be_used_leave_the_old_ones_in_force(world: World) -> None:
    """The change and its refusal are in the log, and calls go on by the rules before."""
    before = world.rooms.policy.decider.rules.digest
    path = world.rooms.settings.policies_dir / "grants.csv"
    good = path.read_text()
    path.write_text(good + "q, analyst, crm, user, analytics, read, reveal, yes, allow, ,\n")
    await reload_rules(world.rooms.policy, world.rooms.settings.policies_dir)
    told = await asked(world)
    path.write_text(good + "\n# a comment\n")
    await reload_rules(world.rooms.policy, world.rooms.settings.policies_dir)

    refused = [entry for entry, _ in world.entries() if isinstance(entry, RulesRefused)]
    [_, swapped] = [entry for entry, _ in world.entries() if isinstance(entry, RulesInForce)]
    assert told.status == 200
    assert len(refused) == 1
    assert "grants.csv" in refused[0].problems[0]
    assert swapped.before == before
    assert world.rooms.policy.decider.rules.digest == swapped.rules != before


async def test_an_error_of_our_own_is_refused_and_entered(world: World, gated: GatedStore) -> None:
    """Neither its message nor a value gets out; the entry says that the gateway failed."""

    async def fail(*_: object) -> list[int]:
        raise ValueError(CANARY)

    world.rooms.people.numbers = fail  # type: ignore[method-assign,assignment]
    heard = await asked(world)

    [(entry, _)] = world.entries_of(heard.headers["decision-id"])
    assert isinstance(entry, Refused)
    assert (heard.status, entry.reason) == (500, "gateway-failed")
    assert CANARY.encode() not in heard.body


async def test_an_error_in_a_refusal_itself_leaves_no_word(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server would make up an answer with a body; the door's last resort has none."""

    def fail(*_: object) -> bytes:
        raise ValueError(CANARY)

    monkeypatch.setattr("gateway.doors.http.data.problem_json", fail)
    heard = await called(world.port, request("/crm/contacts", {}))
    assert (heard.status, heard.body, heard.is_whole) == (503, b"", True)


async def test_a_database_that_does_not_answer_is_refused_at_sign_in(world: World) -> None:
    """A problem with an entry, not a page of the server's own."""

    async def fail(*_: object, **__: object) -> None:
        raise StateUnavailable("the database does not answer")

    world.rooms.clients.find = fail  # type: ignore[method-assign]
    told = await world.ask(
        "POST",
        "/-/oauth/token",
        {"Content-Type": "application/x-www-form-urlencoded"},
        b"grant_type=client_credentials&client_id=nobody&client_secret=gws_" + b"a" * 43,
    )
    refusals = [one for one, _ in world.entries() if isinstance(one, Refused | RefusalsCounted)]
    assert (told.status, told.json["reason"]) == (503, "overloaded")
    assert len(refusals) == 1
