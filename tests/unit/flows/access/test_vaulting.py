# SPDX-License-Identifier: Apache-2.0
"""What a store holds where values stand: asked of the vault at once, and durable before the store hears of it."""

from typing import Any

import msgspec

from gateway.decide.rules import RuleSet
from gateway.domain.catalog import AtRest, Catalog, Form
from gateway.domain.decision import Reason
from gateway.domain.inquiry import Scalar, Written
from gateway.domain.names import FieldName, JoinDomain, PersonNumber
from gateway.flows.access.vaulting import Holding, known_of
from gateway.transform.codec import compile_codec
from gateway.transform.vaulted import Unturned, Wanted, stored_text, token_of
from tests.fakes.access import FakeOut
from tests.fakes.deciding import COLLECTION, PEOPLE
from tests.fakes.plans import CHAINS, REVEALED, plan, spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys
from tests.fakes.vault import FakeVault
from tests.fakes.writing import (
    CREATE,
    CREATE_MANY,
    PATCH,
    READ_ONE,
    Answered,
    WriteHouse,
    person,
    write,
    writing_rules,
)

MAILS = JoinDomain("mails")
EMAIL, NAME = FieldName("email"), FieldName("name")
ANNA, BERT = PersonNumber(1), PersonNumber(2)
OWN = spec("email", form=Form.EMAIL, join_domain=MAILS, at_rest=AtRest.VAULT)
CODEC = compile_codec(
    plan((OWN, CHAINS["email"], REVEALED), (spec("name"), CHAINS["name"], REVEALED)), FakeSurrogateKeys()
)


def record(email: Scalar, name: str = "Anna") -> Written:
    """Return a record."""
    return Written(((NAME, name), (EMAIL, email)))


async def held(holding: Holding, *texts: str) -> list[str | None]:
    """Return what the store holds where mail addresses stand."""
    return await holding.made(lambda: [holding.held(EMAIL, text) for text in texts])


async def test_the_vault_is_asked_once_for_all_values() -> None:
    """And not again for what it said; other fields are as they are."""
    vault = FakeVault()
    token = vault.give(MAILS, "anna@example.com")
    holding = Holding(CODEC, vault)

    first = await held(holding, "Anna@Example.com", "b@example.com", "c@example.com")
    assert first[0] == stored_text(token)
    assert await held(holding, "c@example.com", "anna@example.com") == [first[2], first[0]]
    assert await holding.made(lambda: holding.held(NAME, "Anna")) == "Anna"
    assert vault.asked == ["find"]


async def test_what_the_vault_does_not_know_is_asked_for_by_a_token_of_chance() -> None:
    """Equal values by the same one, and no value gets a token by that."""
    vault = FakeVault()
    one, same, other = await held(Holding(CODEC, vault), "a@example.com", "A@example.com", "b@example.com")

    assert one is not None
    assert other is not None
    assert one == same != other
    assert token_of(one) not in (None, b"")
    assert vault.held == {}
    assert await held(Holding(CODEC, vault), "a@example.com") != [one]


async def test_a_value_that_is_too_long_has_no_place_in_a_vault() -> None:
    """As in no surrogate."""
    assert await held(Holding(CODEC, FakeVault()), "a" * 2000) == [None]


async def test_a_surrogate_is_the_token_that_it_was_made_of() -> None:
    """One that was made of the value, before it had a token, leads to the token all the same."""
    vault = FakeVault()
    token = vault.give(MAILS, "anna@example.com")
    holding, surrogates = Holding(CODEC, vault), CODEC._surrogates
    of_token = str(surrogates.of(OWN, stored_text(token)))
    of_value = str(surrogates.of(spec("email", form=Form.EMAIL, join_domain=MAILS), "anna@example.com"))
    foreign = of_token[:-1] + ("0" if of_token[-1] != "0" else "1")

    found = await holding.made(lambda: [holding.resolve(EMAIL, one) for one in (of_token, of_value, foreign)])
    assert found == [stored_text(token), stored_text(token), None]
    assert holding.resolve(EMAIL, stored_text(token)) is None


