# SPDX-License-Identifier: Apache-2.0
"""Nobody who was erased comes back by a write, but by an act of their own."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import pytest
from typing_extensions import override

from gateway.decide.rules import RuleSet
from gateway.domain.catalog import AtRest, BodyKind, Form
from gateway.domain.decision import Reason
from gateway.domain.entry import Changed, Intent, Refused
from gateway.domain.errors import LogUnavailable, StateUnavailable
from gateway.domain.identifier import Identifier, IdentifierForm, combined
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import AccountId, JoinDomain
from gateway.flows.access.ports.at_rest import NoVault
from gateway.transform.identifying import identified, identity_of
from tests.fakes.access import FakeOut
from tests.fakes.deciding import COLLECTION, PEOPLE, PERSON
from tests.fakes.writing import (
    CREATE,
    CREATE_MANY,
    DELETE,
    PATCH,
    READ_ONE,
    Answered,
    WriteHouse,
    person,
    route,
    write,
    writing_rules,
)

SIGN_UP = route("POST", "create", BodyKind.RECORD, template="/crm/people/sign-up", by_person=True)
assert COLLECTION.subject is not None
IDA = (
    identity_of(COLLECTION.subject.identity, "c7"),
    *identified([("email", "ida@x.org"), ("name", "Ida Berg"), ("birth_date", "1980-05-01")]),
)


FORMS = {"name": Form.NAME, "email": Form.EMAIL, "born": Form.DATE}


def spelled(of: RuleSet) -> RuleSet:
    """Return rules whose fields have the forms of what they hold."""
    fields = tuple(msgspec.structs.replace(spec, form=FORMS.get(spec.name, spec.form)) for spec in COLLECTION.fields)
    collections = {PEOPLE: msgspec.structs.replace(COLLECTION, fields=fields)}
    return msgspec.structs.replace(of, catalog=msgspec.structs.replace(of.catalog, collections=collections))


class FakeTombstones:
    """Knows those who were erased by what is enough; the first one is ``t1``.

    Attributes:
        n_questions: How often it was asked.
    """

    def __init__(self, *erased: Iterable[Identifier | None]) -> None:
        self.standing = {
            f"t{n}": set(combined(one for one in each if one is not None)) for n, each in enumerate(erased, 1)
        }
        self.n_questions = 0
        self.fails = False

    async def any(self) -> bool:
        """Tell whether anybody was erased."""
        return bool(self.standing)

    async def matching(self, people: Sequence[Sequence[Identifier]]) -> list[tuple[str, ...]]:
        """Return by what each is known."""
        self.n_questions += 1
        if self.fails:
            raise StateUnavailable("the database does not answer")
        enough = [set(combined(each)) for each in people]
        return [tuple(id_ for id_, known in self.standing.items() if known & each) for each in enough]

    async def closest(self, identifiers: Sequence[Identifier]) -> tuple[str, ...]:
        """Return those that most of it fits."""
        enough = set(combined(identifiers))
        ways = {id_: len(known & enough) for id_, known in self.standing.items()}
        return tuple(id_ for id_, n in ways.items() if n and n == max(ways.values()))

    async def lift(self, ids: Iterable[str], at_us: int) -> int:
        """Lift them."""
        return sum(self.standing.pop(id_, None) is not None for id_ in ids)


@pytest.fixture
def house() -> WriteHouse:
    """The flow over fakes; somebody was erased."""
    made = WriteHouse(spelled(writing_rules(routes=(READ_ONE, CREATE, CREATE_MANY, PATCH, DELETE, SIGN_UP))))
    made.rooms = msgspec.structs.replace(made.rooms, tombstones=FakeTombstones(IDA))
    return made


def tombstones(house: WriteHouse) -> FakeTombstones:
    """Return the fake."""
    found = house.rooms.tombstones
    assert isinstance(found, FakeTombstones)
    return found


async def run(house: WriteHouse, asked: Inquiry) -> FakeOut:
    """Make a call."""
    house.asked = asked
    return await house.run()


BY_IDENTITY = {"id": "c7", "name": "Somebody"}
BY_TWO = {"id": "c8", "email": " IDA+x@X.org", "name": "Berg, Ida", "born": "1980-05-01"}


def own_act(said: Mapping[str, str]) -> Inquiry:
    """Return a call of the person's own, with what it can be shown by."""
    return msgspec.structs.replace(write(SIGN_UP, said), reference="form-7")


BY_ONE = {"id": "c8", "email": "ida@x.org", "name": "Jan Berg", "born": "1981-05-01"}


@pytest.mark.parametrize("record", [BY_IDENTITY, BY_TWO])
async def test_somebody_who_was_erased_is_not_created(house: WriteHouse, record: dict[str, str]) -> None:
    """By one strong identifier, or by two others in other spellings; the store is not asked, and that is entered."""
    out = await run(house, write(CREATE, record))

    assert out.refusal is not None
    assert (out.refusal.reason, out.refusal.fields) == (Reason.ERASED_PERSON, ())
    assert house.store.calls == []
    entry = house.entries[-1]
    assert isinstance(entry, Refused)
    assert (entry.reason, entry.fields, entry.rule) == ("erased-person", (), "tombstone:t1")
    assert not any(isinstance(one, Intent) for one in house.entries)


