# SPDX-License-Identifier: Apache-2.0
"""Marks and beats of a running process, and who may have an installation open beside whom."""

import asyncio
from pathlib import Path

import pytest

from gateway.app.installation import open_installation
from gateway.app.making import make_installation
from gateway.app.restoring import CredentialDigest, StateLock, one_opening, stopped
from gateway.app.slots import CLI_SLOT
from gateway.domain.errors import SettingsError, StateUnavailable
from gateway.domain.names import IdentityKind
from gateway.keys.keyring import Keyring
from gateway.settings.loading import Settings
from gateway.store.meta import INSTALLATION

CUSTOMER = IdentityKind("crm.customer_id")


@pytest.fixture
def installation(tmp_path: Path) -> Settings:
    """An installation in which nothing happened."""
    content: dict[str, object] = {"installation": "i", "log": {"least_free_bytes": 0, "least_free_percent": 0}}
    return make_installation(tmp_path / "state", content)


async def test_openings_come_one_after_the_other(tmp_path: Path) -> None:
    """The second waits for the first."""
    order: list[str] = []

    async def opens(name: str, held: asyncio.Event) -> None:
        async with one_opening(tmp_path):
            order.append(name)
            inside.set()
            await held.wait()

    let_go, free, inside = asyncio.Event(), asyncio.Event(), asyncio.Event()
    free.set()
    async with asyncio.TaskGroup() as group:
        group.create_task(opens("first", let_go))
        await inside.wait()
        group.create_task(opens("second", free))
        for _ in range(5):
            await asyncio.sleep(0)
        assert order == ["first"]
        let_go.set()
    assert order == ["first", "second"]


def test_many_may_be_ready_and_one_alone_may_put_back(tmp_path: Path) -> None:
    """And none is ready while it does."""
    one, other = StateLock(tmp_path), StateLock(tmp_path)
    one.share()
    other.share()
    assert not other.alone()
    with pytest.raises(StateUnavailable, match="stop every process"), stopped(tmp_path):
        pass
    one.close()
    other.close()
    with stopped(tmp_path), pytest.raises(StateUnavailable, match="being put back"):
        StateLock(tmp_path).share()


async def test_a_database_of_another_installation_is_not_opened(installation: Settings) -> None:
    """Its log would be another one."""
    async with open_installation(installation, CLI_SLOT, with_rules=False) as rooms:
        await rooms.meta.write(INSTALLATION, "somebody else's key")
    with pytest.raises(SettingsError, match="another installation"):
        async with open_installation(installation, CLI_SLOT, with_rules=False):
            pass


def test_a_digest_tells_credentials_apart_and_nothing_else(keyring: Keyring) -> None:
    """The same in every process; another under another key."""
    one = CredentialDigest(keyring)
    assert one(b"x") == CredentialDigest(keyring)(b"x") != one(b"y")
    assert len(one(b"x")) == 32
