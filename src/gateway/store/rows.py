# SPDX-License-Identifier: Apache-2.0
"""How rows of accounts, sessions and clients become values; lists are JSON arrays in text columns."""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Row

from gateway.domain.names import AccountId, ClientId, PurposeKey, RecipientId, RoleName
from gateway.domain.principal import PrincipalKind
from gateway.domain.signin import Account, Session


def written(words: Iterable[str]) -> str:
    """Return a list as it stands in a column."""
    return msgspec.json.encode(list(words)).decode()


def words(text: str) -> tuple[str, ...]:
    """Return a list from its column."""
    return msgspec.json.decode(text, type=tuple[str, ...])


def account_of(row: Row[Any]) -> Account:
    """Return the account of a row that has all of its columns."""
    return Account(
        id=AccountId(row.id),
        kind=PrincipalKind(row.kind),
        roles=tuple(RoleName(role) for role in words(row.roles)),
        recipient=RecipientId(row.recipient),
    )


def session_of(row: Row[Any]) -> Session:
    """Return the session of a row that has all of its columns."""
    return Session(
        id=row.id,
        account=AccountId(row.account),
        client=ClientId(row.client),
        created_us=row.created_us,
        auth_time_us=row.auth_time_us,
        amr=words(row.amr),
        scopes=tuple(PurposeKey(scope) for scope in words(row.scopes)),
        expires_us=row.expires_us,
    )
