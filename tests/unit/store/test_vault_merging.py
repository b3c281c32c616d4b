# SPDX-License-Identifier: Apache-2.0
"""Copies of one person are sealed for another, and none is left under the key of the first."""

import pytest
from sqlalchemy import select

from gateway.domain.errors import KeyUnavailable
from gateway.domain.names import PersonNumber
from gateway.keys import envelope
from gateway.store.engine import Store
from gateway.store.schema import vault_value
from gateway.store.vault_merging import carry_copies_over
from gateway.store.vault_tables import Copy, add_copies, add_tokens, bound

ANNA, BERT = PersonNumber(1), PersonNumber(2)
OLD, NEW = envelope.new_key(), envelope.new_key()
ONLY, SHARED = b"o" * 16, b"s" * 16


def copy(token: bytes, person: PersonNumber, key: bytes) -> Copy:
    """Return a copy of a value that its token spells."""
    return Copy(token, person, "phones", token * 2, envelope.seal(key, token, bound("phones", token)))


async def filled(store: Store, *copies: Copy) -> None:
    """Let the vault have copies."""
    async with store.begin() as connection:
        await add_tokens(connection, sorted({(one.lookup, one.domain, one.token) for one in copies}))
        await add_copies(connection, copies)


async def test_what_one_has_is_the_others_and_what_both_have_is_there_once(store: Store) -> None:
    """Each opens under the key of the one who stays."""
    await filled(store, copy(ONLY, ANNA, OLD), copy(SHARED, ANNA, OLD), copy(SHARED, BERT, NEW))
    async with store.begin() as connection:
        await carry_copies_over(connection, envelope, (ANNA, OLD), (BERT, NEW))

    async with store.connect() as connection:
        rows = [Copy._make(row) for row in await connection.execute(select(vault_value).order_by(vault_value.c.token))]
    assert [(row.token, row.person) for row in rows] == [(ONLY, BERT), (SHARED, BERT)]
    assert [envelope.open_sealed(NEW, row.sealed, bound("phones", row.token)) for row in rows] == [ONLY, SHARED]


async def test_a_wrong_key_carries_nothing_over(store: Store) -> None:
    """The transaction ends with nothing done."""
    await filled(store, copy(ONLY, ANNA, OLD))
    with pytest.raises(KeyUnavailable):
        async with store.begin() as connection:
            await carry_copies_over(connection, envelope, (ANNA, NEW), (BERT, NEW))
    async with store.connect() as connection:
        assert [row.person for row in await connection.execute(select(vault_value.c.person))] == [ANNA]