async def test_what_is_written_has_its_token_under_the_person_who_is_known() -> None:
    """Or under nobody's; what came as a surrogate is as it was, and so is every other field."""
    vault = FakeVault()
    shared = vault.give(MAILS, "family@example.com", ANNA)
    holding = Holding(CODEC, vault)
    texts = await held(holding, "family@example.com", "new@example.com", "new@example.com")
    surrogate = stored_text(bytes(range(16)))
    records = [record(texts[0]), record(texts[1]), record(texts[2]), record(surrogate), record(None)]

    kept = await holding.kept(records, [BERT, None, BERT, ANNA, None])
    new, people = vault.held[MAILS, "new@example.com"]
    assert [dict(one.values)[EMAIL] for one in kept] == [
        *(stored_text(shared), stored_text(new), stored_text(new), surrogate, None),
    ]
    assert {dict(one.values)[NAME] for one in kept} == {"Anna"}
    assert people == {None, BERT}
    assert vault.held[MAILS, "family@example.com"][1] == {ANNA, BERT}


async def test_records_without_a_value_of_the_vault_ask_for_nothing() -> None:
    """They are the same records."""
    vault = FakeVault()
    records = (Written(((NAME, "Anna"),)), record(None))
    assert await Holding(CODEC, vault).kept(records, [ANNA, None]) == records
    await Holding(CODEC, vault).adopted(records, [ANNA, None])
    assert vault.asked == []


async def test_who_is_known_once_the_store_has_written_has_every_copy() -> None:
    """Of clear values and of surrogates alike; of a record of nobody, nobody has one."""
    vault = FakeVault()
    tokens = [vault.give(MAILS, f"{name}@example.com") for name in "abc"]
    records = [record(stored_text(token)) for token in tokens]
    await Holding(CODEC, vault).adopted(records, [ANNA, BERT, None])
    assert [people for _, people in vault.held.values()] == [{ANNA}, {BERT}, {None}]


async def test_a_block_gets_what_it_wants_with_one_question_a_domain() -> None:
    """Values of tokens, and tokens of values; each with the person of its row."""
    vault = FakeVault()
    token = vault.give(MAILS, "anna@example.com")
    wanted = Wanted(
        opened={MAILS: [(token, 0)]},
        unturned=[Unturned(MAILS, "b@example.com", 1), Unturned(MAILS, "b@example.com", 2)],
    )
    known = await known_of(vault, wanted, lambda place: (ANNA, BERT, None)[place])

    assert known.values == {MAILS: {token: "anna@example.com"}}
    assert known.tokens == {(MAILS, "b@example.com"): vault.held[MAILS, "b@example.com"][0]}
    assert vault.held[MAILS, "b@example.com"][1] == {BERT, None}
    assert vault.asked == ["read", "adopt", "tokens"]
    await known_of(vault, Wanted(opened={}, unturned=()), lambda _: None)
    assert len(vault.asked) == 3


def vaulted_rules() -> RuleSet:
    """Return rules under which mail addresses lie in a vault."""
    fields = tuple(
        msgspec.structs.replace(one, at_rest=AtRest.VAULT, join_domain=MAILS) if one.name == EMAIL else one
        for one in COLLECTION.fields
    )
    made = writing_rules(routes=(READ_ONE, CREATE, CREATE_MANY, PATCH))
    collections = {PEOPLE: msgspec.structs.replace(COLLECTION, fields=fields)}
    return msgspec.structs.replace(made, catalog=Catalog(collections=collections, routes=made.catalog.routes))


