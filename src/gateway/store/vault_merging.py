# SPDX-License-Identifier: Apache-2.0
"""What the vault has of one person becomes another's, as when two numbers turn out to be one person.

A value may lie under nobody else's key, so this comes before the key of the first is deleted.
"""

import asyncio

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.names import PersonNumber
from gateway.store import vault_tables as tables
from gateway.store.people_ports import Envelope

WithKey = tuple[PersonNumber, bytes]
"""A person, and the person's own key."""


async def carry_copies_over(connection: AsyncConnection, envelope: Envelope, source: WithKey, target: WithKey) -> None:
    """Seal every copy of one person for another, within the transaction of a merge."""
    (of, old), (to, new) = source, target

    def resealed(copy: tables.Copy) -> tables.Copy:
        bound = tables.bound(copy.domain, copy.token)
        return copy._replace(person=to, sealed=envelope.seal(new, envelope.open_sealed(old, copy.sealed, bound), bound))

    copies = await tables.of_person(connection, of)
    await tables.add_copies(connection, await asyncio.to_thread(lambda: list(map(resealed, copies))))
    await tables.drop_person(connection, of)
