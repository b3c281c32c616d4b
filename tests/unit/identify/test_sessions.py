# SPDX-License-Identifier: Apache-2.0
"""Refresh bearers and what is known to be revoked."""

import pytest
from typing_extensions import override

from gateway.domain.errors import StateUnavailable
from gateway.domain.signin import NotRotated, Revoked, Rotated, Session
from gateway.identify.sessions import REMEMBERED_US, Revocations, SessionStore, new_refresh, refresh_digest

NOW_US = 1_750_000_000_000_000


class Told(SessionStore):
    """A store that tells what a test gave it."""

    def __init__(self) -> None:
        self.answer: Revoked | None = Revoked(sessions=frozenset(), accounts=frozenset())
        self.since_us = 0

    @override
    async def open(self, session: Session) -> bool:
        raise NotImplementedError

    @override
    async def rotate(self, digest: bytes, *, idle_us: int, fresh: bytes, now_us: int) -> Rotated | NotRotated:
        raise NotImplementedError

    @override
    async def unrotate(self, digest: bytes, *, fresh: bytes) -> bool:
        raise NotImplementedError

    @override
    async def revoke(self, session: str, *, why: str, now_us: int) -> bool:
        raise NotImplementedError

    @override
    async def revoked(self, *, since_us: int) -> Revoked:
        self.since_us = since_us
        if self.answer is None:
            raise StateUnavailable("the database is away")
        return self.answer


def test_a_refresh_bearer_is_opaque_and_found_by_its_digest() -> None:
    """256 random bits under a prefix; the digest says nothing of them."""
    bearer, digest = new_refresh()
    assert bearer.startswith("gwr_")
    assert len(bearer) == 47
    assert refresh_digest(bearer) == digest
    assert bearer.encode() not in digest


@pytest.mark.parametrize(
    "text", ["", "gwr_", "gwr_" + "a" * 42, "gwr_" + "a" * 44, "GWR_" + "a" * 43, "gws_" + "a" * 43]
)
def test_other_texts_are_no_refresh_bearer(text: str) -> None:
    """They are not even looked up."""
    assert refresh_digest(text) is None
    assert refresh_digest("gwr_" + "a" * 43 + "\n") is None


def test_before_the_first_look_everything_counts_as_revoked() -> None:
    """A process that does not know what was revoked lets nobody in."""
    assert Revocations(Told()).is_revoked("s_1", "a_1")


async def test_sessions_and_accounts_are_revoked_each_for_itself() -> None:
    """A disabled account takes all of its sessions with it."""
    told = Told()
    told.answer = Revoked(sessions=frozenset({"s_1"}), accounts=frozenset({"a_2"}))
    revocations = Revocations(told)
    await revocations.refresh(NOW_US)
    assert revocations.is_revoked("s_1", "a_1")
    assert revocations.is_revoked("s_9", "a_2")
    assert not revocations.is_revoked("s_9", "a_1")


async def test_what_this_process_revoked_counts_at_once_and_past_the_next_look() -> None:
    """The database may tell it a moment later, so a note is not dropped by a refresh."""
    revocations = Revocations(Told())
    await revocations.refresh(NOW_US)
    revocations.note(("s_1",), NOW_US)
    await revocations.refresh(NOW_US + 1)
    assert revocations.is_revoked("s_1", "a_1")


async def test_notes_are_dropped_when_no_bearer_can_be_left() -> None:
    """Memory does not grow with every sign-out."""
    revocations = Revocations(Told())
    revocations.note(("s_1",), NOW_US)
    await revocations.refresh(NOW_US + REMEMBERED_US + 1)
    assert not revocations.is_revoked("s_1", "a_1")


async def test_a_failed_look_leaves_in_force_what_was_known() -> None:
    """Nothing that was revoked comes back because the database is away."""
    told = Told()
    told.answer = Revoked(sessions=frozenset({"s_1"}), accounts=frozenset())
    revocations = Revocations(told)
    await revocations.refresh(NOW_US)
    told.answer = None
    with pytest.raises(StateUnavailable):
        await revocations.refresh(NOW_US)
    assert revocations.is_revoked("s_1", "a_1")
