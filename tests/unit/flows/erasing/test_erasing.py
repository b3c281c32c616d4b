# SPDX-License-Identifier: Apache-2.0
"""An erasure over fakes: one entry first with all that the rest needs, the tombstone before the first identity goes."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

import pytest

from gateway.domain.entry import Changed, Entry, Line, Part
from gateway.domain.errors import LogUnavailable
from gateway.domain.identifier import Identifier, IdentifierForm, combined
from gateway.domain.names import IdentityKind, JoinDomain, PersonNumber
from gateway.domain.people import Identity
from gateway.domain.replay import PersonErased
from gateway.flows.erasing.erasing import Erasing, NotErased, Rooms
from gateway.flows.erasing.ports import Entered, Uses
from gateway.flows.restore.reading import applied
from gateway.record.reading.reader import Record
from gateway.transform.identifying import identified, identity_of

KIND = IdentityKind("crm.customer_id")
NUMBER, OLD = PersonNumber(7), PersonNumber(8)
KNOWN = identified([("phone", "+49 151 2345678"), ("email", "ida@example.org")])


class House:
    """Everything that erasing is handed, in memory; ``told`` is what happened, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.known = {NUMBER: [Identity(KIND, "c-1")], OLD: [Identity(KIND, "c-0")]}
        self.entries: list[tuple[Changed, Part | None]] = []
        self.standing: dict[str, set[str]] = {}
        self.n_unread = 0
        self.is_full = False
        self.values: dict[PersonNumber, list[tuple[JoinDomain, str]]] = {}
        self.uses = Uses()
        self.owed: list[str] = []
        self.is_read = False

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Enter."""
        if self.is_full:
            raise LogUnavailable("the disk is full")
        assert isinstance(entry, Changed)
        self.told.append(entry.what)
        self.entries.append((entry, part))
        return len(self.entries) - 1

    async def numbers_of(self, number: PersonNumber) -> tuple[PersonNumber, ...]:
        """Return the number, and the one that was merged into it."""
        return (number, OLD) if number == NUMBER else (number,)

    async def identities(self, number: PersonNumber) -> Sequence[Identity]:
        """Return them."""
        return self.known.get(number, [])

    async def shred(self, number: PersonNumber) -> None:
        """Delete them."""
        self.told.append(f"shred {number}")
        self.known.pop(number, None)
        self.n_unread = 0

    async def n_identities(self, people: AbstractSet[int]) -> int:
        """Count them."""
        return sum(len(self.known.get(PersonNumber(one), [])) for one in people) + self.n_unread

    async def owe(self) -> None:
        """Note."""
        self.owed += self.told[-1:]

    async def settle(self) -> bool:
        """Overwrite."""
        self.owed += self.told[-1:]
        return not self.is_read

    async def values_of(self, people: Iterable[PersonNumber]) -> Sequence[tuple[JoinDomain, str]]:
        """Open copies."""
        return [one for person in people for one in self.values.get(person, [])]

    async def forget(self, people: Iterable[PersonNumber]) -> int:
        """Delete copies."""
        self.told.append(f"forget {' '.join(map(str, people))}")
        return 2

    def digests(self, identifiers: Iterable[Identifier]) -> tuple[str, ...]:
        """Digest by spelling."""
        return tuple(f"{hash(one) & 0xFFFFFFFF:x}" for one in combined(identifiers))

    async def set(self, id_: str, digests: Sequence[str], at_us: int) -> None:
        """Set."""
        self.told.append("set")
        self.standing[id_] = set(digests)

    async def matching(self, people: Sequence[Sequence[Identifier]]) -> Sequence[tuple[str, ...]]:
        """Look."""
        return [tuple(id_ for id_, held in self.standing.items() if held & set(self.digests(each))) for each in people]

    async def lift(self, ids: Iterable[str], at_us: int) -> int:
        """Lift."""
        self.told.append("lift")
        return sum(self.standing.pop(id_, None) is not None for id_ in ids)

    async def erasure_of(self, person: PersonNumber) -> Entered | None:
        """Return what was entered."""
        return self._newest(lambda body: body.target == str(person))

    async def erasure_with(self, tombstones: Sequence[str]) -> Entered | None:
        """Return what was entered."""
        return self._newest(lambda body: body.facts.get("tombstone") in tombstones)

    def _newest(self, is_it: object) -> Entered | None:
        found = [
            Entered(slot="cli", place=place, at_us=5, body=body)
            for place, (body, _) in enumerate(self.entries)
            if body.what == "person-erased" and is_it(body)  # type: ignore[operator]
        ]
        return found[-1] if found else None

    @property
    def erasing(self) -> Erasing:
        """The flow."""
        ids = iter(f"t{n}" for n in range(1, 9))
        return Erasing(
            Rooms(
                slot="cli",
                recorder=self,
                people=self,
                vault=self,
                tombstones=self,
                past=self,
                files=self,
                n_identities=self.n_identities,
                new_id=lambda: next(ids),
                uses=self.uses,
                clock=lambda: 5,
            )
        )


@pytest.fixture
def house() -> House:
    """Somebody with two numbers."""
    return House()


async def test_the_entry_comes_first_and_the_tombstone_before_the_identities(house: House) -> None:
    """Every number that was merged goes with it."""
    erased = await house.erasing.erase(NUMBER, "local:officer", "case 7", KNOWN)

    assert house.told == ["person-erased", "set", f"forget {NUMBER} {OLD}", f"shred {NUMBER}", f"shred {OLD}"]
    assert (erased.is_again, erased.vault_copies, erased.n_digests) == (False, 2, 3)
    assert erased.entered.numbers == (NUMBER, OLD)
    assert erased.entered.identities == {str(KIND): 2}


async def test_the_entry_holds_all_that_a_replay_needs_and_no_value(house: House) -> None:
    """Numbers, the tombstone and its digests, in the core: parts may be deleted."""
    await house.erasing.erase(NUMBER, "local:officer", "case 7", KNOWN)
    [(body, part)] = house.entries
    line = Line(log="i/n/cli", seq=0, prev="", at_us=9, body=body)
    found = applied(Record(line=line, raw=b"", part=None))

    assert isinstance(found, PersonErased)
    assert (found.people, found.tombstone) == ((NUMBER, OLD), "t1")
    assert set(found.digests) == house.standing["t1"]
    assert part is not None
    assert part.met == (NUMBER, OLD)
    assert not [value for value in ("c-1", "2345678", "ida@") if value in str(body)]


async def test_nothing_is_done_that_could_not_be_entered(house: House) -> None:
    """The person is as they were."""
    house.is_full = True
    with pytest.raises(LogUnavailable):
        await house.erasing.erase(NUMBER, "local:officer", "case 7")
    assert (house.told, house.standing, len(house.known)) == ([], {}, 2)


async def test_begun_again_it_is_the_erasure_of_before(house: House) -> None:
    """No second entry; every step is made once more, since nobody knows which was the last."""
    first = await house.erasing.erase(NUMBER, "local:officer", "case 7", KNOWN)
    house.told.clear()
    again = await house.erasing.erase(NUMBER, "local:officer", "case 8")

    assert (again.is_again, again.entered) == (True, first.entered)
    assert house.told == ["set", f"forget {NUMBER} {OLD}", f"shred {NUMBER}", f"shred {OLD}"]
    own = identity_of(KIND, "c-1")
    assert own is not None
    assert await house.erasing.again(own) == NUMBER
    assert await house.erasing.again(Identifier(IdentifierForm.NATIONAL_ID, "x")) is None


async def test_nobody_cannot_be_erased(house: House) -> None:
    """A number that never stood for anybody, as of a typing mistake."""
    with pytest.raises(NotErased, match="nobody to erase"):
        await house.erasing.erase(PersonNumber(99), "local:officer", "case 7", KNOWN)
    assert house.told == []


async def test_an_identity_that_nothing_opens_is_erased_and_counted(house: House) -> None:
    """As after a restore without the keys; nobody is known again by it, unless it was stated."""
    house.known, house.n_unread = {}, 1
    erased = await house.erasing.erase(NUMBER, "local:officer", "case 7")
    assert (erased.n_digests, erased.entered.identities) == (0, {"unread": 1})
    assert house.told[0] == "person-erased"
    assert "set" not in house.told


async def test_an_officer_lifts_what_an_identity_is_known_by(house: House) -> None:
    """Entered first, with the reference; nobody by another."""
    await house.erasing.erase(NUMBER, "local:officer", "case 7")
    own, other = identity_of(KIND, "c-1"), identity_of(KIND, "c-2")
    assert own is not None
    assert other is not None
    assert await house.erasing.lift(other, "local:officer", "letter") == 0
    house.told.clear()
    assert await house.erasing.lift(own, "local:officer", "letter") == 1
    assert house.told == ["tombstone-lifted", "lift"]
    body, _ = house.entries[-1]
    assert (body.target, body.facts) == ("t1", {"how": "officer", "reference": "letter"})


async def test_what_the_vault_has_of_a_person_knows_them_again(house: House) -> None:
    """Under every number of theirs, by what the domain is for; a domain that says nothing of people does not count."""
    mails, phones, other = JoinDomain("mails"), JoinDomain("phones"), JoinDomain("plates")
    house.values = {NUMBER: [(mails, "ida@example.org"), (other, "B-IB 1")], OLD: [(phones, "+491512345678")]}
    house.uses = Uses(in_vault={mails: "email", phones: "phone"})
    erased = await house.erasing.erase(NUMBER, "local:officer", "case 7")

    assert await house.matching([KNOWN]) == [("t1",)]
    assert erased.entered.known_by == {"identity": 2, "email": 1, "phone": 1}
    assert erased.n_digests == 3
    assert "2345678" not in str(house.entries)


async def test_an_identity_that_is_a_mail_address_counts_as_one(house: House) -> None:
    """Together with a phone that was stated it is enough, whatever the next store calls the person by."""
    mail = IdentityKind("news.mail")
    house.known = {NUMBER: [Identity(mail, "Ida@Example.org")]}
    house.uses = Uses(identities={mail: "email"})
    await house.erasing.erase(NUMBER, "local:officer", "case 7", identified([("phone", "+49 151 2345678")]))
    assert await house.matching([KNOWN]) == [("t1",)]


async def test_identifiers_that_are_told_later_are_known_from_then_on(house: House) -> None:
    """Another entry, whose tombstone knows what was known before as well; the same ones again change nothing."""
    first = await house.erasing.erase(NUMBER, "local:officer", "case 7")
    again = await house.erasing.erase(NUMBER, "local:officer", "case 7", KNOWN)
    third = await house.erasing.erase(NUMBER, "local:officer", "case 7", KNOWN)

    assert (first.n_digests, again.n_digests, again.is_again) == (2, 3, True)
    assert (third.entered, len(house.entries)) == (again.entered, 2)
    assert again.entered.known_by == {"identity": 2, "email": 1, "phone": 1}
    assert (again.entered.numbers, again.entered.identities) == (first.entered.numbers, first.entered.identities)
    assert await house.matching([KNOWN]) != [()]


@pytest.mark.parametrize("is_read", [False, True])
async def test_that_keys_are_to_be_overwritten_is_noted_before_any_goes(house: House, is_read: bool) -> None:
    """And done when all are gone; where somebody reads, the erasure is done and says so."""
    house.is_read = is_read
    erased = await house.erasing.erase(NUMBER, "local:officer", "case 7", KNOWN)
    assert house.owed == ["person-erased", f"shred {OLD}"]
    assert erased.is_overwritten is not is_read
