# SPDX-License-Identifier: Apache-2.0
"""Whoever was erased is known by one strong identifier or by two others, and nothing of them is kept."""

from collections.abc import Iterable

import pytest
from sqlalchemy import event, select

from gateway.domain.identifier import Identifier, IdentifierForm, identity_value
from gateway.keys.keyring import Keyring
from gateway.store.engine import Store
from gateway.store.schema import tombstone, tombstone_digest
from gateway.store.tombstones import LABEL, Tombstones

PHONE = Identifier(IdentifierForm.PHONE, "2345678")
OTHER_PHONE = Identifier(IdentifierForm.PHONE, "7654321")
EMAIL = Identifier(IdentifierForm.EMAIL, "ida@example.org")
BORN = Identifier(IdentifierForm.NAME_AND_BIRTH, "berg ida\x001980-05-01")
NATIONAL = Identifier(IdentifierForm.NATIONAL_ID, "110101199003077571")
CUSTOMER = Identifier(IdentifierForm.IDENTITY, identity_value("crm.customer_id", "c-1"))
IDA = (PHONE, EMAIL, BORN, NATIONAL, CUSTOMER)


@pytest.fixture
def tombstones(store: Store, keyring: Keyring) -> Tombstones:
    """Nobody was erased."""
    return Tombstones(store, keyring)


async def matched(tombstones: Tombstones, *people: Iterable[Identifier]) -> list[tuple[str, ...]]:
    """Return what each of these people is known by."""
    return await tombstones.matching([tuple(each) for each in people])


async def test_one_strong_identifier_or_two_others_are_enough(tombstones: Tombstones) -> None:
    """A phone, a mail address or a name with a birth date alone is anybody's."""
    await tombstones.set("t1", tombstones.digests(IDA), 1)

    assert await matched(tombstones, [CUSTOMER], [NATIONAL], [PHONE, EMAIL], [EMAIL, BORN], IDA) == [("t1",)] * 5
    assert await matched(tombstones, [PHONE], [EMAIL], [BORN], [OTHER_PHONE, PHONE], []) == [()] * 5
    assert await matched(tombstones, [OTHER_PHONE, EMAIL]) == [()]


async def test_two_who_share_a_phone_do_not_stand_for_each_other(tombstones: Tombstones) -> None:
    """A family's phone, and the other's mail address: two identifiers, and of two people."""
    his = Identifier(IdentifierForm.EMAIL, "jan@example.org")
    await tombstones.set("t1", tombstones.digests([PHONE, EMAIL]), 1)
    await tombstones.set("t2", tombstones.digests([OTHER_PHONE, his]), 1)

    assert await matched(tombstones, [PHONE, his], [OTHER_PHONE, EMAIL]) == [(), ()]
    assert await matched(tombstones, [PHONE, OTHER_PHONE, EMAIL, his]) == [("t1", "t2")]


async def test_what_is_kept_tells_of_no_single_value(tombstones: Tombstones, store: Store) -> None:
    """Two who share a phone share no digest, and no digest is that of the phone alone."""
    his = Identifier(IdentifierForm.EMAIL, "jan@example.org")
    await tombstones.set("t1", tombstones.digests([PHONE, EMAIL]), 1)
    await tombstones.set("t2", tombstones.digests([PHONE, his]), 1)
    async with store.connect() as connection:
        kept = (await connection.execute(select(tombstone_digest.c.digest))).scalars().all()

    assert len(kept) == len(set(kept)) == 2
    assert tombstones.digests([PHONE]) == ()


async def test_a_tombstone_that_is_lifted_finds_nobody_and_is_not_set_again(
    tombstones: Tombstones, store: Store
) -> None:
    """Its digests are gone; to set it once more, as a replay does, changes nothing."""
    digests = tombstones.digests(IDA)
    await tombstones.set("t1", digests, 1)
    assert await tombstones.lift(["t1"], 2) == 1
    assert await tombstones.lift(["t1"], 3) == 0
    await tombstones.set("t1", digests, 1)

    assert await matched(tombstones, IDA) == [()]
    async with store.connect() as connection:
        assert (await connection.execute(select(tombstone_digest))).all() == []
        assert (await connection.execute(select(tombstone))).all() == [("t1", 1, 2)]


async def test_a_thousand_records_are_one_question(tombstones: Tombstones, store: Store) -> None:
    """However many digests they have."""
    await tombstones.set("t1", tombstones.digests(IDA), 1)
    people = [
        (Identifier(IdentifierForm.PHONE, f"{n:07}"), Identifier(IdentifierForm.EMAIL, f"{n}@x.org"))
        for n in range(999)
    ]
    statements: list[str] = []
    engine = store.main._reader.sync_engine

    @event.listens_for(engine, "before_cursor_execute")
    def asked(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    found = await tombstones.matching([*people[:700], (PHONE, EMAIL), *people[700:]])
    assert [place for place, ids in enumerate(found) if ids] == [700]
    assert len([one for one in statements if "tombstone_digest" in one]) == len(statements) == 1


async def test_the_closest_is_who_is_known_in_the_most_ways(tombstones: Tombstones) -> None:
    """Of two who share a phone and a mail address, and of one who was erased under two numbers both."""
    jan = Identifier(IdentifierForm.NAME_AND_BIRTH, "berg jan\x001979-02-03")
    await tombstones.set("t1", tombstones.digests([PHONE, EMAIL, BORN]), 1)
    await tombstones.set("t2", tombstones.digests([PHONE, EMAIL, jan]), 1)
    await tombstones.set("t3", tombstones.digests([PHONE, EMAIL, BORN]), 1)

    assert await matched(tombstones, [PHONE, EMAIL, BORN]) == [("t1", "t2", "t3")]
    assert await tombstones.closest([PHONE, EMAIL, BORN]) == ("t1", "t3")
    assert await tombstones.closest([PHONE, EMAIL, jan]) == ("t2",)
    assert await tombstones.closest([PHONE]) == ()
    assert await tombstones.standing("t2")
    await tombstones.lift(["t2"], 2)
    assert not await tombstones.standing("t2")
    assert not await tombstones.standing("t9")


async def test_another_key_knows_nobody(tombstones: Tombstones, store: Store, keyring: Keyring) -> None:
    """A table without its key tells nobody whether it has somebody; a later version of the key changes nothing."""
    await tombstones.set("t1", tombstones.digests(IDA), 1)
    keyring.rotate(LABEL)
    again = Tombstones(store, keyring)

    assert await matched(again, IDA) == [("t1",)]
    assert not {"2345678", "ida@example.org"} & set(" ".join(tombstones.digests(IDA)).split())


async def test_whether_anybody_was_erased_is_asked_once_it_is_so(tombstones: Tombstones, store: Store) -> None:
    """Before the first erasure each look asks; afterwards nobody does."""
    assert not await tombstones.any()
    await tombstones.set("t1", (), 1)
    assert await tombstones.any()
    await store.close()
    assert await tombstones.any()
