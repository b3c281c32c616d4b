# SPDX-License-Identifier: Apache-2.0
"""Sessions and refresh bearers on both engines."""

import pytest

from gateway.domain.names import AccountId, ClientId, PurposeKey, RecipientId, RoleName
from gateway.domain.principal import PrincipalKind
from gateway.domain.signin import Account, Client, NotRotated, Refresh, Revoked, Rotated, Session
from gateway.store import versions
from gateway.store.accounts import Accounts
from gateway.store.clients import Clients
from gateway.store.engine import Store
from gateway.store.sessions import Sessions, keep

NOW_US = 1_750_000_000_000_000
HOUR_US = 3600 * 1_000_000
ACCOUNT = Account(
    id=AccountId("a_1"), kind=PrincipalKind.PERSON, roles=(RoleName("analyst"),), recipient=RecipientId("own")
)


def session(name: str = "s_1", **changes: str) -> Session:
    """Return a session of twelve hours."""
    values = {
        "id": name,
        "account": ACCOUNT.id,
        "client": ClientId("gateway:login"),
        "created_us": NOW_US,
        "auth_time_us": NOW_US,
        "amr": ("pwd", "otp"),
        "scopes": (PurposeKey("analytics"),),
        "expires_us": NOW_US + 12 * HOUR_US,
    }
    return Session(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture
async def sessions(store: Store) -> Sessions:
    """One account with one session, whose refresh bearer is ``r0`` and idle after an hour."""
    await Accounts(store).add(ACCOUNT, name="ana", password_hash=None, now_us=NOW_US)
    async with store.begin() as connection:
        await keep(connection, session(), Refresh(digest=b"r0", issued_us=NOW_US, expires_us=NOW_US + HOUR_US))
    return Sessions(store)


async def rotate(sessions: Sessions, old: bytes, new: bytes, after_us: int = 1) -> Rotated | NotRotated:
    """Show a refresh bearer."""
    return await sessions.rotate(old, idle_us=HOUR_US, fresh=new, now_us=NOW_US + after_us)


async def topic(store: Store) -> int:
    """Return the version of accounts."""
    async with store.connect() as connection:
        return (await versions.read_all(connection))[versions.Topic.ACCOUNTS]


async def test_a_rotation_gives_the_session_and_the_account(sessions: Sessions) -> None:
    """With everything that the next access bearer states."""
    assert await rotate(sessions, b"r0", b"r1") == Rotated(session=session(), account=ACCOUNT)
    assert isinstance(await rotate(sessions, b"r1", b"r2"), Rotated)


async def test_an_unknown_bearer_changes_nothing(sessions: Sessions) -> None:
    """And belongs to nobody."""
    assert await rotate(sessions, b"other", b"r1") == NotRotated(why="unknown")
    assert isinstance(await rotate(sessions, b"r0", b"r1"), Rotated)


async def test_using_a_spent_bearer_revokes_its_session_and_tells_every_process(
    sessions: Sessions, store: Store
) -> None:
    """The newest bearer dies with it."""
    await rotate(sessions, b"r0", b"r1")
    before = await topic(store)
    assert await rotate(sessions, b"r0", b"r9") == NotRotated(why="reused", account="a_1", session="s_1")
    assert await topic(store) == before + 1
    assert (await rotate(sessions, b"r1", b"r2")) == NotRotated(why="revoked", account="a_1", session="s_1")
    assert (await sessions.revoked(since_us=NOW_US)).sessions == {"s_1"}


async def test_an_idle_bearer_and_an_ended_session_are_over(sessions: Sessions) -> None:
    """To the microsecond."""
    assert (await rotate(sessions, b"r0", b"r1", HOUR_US)) == NotRotated(why="expired", account="a_1", session="s_1")


async def test_a_bearer_never_outlives_its_session(sessions: Sessions) -> None:
    """The last one before the end is good until the end and no longer."""
    bearer = b"r0"
    for n in range(1, 13):
        following = f"r{n}".encode()
        assert isinstance(await rotate(sessions, bearer, following, n * HOUR_US - n), Rotated)
        bearer = following
    assert isinstance(await rotate(sessions, bearer, b"end", 12 * HOUR_US), NotRotated)


async def test_a_rotation_that_never_left_can_be_undone(sessions: Sessions) -> None:
    """The old bearer is good again and the new one is unknown."""
    await rotate(sessions, b"r0", b"r1")
    assert await sessions.unrotate(b"r0", fresh=b"r1")
    assert await rotate(sessions, b"r1", b"r2") == NotRotated(why="unknown")
    assert isinstance(await rotate(sessions, b"r0", b"r2"), Rotated)


async def test_a_rotation_whose_bearer_was_used_cannot_be_undone(sessions: Sessions) -> None:
    """Once means once."""
    await rotate(sessions, b"r0", b"r1")
    await rotate(sessions, b"r1", b"r2")
    assert not await sessions.unrotate(b"r0", fresh=b"r1")
    assert (await rotate(sessions, b"r0", b"r3")) == NotRotated(why="reused", account="a_1", session="s_1")


async def test_a_session_is_revoked_once(sessions: Sessions) -> None:
    """The second time nothing was going any more."""
    assert await sessions.revoke("s_1", why="signed-out", now_us=NOW_US)
    assert not await sessions.revoke("s_1", why="signed-out", now_us=NOW_US)
    assert not await sessions.revoke("s_0", why="signed-out", now_us=NOW_US)


async def test_revocations_are_told_from_a_time_on_and_disabled_accounts_always(
    sessions: Sessions, store: Store
) -> None:
    """Access bearers of longer ago are dead by themselves; accounts come back to nobody."""
    await Accounts(store).disable(ACCOUNT.id, now_us=NOW_US)
    assert (await sessions.revoked(since_us=NOW_US)).sessions == {"s_1"}
    told = await sessions.revoked(since_us=NOW_US + 1)
    assert told == Revoked(sessions=frozenset(), accounts=frozenset({"a_1"}))


async def test_only_a_client_in_force_opens_a_session(sessions: Sessions, store: Store) -> None:
    """Checked in the transaction that writes it."""
    service = Account(id=AccountId("a_2"), kind=PrincipalKind.SERVICE, roles=(), recipient=RecipientId("own"))
    client = Client(
        id=ClientId("app"),
        account=service,
        name="App",
        recipient=RecipientId("own"),
        scopes=(),
        created_us=NOW_US,
        disabled_us=None,
    )
    clients = Clients(store)
    await clients.add(client, digest=b"d")
    assert await sessions.open(session("s_2", account=service.id, client=client.id))
    assert not await sessions.open(session("s_3", account=ACCOUNT.id, client=client.id))
    await clients.disable(client.id, now_us=NOW_US)
    assert not await sessions.open(session("s_4", account=service.id, client=client.id))
    assert (await sessions.revoked(since_us=NOW_US)).sessions == {"s_2"}


async def test_ended_sessions_are_cleaned_away_with_their_bearers(sessions: Sessions) -> None:
    """After the time that the caller wants to keep them."""
    assert await sessions.purge(NOW_US + 13 * HOUR_US, keep_us=HOUR_US) == 0
    assert await sessions.purge(NOW_US + 13 * HOUR_US + 1, keep_us=HOUR_US) == 1
    assert await rotate(sessions, b"r0", b"r1") == NotRotated(why="unknown")
