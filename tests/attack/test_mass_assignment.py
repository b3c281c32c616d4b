# SPDX-License-Identifier: Apache-2.0
"""Attack: a body names more than a form shows, so that the store sets what the caller may not set."""

import shutil
from pathlib import Path

import pytest

from tests.story.conftest import SUPPORT, World
from tests.story.test_writes import MERGE, ONE, kinds, stored, written


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store that a test may write to."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


BODIES = [
    '{"city":"Ulm","is_admin":true}',
    '{"city":"Ulm","__proto__":{"religion":"x"}}',
    '{"city":"Ulm","Religion":"x"}',
    '{"city":"Ulm","religion ":"x"}',
    '{"city":"Ulm","\\u0072eligion":"x"}',
    '{"city":"Ulm","religion":"x"}',
    '{"city":"Ulm","religion":null}',
    '{"city":"Ulm","balance":1000000}',
    '{"city":"Ulm","national_id":"11010519491231002X"}',
    '{"city":"Ulm","city":"Bonn"}',
    '{"city":"Ulm","address.city":"Bonn"}',
    '{"city":{"$set":"Ulm"}}',
    '{"city":["Ulm"]}',
    '{"":{"religion":"x"}}',
    '[{"city":"Ulm"}]',
    '"city"',
    "null",
    "{}",
    '{"id":"c-000151","city":"Ulm"}',
    '{"id":null,"city":"Ulm"}',
    '{"city":"Ulm"}{"religion":"x"}',
    '{"city":"Ulm"',
    '{"city":NaN}',
]


async def test_what_is_not_declared_collected_and_granted_never_arrives(world: World) -> None:
    """One bad member refuses the whole body; both records stay as they are."""
    other = "/crm/customers/c-000151"
    before = [await stored(world, path) for path in (ONE, other)]
    told = {
        "Authorization": "Bearer " + await world.bearer("service-agent"),
        "Data-Purpose": SUPPORT,
        "Content-Type": MERGE,
    }
    for body in BODIES:
        reply = await world.ask("PATCH", ONE, told, body.encode())
        assert reply.status in (400, 422), body
        assert reply.json["reason"] in ("body-invalid", "field-not-collected", "malformed")
        assert len(kinds(world, reply)) == 1
    assert [await stored(world, path) for path in (ONE, other)] == before


CALLS: list[tuple[str, str, object, dict[str, str], tuple[int, ...]]] = [
    ("PUT", ONE, {"city": "Ulm"}, {}, (405,)),
    ("POST", ONE, {"city": "Ulm"}, {}, (405,)),
    ("DELETE", "/crm/customers", None, {}, (405,)),
    ("DELETE", "/crm/contacts/k-1", None, {}, (404, 405)),
    ("DELETE", ONE + "?id=c-000151", None, {}, (400,)),
    ("PATCH", ONE + "?religion=x", {"city": "Ulm"}, {}, (400,)),
    ("POST", "/crm/customers?id=c-000151", {"city": "Ulm"}, {}, (400,)),
    ("DELETE", ONE, {"city": "Ulm"}, {}, (400, 413, 415, 422)),
    ("PATCH", ONE, {"city": "Ulm"}, {"X-HTTP-Method-Override": "DELETE"}, (200, 400)),
    ("PATCH", ONE, {"city": "Ulm"}, {"Content-Type": "application/json-patch+json"}, (415,)),
    ("POST", "/crm/contacts/bulk", [{"id": f"b-{n}", "channel": "x"} for n in range(501)], {}, (413, 422)),
]


async def test_a_write_is_only_what_its_route_declares(world: World) -> None:
    """Method, query, body and headers; the record is still there with all that it had."""
    before = await stored(world)
    n_before = len(await world.straight("/crm/contacts?limit=10000"))
    for method, path, said, headers, statuses in CALLS:
        reply = await written(world, method, path, said, headers=headers)
        assert reply.status in statuses, (method, path, reply.body)
        if reply.status == 200:
            before |= {"city": "Ulm"}
        assert await stored(world) == before
    assert len(await world.straight("/crm/contacts?limit=10000")) == n_before
