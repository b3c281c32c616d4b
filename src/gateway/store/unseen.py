# SPDX-License-Identifier: Apache-2.0
"""Fields that stores send and no dataset declares, as they were first noticed; told to the owner, never released.

The table only grows, up to a bound for each dataset, and holds names alone. A field that was declared since
stays in it; whoever reads it knows the datasets in force and passes such a one over.
"""

import msgspec
from sqlalchemy import insert, select

from gateway.domain.names import DatasetName
from gateway.store.engine import Store
from gateway.store.schema import unseen_field, version
from gateway.store.versions import Topic


class UnseenField(msgspec.Struct, frozen=True, kw_only=True):
    """One of them.

    Attributes:
        field: Its path, or the word that stands for a name which cannot be shown.
        first_us: When a process of this installation noticed it first.
    """

    dataset: DatasetName
    field: str
    first_us: int


class UnseenFields:
    """Owner of the table."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def all(self) -> tuple[UnseenField, ...]:
        """Return every field that was noticed, oldest first."""
        query = select(unseen_field).order_by(unseen_field.c.first_us, unseen_field.c.dataset, unseen_field.c.field)
        async with self._store.connect() as connection:
            rows = (await connection.execute(query)).all()
        return tuple(UnseenField(dataset=row.dataset, field=row.field, first_us=row.first_us) for row in rows)

    async def of(self, dataset: DatasetName) -> frozenset[str]:
        """Return the names that were noticed in a dataset."""
        query = select(unseen_field.c.field).where(unseen_field.c.dataset == dataset)
        async with self._store.connect() as connection:
            return frozenset((await connection.execute(query)).scalars())

    async def add(self, dataset: DatasetName, field: str, now_us: int) -> None:
        """Keep a field; one that is there already stays as it was first noticed."""
        async with self._store.begin() as connection:
            # The row of a topic is the lock: of two doors that notice the same field one comes after the other.
            await connection.execute(select(version.c.value).where(version.c.topic == Topic.RULES).with_for_update())
            same = (unseen_field.c.dataset == dataset, unseen_field.c.field == field)
            known = await connection.execute(select(unseen_field.c.first_us).where(*same))
            if known.first() is None:
                await connection.execute(insert(unseen_field).values(dataset=dataset, field=field, first_us=now_us))