async def test_who_shares_one_value_with_the_erased_is_created(house: WriteHouse) -> None:
    """A family's mail address blocks nobody else."""
    out = await run(house, write(CREATE, BY_ONE))
    assert out.refusal is None
    assert house.store.methods == ["POST"]


async def test_of_many_records_the_places_of_the_erased_are_named(house: WriteHouse) -> None:
    """The whole write is refused after one question; no field is named, so nothing tells by what they are known."""
    others = [{"id": f"n{n}", "name": "Eve", "email": f"{n}@x.org"} for n in range(40)]
    out = await run(house, write(CREATE_MANY, *others[:3], BY_TWO, *others[3:], BY_IDENTITY))

    assert out.refusal is not None
    assert (out.refusal.reason, out.refusal.fields) == (Reason.ERASED_PERSON, ("[3]", "[41]"))
    assert (house.store.calls, tombstones(house).n_questions) == ([], 1)


async def test_who_is_erased_while_a_write_is_judged_is_not_written(house: WriteHouse) -> None:
    """Looked at again behind the intent: the store is not asked, and the log says that nothing was sent."""
    standing = tombstones(house).standing
    later = dict(standing)
    standing.clear()
    house.recorder.on_append = lambda: standing.update(later)
    out = await run(house, write(CREATE, BY_IDENTITY))

    assert out.refusal is not None
    assert out.refusal.reason is Reason.ERASED_PERSON
    assert house.store.calls == []
    assert [type(one) for one in house.entries] == [Intent, Refused]


async def test_what_is_refused_by_its_condition_is_told_so_and_of_nobody(house: WriteHouse) -> None:
    """The record has another tag than the caller says; by the right one the erased person is told of."""
    record = person("c1", name="Ida Berg", email="eve@x.org", born="1980-05-01")
    house.store.answers["GET"] = Answered(body=record, etag='"2"')
    for tag, reason in (('"1"', Reason.PRECONDITION_FAILED), ('"1", "2"', Reason.ERASED_PERSON)):
        out = await run(house, write(PATCH, {"email": "ida@x.org"}, of="c1", conditions=[("if-match", tag)]))

        assert out.refusal is not None
        assert out.refusal.reason is reason
    assert "PATCH" not in house.store.methods


class KeptLocks:
    """Keeps who was locked."""

    def __init__(self) -> None:
        self.locked: list[tuple[AccountId, str]] = []

    async def lock(self, account: AccountId, reason: str) -> None:
        """Keep it."""
        self.locked.append((account, reason))


async def test_beyond_what_a_day_allows_nothing_is_told_and_the_account_is_locked(house: WriteHouse) -> None:
    """No row is named any more, and no tombstone."""
    locks = KeptLocks()
    house.rooms = msgspec.structs.replace(house.rooms, locks=locks)
    house.budgets.left = 1
    out = await run(house, write(CREATE_MANY, BY_TWO, BY_IDENTITY))

    assert out.refusal is not None
    assert (out.refusal.reason, out.refusal.fields) == (Reason.HELD, ())
    assert [account for account, _ in locks.locked] == [PERSON.account]
    assert house.store.calls == []


async def test_an_update_does_not_turn_somebody_into_the_erased(house: WriteHouse) -> None:
    """Also where the second value was written by a call before: the record as it is counts."""
    house.store.answers["GET"] = Answered(body=person("c1", name="Ida Berg", email="eve@x.org", born="1980-05-01"))
    out = await run(house, write(PATCH, {"email": "ida@x.org"}, of="c1"))

    assert out.refusal is not None
    assert out.refusal.reason is Reason.ERASED_PERSON
    assert house.store.methods == ["GET"]


async def test_a_value_that_an_update_takes_away_counts_no_more(house: WriteHouse) -> None:
    """The record is judged as it would be."""
    house.store.answers["GET"] = Answered(body=person("c1", name="Ida Berg", email="ida@x.org", born="1980-05-01"))
    out = await run(house, write(PATCH, {"email": None}, of="c1"))
    assert out.refusal is None


async def test_the_record_of_the_erased_is_not_changed_but_may_be_deleted(house: WriteHouse) -> None:
    """Its path is an identifier; a deletion brings nobody back."""
    house.store.answers["GET"] = Answered(body=person("c7"))
    out = await run(house, write(PATCH, {"name": "Eve"}, of="c7"))
    assert out.refusal is not None
    assert out.refusal.reason is Reason.ERASED_PERSON
    house.out = FakeOut()
    assert (await run(house, write(DELETE, of="c7"))).refusal is None


async def test_the_own_act_of_a_person_lifts_the_tombstone(house: WriteHouse) -> None:
    """Entered with the call and its reference, once the store has written; then an import may follow."""
    asked = own_act(BY_TWO)
    out = await run(house, asked)

    assert out.refusal is None
    [lifted] = [one for one in house.entries if isinstance(one, Changed)]
    assert (lifted.what, lifted.target) == ("tombstone-lifted", "t1")
    assert lifted.facts == {"how": "own-act", "call": asked.decision_id, "reference": "form-7"}
    assert isinstance(house.entries[0], Intent)
    assert tombstones(house).standing == {}
    house.out = FakeOut()
    assert (await run(house, write(CREATE, BY_TWO))).refusal is None


