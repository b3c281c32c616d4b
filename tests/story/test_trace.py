# SPDX-License-Identifier: Apache-2.0
"""A list leaked: of two recipients who got the same people, the one whose list it is, for what, and by which call."""

import csv
import io
import json
import random
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from gateway.app.evidence.incidents import accesses
from gateway.app.index.indexing import fill as fill_index
from gateway.app.index.indexing import index_place
from gateway.app.making import enrol_at_once
from gateway.app.surrogates.tracing import tracing
from gateway.domain.entry import Looked
from gateway.flows.accesses.ports import Action
from gateway.flows.tracing.values import Trace
from gateway.store.engine import open_index
from gateway.store.log.index import LogIndex
from tests.story.conftest import ANALYST, CUSTOMER, EMAIL, World

BY = "local:test"
ADDRESS = "marketing.communications"


async def traced(world: World, text: str) -> Trace:
    """Trace a list by the files, by an index that lags, and by one that does not; all say the same."""
    rooms, told = world.rooms, list[Trace]()
    for from_files in (True, False, False):
        async with tracing(rooms, is_thorough=False, from_files=from_files) as found:
            told.append(await found.trace([text[:100], text[100:]], by=BY, most=10))
        base = await open_index(index_place(rooms.settings))
        await fill_index(LogIndex(base), world.state / "log")
        await base.close()
    assert told[0].parties == told[1].parties == told[2].parties
    return told[2]


