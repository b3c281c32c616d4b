# SPDX-License-Identifier: Apache-2.0
"""A list in every form, whole and cut, over real sockets; the log says what was on the wire."""

import csv
import io
import json
from collections.abc import AsyncIterator

import pytest

from gateway.domain.entry import End, Release
from tests.fakes.gated_store import GatedStore, contacts, in_pieces
from tests.fakes.wire import calling, request, until
from tests.story.conftest import ANALYST, EMAIL, World

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
LINES, CSV, PEOPLE = "application/x-ndjson", "text/csv; charset=utf-8; header=present", "text/csv; formulas=escaped"


def records(body: bytes) -> list[dict[str, str]]:
    """Return the rows of an answer in CSV."""
    return list(csv.DictReader(io.StringIO(body.decode(), newline=""), strict=True))


async def test_a_list_says_the_same_in_every_form(world: World) -> None:
    """And in each of them the log has its rows and its bytes."""
    asked = "/crm/customers?limit=60"
    plain = await world.get(asked, "campaigner", EMAIL)
    rows = plain.json["items"]
    told = {
        accept: await world.get(asked, "campaigner", EMAIL, Accept=accept) for accept in (LINES, "text/csv", PEOPLE)
    }

    assert len(rows) > 5
    assert [reply.headers["content-type"] for reply in told.values()] == [LINES, CSV, f"{CSV}; formulas=escaped"]
    assert [json.loads(line) for line in told[LINES].body.splitlines()] == rows
    texts = [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows]
    assert records(told["text/csv"].body) == texts
    assert [{name: cell.removeprefix("'") for name, cell in row.items()} for row in records(told[PEOPLE].body)] == texts
    for reply in (plain, *told.values()):
        [(entry, _)] = world.entries_of(reply.headers["decision-id"])
        assert isinstance(entry, Release)
        assert (entry.rows, entry.bytes, entry.last) == (len(rows), len(reply.body), True)
        assert int(reply.headers["content-length"]) == len(reply.body)
        assert reply.headers["data-view"] == plain.headers["data-view"]


async def test_records_and_refusals_are_json_and_what_cannot_be_met_is_refused(world: World) -> None:
    """Before the store is asked."""
    one = "/crm/customers/c-000001"
    refused = await world.get(one, "campaigner", EMAIL, Accept="text/csv")
    assert (refused.status, refused.json["reason"]) == (415, "content-type-not-supported")
    assert refused.headers["content-type"] == "application/problem+json"
    for accept in ("text/html", "text/csv; header=absent", "application/xml"):
        refused = await world.get("/crm/customers", "campaigner", EMAIL, Accept=accept)
        assert (refused.status, refused.json["reason"], refused.json["fields"]) == (
            415, "content-type-not-supported", ["Accept"],
        )  # fmt: skip
    refused = await world.get("/crm/customers?religion=x", "campaigner", EMAIL, Accept="text/csv")
    assert (refused.status, refused.headers["content-type"]) == (403, "application/problem+json")


class TestCut:
    """A store that breaks off in the middle of its rows."""

    @pytest.fixture
    async def gated(self) -> AsyncIterator[GatedStore]:
        """A store whose second piece is no JSON."""
        async with GatedStore() as store:
            store.answers([in_pieces(contacts(9_000), 6_000)[0], b"}"], is_open=False)
            yield store

    @pytest.fixture
    def store_port(self, gated: GatedStore) -> int:
        """Its port."""
        return gated.port

    async def test_a_cut_answer_is_visibly_broken(self, world: World, gated: GatedStore) -> None:
        """Lines end with the control record, JSON is not closed, and the frame has no end."""
        bearer = "Bearer " + await world.bearer("analyst")
        for accept in ("application/json", LINES, "text/csv", PEOPLE):
            headers = {"Authorization": bearer, "Data-Purpose": ANALYST, "Accept": accept}
            async with calling(world.port, request("/crm/contacts", headers)) as caller:
                await until(lambda: gated.n_waiting > 0)
                gated.let_through(2)
                heard = await caller.to_the_end()

            *released, end = [entry for entry, _ in world.entries_of(heard.headers["decision-id"])]
            assert isinstance(end, End)
            n_rows = sum(entry.rows for entry in released if isinstance(entry, Release))
            n_bytes = sum(entry.bytes for entry in released if isinstance(entry, Release))
            assert not heard.is_whole
            assert 0 < n_rows < 6_000
            assert (end.how, end.bytes, end.told) == ("store-failed", n_bytes, len(heard.body) - n_bytes)
            assert_told(accept, heard.body[:n_bytes], heard.body[n_bytes:].decode(), n_rows)


def assert_told(accept: str, body: bytes, words: str, n_rows: int) -> None:
    """Nobody can take what came for whole, and lines say how many rows there were."""
    if accept == LINES:
        assert json.loads(words) == {"$gateway": {"end": "cut", "rows": n_rows, "reason": "store-answer-invalid"}}
        assert len(body.splitlines()) == n_rows
    elif accept == "application/json":
        assert (words, body[-1:]) == ("", b"}")
    else:
        assert words == f"#gateway,cut,{n_rows},store-answer-invalid\r\n"
        assert len(list(csv.reader(io.StringIO(body.decode(), newline="")))) == n_rows + 1


class TestLong:
    """A page of more than one block."""

    @pytest.fixture
    async def gated(self) -> AsyncIterator[GatedStore]:
        """A store with 9,000 rows."""
        async with GatedStore() as store:
            store.answers(in_pieces(contacts(9_000), 6_000), is_open=True)
            yield store

    @pytest.fixture
    def store_port(self, gated: GatedStore) -> int:
        """Its port."""
        return gated.port

    async def test_its_head_tells_where_a_next_page_would_be(self, world: World) -> None:
        """Not whether there is one, which is known only at its end."""
        for accept in ("application/json", LINES, "text/csv"):
            reply = await world.get("/crm/contacts?limit=1000", "analyst", ANALYST, Accept=accept)
            link, _, relation = reply.headers["link"].partition("; ")
            assert "data-page" not in reply.headers
            assert link.startswith("</crm/contacts?limit=1000&cursor=")
            assert relation == 'rel="next"'
            assert (await world.get(link.strip("<>"), "analyst", ANALYST)).status == 200
