# SPDX-License-Identifier: Apache-2.0
"""Sessions: one sign-in and the bearers that descend from it; the unit of revocation.

Rules:

1. A refresh bearer is opaque, 256 random bits; only its SHA-256 is stored. It is good once: using it gives the
   next one. Using it again means that two hold it, and ends the whole session within that call.
2. A session ends after its lifetime whatever happens, and earlier if nobody refreshes it for its idle time.
3. A refresh does not make a sign-in younger: ``auth_time`` is when the factors were shown.
4. The database decides who came first. What is in memory here only says no sooner.

Source: RFC 6749 section 10.4, RFC 9700 section 4.14.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable
from typing import Final, Protocol

import msgspec

from gateway.domain.names import ClientId
from gateway.domain.signin import NotRotated, Revoked, Rotated, Session

REFRESH_PREFIX: Final = "gwr_"
PERSON_CLIENT = ClientId("gateway:login")
"""Client of sessions that people open at the gateway's own door."""
REMEMBERED_US: Final = 15 * 60 * 1_000_000
"""For how long a revoked session is told apart: past the life of any access bearer, with room for clocks."""

_REFRESH = re.compile(r"gwr_[A-Za-z0-9_-]{43}\Z")


class Lifetimes(msgspec.Struct, frozen=True, kw_only=True):
    """How long a person's session lasts, and how long without a refresh."""

    session_s: int = 12 * 3600
    idle_s: int = 3600


class SessionStore(Protocol):
    """What sessions need from the database; each call is one transaction."""

    async def open(self, session: Session) -> bool:
        """Keep a session without a refresh bearer; tell whether its account and client are in force."""
        ...

    async def rotate(self, digest: bytes, *, idle_us: int, fresh: bytes, now_us: int) -> Rotated | NotRotated:
        """Spend a refresh bearer and keep the next; spending a spent one revokes its session."""
        ...

    async def unrotate(self, digest: bytes, *, fresh: bytes) -> bool:
        """Undo a rotation whose new bearer never left."""
        ...

    async def revoke(self, session: str, *, why: str, now_us: int) -> bool:
        """End a session; tell whether it was still going."""
        ...

    async def revoked(self, *, since_us: int) -> Revoked:
        """Return the disabled accounts, and the sessions that were revoked since."""
        ...


def new_session_id() -> str:
    """Return an identifier for a session."""
    return f"s_{secrets.token_hex(12)}"


def new_refresh() -> tuple[str, bytes]:
    """Return a refresh bearer and the digest that is stored of it."""
    bearer = REFRESH_PREFIX + secrets.token_urlsafe(32)
    return bearer, _digest(bearer)


def refresh_digest(bearer: str) -> bytes | None:
    """Return the digest by which a refresh bearer is found, or ``None`` if it has not the form of one."""
    return _digest(bearer) if _REFRESH.match(bearer) else None


def _digest(bearer: str) -> bytes:
    """Hash without salt and without slowness: 256 random bits are not guessed from their digest."""
    return hashlib.sha256(bearer.encode("ascii")).digest()


class Revocations:
    """What was revoked, in memory, for every call to look at.

    Owned by the event loop's thread. ``refresh`` replaces it from the database when the change feed says so;
    ``note`` adds what this process revoked itself. Until the first refresh everything counts as revoked.
    """

    def __init__(self, store: SessionStore) -> None:
        self._store = store
        self._known: Revoked | None = None
        self._noted: dict[str, int] = {}

    async def refresh(self, now_us: int) -> None:
        """Read what is revoked; what was known stays in force if the database does not answer."""
        since_us = now_us - REMEMBERED_US
        self._known = await self._store.revoked(since_us=since_us)
        self._noted = {session: at_us for session, at_us in self._noted.items() if at_us >= since_us}

    def note(self, sessions: Iterable[str], now_us: int) -> None:
        """Take sessions as revoked at once, before the change feed comes round."""
        self._noted.update(dict.fromkeys(sessions, now_us))

    def is_revoked(self, session: str, account: str) -> bool:
        """Tell whether bearers of the session or of the account no longer count."""
        known = self._known
        return known is None or session in self._noted or session in known.sessions or account in known.accounts