def as_csv(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as CSV under a head."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([("id", "city"), *rows])
    return out.getvalue()


def in_full_width(text: str) -> str:
    """Return a text as an input method for Chinese would type it."""
    return "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text)


DISGUISES: dict[str, Callable[[list[str]], str]] = {
    "csv": lambda ids: as_csv((one, "Berlin") for one in ids),
    "upper": lambda ids: as_csv((one.upper(), "Berlin") for one in ids),
    "spaced": lambda ids: as_csv((f" \u00a0{one[:5]} {one[5:30]}\u200b{one[30:]}\t", "x") for one in ids),
    "full width": lambda ids: as_csv((in_full_width(one), "北京") for one in ids),
    "ndjson": lambda ids: "".join(json.dumps({"id": one, "x": 1}) + "\n" for one in ids),
    "json": lambda ids: json.dumps([{"x": 1, "id": f"\u200b{one}"} for one in ids]),
}


async def test_of_two_recipients_the_one_whose_list_leaked_is_named_with_its_call(world: World) -> None:
    """Shuffled and written anew; the other recipient, who got the same people, is not named."""
    await enrol_at_once(
        world.rooms, "mailer", "mailer correct horse battery", roles=("campaigner",), recipient="mail-service", by=BY
    )
    await world.get("/crm/customers?limit=300", "campaigner", EMAIL)
    leaked = await world.get("/crm/customers?limit=300", "mailer", EMAIL)
    await world.get("/crm/customers?limit=20&offset=100", "mailer", EMAIL)
    await world.get("/crm/customers?limit=300", "analyst", ANALYST)
    ids = list(leaked.ids)
    random.Random(1).shuffle(ids)

    for disguise, disguised in DISGUISES.items():
        told = await traced(world, disguised(ids))

        (party,) = told.parties
        assert (party.recipient, party.key_class) == ("mail-service", ADDRESS), disguise
        assert party.rows == party.rows_with_person == party.rows_explained == told.rows == len(ids), disguise
        assert {(one.scope.domain, one.scope.version) for one in party.scopes} == {("crm.customer_id", 1)}, disguise
        best = party.decisions[0]
        assert (best.decision, best.rows, best.more) == (leaked.headers["decision-id"], len(ids), len(ids)), disguise
        assert (best.reference, best.purpose) == ("story-1", EMAIL), disguise
        assert [one.more for one in party.decisions[1:]] == [0] * (len(party.decisions) - 1), disguise
        (first_row,) = {one.first_row for one in party.scopes}
        assert first_row == (1 if "json" in disguise else 2), disguise


async def test_rows_of_two_calls_are_explained_by_both(world: World) -> None:
    """Each with its share; and nobody is told twice."""
    first = await world.get("/crm/customers?limit=60", "analyst", ANALYST)
    second = await world.get("/crm/customers?limit=40&offset=40", "analyst", ANALYST)
    ids = list(dict.fromkeys([*first.ids, *second.ids]))

    (party,) = (await traced(world, as_csv((one, "") for one in [*ids, ids[0]]))).parties

    assert (party.people, party.rows, party.rows_explained, party.n_decisions) == (80, 81, 81, 2)
    assert [(one.decision, one.rows, one.more) for one in party.decisions] == [
        (first.headers["decision-id"], 61, 61),
        (second.headers["decision-id"], 40, 20),
    ]


async def test_a_clean_list_names_nobody_and_the_look_is_entered(world: World) -> None:
    """Clear identities are no surrogates, and neither are those of another installation."""
    await world.get("/crm/customers?limit=50", "analyst", ANALYST)
    foreign = [f"sv1_{random.Random(n).randbytes(48).hex()}" for n in range(50)]

    told = await traced(world, as_csv((one, customer.id) for one, customer in zip(foreign, world.crowd, strict=False)))

    assert (told.parties, told.rows, told.unknown) == ((), 0, 50)
    looks = [(body, part) for body, part in world.entries() if isinstance(body, Looked) and body.what == "trace"]
    assert [(body.query, body.rows, part) for body, part in looks] == [("", 0, None)] * 3


async def test_the_look_is_entered_with_the_people_and_without_a_value(world: World) -> None:
    """So a person who asks who looked them up is told of it."""
    reply = await world.get("/crm/customers?limit=20", "analyst", ANALYST)
    told = await traced(world, as_csv((one, "") for one in reply.ids))
    from pyroaring import BitMap

    people = await world.rooms.people.numbers(
        CUSTOMER, [row["id"] for row in (await world.straight("/crm/customers?limit=20"))["items"]]
    )
    (body, part), *_ = [
        (body, part) for body, part in world.entries() if isinstance(body, Looked) and body.what == "trace"
    ]
    assert (body.query, body.rows) == ("own/analytics", 20)
    assert part is not None
    assert set(BitMap.deserialize(part.people)) == set(people)
    assert told.parties[0].people == 20
    shown = await accesses(
        world.rooms, people[3], since_us=None, until_us=None, by=BY, from_files=False, done=lambda _n: None
    )
    assert [one.what for one in shown.accesses if one.action is Action.LOOKED_UP] == ["trace"] * 3


async def test_somebody_who_was_merged_or_erased_is_told_as_they_stand_today(world: World) -> None:
    """A merged person's rows count as theirs; of an erased one nothing but the scope can be said."""
    reply = await world.get("/crm/customers?limit=20", "analyst", ANALYST)
    store = [row["id"] for row in (await world.straight("/crm/customers?limit=20"))["items"]]
    one, two, three = await world.numbers(store[:3])
    await world.rooms.people.merge(one, two)
    await world.rooms.people.shred(three)

    (party,) = (await traced(world, as_csv((each, "") for each in reply.ids))).parties

    assert (party.rows, party.rows_with_person, party.people, party.rows_explained) == (20, 19, 18, 19)
    assert any("not known today" in remark for remark in party.remarks)


async def test_what_was_made_under_a_shredded_key_is_traced_no_more(world: World) -> None:
    """And what was made under a retired one still is, with its version."""
    old = await world.get("/crm/customers?limit=20", "analyst", ANALYST)
    world.rooms.keyring.rotate("surrogate/crm.customer_id")
    world.rooms.codecs.clear()
    new = await world.get("/crm/customers?limit=20&offset=20", "analyst", ANALYST)
    text = as_csv((one, "") for one in [*old.ids, *new.ids])

    (party,) = (await traced(world, text)).parties
    assert {(one.scope.version, one.rows) for one in party.scopes} == {(1, 20), (2, 20)}

    world.rooms.keyring.shred("surrogate/crm.customer_id", 1)
    (party,) = (await traced(world, text)).parties
    assert [(one.scope.version, one.rows) for one in party.scopes] == [(2, 20)]


def test_disguises_are_what_they_say() -> None:
    """Full-width text is the same after NFKC, and nothing before."""
    assert unicodedata.normalize("NFKC", in_full_width("sv1_0a")) == "sv1_0a"