@pytest.mark.parametrize("reference", [None, "", " "])
async def test_without_a_reference_it_is_no_act_of_the_person(house: WriteHouse, reference: str | None) -> None:
    """Whoever calls the person's own route has to say by what that can be shown; it is what is entered."""
    out = await run(house, msgspec.structs.replace(own_act(BY_TWO), reference=reference))
    assert out.refusal is not None
    assert out.refusal.reason is Reason.ERASED_PERSON
    assert "t1" in tombstones(house).standing


async def test_an_own_act_lifts_nothing_of_who_shares_two_values_and_was_erased_too(house: WriteHouse) -> None:
    """A couple with one phone and one mail address: one of them comes back."""
    jan = identified([("email", "ida@x.org"), ("name", "Jan Berg"), ("birth_date", "1979-02-03")])
    extra = identified([("name", "Ida Berg"), ("birth_date", "1980-05-01")])
    house.rooms = msgspec.structs.replace(house.rooms, tombstones=FakeTombstones(IDA, (*jan, *extra)))
    await run(house, own_act({**BY_TWO, "id": "c7"}))
    assert set(tombstones(house).standing) == {"t2"}


async def test_an_act_that_the_store_refuses_lifts_nothing(house: WriteHouse) -> None:
    """Nobody came back."""
    house.store.answers["POST"] = Answered(status=409)
    out = await run(house, own_act(BY_TWO))
    assert out.refusal is not None
    assert "t1" in tombstones(house).standing
    assert not [one for one in house.entries if isinstance(one, Changed)]


async def test_what_cannot_be_entered_is_not_lifted(house: WriteHouse) -> None:
    """The entry comes first; the person's next act lifts it."""
    house.recorder.fails_at = 1
    with pytest.raises(LogUnavailable):
        await run(house, own_act(BY_TWO))
    assert "t1" in tombstones(house).standing


async def test_while_tombstones_cannot_be_asked_nothing_is_written(house: WriteHouse) -> None:
    """Our own failure closes the gate."""
    tombstones(house).fails = True
    out = await run(house, write(CREATE, BY_ONE))
    assert out.refusal is not None
    assert (out.refusal.reason, house.store.calls) == (Reason.OVERLOADED, [])


@pytest.mark.parametrize(("erased", "methods"), [((), ["PATCH"]), ((IDA,), ["GET", "PATCH"])])
async def test_a_record_is_read_for_it_only_where_somebody_was_erased(
    erased: tuple[Iterable[Identifier | None], ...], methods: list[str]
) -> None:
    """Rules without conditions on rows need no look at the record."""
    plain = spelled(writing_rules(routes=(READ_ONE, PATCH)))
    purposes = {key: msgspec.structs.replace(one, honours_objection=False) for key, one in plain.purposes.items()}
    house = WriteHouse(msgspec.structs.replace(plain, red_lines=(), purposes=purposes))
    house.rooms = msgspec.structs.replace(house.rooms, tombstones=FakeTombstones(*erased))
    await run(house, write(PATCH, {"email": "new@x.org"}, of="c1"))
    assert house.store.methods == methods


class OpenVault(NoVault):
    """Has one value."""

    @override
    async def opened(self, domain: JoinDomain, tokens: Iterable[bytes]) -> dict[bytes, str]:
        """Return it for each token."""
        return dict.fromkeys(tokens, "ida@x.org")


async def test_what_a_store_holds_tokens_of_counts_as_what_it_stands_for() -> None:
    """A mail address that lies in the vault and a name that is written now are two identifiers."""
    of = spelled(writing_rules(routes=(READ_ONE, PATCH)))
    [held] = of.catalog.collections.values()
    mail = [
        msgspec.structs.replace(spec, at_rest=AtRest.VAULT, domain_at_rest=AtRest.VAULT)
        if spec.name == "email"
        else spec
        for spec in held.fields
    ]
    vaulted = msgspec.structs.replace(held, fields=tuple(mail))
    house = WriteHouse(
        msgspec.structs.replace(of, catalog=msgspec.structs.replace(of.catalog, collections={PEOPLE: vaulted}))
    )
    house.rooms = msgspec.structs.replace(house.rooms, tombstones=FakeTombstones(IDA), vault=OpenVault())
    record = person("c1", name="Eve", email="av1_" + "0" * 31 + "7", born="1980-05-01")
    house.store.answers["GET"] = Answered(body=record)
    out = await run(house, write(PATCH, {"name": "Ida Berg"}, of="c1"))
    assert out.refusal is not None
    assert out.refusal.reason is Reason.ERASED_PERSON


def test_a_weak_identifier_is_not_a_strong_one() -> None:
    """So the cases above say what they seem to."""
    assert {one.form for one in IDA if one is not None} == {
        IdentifierForm.IDENTITY,
        IdentifierForm.EMAIL,
        IdentifierForm.NAME_AND_BIRTH,
    }
