# SPDX-License-Identifier: Apache-2.0
"""A store grows a field while the gateway runs: it never leaves, and the owner is told within a minute."""

import asyncio
import json
from pathlib import Path

from gateway.app.installation import open_installation
from gateway.app.making import enrol_at_once, issue_locally, make_installation
from gateway.domain.entry import Changed
from gateway.record.reading.reader import records
from tests.fakes.gated_store import GatedStore, contacts, in_pieces
from tests.fakes.processes import gateway_served
from tests.fakes.wire import request
from tests.story.conftest import ANALYST

DEADLINE_S = 60
SECRET = "+49 1512 3456789"


def grown(rows: list[bytes]) -> list[bytes]:
    """Return the rows with a field more, and with a map that is keyed by people."""
    return [json.dumps({**json.loads(row), "shoe_size": 42, SECRET: "owes us money"}).encode() for row in rows]


async def test_a_field_that_appears_later_is_dropped_and_told(place: str, tmp_path: Path) -> None:
    """By an entry in the door's log, a row in the table and a warning; keys that are people are not named."""
    state = Path(place) if "://" not in place else tmp_path / "state"
    async with GatedStore() as store:
        store.answers(in_pieces(contacts(3)))
        content: dict[str, object] = {
            "installation": "grown",
            "listen": {"port": 0},
            "stores": {"crm": {"base_url": f"http://127.0.0.1:{store.port}/crm"}},
            "passwords": {"memory_kib": 64, "time_cost": 1},
            "log": {"least_free_bytes": 0, "least_free_percent": 0},
        }
        settings = make_installation(state, content | ({"database": place} if "://" in place else {}))
        async with open_installation(settings, "cli") as rooms:
            await enrol_at_once(
                rooms, "analyst", "seven lamps of architecture", roles=("analyst",), recipient="own", by="local:test"
            )
            bearer = await issue_locally(rooms, "analyst", signed_in_ago_us=0, by="local:test")
            told = {"Authorization": f"Bearer {bearer}", "Data-Purpose": ANALYST}
            async with gateway_served(settings) as served, asyncio.timeout(DEADLINE_S):
                kept = await served.connected("door-0")
                before = await kept.ask(request("/crm/contacts", told))
                store.answers(in_pieces(grown(contacts(3))))
                while len(found := await rooms.unseen.all()) < 2:
                    after = await kept.ask(request("/crm/contacts", told))
                    assert after.status == 200
                    assert after.body == before.body
                    await asyncio.sleep(0.05)
        assert {(one.dataset, one.field) for one in found} == {
            ("crm.contacts", "shoe_size"),
            ("crm.contacts", "(not shown)"),
        }
        entries = [record.line.body for record in records(state / "log" / "door-0")]
        appeared = [entry for entry in entries if isinstance(entry, Changed) and entry.what == "field-appeared"]
        assert {entry.facts["field"] for entry in appeared} == {"shoe_size", "(not shown)"}
        assert "the store sends the field shoe_size" in served.remarks
        assert "3456789" not in served.remarks + "".join(map(repr, entries)) + repr(found)
