# SPDX-License-Identifier: Apache-2.0
"""Who stands behind numbers: counted, named, merged and erased."""

import pytest
from pyroaring import BitMap

from gateway.domain.names import IdentityKind
from gateway.domain.reach import Behind, Standing
from gateway.keys import envelope
from gateway.keys.keyring import Keyring
from gateway.store.engine import Store
from gateway.store.people import People
from gateway.store.people_behind import PeopleBehind
from tests.fakes.clock import FakeClock

CUSTOMER, CONTACT = IdentityKind("crm.customer_id"), IdentityKind("crm.contact_id")


@pytest.fixture
def people(store: Store, keyring: Keyring, clock: FakeClock) -> People:
    """Nobody yet."""
    return People(store, keyring, envelope, clock)


@pytest.fixture
def behind(store: Store, keyring: Keyring) -> PeopleBehind:
    """What reads the same tables."""
    return PeopleBehind(store, keyring, envelope)


async def everybody(behind: PeopleBehind, numbers: BitMap) -> list[Behind]:
    """Return everybody behind numbers."""
    return [one async for one in behind.behind(numbers)]


async def test_people_and_their_identities_are_counted_apart(people: People, behind: PeopleBehind) -> None:
    """Somebody with two identities is one person; a number without any is nobody that is known."""
    one, two = await people.numbers(CUSTOMER, ["C-1", "C-2"])
    contact = (await people.numbers(CONTACT, ["K-1"]))[0]
    await people.merge(contact, one)
    (orphan,) = await people.orphan_numbers(1)

    found = await behind.standing(BitMap((one, two, orphan)))

    assert found == Standing(people=3, known=2, identities={CUSTOMER: 2, CONTACT: 1})
    assert await behind.merged(BitMap((one, contact, orphan))) == {contact: one}
    assert await behind.every_number(contact) == (one, contact) == await behind.every_number(one)


async def test_an_erased_person_is_a_number_without_a_name(people: People, behind: PeopleBehind) -> None:
    """In counts and in lists; nobody else is touched."""
    one, two = await people.numbers(CUSTOMER, ["C-1", "Zoë ü"])
    await people.shred(one)

    assert await behind.standing(BitMap((one, two))) == Standing(people=2, known=1, identities={CUSTOMER: 1})
    told = {found.person: found.identities for found in await everybody(behind, BitMap((one, two)))}
    assert told == {one: (), two: ((CUSTOMER, "Zoë ü"),)}


async def test_many_people_are_one_question(people: People, behind: PeopleBehind) -> None:
    """More than a statement takes as single values."""
    numbers = BitMap(await people.numbers(CUSTOMER, [f"C-{n}" for n in range(1_500)]))
    strangers = BitMap(range(1 << 31, (1 << 31) + 50_000))

    assert await behind.standing(numbers | strangers) == Standing(
        people=51_500, known=1_500, identities={CUSTOMER: 1_500}
    )
    assert len([one for one in await everybody(behind, numbers) if one.identities]) == 1_500
    assert await behind.standing(BitMap()) == Standing(people=0, known=0, identities={})
