# SPDX-License-Identifier: Apache-2.0
"""Equality asked of a column that holds values and surrogates: every form is asked for, and what comes is one list."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec
import pytest

from gateway.domain.catalog import AnswerShape, AtRest, Form, Route
from gateway.domain.decision import FilterUse, Permit, Reason, Use
from gateway.domain.inquiry import Filter, Inquiry
from gateway.domain.names import DatasetName, DecisionId, FieldName
from gateway.domain.parameters import Comparison, FilterParameter, LimitParameter, OffsetParameter
from gateway.domain.turning import UNKNOWN, ColumnState, Turn
from gateway.flows.access.call import Call, RefusedError
from gateway.flows.access.mixed import Ways, forms_of, ways_of
from gateway.flows.access.ports.at_rest import NoVault
from gateway.flows.access.ports.doorway import Arrival, Origin
from gateway.flows.access.ports.stores import StoreAnswer, StoreCall
from gateway.flows.access.vaulting import Holding
from gateway.transform.codec import compile_codec
from gateway.transform.split import Members
from gateway.transform.vaulted import stored_text
from tests.fakes.access import AccessHouse, FakeOut
from tests.fakes.deciding import inquiry
from tests.fakes.plans import CHAINS, REVEALED, plan, spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys
from tests.fakes.vault import FakeVault

PHONE = FieldName("phone")
LIST = Route(
    method="GET",
    template="/crm/people",
    operation="read",
    dataset=DatasetName("crm.people"),
    answer=AnswerShape(kind="array"),
    parameters={
        "limit": LimitParameter(most=50),
        "offset": OffsetParameter(),
        "phone": FilterParameter(PHONE),
        "phones": FilterParameter(PHONE, Comparison.IN, most=4),
        "mail": FilterParameter(FieldName("mail")),
    },
)
VIEW = plan(
    (spec("phone", at_rest=AtRest.SIV), CHAINS["text"], REVEALED),
    (spec("mail", at_rest=AtRest.SIV), CHAINS["text"], REVEALED),
    (spec("city"), CHAINS["text"], REVEALED),
)


class Store:
    """Rows that are filtered by equality, and paged."""

    def __init__(self, rows: list[dict[str, str]]) -> None:
        """Begin with nothing asked."""
        self.rows = rows
        self.calls: list[StoreCall] = []

    @asynccontextmanager
    async def call(self, call: StoreCall) -> AsyncIterator[StoreAnswer]:
        """Answer."""
        self.calls.append(call)
        query = dict(call.query)
        found = [row for row in self.rows if _fits(row, query)]
        start = int(query.get("offset", 0))
        yield _Answer(json.dumps(found[start : start + int(query.get("limit", 100))]).encode())


def _fits(row: Mapping[str, str], query: Mapping[str, str]) -> bool:
    wanted = {name: [query[name]] for name in ("phone", "mail") if name in query}
    wanted |= {"phone": query["phones"].split(",")} if "phones" in query else {}
    return all(row.get(name) in texts for name, texts in wanted.items())


class _Answer:
    def __init__(self, body: bytes) -> None:
        self.absent, self.status, self.etag, self._body = False, 200, None, body

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._body


class Columns:
    """The state of every column."""

    def __init__(self, state: ColumnState) -> None:
        """Keep it."""
        self._state = state

    def of(self, dataset: DatasetName, field: FieldName) -> ColumnState:
        """Return it."""
        del dataset, field
        return self._state


class House:
    """A question, its keys and its store."""

    def __init__(self, state: ColumnState = UNKNOWN) -> None:
        """Begin with an empty store under the second version of each key."""
        self.keys = FakeSurrogateKeys()
        self.codec = compile_codec(VIEW, self.keys)
        self.first = self.codec.held(PHONE, "1") or ""
        self.keys.rotate()
        self.second = self.codec.held(PHONE, "1") or ""
        self.store = Store([])
        self.rooms = msgspec.structs.replace(AccessHouse().rooms, columns=Columns(state), target=self.store)

    async def ways(self, *filters: Filter, use: Use = Use.CLEAR, limit: int = 10, offset: int | None = None) -> Ways:
        """Return the questions that filters take."""
        asked: Inquiry = msgspec.structs.replace(
            inquiry(), route=LIST, dataset=LIST.dataset, filters=filters, limit=limit, offset=offset
        )
        permit = Permit(plan=VIEW, filters=tuple(FilterUse(filter=one, use=use) for one in filters))
        return await ways_of(self.rooms, _call(), asked, permit, Holding(self.codec, NoVault()))

    async def page(self, *filters: Filter, limit: int = 10, offset: int | None = None) -> list[str]:
        """Return the cities of the rows that come."""
        ways = await self.ways(*filters, limit=limit, offset=offset)
        found: list[str] = []
        async for answer in ways.answers():
            rows = json.loads(b"".join([piece async for piece in answer.chunks()]))
            found += [row["city"] for row in rows]
            ways.told(Members(counts={}), len(rows))
        return found


def _call() -> Call:
    arrival = Arrival(
        decision_id=DecisionId("d"), method="GET", authorization=None, purpose=None, reference=None,
        origin=Origin(ip="", user_agent=""), bind=None,  # type: ignore[arg-type]
    )  # fmt: skip
    return Call(arrival, FakeOut())


def equal(value: str, field: str = "phone") -> Filter:
    """Return an equality."""
    return Filter(field=FieldName(field), comparison=Comparison.EQUAL, value=value, parameter=field)


def among(*values: str) -> Filter:
    """Return a list of values."""
    return Filter(field=PHONE, comparison=Comparison.IN, value="", values=values, parameter="phones")


async def test_rows_are_found_in_whichever_form_they_lie() -> None:
    """In clear first, then under the older key, then under the one in force; each question one call of the decision."""
    house = House()
    house.store.rows = [
        {"phone": phone, "city": str(n)} for n, phone in enumerate(["1", house.first, house.second, "2", house.second])
    ]
    assert await house.page(equal("1")) == ["0", "1", "2", "4"]
    assert [call.n for call in house.store.calls] == [0, 1, 2]


async def test_a_row_that_is_turned_between_two_questions_is_not_missed() -> None:
    """Forms are asked for in the order in which rows go through them, in either direction."""
    for turn in (Turn.OVER, Turn.BACK):
        house = House(ColumnState(turn))
        before, after = ("1", house.second) if turn is Turn.OVER else (house.second, "1")
        house.store.rows = [{"phone": before, "city": "0"}]
        ways = await house.ways(equal("1"))
        n_found = 0
        async for answer in ways.answers():
            rows = json.loads(b"".join([piece async for piece in answer.chunks()]))
            n_found += len(rows)
            ways.told(Members(counts={}), len(rows))
            house.store.rows[0]["phone"] = after
        assert n_found >= 1


async def test_by_a_surrogate_the_same_is_found_as_by_the_value() -> None:
    """Whatever it was made of."""
    house = House()
    surrogate = house.codec._surrogates.of(VIEW.collection.fields[0], house.first)
    ways = await house.ways(equal(surrogate or ""), use=Use.SURROGATE)
    assert ways.n == 3
    with pytest.raises(RefusedError) as refused:
        await house.ways(equal("sv1_" + "0" * 96), use=Use.SURROGATE)
    assert refused.value.deny.reason is Reason.SURROGATE_NOT_RECOGNISED


async def test_beside_a_mixed_column_one_that_is_whole_is_asked_for_as_it_lies_there() -> None:
    """Each by what is known of it."""
    house = House(ColumnState(Turn.DONE, 2))
    mail = house.codec.held(FieldName("mail"), "m") or ""
    house.store.rows = [{"phone": house.second, "mail": mail, "city": "0"}, {"phone": "1", "mail": "m", "city": "1"}]
    assert await house.page(equal("1"), equal("m", "mail")) == ["0"]


async def test_of_a_column_that_is_whole_there_is_one_question() -> None:
    """And of one whose key was rotated since, one for each key that it may lie under."""
    house = House(ColumnState(Turn.DONE, 2))
    assert (await house.ways(equal("1"))).n == 1
    house = House(ColumnState(Turn.DONE, 1))
    assert (await house.ways(equal("1"))).n == 2
    house.keys.shred(1)
    assert (await house.ways(equal("1"))).n == 1


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7])
async def test_pages_are_those_of_one_list(limit: int) -> None:
    """Each row once, in one order, and no page longer than it may be."""
    house = House()
    phones = ["1", house.first, house.second] * 3
    house.store.rows = [{"phone": phone, "city": str(n)} for n, phone in enumerate(phones)]
    whole = await house.page(equal("1"), limit=50)
    assert len(whole) == 9
    for offset in range(0, 12, limit):
        house.store.calls.clear()
        assert await house.page(equal("1"), limit=limit, offset=offset or None) == whole[offset : offset + limit]
        assert len(house.store.calls) <= 8


async def test_a_list_of_values_goes_in_one_question_as_far_as_the_store_takes_it() -> None:
    """All forms of all values, in pieces of as many as are declared."""
    house = House()
    house.store.rows = [
        {"phone": phone, "city": str(n)} for n, phone in enumerate(["1", house.first, house.second, "2"])
    ]
    assert sorted(await house.page(among("1"))) == ["0", "1", "2"]
    assert len(house.store.calls) == 1
    house.store.calls.clear()
    assert sorted(await house.page(among("1", "2"))) == ["0", "1", "2", "3"]
    assert [len(dict(call.query)["phones"].split(",")) for call in house.store.calls] == [4, 2]


async def test_two_spellings_of_a_value_find_its_rows_once() -> None:
    """Also where they take more questions than one; what a row may be turned into is asked for behind what it was."""
    house = House()
    house.store.rows = [
        {"phone": phone, "city": str(n)} for n, phone in enumerate(["1", " 1", house.first, house.second])
    ]
    assert sorted(await house.page(among("1", " 1", "1"))) == ["0", "1", "2", "3"]
    asked = [text for call in house.store.calls for text in dict(call.query)["phones"].split(",")]
    assert sorted(asked) == sorted({"1", " 1", house.first, house.second})
    assert asked[-2:] == [house.first, house.second]


async def test_a_phone_is_found_as_every_country_reads_it() -> None:
    """As a normal one and as what has no spelling in its country; by a surrogate only what that stands for."""
    view = plan((spec("phone", form=Form.PHONE, at_rest=AtRest.SIV), CHAINS["phone"], REVEALED))
    house = House(ColumnState(Turn.DONE, 2))
    house.codec, own = compile_codec(view, house.keys), view.collection.fields[0]
    french, chinese = (house.codec.held(PHONE, "13812345678", country) or "" for country in ("FR", "CN"))
    house.store.rows = [{"phone": french, "city": "FR"}, {"phone": chinese, "city": "CN"}]
    assert sorted(await house.page(equal("13812345678"))) == ["CN", "FR"]
    assert await house.page(equal("+8613812345678")) == ["CN"]
    for held in (french, chinese):
        surrogate = house.codec._surrogates.of(own, held) or ""
        permits = (await house.ways(equal(surrogate), use=Use.SURROGATE))._permits
        assert [use.filter.value for permit in permits for use in permit.filters] == [held]


async def test_a_surrogate_of_before_a_vault_finds_what_lies_in_clear_still() -> None:
    """And its token, once it has one; in the spelling that it was made of."""
    clear, own = spec("phone", form=Form.PHONE), spec("phone", form=Form.PHONE, at_rest=AtRest.VAULT)
    house, vault = House(), FakeVault()
    house.codec = compile_codec(plan((own, CHAINS["phone"], REVEALED)), house.keys)
    holding = Holding(house.codec, vault)
    surrogate = house.codec._surrogates.of(clear, "13812345678", "FR") or ""
    asked = (house.rooms, DatasetName("crm.people"), PHONE, Use.SURROGATE, surrogate, holding)
    assert (await forms_of(*asked))[0] == "13812345678"
    token = vault.give(own.join_domain, "13812345678")
    held = Holding(house.codec, vault)
    assert await forms_of(*asked[:-1], held) == ("13812345678", stored_text(token))


async def test_more_questions_than_a_decision_can_make_are_refused() -> None:
    """Before the store is asked: two columns of three forms each, or a page that begins too far in."""
    house = House()
    with pytest.raises(RefusedError) as refused:
        await house.ways(equal("1"), equal("m", "mail"))
    assert refused.value.deny.reason is Reason.PARAMETER_INVALID
    assert refused.value.deny.fields == ("phone", "mail")
    with pytest.raises(RefusedError):
        await house.page(equal("1"), offset=50)
    assert house.store.calls == []