class VaultHouse(WriteHouse):
    """The access flow over fakes, before a store that is to hold tokens; keeps the order of what is asked."""

    def __init__(self) -> None:
        super().__init__(vaulted_rules())
        self.vault = FakeVault()
        self.rooms = msgspec.structs.replace(self.rooms, vault=self.vault)
        self.recorder.on_append = lambda: self.vault.asked.append("entered")
        self.store.on_call = lambda call: self.vault.asked.append(call.method)

    def sent(self) -> Any:
        """Return the body that the store got last."""
        return msgspec.json.decode(self.store.calls[-1].body or b"")


async def test_tokens_are_durable_before_the_store_hears_and_are_taken_over_after_it_said_so() -> None:
    """Of somebody who is made, the copy is nobody's until the store has named them."""
    house = VaultHouse()
    house.asked = write(CREATE, {"name": "Eve", "email": "eve@x.org"})
    token = (1).to_bytes(16, "little")
    house.store.answers["POST"] = Answered(status=201, body=person("c9", email=stored_text(token)))
    out = await house.run()

    assert house.vault.asked == ["find", "tokens", "entered", "POST", "adopt", "read", "adopt", "entered"]
    assert house.sent() == {"name": "Eve", "email": stored_text(token)}
    assert house.vault.held == {(MAILS, "eve@x.org"): (token, {house.people.known["c9"]})}
    assert b"eve@x.org" in out.body


async def test_each_of_many_records_has_the_person_whom_it_names() -> None:
    """Known ones from the start, new ones once the store has said that it wrote."""
    house = VaultHouse()
    (known,) = await house.people.numbers("crm.id", ["c1"])  # type: ignore[arg-type]
    house.store.answers["POST"] = Answered(status=204)
    house.asked = write(
        CREATE_MANY,
        *({"id": f"c{n}", "name": "Eve", "email": mail} for n, mail in enumerate(("0@x.org", "f@x.org", "f@x.org"))),
    )
    await house.run()

    new = {name: house.people.known[name] for name in ("c0", "c2")}
    assert {value: people for (_, value), (_, people) in house.vault.held.items()} == {
        "0@x.org": {new["c0"]},
        "f@x.org": {known, new["c2"]},
    }
    texts = {value: stored_text(token) for (_, value), (token, _) in house.vault.held.items()}
    assert [one["email"] for one in house.sent()] == [texts["0@x.org"], texts["f@x.org"], texts["f@x.org"]]


async def test_nothing_is_sent_while_the_vault_does_not_answer() -> None:
    """Neither a write nor a question; the caller may come again."""
    for asked in (
        write(CREATE, {"name": "Eve", "email": "eve@x.org"}),
        write(PATCH, {"email": "eve@x.org"}, of="c1"),
    ):
        house = VaultHouse()
        house.vault.is_down = True
        house.asked = asked
        out = await house.run()
        assert out.refusal is not None
        assert out.refusal.reason is Reason.OVERLOADED
        assert house.store.calls == []


async def test_nothing_leaves_of_a_block_that_the_vault_does_not_answer_for() -> None:
    """A record whose token cannot be opened now is not told as one that has no mail address."""
    house = VaultHouse()
    token = house.vault.give(MAILS, "eve@x.org")
    house.store.answers["GET"] = Answered(body=person("c1", email=stored_text(token)))
    house.asked = write(READ_ONE, of="c1")
    assert b"eve@x.org" in (await house.run()).body

    house.out = FakeOut()
    house.vault.is_down = True
    out = await house.run()
    assert out.refusal is not None
    assert out.refusal.reason is Reason.OVERLOADED


async def test_what_a_store_refused_is_nobodys() -> None:
    """Nobody adopts what was not written."""
    house = VaultHouse()
    house.store.answers["POST"] = Answered(status=409)
    house.asked = write(CREATE, {"id": "c7", "name": "Eve", "email": "eve@x.org"})
    await house.run()
    assert [people for _, people in house.vault.held.values()] == [{None}]
    assert "adopt" not in house.vault.asked
