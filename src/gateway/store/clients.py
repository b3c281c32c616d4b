# SPDX-License-Identifier: Apache-2.0
"""Client apps, each with its service account; both come and go in one transaction."""

from typing import Any

from sqlalchemy import Row, Select, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.domain.names import ClientId, PurposeKey, RecipientId
from gateway.domain.signin import Client
from gateway.store import accounts, sessions, versions
from gateway.store.engine import Store
from gateway.store.rows import account_of, words, written
from gateway.store.schema import account, client, session


class Clients:
    """Keeps client apps; satisfies ``identify.clients.ClientStore`` and ``flows.enrolment.ClientStore``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, added: Client, *, digest: bytes) -> bool:
        """Keep a new client and its account; false if the identifier is taken."""
        try:
            async with self._store.begin() as connection:
                await accounts.keep(
                    connection,
                    added.account,
                    name=f"client:{added.id}",
                    password_hash=None,
                    now_us=added.created_us,
                )
                await connection.execute(
                    insert(client).values(
                        id=added.id,
                        account=added.account.id,
                        name=added.name,
                        secret_digest=digest,
                        recipient=added.recipient,
                        scopes=written(added.scopes),
                        created_us=added.created_us,
                    )
                )
        except IntegrityError:
            return False
        return True

    async def find(self, client_id: str) -> tuple[Client, bytes] | None:
        """Return a client and the digest of its secret."""
        async with self._store.connect() as connection:
            row = (await connection.execute(_all().where(client.c.id == client_id))).one_or_none()
        return None if row is None or row.secret_digest is None else (_client(row), row.secret_digest)

    async def all(self) -> tuple[Client, ...]:
        """Return every client, by identifier."""
        async with self._store.connect() as connection:
            return tuple(_client(row) for row in await connection.execute(_all().order_by(client.c.id)))

    async def set_secret(self, client_id: ClientId, digest: bytes, *, now_us: int) -> bool:
        """Replace the secret and end the sessions that were opened with the old one."""
        async with self._store.begin() as connection:
            changed = await connection.execute(
                update(client).where(client.c.id == client_id).values(secret_digest=digest, secret_hash=None)
            )
            await sessions.end(connection, session.c.client == client_id, why="secret-changed", now_us=now_us)
        return changed.rowcount == 1

    async def disable(self, client_id: ClientId, *, now_us: int) -> bool:
        """Put a client out of force with everything it has open; false if it was already."""
        async with self._store.begin() as connection:
            disabled = await connection.execute(
                update(client)
                .where(client.c.id == client_id, client.c.disabled_us.is_(None))
                .values(disabled_us=now_us)
            )
            if disabled.rowcount != 1:
                return False
            await sessions.end(connection, session.c.client == client_id, why="client-disabled", now_us=now_us)
            await versions.bump(connection, sessions.TOPIC)
        return True


def _all() -> Select[Any]:
    out_of_force = func.coalesce(client.c.disabled_us, account.c.disabled_us).label("out_of_force_us")
    return select(
        account,
        client.c.id.label("client_id"),
        client.c.name.label("client_name"),
        client.c.recipient.label("client_recipient"),
        client.c.scopes,
        client.c.secret_digest,
        client.c.created_us.label("client_created_us"),
        out_of_force,
    ).join(account, account.c.id == client.c.account)


def _client(row: Row[Any]) -> Client:
    return Client(
        id=ClientId(row.client_id),
        account=account_of(row),
        name=row.client_name,
        recipient=RecipientId(row.client_recipient),
        scopes=tuple(PurposeKey(scope) for scope in words(row.scopes)),
        created_us=row.client_created_us,
        disabled_us=row.out_of_force_us,
    )
